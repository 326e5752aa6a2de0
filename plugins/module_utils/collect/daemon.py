# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon behind a socket: which process it is, what it was started with, where it really listens."""

from __future__ import annotations

import json
import os
import pwd
import socket
import stat
import struct
import typing as t
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils import redact
from ansible_collections.bulkhead.docker.plugins.module_utils.collect import owner, tls
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.proc import PROC, link, pids, status, text
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import flags, unit

ROOTFUL_CONFIG = "/etc/docker/daemon.json"
Listeners = list[dict[str, t.Any]]

_MOST_BYTES = 1_000_000  # of a configuration file
_UNIX_LISTENING = 0x10000  # __SO_ACCEPTCON


def describe(socket_path: str | None, peer: int | None, published: t.Container[tuple[str, int]]) -> dict[str, t.Any]:
    """The ``daemon`` part of the facts. ``published``: addresses and ports that dockerd holds open for containers."""
    pid, listeners = find(socket_path, peer) if socket_path else (None, None)
    root = os.geteuid() == 0
    if pid is None:
        nothing = ("pid", "euid", "flags", "environment", "config", "config_mtime", "listeners", "started_at")
        return {**dict.fromkeys((*nothing, "certificates", "owner", "proxies")), "root": root}
    argv = unit.command_line(pid)
    euid = int(status(pid).get("Uid", "0 0").split()[1])
    path = flags.config_file(argv) or default_config(euid, pid)
    config, config_mtime = read_config(path, pid)
    settings = flags.settings(argv)
    own = None if listeners is None else [one for one in listeners if not _is_published(one, published)]
    own = own and tls.probed(own, pid)
    return {
        "pid": pid,
        "euid": euid,
        "flags": redact.settings(settings),
        "environment": environment_names(pid),
        "config": config,
        "config_mtime": config_mtime,
        "listeners": own,
        "certificates": _certificates(own or [], {**(config["values"] or {}), **settings}, pid),
        "owner": None if euid == 0 else owner.describe(pid, euid, api_sockets(own or [])),
        "proxies": owner.proxy_sockets() if euid == 0 else [],
        "started_at": unit.started_at(pid) or None,
        "root": root,
    }


def _certificates(listeners: Listeners, settings: t.Mapping[str, t.Any], pid: int) -> dict[str, t.Any] | None:
    """The files behind a port that speaks TLS; None when none does."""
    if not any((one["tls"] or {}).get("protocol") == "tls" for one in listeners):
        return None
    variables = _environment(pid) or {}
    folder = variables.get("DOCKER_CERT_PATH") or f"{variables.get('HOME') or '/root'}/.docker"
    given = {"tlscert": settings.get("tlscert"), "tlscacert": settings.get("tlscacert")}
    names = {"tlscert": "cert.pem", "tlscacert": "ca.pem"}  # where dockerd looks when nobody says
    return tls.on_disk({option: str(path or f"{folder}/{names[option]}") for option, path in given.items()}, pid)


def peer_of(path: str, timeout: float) -> int:
    """The process that began to listen on the socket: the daemon, or systemd on its behalf. Raises OSError."""
    return credentials_of(path, timeout)[0]


def credentials_of(path: str, timeout: float) -> tuple[int, int]:
    """That process, and its user. Raises OSError."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(timeout)
        probe.connect(path)
        credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _gid = struct.unpack("3i", credentials)
    return int(pid), int(uid)


def find(socket_path: str, peer: int | None) -> tuple[int | None, Listeners | None]:
    """The dockerd that answers on the socket, where a host may run several (rootless ones), and its listeners.

    Neither when in doubt.
    """
    named = [pid for pid in pids() if (text(f"{PROC}/{pid}/comm") or "").startswith("dockerd")]
    # what a daemon starts (runc, to answer GET /info) is for a moment a copy of it, descriptors and all
    candidates = [pid for pid in named if int(status(pid).get("PPid", "0")) not in named]
    found = {pid: listening(pid) for pid in candidates}
    path = os.path.realpath(socket_path)
    owners = [pid for pid, listeners in found.items() if pid == peer or path in _unix_paths(listeners or [])]
    if peer == 1 and not any(found.values()):
        # without root no descriptors can be seen, but systemd hands its sockets only to the one that asks for them
        owners = [pid for pid in candidates if "fd://" in flags.settings(unit.command_line(pid)).get("hosts", [])]
    return (owners[0], found[owners[0]]) if len(owners) == 1 else (None, None)


def api_sockets(listeners: t.Iterable[t.Mapping[str, t.Any]]) -> list[str]:
    """Paths where the API listens; sockets in the daemon's own run directory are for its parts and plugins."""
    paths = [str(one["path"]) for one in listeners if one["proto"] == "unix"]
    return sorted(path for path in paths if path.startswith("/") and "/docker/" not in path)


