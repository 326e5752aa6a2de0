# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's rules: read, tried, replaced. Each applier knows only what is ours, and never empties anything else."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import Done, Run
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall import iptables, nftables
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall.model import Rule

_SECONDS = 60
_IPV6 = Path("/proc/sys/net/ipv6")


class ApplyError(Exception):
    """The kernel has the rules that it had before; the message says why."""


class Feed(t.Protocol):
    """Run ``argv`` with this text as its input."""

    def __call__(self, argv: t.Sequence[str], text: str) -> Done: ...


class Rules(t.Protocol):
    """Rules of one program, for one or both versions of IP."""

    name: str

    def live(self) -> str: ...
    def wanted(self, rules: t.Sequence[Rule]) -> str: ...
    def test(self, goal: str) -> None: ...
    def apply(self, goal: str) -> None: ...


class Iptables:
    """Our chains in the table filter, by ``iptables`` or ``ip6tables``, of the variant that dockerd uses, too."""

    def __init__(self, family: int, run: Run, feed: Feed) -> None:
        self.name = "iptables" if family == 4 else "ip6tables"
        self._family, self._run, self._feed = family, run, feed

    def _saved(self, *, must: bool = True) -> str:
        done = self._run([f"{self.name}-save", "-t", "filter"], _SECONDS)
        if done.rc and must:
            raise ApplyError(f"{self.name}-save: {done.words}")
        return "" if done.rc else done.out

    def live(self) -> str:
        return "".join(f"{line}\n" for line in iptables.ours(self._saved(must=False)))

    def wanted(self, rules: t.Sequence[Rule]) -> str:
        return "".join(f"{line}\n" for line in iptables.wanted(rules, self._family, self._saved(must=bool(rules))))

    def test(self, goal: str) -> None:
        self._restore(goal, "--test")

    def apply(self, goal: str) -> None:
        self._restore(goal)

    def _restore(self, goal: str, *options: str) -> None:
        text = iptables.transaction(self._saved(), goal.splitlines())
        done = self._feed([f"{self.name}-restore", "--noflush", "--wait", "10", *options], text)
        if done.rc:
            raise ApplyError(f"{self.name}-restore refuses the rules: {done.words}")


class Nftables:
    """Our table, both versions of IP in one."""

    name = "nftables"

    def __init__(self, mark: int, run: Run, feed: Feed) -> None:
        self._mark, self._run, self._feed = mark, run, feed

    def live(self) -> str:
        done = self._run(["nft", "list", "table", nftables.FAMILY, nftables.NAME], _SECONDS)
        return "" if done.rc else done.out

    def wanted(self, rules: t.Sequence[Rule]) -> str:
        return nftables.table(rules, self._mark)

    def test(self, goal: str) -> None:
        self._load(goal, "--check")

    def apply(self, goal: str) -> None:
        self._load(goal)

    def _load(self, goal: str, *options: str) -> None:
        done = self._feed(["nft", *options, "--file", "-"], nftables.transaction(goal))
        if done.rc:
            raise ApplyError(f"nft refuses the rules: {done.words}")


def appliers(backend: str, mark: int, run: Run, feed: Feed) -> tuple[list[Rules], list[Rules]]:
    """Those of this backend, and those where nothing of ours may be left."""
    tables: list[Rules] = [Iptables(family, run, feed) for family in ((4, 6) if _IPV6.exists() else (4,))]
    own: list[Rules] = [Nftables(mark, run, feed)]
    return (own, tables) if backend == "nftables" else (tables, own)


def replace(goals: t.Sequence[tuple[Rules, str, str]]) -> None:
    """Each from what is live to its goal: tried all before the first is touched, put back all when one fails."""
    for rules, _live, goal in goals:
        rules.test(goal)
    done: list[tuple[Rules, str]] = []
    try:
        for rules, live, goal in goals:
            done.append((rules, live))
            rules.apply(goal)
    except ApplyError as error:
        troubles = [trouble for rules, live in done if (trouble := _back(rules, live))]
        if troubles:
            raise ApplyError(f"{error}; and the rules of before did not come back: {', '.join(troubles)}") from error
        raise


def _back(rules: Rules, live: str) -> str:
    try:
        rules.apply(live)
    except ApplyError as error:
        return str(error)
    return ""
