# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a baseline keeps beside what the audit reads: files and what is in them, units, kernel parameters, and what the
engine has besides containers.

``files`` by path: ``owner``, ``mode``, ``link`` (where it leads), ``content`` (SHA-256 of its lines without comments
and secrets; null of keys, sockets and directories), or ``error``. ``units`` by name: ``load``, ``enabled``, ``active``,
``reload_needed``. ``sysctl``: values of the parameters that role docker_host set. ``volumes``, ``plugins`` and
``images``: what the engine lists. What could not be read is null.
"""

from __future__ import annotations

import fnmatch
import glob
import hashlib
import json
import os
import re
import socket
import stat
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils import redact
from ansible_collections.bulkhead.docker.plugins.module_utils.collect import access, daemon, files, host
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.engine import Client, Engine, socket_path
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.facts import Facts
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.names import Names
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.proc import PROC, text
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.reading import regular
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import Run
from ansible_collections.bulkhead.docker.plugins.module_utils.drift.catalogue import FILES, SYSCTL_FILE, UNITS

Json = dict[str, t.Any]

SOCKET = "/run/docker.sock"
_SECONDS = 15.0
_PROPERTIES = ("Id", "LoadState", "UnitFileState", "ActiveState", "NeedDaemonReload", "Type", "RemainAfterExit")
_COMMENT = re.compile(r"\s*(?:[#;].*)?$")
_KEY_FILE = re.compile(r"(?:\.key|key\.pem|/key\.json|/\.?docker/config\.json)$")
_UNIT = re.compile(r"\.(?:service|socket|timer|path|target)$")
_ANONYMOUS = re.compile(r"[0-9a-f]{64}")
_MOST_FILES = 2000


def of_host(run: Run, offline: bool, parameters: t.Iterable[str]) -> Json:
    """What needs no engine; ``offline``: nor systemd, as in a file system where nothing runs.

    ``parameters`` of the kernel are read beside those that the host's file names, which somebody may have changed.
    """
    paths = _paths()
    if offline:
        return {"files": _files(paths), "units": None, "sysctl": None}
    return {"files": _files(paths), "units": _units(run, paths), "sysctl": _sysctl(parameters)}


def of_engine(docker_host: str, timeout: int) -> Json:
    """Raises EngineUnavailableError; an answer that did not come is null."""
    calls = {"volumes": _volumes, "plugins": lambda client: client.plugins(), "images": _images}
    outcomes = Engine(docker_host, timeout).run(list(calls.values()))
    return {name: outcome.value for name, outcome in zip(calls, outcomes)}


def without_engine(docker_host: str) -> Facts:
    """The facts of a host whose engine does not answer: what files, units and the kernel tell."""
    process = {**daemon.describe(None, None, frozenset()), "euid": 0, **_configured()}
    return _facts(process, host.describe(socket_path(docker_host) or SOCKET, process))


def offline() -> Facts:
    """The facts of a file system where nothing runs: the kernel below it is another's, and which groups the sockets
    will have is not known, nor therefore whose rights by sudo count."""
    process = {**daemon.describe(None, None, frozenset()), "euid": 0, **_configured()}
    names = Names.read()
    found = files.describe(SOCKET, process, names)
    return _facts(process, {**found, **access.describe([], 0, names), "groups": None, "sudo": None})


def _facts(process: Json, surroundings: Json) -> Facts:
    return Facts(
        info={"Name": socket.gethostname()},
        version={},
        bridge=None,
        networks=[],
        containers=[],
        daemon=process,
        host=surroundings,
        absent=True,
    )


def _configured() -> Json:
    config, changed = daemon.read_config(daemon.ROOTFUL_CONFIG, 0)
    return {"config": config, "config_mtime": changed}


def _volumes(client: Client) -> list[Json]:
    """Those with a name; of other drivers, too: they are asked for last, and for a timeout at most."""
    found = client.volumes().get("Volumes") or []
    kept = ("Name", "Driver", "Options", "Labels", "Scope")
    return [
        redact.settings({key: one.get(key) for key in kept}) for one in found if not _ANONYMOUS.fullmatch(one["Name"])
    ]


def _images(client: Client) -> list[Json]:
    return [{"id": one["Id"], "digests": one.get("RepoDigests") or []} for one in client.images()]


def _paths() -> list[str]:
    """All that the catalogue names, and the units' own files."""
    units = files.Units(None, 0, "/root")
    paths = {path for name in UNITS if "*" not in name for path in units.of(name)}
    for pattern in FILES:
        paths.update(path.rstrip("/") for path in glob.glob(pattern, recursive=True))  # noqa: PTH207 (strings are wanted)
    return sorted(paths)[:_MOST_FILES]


