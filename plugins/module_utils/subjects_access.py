# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules see of people: who may write to the engine's sockets or be root by sudo, and is not trusted with it.

What is known is a failure even where not all is known; nothing known and not all seen is null.
"""

from __future__ import annotations

import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils import posix_acl
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_files import octal, own_user
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_shape import (
    Json,
    at,
    mapping,
    mappings,
    number,
    text,
    texts,
)

EVERYONE = "everyone"
_SOCKETS = ("api_socket", "containerd_socket")

Road = tuple[str, str]  # who, and by what


def untrusted(host: Json, daemon: Json, trusted: t.Container[str]) -> list[dict[str, t.Any]] | None:
    """Who may drive the engine without being trusted, and by what."""
    user = own_user(daemon)
    own = text(host, "users", str(user)) if user else ""
    complete = isinstance(host.get("files"), dict) and bool(host.get("sockets_known"))
    found: dict[str, list[str]] = {}
    for path, raw in sorted(mapping(host, "files").items()):
        if text(raw, "role") in _SOCKETS:
            roads = _roads(path, raw, host)
            complete = complete and roads is not None
            for who, how in roads or []:
                if who not in trusted and who != own:
                    found.setdefault(who, []).append(how)
    offenders = [{"user": who, "by": how} for who, how in sorted(found.items())]
    return offenders if offenders or complete else None


def _roads(path: str, raw: t.Any, host: Json) -> list[Road] | None:
    """Everyone whom a socket lets write, which is all it takes to connect; null when that cannot be told."""
    if at(raw, "abstract"):
        return [(EVERYONE, f"{path} is in no directory")]
    mode, uid, gid, acl = octal(at(raw, "mode")), number(at(raw, "uid")), number(at(raw, "gid")), at(raw, "acl")
    if mode is None or uid is None or gid is None or not isinstance(acl, str):
        return None
    try:
        allowed = posix_acl.writers(mode, acl)
    except ValueError:
        return None
    roads = [(EVERYONE, f"mode {mode:04o} of {path}")] if allowed.everyone else []
    roads += [(_user(uid, host), f"owner of {path}")] if uid else []
    roads += [(_user(one, host), f"access list of {path}") for one in allowed.users]
    for one, how in [
        *([(gid, "")] if allowed.group else []),
        *((one, " in the access list") for one in allowed.groups),
    ]:
        name = text(host, "groups", str(one), "name") or str(one)
        members = texts(host, "groups", str(one), "members")
        roads += [(member, f"group {name}{how} of {path}") for member in members]
    return roads


def _user(uid: int, host: Json) -> str:
    return text(host, "users", str(uid)) or str(uid)


def sudoers(host: Json, trusted: t.Container[str]) -> list[dict[str, t.Any]] | None:
    """Who may be root, or run the engine's client, by sudo without being trusted."""
    offenders = [
        {"user": user, "by": text(grant, "who"), "commands": texts(grant, "commands")}
        for grant in mappings(host, "sudo", "grants")
        for user in (texts(grant, "users") if isinstance(grant.get("users"), list) else [text(grant, "who")])
        if user not in trusted
    ]
    complete = isinstance(at(host, "sudo", "grants"), list) and not at(host, "sudo", "unseen")
    return offenders if offenders or complete else None


def credentials(host: Json) -> list[dict[str, t.Any]] | None:
    """Files with passwords of registries in them."""
    listed = host.get("credentials")
    found = [one for one in mappings(host, "credentials") if texts(one, "registries")]
    complete = isinstance(listed, list) and all(isinstance(at(one, "registries"), list) for one in listed)
    return (
        [{"path": text(one, "path"), "registries": texts(one, "registries")} for one in found]
        if (found or complete)
        else None
    )
