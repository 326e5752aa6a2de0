# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules see of files: by what they are, whose they are, whose they should be, and the directories above them."""

from __future__ import annotations

import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_shape import Json, at, mapping, number, text

#: What a file is -> whether a rootless engine has one of its own, which belongs to its user.
ROLES: t.Final[t.Mapping[str, bool]] = {
    "service_unit": True,
    "socket_unit": True,
    "directory": False,
    "registry": True,
    "tls_ca": True,
    "tls_certificate": True,
    "tls_key": True,
    "api_socket": True,
    "config": True,
    "defaults": False,
    "sysconfig": False,
    "containerd_socket": False,
}


def files(host: Json, daemon: Json) -> dict[str, list[dict[str, t.Any]] | None]:
    """By what they are; null where there may be some that could not be looked at."""
    found: dict[str, list[dict[str, t.Any]] | None] = {role: [] for role in ROLES}
    if not isinstance(host.get("files"), dict):
        return dict.fromkeys(ROLES)
    if not host.get("sockets_known"):
        found["api_socket"] = None
    if not host.get("config_known"):
        found.update(dict.fromkeys(("config", "tls_ca", "tls_certificate", "tls_key")))
    for path, raw in sorted(mapping(host, "files").items()):
        role = text(raw, "role")
        if role in ROLES and not at(raw, "abstract"):
            known, entry = found[role], _entry(path, role, raw, host, daemon)
            found[role] = [*known, entry] if known is not None and entry else None
    return found


def _entry(path: str, role: str, raw: t.Any, host: Json, daemon: Json) -> dict[str, t.Any] | None:
    mode, uid, gid = octal(at(raw, "mode")), number(at(raw, "uid")), number(at(raw, "gid"))
    if mode is None or uid is None or gid is None:
        return None
    user = own_user(daemon) if ROLES[role] else 0
    group = mapping(raw, "group_set") if role == "api_socket" else {}
    owned = uid in (0, user) if user else uid == 0 and gid in (0, number(group.get("gid")) or 0)
    wanted = text(host, "users", str(user)) or str(user)
    return {
        "path": path,
        "owner": text(raw, "owner"),
        "wanted": wanted if user else f"root:{text(group, 'name') or 'root'}",
        "owned": owned,
        "mode": f"{mode:04o}",
        "secret": _holds_secrets(path, role, host),
    }


def _holds_secrets(path: str, role: str, host: Json) -> bool:
    return host.get("config_holds_secrets") is True if role == "config" else path.endswith(".key")


def own_user(daemon: Json) -> int:
    """The user of a rootless engine; 0 for others."""
    return number(daemon.get("euid")) or 0


def octal(value: t.Any) -> int | None:
    try:
        return int(value, 8) if isinstance(value, str) else None
    except ValueError:
        return None


def open_directories(host: Json, daemon: Json) -> list[dict[str, t.Any]] | None:
    """Directories above the files where others than root (or a rootless engine's user) can put files in their place."""
    if not isinstance(host.get("directories"), dict):
        return None
    return [
        {"path": path, "owner": text(raw, "owner"), "mode": text(raw, "mode"), "above": _below(path, host)}
        for path, raw in sorted(mapping(host, "directories").items())
        if _is_open(raw, own_user(daemon))
    ]


def _is_open(raw: t.Any, user: int) -> bool:
    mode, uid, gid = octal(at(raw, "mode")), number(at(raw, "uid")), number(at(raw, "gid"))
    if mode is None or uid is None or gid is None:
        return False
    owner, _colon, group = text(raw, "owner").partition(":")
    private = user and owner == group  # the group that many distributions give each user alone
    return bool(mode & 0o002) or bool(mode & 0o020 and gid and not private) or uid not in (0, user)


def _below(directory: str, host: Json) -> list[str]:
    inside = f"{directory}/"
    found = mapping(host, "files").items()
    return sorted(path for path, raw in found if path.startswith(inside) or text(raw, "real").startswith(inside))
