# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first screen of the HTML report: the verdict in words, what changed, and the hosts of a fleet."""

from __future__ import annotations

import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.model import SEVERITIES
from ansible_collections.bulkhead.docker.plugins.module_utils.report.compare import Change
from ansible_collections.bulkhead.docker.plugins.module_utils.report.documents import HostResult, Sighting, failures
from ansible_collections.bulkhead.docker.plugins.module_utils.report.entries import Entry, Group, entries_of, mender
from ansible_collections.bulkhead.docker.plugins.module_utils.report.markup import Html, Node, tag
from ansible_collections.bulkhead.docker.plugins.module_utils.report.sections import (
    group_title,
    prose,
    severity_counts,
    subjects_list,
    wanted,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.report.text import clean, listing, plural

Results = t.Sequence[HostResult]

NOTHING = "Nothing to mend."
_OPEN = 8  # rules that are new are shown at once up to this number

_VERDICTS = {
    "fail": "failed",
    "error": "error",
    "unknown": "unknown",
    "waived": "waived",
    "pass": "passed",
    "not_applicable": "not applicable",
}


def by_severity(results: Results) -> dict[str, int]:
    """How many findings fail, by severity."""
    severities = [sighting.finding.severity for sighting in failures(results)]
    return {severity: severities.count(severity) for severity in SEVERITIES}


def totals(results: Results) -> dict[str, int]:
    """The verdicts of all hosts together."""
    return {verdict: sum(result.counts.get(verdict, 0) for result in results) for verdict in _VERDICTS}


def verdict_words(results: Results) -> tuple[str, str]:
    """The verdict in a sentence, and what else there is to say."""
    counts, verdicts = by_severity(results), totals(results)
    silent = sum(bool(result.reason) for result in results)
    worst = [f"{counts[severity]:,} {severity}" for severity in SEVERITIES[:2] if counts[severity]]
    rest = [f"{counts[severity]:,} {severity}" for severity in SEVERITIES[2:] if counts[severity]]
    notes = [f"Then {listing(rest)}."] if worst and rest else []
    if silent:
        notes.append(f"{plural(silent, 'host')} gave no result.")
    unjudged = verdicts["unknown"] + verdicts["error"]
    if unjudged:
        notes.append(f"{plural(unjudged, 'check')} could not be judged.")
    if worst or rest:
        return f"{listing(worst or rest)} to mend.", " ".join(notes)
    if silent == len(results):
        return "No result.", " ".join(notes)
    return NOTHING, " ".join([f"{plural(verdicts['pass'], 'check')} passed.", *notes])


def summary(results: Results) -> Html | None:
    """Counts by severity and by verdict; where nothing was judged, zeros would look like good news."""
    if all(result.reason for result in results):
        return None
    severities = by_severity(results)
    tiles = [
        tag("li", tag("strong", f"{severities[name]:,}"), " ", name, class_=name if severities[name] else "none")
        for name in SEVERITIES
    ]
    verdicts = [f"{number:,} {_VERDICTS[verdict]}" for verdict, number in totals(results).items() if number]
    return tag(
        "section",
        tag("h2", "Failed checks by severity", class_="quiet"),
        tag("ul", tiles, class_="tiles"),
        tag("p", " · ".join(verdicts), class_="lead"),
    )


def changes(change: Change, fleet: bool) -> Html:
    """Before and after: the counts, then what became of each failure."""
    runs = [[sighting.finding for sighting in run] for run in (change.before, change.after)]
    sizes = [len(run) for run in runs]
    menders = [[mender(finding) for finding in run] for run in runs]
    severities = [_change_row(name, change.count(name), max(sizes), css=name) for name in change.severities]
    severities.append(_change_row("all", sizes, max(sizes)))
    who = [
        _change_row(name, [run.count(name) for run in menders], max(sizes))
        for name in sorted({*menders[0], *menders[1]})
    ]
    hidden = (
        f"{plural(len(change.left_out), 'host')} without a result in both runs left out: {', '.join(change.left_out)}."
    )
    left_out = tag("p", clean(hidden, limit=600), class_="lead") if change.left_out else None
    fates = [
        ("Fixed", change.fixed),
        ("New, or newly checked", change.new),
        ("Still failing", change.remaining),
        ("Waived since", change.waived),
        ("Could not be judged again", change.unsure),
        ("No longer there, or no longer checked", change.gone),
    ]
    return tag(
        "section",
        tag("h2", "Before and now"),
        left_out,
        [_change_table("Failed checks", severities), _change_table("Mended by", who)] if who else None,
        [_fate(name, sightings, fleet) for name, sightings in fates if sightings],
        id="changes",
    )


def hosts(results: Results) -> Html:
    """One row a host, those without a result first."""
    head = tag("tr", [tag("th", text, scope="col") for text in ("Host", "Engine", *SEVERITIES, "Verdict")])
    ordered = sorted(
        results, key=lambda result: (not result.reason, [-n for n in by_severity([result]).values()], result.name)
    )
    return tag(
        "section",
        tag("h2", "Hosts"),
        tag(
            "div",
            tag("table", tag("thead", head), tag("tbody", [_host_row(result) for result in ordered])),
            class_="wide",
        ),
        id="hosts",
    )


def to_do(groups: t.Sequence[Group], fleet: bool) -> Html | None:
    """The order of work, with links."""
    if not groups:
        return None
    rows = [
        tag(
            "li", tag("a", group_title(group, fleet), href=f"#to-do-{number}"), " ", tag("span", severity_counts(group))
        )
        for number, group in enumerate(groups, 1)
    ]
    return tag("nav", tag("h2", "What to do first"), tag("ol", rows), aria_label="What to do first", class_="to-do")


def _change_table(title: str, rows: Node) -> Html:
    head = tag("tr", [tag("th", text, scope="col") for text in (title, "Before", "Now", "")])
    return tag("table", tag("thead", head), tag("tbody", rows), class_="change")


def _change_row(name: str, counts: t.Sequence[int], most: int, css: str = "all") -> Html:
    was, now = counts
    bars = [
        tag("rect", class_=kind, y=y, width=f"{100 * number / max(most, 1):.1f}%", height="7", rx="2")
        for kind, y, number in (("was", 0, was), (f"now {css}", 9, now))
    ]
    return tag(
        "tr",
        tag("th", name, scope="row"),
        tag("td", f"{was:,}"),
        tag("td", f"{now:,}"),
        tag("td", tag("svg", bars, height="16", aria_hidden="true")),
        class_=css,
    )


def _fate(name: str, sightings: t.Sequence[Sighting], fleet: bool) -> Html:
    rows = [_fate_row(entry, mended=name == "Fixed") for entry in entries_of(sightings, fleet)]
    return tag(
        "details",
        tag("summary", name, " ", tag("span", f"{len(sightings):,}", class_="count")),
        tag("ul", rows, class_="plain"),
        open=name.startswith("New") and len(rows) <= _OPEN,
        class_="fate",
    )


def _fate_row(entry: Entry, mended: bool) -> Html:
    subjects = [subject for seen in entry.seen for subject in seen.subjects]
    title = prose(entry.finding.title) if mended else wanted(entry.finding)
    return tag("li", title, " ", tag("span", subjects_list(subjects), class_="who"))


def _host_row(result: HostResult) -> Html:
    name = tag("th", tag("bdi", clean(result.name)), scope="row")
    if result.reason:
        return tag(
            "tr",
            name,
            tag("td", tag("strong", "No result"), f": {clean(result.reason, limit=600)}", colspan=7),
            class_="silent",
        )
    counts = by_severity([result])
    cells: list[Node] = [
        tag("td", f"{counts[severity]:,}", class_=severity if counts[severity] else "zero") for severity in counts
    ]
    return tag("tr", name, tag("td", clean(result.engine)), cells, tag("td", verdict_words([result])[0]))