def _unix_paths(listeners: Listeners) -> list[str]:
    return [os.path.realpath(one["path"]) for one in listeners if one["proto"] == "unix"]


def environment_names(pid: int) -> list[str] | None:
    """Names only: the values may be proxy credentials."""
    variables = _environment(pid)
    return None if variables is None else sorted(variables)


def _environment(pid: int) -> dict[str, str] | None:
    found = text(f"{PROC}/{pid}/environ")
    return None if found is None else dict(entry.partition("=")[::2] for entry in found.split("\0") if entry)


def default_config(euid: int, pid: int) -> str:
    """Where dockerd looks when no flag says otherwise."""
    if euid == 0:
        return ROOTFUL_CONFIG
    variables = _environment(pid) or {}
    try:
        home = variables.get("HOME") or pwd.getpwuid(euid).pw_dir
    except KeyError:
        home = "/"
    return str(Path(variables.get("XDG_CONFIG_HOME") or Path(home) / ".config") / "docker" / "daemon.json")


def read_config(path: str, pid: int) -> tuple[dict[str, t.Any], float | None]:
    """daemon.json as the daemon itself sees it (through its own root directory, when we may), and when it changed."""
    inside = Path(f"{PROC}/{pid}/root") / path.lstrip("/")
    file = inside if os.access(inside.parent, os.X_OK) else Path(path)
    try:
        changed, content = _read(file)
    except FileNotFoundError:
        return {"path": path, "exists": False, "error": "", "values": {}}, None
    except (OSError, ValueError) as error:
        return {"path": path, "exists": None, "error": f"{path}: {error}", "values": None}, None
    values, problem = _parsed(content)
    error_text = f"{path}: {problem}" if problem else ""
    return {"path": path, "exists": True, "error": error_text, "values": redact.settings(values)}, changed


def _read(path: Path) -> tuple[float, str]:
    """When a file changed, and its text. That of a rootless engine is its owner's to make: it may be anything."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), encoding="utf-8") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError("not a regular file")
        if found.st_size > _MOST_BYTES:
            raise OSError("too large for a configuration")
        return found.st_mtime, file.read(_MOST_BYTES)


def _parsed(content: str) -> tuple[dict[str, t.Any] | None, str]:
    try:
        values = json.loads(content or "{}")
    except ValueError as error:
        return None, f"not valid JSON: {error}"
    return (values, "") if isinstance(values, dict) else (None, "not a JSON object")


def listening(pid: int) -> Listeners | None:
    """Sockets on which the process itself listens, in its own network namespace; None when they may not be seen."""
    inodes = _socket_inodes(pid)
    if inodes is None:
        return None
    net = f"{PROC}/{pid}/net"
    found = [one for table in ("tcp", "tcp6") for one in _tcp_listeners(text(f"{net}/{table}") or "", inodes)]
    return found + _unix_listeners(text(f"{net}/unix") or "", inodes)


def _socket_inodes(pid: int) -> set[str] | None:
    try:
        descriptors = os.listdir(f"{PROC}/{pid}/fd")  # noqa: PTH208 (see proc.text)
    except OSError:
        return None
    targets = (link(f"{PROC}/{pid}/fd/{descriptor}") or "" for descriptor in descriptors)
    return {target[len("socket:[") : -1] for target in targets if target.startswith("socket:[")}


def _tcp_listeners(table: str, inodes: t.Container[str]) -> list[dict[str, t.Any]]:
    rows = (row.split() for row in table.splitlines()[1:])
    local = (row[1] for row in rows if row[3] == "0A" and row[9] in inodes)
    return [{"proto": "tcp", **_address(one), "path": None, "tls": None} for one in local]


def _address(local: str) -> dict[str, t.Any]:
    """``0100007F:0947``: hexadecimal, each 32-bit word of the address in the machine's byte order."""
    address, _dummy, port = local.partition(":")
    words = [address[start : start + 8] for start in range(0, len(address), 8)]
    packed = b"".join(struct.pack("=I", int(word, 16)) for word in words)
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    return {"address": socket.inet_ntop(family, packed), "port": int(port, 16)}


def _unix_listeners(table: str, inodes: t.Container[str]) -> list[dict[str, t.Any]]:
    rows = (row.split(maxsplit=7) for row in table.splitlines()[1:])
    paths = (row[7] for row in rows if len(row) == 8 and int(row[3], 16) & _UNIX_LISTENING and row[6] in inodes)
    return [{"proto": "unix", "address": None, "port": None, "path": path, "tls": None} for path in paths]


def _is_published(listener: t.Mapping[str, t.Any], published: t.Container[tuple[str, int]]) -> bool:
    """Since 28.0 dockerd itself holds the published ports of containers."""
    return (listener["address"], listener["port"]) in published
