# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The short table for the terminal: plain text, at most 100 columns."""

from __future__ import annotations

import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.model import SEVERITIES, Finding
from ansible_collections.bulkhead.docker.plugins.module_utils.report.compare import compare
from ansible_collections.bulkhead.docker.plugins.module_utils.report.documents import HostResult, failures
from ansible_collections.bulkhead.docker.plugins.module_utils.report.entries import Entry, entries_of, mender
from ansible_collections.bulkhead.docker.plugins.module_utils.report.text import clean, plural

WIDTH = 100

Results = t.Sequence[HostResult]


def render(results: Results, before: Results | None, top: int) -> str:
    """Counts by severity, what could not be judged, and the worst that remain."""
    lines = _counts(results, before) + _notes(results) + _remaining(results, top)
    return "\n".join(_fit(line) for line in lines)


def _counts(results: Results, before: Results | None) -> list[str]:
    if all(result.reason for result in results):
        return []
    if before is None:
        now = [sighting.finding for sighting in failures(results)]
        return _columns((now,), ("now",))
    change = compare(before, results)
    runs = tuple([sighting.finding for sighting in run] for run in (change.before, change.after))
    left_out = (
        [f"Not compared, without a result in both runs: {clean(', '.join(change.left_out))}"] if change.left_out else []
    )
    return [*_columns(runs, ("before", "now")), *left_out]


def _columns(runs: tuple[list[Finding], ...], heads: tuple[str, ...]) -> list[str]:
    """A column for each run: its failures by severity, then by who mends them."""
    menders = sorted({mender(finding) for run in runs for finding in run})
    blocks = (("Failed checks", _severity, (*SEVERITIES, "all")), ("Mended by", mender, menders))
    lines: list[str] = []
    for title, word, names in blocks:
        lines += [*([""] if lines else []), _row(title, heads)]
        for name in names:
            counts = [sum(name in ("all", word(finding)) for finding in run) for run in runs]
            lines.append(_row(name, [f"{count:,}" for count in counts]))
    return lines


def _row(name: str, cells: t.Sequence[str]) -> str:
    return f"{name:<22}" + "".join(f"{cell:>8}" for cell in cells)


def _severity(finding: Finding) -> str:
    return finding.severity


def _notes(results: Results) -> list[str]:
    counts = {
        verdict: sum(result.counts.get(verdict, 0) for result in results) for verdict in ("unknown", "error", "waived")
    }
    notes = [f"{number:,} {verdict}" for verdict, number in counts.items() if number]
    silent = [f"No result from {clean(result.name)}: {clean(result.reason)}" for result in results if result.reason]
    return [*(["", f"Also: {', '.join(notes)}"] if notes else []), *silent]


def _remaining(results: Results, top: int) -> list[str]:
    entries = entries_of(failures(results), fleet=len(results) > 1)
    if not entries or not top:
        return []
    rest = [f"... and {plural(len(entries) - top, 'more rule')}"] if len(entries) > top else []
    return ["", "Still to mend", *map(_line, entries[:top]), *rest]


def _line(entry: Entry) -> str:
    finding = entry.finding
    subjects = [subject for seen in entry.seen for subject in seen.subjects]
    where = clean(subjects[0]) if len(subjects) == 1 else plural(len(subjects), finding.subject["kind"])
    return f"{finding.severity:<9} {clean(finding.rule):<34} {mender(finding):<20} {where}"


def _fit(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…"