def _files(paths: t.Iterable[str]) -> Json:
    names = Names.read()
    return {path: found for path in paths if (found := _file(path, names))}


def _file(path: str, names: Names) -> Json | None:
    try:
        link = os.readlink(path) if os.path.islink(path) else ""  # noqa: PTH114, PTH115 (see proc.text)
        seen = os.stat(path)  # noqa: PTH116 (see proc.text)
    except FileNotFoundError:
        return None
    except OSError as error:
        return {"error": error.strerror or str(error)}
    owner = f"{names.user(seen.st_uid)}:{names.group(seen.st_gid)}"
    found = {"owner": owner, "mode": f"{stat.S_IMODE(seen.st_mode):04o}", "link": link, "content": None}
    if stat.S_ISREG(seen.st_mode) and not _KEY_FILE.search(path):
        found["content"] = _content(path)
    return found


def _content(path: str) -> str | None:
    try:
        return digest(regular(path))
    except OSError:
        return None


def digest(content: str) -> str:
    """The same for what means the same: comments and blank lines do not count; nor can secrets be guessed from it."""
    try:
        kept = json.dumps(redact.settings(json.loads(content)), sort_keys=True)
    except ValueError:
        lines = (line.rstrip() for line in content.splitlines())
        kept = "\n".join(redact.text(line) for line in lines if not _COMMENT.fullmatch(line))
    return f"sha256:{hashlib.sha256(kept.encode()).hexdigest()}"


def _units(run: Run, paths: t.Iterable[str]) -> Json | None:
    """Null where systemd does not say. By their names, as it forgets a unit that is stopped and disabled."""
    globs = [name for name in UNITS if "*" in name]
    found = {os.path.basename(path) for path in paths}  # noqa: PTH119 (see proc.text)
    named = sorted(name for name in found for glob in globs if fnmatch.fnmatchcase(name, glob) and _UNIT.search(name))
    named += [name for name in UNITS if name not in globs]
    done = run(["systemctl", "show", f"--property={','.join(_PROPERTIES)}", *named], _SECONDS)
    if done.rc:
        return None
    blocks = [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in done.out.split("\n\n")
    ]
    return {block["Id"]: _unit(block) for block in blocks if block.get("Id") and block.get("LoadState") != "not-found"}


def _unit(shown: t.Mapping[str, str]) -> Json:
    """A service that ends by itself is active now and then; whether it is says nothing."""
    brief = shown.get("Type") == "oneshot" and shown.get("RemainAfterExit") != "yes"
    timed = shown.get("UnitFileState") == "static" and shown["Id"].endswith(".service")
    return {
        "load": shown.get("LoadState", ""),
        "enabled": shown.get("UnitFileState", ""),
        "active": None if brief or timed else shown.get("ActiveState") not in ("inactive", "failed"),
        "reload_needed": shown.get("NeedDaemonReload") == "yes",
    }


def _sysctl(parameters: t.Iterable[str]) -> Json:
    named = {*parameters, *re.findall(r"(?m)^-?([\w.-]+)[ \t]*=", text(SYSCTL_FILE) or "")}
    values = {key: text(f"{PROC}/sys/{key.replace('.', '/')}") for key in sorted(named)}
    return {key: None if value is None else " ".join(value.split()) for key, value in values.items()}
