# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The users and groups of this host, by number and by name.

From its own files: to ask a directory service for all of its users can take minutes. A group that is asked for by name
is also looked up there, which brings the members that only the service knows.
"""

from __future__ import annotations

import dataclasses
import grp

from ansible_collections.bulkhead.docker.plugins.module_utils.collect.reading import regular


@dataclasses.dataclass(frozen=True)
class User:
    name: str
    uid: int
    gid: int
    home: str


@dataclasses.dataclass(frozen=True)
class Group:
    name: str
    gid: int
    members: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Names:
    users: tuple[User, ...]
    groups: tuple[Group, ...]

    @classmethod
    def read(cls) -> Names:
        users = (User(row[0], int(row[2]), int(row[3]), row[5]) for row in _rows("/etc/passwd", 7))
        groups = (Group(row[0], int(row[2]), _listed(row[3])) for row in _rows("/etc/group", 4))
        return cls(tuple(users), tuple(groups))

    def user(self, uid: int) -> str:
        """The name, or the number of who has none."""
        return next((user.name for user in self.users if user.uid == uid), str(uid))

    def group(self, gid: int) -> str:
        return next((group.name for group in self.groups if group.gid == gid), str(gid))

    def gid(self, name: str) -> int | None:
        """Of a group's name, or of a number written as text."""
        known = next((group.gid for group in self.groups if group.name == name), None)
        return int(name) if known is None and name.isdigit() else known

    def members(self, gid: int) -> list[str]:
        """Of a group: those it lists, and those whose primary group it is."""
        listed = {name for group in self.groups if group.gid == gid for name in group.members}
        primary = {user.name for user in self.users if user.gid == gid}
        return sorted({*listed, *primary, *_served(gid)})


def _rows(path: str, fields: int) -> list[list[str]]:
    try:
        rows = [line.split(":") for line in regular(path).splitlines()]
    except OSError:
        return []
    return [row for row in rows if len(row) == fields and row[2].isdigit() and (fields == 4 or row[3].isdigit())]


def _listed(names: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in names.split(",") if name.strip())


def _served(gid: int) -> tuple[str, ...]:
    try:
        return tuple(grp.getgrgid(gid).gr_mem)
    except (KeyError, OSError):
        return ()
