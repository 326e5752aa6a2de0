# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which versions go onto the host: from what is installed, on offer and asked for. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ansible_collections.bulkhead.docker.plugins.module_utils import versions
from ansible_collections.bulkhead.docker.plugins.module_utils.upgrade.packages import Package

KEEP, INSTALL, UPGRADE, DOWNGRADE, UNAVAILABLE = "keep", "install", "upgrade", "downgrade", "unavailable"
_REVISION = "+~-"  # what may follow the upstream version


@dataclass(frozen=True)
class Choice:
    """What becomes of one package."""

    name: str
    what: str  # KEEP, INSTALL, UPGRADE, DOWNGRADE, UNAVAILABLE
    before: str = ""
    after: str = ""

    @property
    def moves(self) -> bool:
        return self.what in (INSTALL, UPGRADE, DOWNGRADE)


def upstream(version: str) -> str:
    """The engine's own version in a package's: ``5:28.5.2-1~debian.13~trixie`` -> ``28.5.2-1~debian...``."""
    epoch, colon, rest = version.partition(":")
    return rest if colon and epoch.isdigit() else version


def number(version: str) -> tuple[int, ...]:
    return versions.parse(upstream(version)) or ()


def matches(version: str, wanted: str) -> bool:
    """Whether a package's version is the one asked for, complete or not: ``28`` and ``28.5`` are branches."""
    if version == wanted:
        return True
    rest = upstream(version)
    follows = rest[len(wanted) : len(wanted) + 1]
    return rest.startswith(wanted) and (follows in ("", ".") or follows in _REVISION)


def choose(package: Package, wanted: str, upgrade: bool) -> Choice:
    """``wanted`` is empty for what does not carry the engine's version: there the package manager's choice stands."""
    if package.installed and not upgrade:
        return Choice(package.name, KEEP, package.installed, package.installed)
    after = _target(package, wanted)
    if not after:
        return Choice(package.name, UNAVAILABLE, package.installed)
    if after == package.installed:
        return Choice(package.name, KEEP, after, after)
    if not package.installed:
        return Choice(package.name, INSTALL, "", after)
    order = package.versions
    newer = order.index(after) < order.index(package.installed) if package.installed in order else True
    return Choice(package.name, UPGRADE if newer else DOWNGRADE, package.installed, after)


def _target(package: Package, wanted: str) -> str:
    if not wanted:
        return package.candidate
    fitting = [version for version in package.versions if matches(version, wanted)]
    on_offer = [version for version in fitting if version in package.offered]
    if package.candidate in on_offer:
        return package.candidate  # a pin of the user's own is heard where it agrees
    if package.installed in fitting and not on_offer:
        return package.installed
    return on_offer[0] if on_offer else ""


def plan(
    packages: Iterable[Package], engine: Collection[str], wanted: str, upgrade: bool
) -> tuple[list[Choice], list[str]]:
    """Each package's lot, and the versions of those that cannot be had, for the message."""
    choices, missing = [], []
    for package in packages:
        follows = package.name in engine
        choice = choose(package, wanted if follows else "", upgrade)
        choices.append(choice)
        if choice.what == UNAVAILABLE:
            offered = [version for version in package.versions if version in package.offered]
            missing.append(f"{package.name} ({'offered: ' + ', '.join(offered) if offered else 'in no repository'})")
    return choices, missing


def specs(manager: str, wanted: Iterable[tuple[str, str]]) -> list[str]:
    """Names with versions as the package manager takes them."""
    return [f"{name}{'=' if manager == 'apt' else '-'}{version}" for name, version in wanted]


def way_back(manager: str, choices: Sequence[Choice]) -> str:
    """The command that puts the old versions back; empty when there are none."""
    old = specs(manager, [(choice.name, choice.before) for choice in choices if choice.moves and choice.before])
    if not old:
        return ""
    if manager == "apt":
        return f"apt-get install --allow-downgrades --allow-change-held-packages {' '.join(old)}"
    return f"dnf downgrade --disableplugin=versionlock {' '.join(old)}"
