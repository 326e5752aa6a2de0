# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People: who may write to the engine's sockets, who may become root by sudo, whose registry passwords lie about."""

from __future__ import annotations

import contextlib
import json
import posixpath
import socket
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils import posix_acl, redact, sudoers
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.names import Names
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.reading import names as listed
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.reading import regular

Json = t.Mapping[str, t.Any]

SUDOERS = "/etc/sudoers"
_MOST_INCLUDED = 200
#: Sources of nsswitch.conf that are files of this host.
_LOCAL = frozenset(("files", "compat", "db", "systemd", "mymachines", "myhostname"))


def describe(sockets: t.Iterable[Json], uid: int, names: Names) -> dict[str, t.Any]:
    """``users`` and ``groups`` by number (those that the sockets name), ``sudo``, ``credentials``."""
    users, groups = {uid}, set()
    for one in sockets:
        if "gid" in one:
            users.add(one["uid"])
            groups.add(one["gid"])
            with contextlib.suppress(ValueError):
                allowed = posix_acl.writers(0, one["acl"] or "")
                users.update(allowed.users)
                groups.update(allowed.groups)
    members: dict[str, dict[str, t.Any]] = {
        str(gid): {"name": names.group(gid), "members": names.members(gid)} for gid in sorted(groups)
    }
    known = {names.user(one) for one in users} | {name for group in members.values() for name in group["members"]}
    return {
        "users": {str(one): names.user(one) for one in sorted(users)},
        "groups": members,
        "sudo": sudo([group["name"] for group in members.values()], names),
        "credentials": _credentials(known, names),
    }


def sudo(groups: t.Collection[str], names: Names, path: str = SUDOERS) -> dict[str, t.Any] | None:
    """Rights to be root by sudo; ``unseen``: where else there may be some. Null when its file may not be read."""
    unseen = [source for source in _sources("sudoers") if source not in _LOCAL]
    try:
        found = _lines(path, [])
    except FileNotFoundError:
        found = []
    except OSError:
        return None
    rights = sudoers.grants(found, groups)
    grants = [{"who": one.who, "users": _holders(one.who, names), "commands": list(one.commands)} for one in rights]
    return {"unseen": unseen, "grants": grants}


def _lines(path: str, seen: list[str]) -> list[str]:
    """Of a file and all that it includes, in order."""
    if path in seen or len(seen) >= _MOST_INCLUDED:
        return []
    seen.append(path)
    found = []
    for line in sudoers.lines(regular(path)):
        included = sudoers.include(line)
        if included is None:
            found.append(line)
            continue
        target = posixpath.join(
            posixpath.dirname(path), included.path.replace("%h", socket.gethostname().split(".")[0])
        )
        # sudo passes over these names, which packages and editors leave behind
        parts = [one for one in listed(target) if "." not in one and not one.endswith("~")]
        for one in [f"{target}/{part}" for part in parts] if included.directory else [target]:
            with contextlib.suppress(FileNotFoundError):
                found += _lines(one, seen)
    return found


def _holders(who: str, names: Names) -> list[str] | None:
    """The users behind a name of sudoers; null when only sudo itself could tell."""
    if who[:1] == "+" or who[:2] == "%:" or who == "ALL":
        return None
    if who.startswith("%"):
        gid = int(who[2:]) if who.startswith("%#") and who[2:].isdigit() else names.gid(who[1:])
        return [] if gid is None else names.members(gid)
    return [names.user(int(who[1:]))] if who[:1] == "#" and who[1:].isdigit() else [who]


def _sources(database: str) -> list[str]:
    try:
        rows = (line.partition("#")[0].partition(":") for line in regular("/etc/nsswitch.conf").splitlines())
    except OSError:
        return []
    return [word for name, _colon, rest in rows if name.strip() == database for word in rest.split() if word[0] != "["]


def _credentials(users: t.Container[str], names: Names) -> list[dict[str, t.Any]]:
    """For each of these users who has a configuration of the client, the registries whose password is in it."""
    found = []
    for user in names.users:
        path = f"{user.home}/.docker/config.json"
        if user.name in users and user.home.startswith("/"):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                found.append({"user": user.name, "path": path, "registries": _registries(path)})
    return found


def _registries(path: str) -> list[str] | None:
    """Names only. Null when nobody can tell."""
    try:
        document = json.loads(regular(path, follow=False))
        entries = document.get("auths") or {}
        return sorted(redact.text(name) for name, entry in entries.items() if entry and any(entry.values()))
    except (FileNotFoundError, NotADirectoryError):
        raise
    except (OSError, ValueError, AttributeError):
        return None
