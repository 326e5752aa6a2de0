# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roads to a socket besides its owner and mode: the group's members, ACL entries, sudo rules."""

from __future__ import annotations

import dataclasses
import grp
import os
import posixpath
import pwd
import typing as t
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils import posix_acl
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.access import sudo
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.names import Names
from ansible_collections.bulkhead.docker.plugins.module_utils.sudoers import ENGINES

ACL = "system.posix_acl_access"


@dataclasses.dataclass(frozen=True)
class Roads:
    """Who gets to the socket, by each road."""

    members: list[str]
    primary: list[str]
    acl: list[str]
    sudo: list[str]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What making the group's members exactly these would change."""

    members: list[str]
    gained: list[str]
    lost: list[str]
    acl: list[str]

    @property
    def changed(self) -> bool:
        return bool(self.gained or self.lost or self.acl)


def plan(roads: Roads, members: list[str] | None) -> Plan:
    """With no members asked for, everything stays."""
    if members is None:
        return Plan(roads.members, [], [], [])
    wanted = sorted(set(members))
    gained = [name for name in wanted if name not in roads.members]
    lost = [name for name in roads.members if name not in wanted]
    return Plan(wanted, gained, lost, roads.acl)


def notes(roads: Roads, change: Plan, sessions: dict[str, list[int]], operator: str) -> list[str]:
    """What the user should know beside the change itself."""
    meant = change.members
    result = [
        f"{name} has the socket's group as primary group, which no list of members changes: usermod --gid OTHER {name}"
        for name in roads.primary
        if name not in meant
    ]
    result += [f"sudo rule gives the engine: {rule}" for rule in roads.sudo]
    if not change.acl:
        result += [f"ACL entry of the socket: {entry}" for entry in roads.acl]
    result += [
        f"{name} keeps the group in sessions begun before, until they end (processes {', '.join(map(str, pids[:5]))})"
        for name, pids in sorted(sessions.items())
    ]
    if operator in change.lost:
        result.append(f"{operator}, whom Ansible connects as, loses the socket: to keep it, name it as a member")
    return result


def engine_grants(grants: t.Iterable[t.Mapping[str, t.Any]]) -> list[str]:
    """Of the rights to be root, those that name an engine; who may do anything is no finding of the socket's."""
    return [
        f"{grant['who']}: {command}"
        for grant in grants
        for command in grant["commands"]
        if posixpath.basename(command.split(" ")[0]) in ENGINES
    ]


def roads(path: str, group: str) -> Roads:
    entry, names = grp.getgrnam(group), Names.read()
    primary = sorted(user.name for user in names.users if user.gid == entry.gr_gid and user.uid != 0)
    found = sudo([group], names)
    return Roads(sorted(set(entry.gr_mem)), primary, _acl(path, names), engine_grants(found["grants"] if found else []))


def _acl(path: str, names: Names) -> list[str]:
    try:
        raw = os.getxattr(path, ACL)
    except OSError:  # no socket, no entries, or a file system without them
        return []
    allowed = posix_acl.writers(0, raw.hex())
    named = [f"user:{names.user(uid)}" for uid in allowed.users] + [
        f"group:{names.group(gid)}" for gid in allowed.groups
    ]
    return named or ["mask"]  # one without names still stands for the mode's group bits


def sessions(users: list[str], group: str) -> dict[str, list[int]]:
    """Processes of these users that still hold the group."""
    gid = str(grp.getgrnam(group).gr_gid)
    numbers = {str(pwd.getpwnam(name).pw_uid): name for name in users if exists(name)}
    found: dict[str, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/status") if users else ():
        name = numbers.get(_field(status, "Uid").partition("\t")[0])
        if name and gid in _field(status, "Groups").split():
            found.setdefault(name, []).append(int(status.parent.name))
    return found


def _field(status: Path, name: str) -> str:
    try:
        lines = status.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # it has ended
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(f"{name}:")), "")


def exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True
