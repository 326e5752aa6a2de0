# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that decide what the engine does: which there are, whose they are, and who else may change them."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils import redact
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.names import Names
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.proc import PROC, text
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.reading import names as listed
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.reading import regular

Json = t.Mapping[str, t.Any]

CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
_TLS = {"tlscacert": ("tls_ca", "ca.pem"), "tlscert": ("tls_certificate", "cert.pem"), "tlskey": ("tls_key", "key.pem")}
_MOST_REGISTRIES = 1000
#: Where systemd looks for units, first found wins; drop-ins count in all of them.
_SYSTEM = (
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
    "/run/systemd/generator",
    "/run/systemd/generator.late",
)
_USER = ("/etc/systemd/user", "/run/systemd/user", "/usr/local/lib/systemd/user", "/usr/lib/systemd/user")
_ACL = "system.posix_acl_access"
_PARTS = re.compile(r"/run/(?:user/\d+/)?docker/|[^/@]")


def describe(socket_path: str, daemon: Json, names: Names) -> dict[str, t.Any]:
    """``files`` by path, each with its ``role``, and ``directories``: those above them. Null where nobody can tell."""
    home = next((user.home for user in names.users if user.uid == (daemon["euid"] or 0)), "/root")
    units = Units(daemon["pid"], daemon["euid"] or 0, home)
    sockets, complete = _sockets(socket_path, daemon)
    groups = _groups(daemon, units, names)
    found: dict[str, dict[str, t.Any]] = {}
    for role, path in [*units.files(), *_engine_files(daemon, home), *_registry_files(home, daemon["euid"] or 0)]:
        found.update(_looked_at(role, path, names))
    for path in sockets:
        for key, entry in _looked_at("api_socket", path, names).items():
            found[key] = {**entry, "group_set": groups.get(_run(path), groups[""])}
    found.update(_looked_at("containerd_socket", containerd(daemon), names))
    return {
        "files": found,
        "directories": _above(found, names),
        "sockets_known": True if complete else None,
        "config_known": True if isinstance((daemon["config"] or {}).get("values"), dict) else None,
    }


class Units:
    """The service that the daemon runs in, and the socket that systemd may hold for it."""

    def __init__(self, pid: int | None, euid: int, home: str) -> None:
        groups = (text(f"{PROC}/{pid}/cgroup") or "") if pid else ""
        found = re.findall(r"/([^/\s]+\.service)(?=/|\s)", groups)
        self.service = found[-1] if found else "docker.service"
        self.socket = f"{self.service[: -len('.service')]}.socket"
        self._directories = (f"{home}/.config/systemd/user", *_USER) if euid else _SYSTEM

    def files(self) -> list[tuple[str, str]]:
        """Role and path of the unit files and of all their drop-ins."""
        pairs = (("service_unit", self.service), ("socket_unit", self.socket))
        return [(role, path) for role, name in pairs for path in self.of(name)]

    def of(self, name: str) -> list[str]:
        """The unit file of this name, and its drop-ins."""
        folders = list(dict.fromkeys(map(os.path.realpath, self._directories)))
        fragment = [path for path in (f"{one}/{name}" for one in folders) if os.path.lexists(path)][:1]
        kind = name.rpartition(".")[2]
        drop_ins = [f"{one}/{part}.d" for one in folders for part in (name, kind)] if fragment else []
        return fragment + [f"{one}/{file}" for one in drop_ins for file in listed(one) if file.endswith(".conf")]

    def socket_settings(self) -> dict[str, list[str]]:
        """``SocketGroup`` and ``ListenStream`` of the socket unit, drop-ins applied; an empty value starts over."""
        found: dict[str, list[str]] = {}
        for path in self.of(self.socket):
            for line in _text(path).splitlines():
                name, equals, value = (part.strip() for part in line.partition("="))
                if equals and name in ("SocketGroup", "ListenStream"):
                    found[name] = [*found.get(name, []), value] if value else []
        return found


def _text(path: str) -> str:
    try:
        return regular(path)
    except OSError:
        return ""


def _run(path: str) -> str:
    return re.sub("^/var/run/", "/run/", path)


def _groups(daemon: Json, units: Units, names: Names) -> dict[str, dict[str, t.Any]]:
    """By path of the socket, the group that it is meant to have; under "" that of all others."""
    configured = setting(daemon, "group")
    held = units.socket_settings() if "fd://" in (setting(daemon, "hosts") or []) else {}
    group = (held.get("SocketGroup") or ["root"])[-1]
    own = configured if isinstance(configured, str) and configured else "docker"
    streams = held.get("ListenStream", [])
    return {"": _group(own, names), **{_run(path): _group(group, names) for path in streams}}


