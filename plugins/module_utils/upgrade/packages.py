# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the package managers say of the engine's packages: installed, held, on offer. Reads only."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import Run

_ENGLISH = {"LC_ALL": "C", "LANGUAGE": "C"}
_SECONDS = 120.0
_VERSION_LINE = re.compile(r"^ (?:\*\*\*|   ) (\S+) -?\d+$")
_NUMBER = re.compile(r"\d+")
NO_SUCH_PROGRAM = 127


class PackagesError(Exception):
    """The package manager did not answer."""


@dataclass(frozen=True)
class Package:
    """One package by name; versions are complete ones, with epoch and revision."""

    name: str
    installed: str = ""
    held: bool = False
    candidate: str = ""  # what the package manager would install by itself
    versions: tuple[str, ...] = ()  # newest first, the installed one among them
    offered: frozenset[str] = frozenset()  # those that a repository of this host has


def read(run: Run, manager: str, names: Sequence[str]) -> dict[str, Package]:
    """The packages of these names, whether there are such or not."""
    found = {"apt": _apt, "dnf": _dnf}[manager](run, names) if names and manager else {}
    return {name: found.get(name, Package(name)) for name in names}


def _ask(run: Run, argv: Sequence[str]) -> str:
    done = run(argv, _SECONDS, _ENGLISH)
    if done.rc == NO_SUCH_PROGRAM:
        raise PackagesError(f"{argv[0]} is not on this host: is its package manager another one?")
    return done.out


# apt


def _apt(run: Run, names: Sequence[str]) -> dict[str, Package]:
    fields = "${Package}\\t${Version}\\t${db:Status-Want}\\t${db:Status-Status}\\n"
    installed = parse_dpkg(_ask(run, ["dpkg-query", "--show", f"--showformat={fields}", *names]))
    tables = parse_policy(_ask(run, ["apt-cache", "policy", *names]))
    packages = {}
    for name in names:
        version, held = installed.get(name, ("", False))
        candidate, table = tables.get(name, ("", {}))
        offered = frozenset(one for one, sources in table.items() if sources)
        packages[name] = Package(name, version, held, candidate, tuple(table), offered)
    return packages


def parse_dpkg(text: str) -> dict[str, tuple[str, bool]]:
    """Name -> (version, held), of what is unpacked at least: a removed package may have left files in /etc."""
    rows = [line.split("\t") for line in text.splitlines() if line.count("\t") == 3]
    there = [row for row in rows if row[3] not in ("not-installed", "config-files")]
    return {name: (version, want == "hold") for name, version, want, _status in there}


def parse_policy(text: str) -> dict[str, tuple[str, dict[str, list[str]]]]:
    """``apt-cache policy``: name -> (candidate, {version, newest first: the repositories that have it})."""
    found: dict[str, tuple[str, dict[str, list[str]]]] = {}
    table: dict[str, list[str]] = {}
    name, version = "", ""
    for line in text.splitlines():
        entry = _VERSION_LINE.match(line)
        if line and not line.startswith(" "):
            name, table = line.rstrip(":"), {}
            found[name] = ("", table)
        elif line.startswith("  Candidate:"):
            candidate = line.partition(":")[2].strip()
            found[name] = ("" if candidate == "(none)" else candidate, table)
        elif entry:
            version = entry.group(1)
            table[version] = []
        elif line.startswith("        ") and version in table and "/var/lib/dpkg/status" not in line:
            table[version].append(line.strip())
    return found


# dnf


def _dnf(run: Run, names: Sequence[str]) -> dict[str, Package]:
    installed = parse_rows(_ask(run, ["rpm", "--query", "--queryformat", "%{NAME} %{EVR}\\n", *names]))
    ask = ["dnf", "--quiet", "--disableplugin=versionlock", "repoquery", "--available", "--showduplicates"]
    on_offer = parse_rows(_ask(run, [*ask, "--queryformat", "%{name} %{evr}\\n", *names]))
    packages = {}
    for name in names:
        mine, offered = installed.get(name, ()), on_offer.get(name, ())
        versions = tuple(sorted({*mine, *offered}, key=evr, reverse=True))
        newest = versions[0] if versions else ""
        packages[name] = Package(name, max(mine, key=evr, default=""), False, newest, versions, frozenset(offered))
    return packages


def parse_rows(text: str) -> dict[str, tuple[str, ...]]:
    """``name evr`` lines -> name -> versions; lines that say something else ("package x is not installed") are not."""
    found: dict[str, tuple[str, ...]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 2 and words[1][:1].isdigit():
            found[words[0]] = (*found.get(words[0], ()), words[1].removeprefix("0:"))
    return found


def evr(version: str) -> tuple[t.Any, ...]:
    """A key that sorts as rpm does, for versions as Docker and Fedora number them: numbers, ``~`` before a release."""
    epoch, colon, rest = version.rpartition(":")
    upstream, _dash, release = rest.partition("-")
    final, tilde, before = upstream.partition("~")
    return (int(epoch) if colon else 0, _numbers(final), not tilde, _numbers(before), _numbers(release))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in _NUMBER.findall(text))


def installed(packages: Iterable[Package]) -> dict[str, str]:
    return {package.name: package.installed for package in packages if package.installed}
