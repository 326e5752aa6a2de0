# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subordinate ids: the ranges of uids and gids that a user may give to the containers of a user namespace. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

#: kind -> (the table, the option of usermod that takes a range away, the prefix of its limits in login.defs)
TABLES: t.Final[Mapping[str, tuple[str, str, str]]] = {
    "uid": ("/etc/subuid", "--del-subuids", "SUB_UID"),
    "gid": ("/etc/subgid", "--del-subgids", "SUB_GID"),
}
_LOWEST, _HIGHEST = 100_000, 600_100_000  # shadow's own limits, where login.defs names none


@dataclass(frozen=True)
class Range:
    """One line of a table; the owner is a name or a uid."""

    owner: str
    first: int
    count: int

    @property
    def last(self) -> int:
        return self.first + self.count - 1

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    def meets(self, other: Range) -> bool:
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class Table:
    """One kind of subordinate ids on this host."""

    kind: str  # uid or gid
    ranges: tuple[Range, ...] = ()
    accounts: Mapping[int, str] = field(default_factory=dict)  # ids that are somebody's own
    lowest: int = _LOWEST
    highest: int = _HIGHEST

    def of(self, name: str, uid: int) -> tuple[Range, ...]:
        return tuple(one for one in self.ranges if one.owner in (name, str(uid)))


@dataclass(frozen=True)
class Account:
    name: str
    uid: int


def parse(text: str) -> tuple[Range, ...]:
    """``owner:first:count`` lines; shadow passes over what is malformed, and so does this."""
    found = []
    for line in text.splitlines():
        fields = line.strip().split(":")
        if len(fields) == 3 and fields[0] and fields[1].isdigit() and fields[2].isdigit() and int(fields[2]):
            found.append(Range(fields[0], int(fields[1]), int(fields[2])))
    return tuple(found)


def limits(login_defs: str, kind: str) -> tuple[int, int]:
    """Between which ids login.defs lets ranges lie."""
    prefix = TABLES[kind][2]
    words = [line.split() for line in login_defs.splitlines()]
    said = {word[0]: int(word[1]) for word in words if len(word) == 2 and word[1].isdigit()}
    return said.get(f"{prefix}_MIN", _LOWEST), said.get(f"{prefix}_MAX", _HIGHEST)


def troubles(account: Account, table: Table) -> list[str]:
    """Why the ranges that this user has are not the user's alone."""
    found = []
    path, option, _prefix = TABLES[table.kind]
    mine = table.of(account.name, account.uid)
    for one in mine:
        whose = [
            f"those of {other.owner} ({other})" for other in table.ranges if other not in mine and one.meets(other)
        ]
        whose += [
            f"the {table.kind} {number} of {name}"
            for number, name in sorted(table.accounts.items())
            if one.first <= number <= one.last
        ]
        if whose:
            found.append(
                f"{account.name}: the subordinate {table.kind}s {one} in {path} overlap {', '.join(whose)}, so that "
                "containers of one could reach files and processes of the other. Take them away while no container or "
                f"image of {account.name} needs them (usermod {option} {one} {account.name}); the next run gives others"
            )
    return found


def lacking(account: Account, table: Table, count: int) -> bool:
    return sum(one.count for one in table.of(account.name, account.uid)) < count


def free(tables: Sequence[Table], count: int) -> Range | None:
    """The lowest range that is free in all tables; None when there is none left."""
    first = max(table.lowest for table in tables)
    for end in sorted(_taken(tables)):
        if end[0] - first >= count:
            break
        first = max(first, end[1] + 1)
    last = first + count - 1
    return Range("", first, count) if last <= min(table.highest for table in tables) else None


def _taken(tables: Iterable[Table]) -> Iterable[tuple[int, int]]:
    for table in tables:
        yield from ((one.first, one.last) for one in table.ranges)
        yield from ((number, number) for number in table.accounts)


class Plan(t.NamedTuple):
    """``added``: user -> the range to be given in each table that lacks one."""

    added: dict[str, dict[str, Range]]
    problems: list[str]


def plan(accounts: Sequence[Account], tables: Sequence[Table], count: int) -> Plan:
    """What to give to whom; nothing at all while there is a problem with anybody's."""
    problems = [trouble for account in accounts for table in tables for trouble in troubles(account, table)]
    added: dict[str, dict[str, Range]] = {}
    now = list(tables)
    for account in accounts:
        short = [table.kind for table in now if lacking(account, table, count)]
        if not short:
            continue
        fresh = free(now, count)
        if fresh is None:
            problems.append(
                f"{account.name}: there is no free range of {count} subordinate ids left within the limits of "
                "/etc/login.defs: raise SUB_UID_MAX and SUB_GID_MAX there"
            )
            continue
        added[account.name] = dict.fromkeys(short, fresh)
        now = [_with(table, account, fresh) if table.kind in short else table for table in now]
    return Plan({} if problems else added, problems)


def _with(table: Table, account: Account, fresh: Range) -> Table:
    given = Range(account.name, fresh.first, fresh.count)
    return Table(table.kind, (*table.ranges, given), table.accounts, table.lowest, table.highest)
