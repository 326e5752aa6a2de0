# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings put together for a reader: one entry a rule, and entries grouped by what to do about them."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.model import LEVERS, SEVERITIES, VERDICTS, Finding
from ansible_collections.bulkhead.docker.plugins.module_utils.report.documents import Sighting
from ansible_collections.bulkhead.docker.plugins.module_utils.report.text import clean, readable

#: Who mends a failure that no role mends, in two words.
_MENDERS = {
    "host": "by hand",
    "recreate": "recreate container",
    "rebuild": "rebuild image",
    "external": "outside the host",
}


def mender(finding: Finding) -> str:
    """Who mends a failure, in two or three words."""
    return f"role {clean(finding.role)}" if finding.role else _MENDERS[finding.lever]


@dataclasses.dataclass(frozen=True)
class Seen:
    """One observation, and all the subjects it was made on."""

    observed: str
    subjects: tuple[str, ...]
    new: bool = False


@dataclasses.dataclass(frozen=True)
class Entry:
    """One rule with one verdict, on however many subjects."""

    anchor: str
    finding: Finding  # the first of them: rule, title, remedy and so on are the same for all
    seen: tuple[Seen, ...]
    sightings: tuple[Sighting, ...]


@dataclasses.dataclass(frozen=True)
class Group:
    """Entries that one kind of work mends."""

    lever: str
    role: str | None
    entries: tuple[Entry, ...]

    def count(self, severity: str) -> int:
        """How many findings of this severity the group holds."""
        return sum(len(entry.sightings) for entry in self.entries if entry.finding.severity == severity)


def entries_of(sightings: t.Iterable[Sighting], fleet: bool, new: t.Container[t.Any] = ()) -> list[Entry]:
    """Gather the sightings by rule, the worst first; ``new`` holds the keys that an earlier run did not have."""
    gathered: dict[tuple[t.Any, ...], list[Sighting]] = {}
    for sighting in sightings:
        gathered.setdefault(_identity(sighting.finding), []).append(sighting)
    entries = []
    anchors: dict[str, int] = {}
    for identity in sorted(gathered):
        same = sorted(gathered[identity], key=lambda sighting: sighting.key)
        entries.append(Entry(_anchor(same[0].finding, anchors), same[0].finding, _seen(same, fleet, new), tuple(same)))
    return entries


def groups_of(entries: t.Iterable[Entry]) -> list[Group]:
    """The groups in the order to work on them: what holds the worst finding first, then the easier lever."""
    gathered: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        finding = entry.finding
        role = finding.role or "" if finding.lever == "host" else ""
        gathered.setdefault((finding.lever, role), []).append(entry)
    groups = [Group(lever, role or None, tuple(members)) for (lever, role), members in gathered.items()]
    return sorted(
        groups, key=lambda group: (_rank(group.entries[0].finding), LEVERS.index(group.lever), group.role or "~")
    )


def subject_label(sighting: Sighting, fleet: bool) -> str:
    """How a subject is called: host and daemon have no name of their own worth showing, but for a user's daemon."""
    subject = sighting.finding.subject
    name = subject["name"] or subject["id"][:12] or subject["kind"]
    label = name if subject["kind"] == "container" or "@" in name else subject["kind"]
    return f"{sighting.host}: {label}" if fleet else label


def _identity(finding: Finding) -> tuple[t.Any, ...]:
    return (
        _rank(finding),
        VERDICTS.index(finding.verdict),
        finding.rule,
        (finding.title, finding.threat, finding.remedy, finding.lever, finding.role or ""),
        (str(finding.evidence.get("expected", "")), str(finding.evidence.get("source", "")), str(finding.waiver)),
    )


def _rank(finding: Finding) -> int:
    return SEVERITIES.index(finding.severity)


def _seen(sightings: t.Sequence[Sighting], fleet: bool, new: t.Container[t.Any]) -> tuple[Seen, ...]:
    gathered: dict[tuple[str, bool], list[str]] = {}
    for sighting in sightings:
        evidence = {key: value for key, value in sighting.finding.evidence.items() if key not in ("expected", "source")}
        only = next(iter(evidence.values())) if set(evidence) in ({"observed"}, {"reason"}) else evidence
        observed = readable(only) if evidence else ""
        gathered.setdefault((observed, sighting.key in new), []).append(subject_label(sighting, fleet))
    return tuple(Seen(observed, tuple(subjects), is_new) for (observed, is_new), subjects in gathered.items())


def _anchor(finding: Finding, taken: dict[str, int]) -> str:
    """The entry's id in the page: made of the rule's own, so that links to it last."""
    slug = re.sub(r"[^a-z0-9-]+", "-", finding.rule.lower())[:80]
    anchor = f"rule-{slug}" if finding.verdict == "fail" else f"{finding.verdict.replace('_', '-')}-{slug}"
    taken[anchor] = taken.get(anchor, 0) + 1
    return anchor if taken[anchor] == 1 else f"{anchor}-{taken[anchor]}"