def _group(name: str, names: Names) -> dict[str, t.Any]:
    """dockerd falls back to root's group when there is none of this name."""
    gid = names.gid(name)
    return {"name": name, "gid": 0 if gid is None else gid}


def setting(daemon: Json, key: str) -> t.Any:
    """What the daemon was told, by a flag or by its file."""
    flags, values = daemon.get("flags") or {}, (daemon.get("config") or {}).get("values") or {}
    return flags.get(key, values.get(key))


def _sockets(socket_path: str, daemon: Json) -> tuple[list[str], bool]:
    """Where the API listens, and whether that is all; other sockets in its run directory are for parts and plugins."""
    if daemon["listeners"] is None:
        return [socket_path], False
    paths = [_run(one["path"]) for one in daemon["listeners"] if one["proto"] == "unix"]
    asked = {_run(host[len("unix://") :]) for host in setting(daemon, "hosts") or [] if isinstance(host, str)}
    return [path for path in paths if path in asked or not _PARTS.match(path)], True


def _engine_files(daemon: Json, home: str) -> list[tuple[str, str]]:
    config = (daemon["config"] or {}).get("path")
    found = [("config", config)] if config else []
    found += [("directory", "/etc/docker"), ("defaults", "/etc/default/docker"), ("sysconfig", "/etc/sysconfig/docker")]
    encrypted = setting(daemon, "tls") or setting(daemon, "tlsverify")
    for key, (role, name) in _TLS.items():
        path = setting(daemon, key) or (f"{home}/.docker/{name}" if encrypted else None)
        found += [(role, path)] if isinstance(path, str) and path.startswith("/") else []
    return found


def _registry_files(home: str, euid: int) -> t.Iterator[tuple[str, str]]:
    base = f"{home}/.config/docker/certs.d" if euid else "/etc/docker/certs.d"
    for registry in listed(base)[:_MOST_REGISTRIES]:
        for name in listed(f"{base}/{registry}"):
            if name.endswith((".crt", ".cert", ".key")):
                yield "registry", f"{base}/{registry}/{name}"


def containerd(daemon: Json) -> str:
    """The socket of the containerd that the daemon uses."""
    address = setting(daemon, "containerd")
    return _run(address) if isinstance(address, str) and address.startswith("/") else CONTAINERD_SOCKET


def _looked_at(role: str, path: str, names: Names) -> dict[str, dict[str, t.Any]]:
    """The file under its path; nothing when there is none, or systemd's mask (a link to /dev/null) is in its place."""
    if path.startswith("@"):
        return {path: {"role": role, "abstract": True}}  # in no directory: everyone may connect
    try:
        found = os.stat(path)  # noqa: PTH116 (see proc.text)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        return {path: {"role": role, "error": error.strerror or str(error)}}
    if stat.S_ISCHR(found.st_mode):
        return {}
    return {path: {"role": role, "real": os.path.realpath(path), **_owned(found, names), "acl": _acl(path)}}


def _owned(found: os.stat_result, names: Names) -> dict[str, t.Any]:
    return {
        "uid": found.st_uid,
        "gid": found.st_gid,
        "owner": f"{names.user(found.st_uid)}:{names.group(found.st_gid)}",
        "mode": f"{stat.S_IMODE(found.st_mode):04o}",
    }


def _acl(path: str) -> str | None:
    """In hexadecimal; empty when there is none."""
    try:
        return os.getxattr(path, _ACL).hex()
    except OSError as error:
        return "" if error.errno in (errno.ENODATA, errno.ENOTSUP) else None


def _above(files: t.Mapping[str, Json], names: Names) -> dict[str, dict[str, t.Any]]:
    """All directories on the way to the files, by either of their names: who may write there may put others there."""
    paths = {parent for path, file in files.items() for end in (path, file.get("real")) for parent in _parents(end)}
    found = {}
    for path in sorted(paths):
        with contextlib.suppress(OSError):
            found[path] = _owned(os.stat(path), names)  # noqa: PTH116 (see proc.text)
    return found


def _parents(path: str | None) -> list[str]:
    parts = path.split("/")[1:-1] if path and path.startswith("/") else []
    return ["/" + "/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def holds_secrets(daemon: Json) -> bool:
    """Whether daemon.json holds what had to be redacted."""
    return redact.HIDDEN in repr((daemon["config"] or {}).get("values"))
