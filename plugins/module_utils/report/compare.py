# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changed between two runs."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.model import SEVERITIES
from ansible_collections.bulkhead.docker.plugins.module_utils.report.documents import HostResult, Sighting, failures

Key = tuple[str, str, str, str]


@dataclasses.dataclass(frozen=True)
class Change:
    """The failures of two runs, sorted by what became of them, the worst first.

    A failure is only called fixed when the later run judged it and found it good: one that could not be judged
    (``unknown``, ``error``) is ``unsure``, one whose subject or rule is not there any more is ``gone``. Only hosts with
    a result in both runs are compared, else a host that went silent would look mended; the others are ``left_out``.
    """

    before: tuple[Sighting, ...]
    after: tuple[Sighting, ...]
    fixed: tuple[Sighting, ...]
    waived: tuple[Sighting, ...]
    gone: tuple[Sighting, ...]
    unsure: tuple[Sighting, ...]
    new: tuple[Sighting, ...]
    remaining: tuple[Sighting, ...]
    left_out: tuple[str, ...]

    def count(self, severity: str) -> tuple[int, int]:
        """Failures of this severity before and after."""
        was, now = ([s for s in run if s.finding.severity == severity] for run in (self.before, self.after))
        return len(was), len(now)

    @property
    def severities(self) -> tuple[str, ...]:
        """The severities that either run has failures of, worst first."""
        return tuple(severity for severity in SEVERITIES if any(self.count(severity)))


def compare(before: t.Sequence[HostResult], after: t.Sequence[HostResult]) -> Change:
    """Sort the failures of both runs by what became of them."""
    names = {result.name for result in (*before, *after)}
    both = {result.name for result in before if not result.reason} & {
        result.name for result in after if not result.reason
    }
    was, now = ([s for s in failures(run) if s.host in both] for run in (before, after))
    old_keys = {sighting.key for sighting in was}
    verdicts = {sighting.key: sighting.finding.verdict for result in after for sighting in result.sightings}
    fates: dict[str, list[Sighting]] = {"fixed": [], "waived": [], "gone": [], "unsure": []}
    by_name = {result.name: result for result in after}
    for sighting in was:
        fate = _fate(sighting, verdicts.get(sighting.key), by_name[sighting.host])
        if fate in fates:
            fates[fate].append(sighting)
    return Change(
        before=tuple(was),
        after=tuple(now),
        new=tuple(sighting for sighting in now if sighting.key not in old_keys),
        remaining=tuple(sighting for sighting in now if sighting.key in old_keys),
        left_out=tuple(sorted(names - both)),
        **{fate: tuple(sightings) for fate, sightings in fates.items()},
    )


def _fate(sighting: Sighting, verdict: str | None, result: HostResult) -> str:
    if verdict is None:
        return _unlisted(sighting, result)
    return {"pass": "fixed", "not_applicable": "fixed", "waived": "waived", "fail": "remaining"}.get(verdict, "unsure")


def _unlisted(sighting: Sighting, result: HostResult) -> str:
    """What became of a failure that the later run does not list at all."""
    if any(other.finding.verdict == "error" and _same_subject(other, sighting) for other in result.sightings):
        return "unsure"
    # A run asked for failures only counts its passes without listing them.
    listed = sum(other.finding.verdict == "pass" for other in result.sightings)
    return "fixed" if listed < result.counts.get("pass", 0) else "gone"


def _same_subject(one: Sighting, other: Sighting) -> bool:
    return (one.key[0], *one.key[2:]) == (other.key[0], *other.key[2:])
