# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTML report: one self-contained page, without scripts and without anything fetched."""

from __future__ import annotations

import base64
import hashlib
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.model import TOOL
from ansible_collections.bulkhead.docker.plugins.module_utils.report import overview, sections
from ansible_collections.bulkhead.docker.plugins.module_utils.report.compare import compare
from ansible_collections.bulkhead.docker.plugins.module_utils.report.documents import HostResult
from ansible_collections.bulkhead.docker.plugins.module_utils.report.entries import Entry, entries_of, groups_of
from ansible_collections.bulkhead.docker.plugins.module_utils.report.markup import Html, Node, tag
from ansible_collections.bulkhead.docker.plugins.module_utils.report.style import STYLE
from ansible_collections.bulkhead.docker.plugins.module_utils.report.text import clean, plural

Results = t.Sequence[HostResult]


def render(results: Results, before: Results = (), title: str = "") -> str:
    """The report as a document, from nothing but its arguments: the same input gives the same bytes."""
    title = clean(title or _title(results))
    body = [_header(results, title), tag("main", _main(results, before)), _footer(results)]
    return f"<!DOCTYPE html>\n{tag('html', _head(title), tag('body', body), lang='en')}\n"


def _head(title: str) -> Html:
    style_hash = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{style_hash}'; base-uri 'none'; form-action 'none'"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"{title} - Docker security audit"),
        tag("style", Html(STYLE)),
    )


def _header(results: Results, title: str) -> Html:
    words, notes = overview.verdict_words(results)
    return tag(
        "header",
        tag("p", "Docker security audit", class_="kicker"),
        tag("h1", tag("bdi", title)),
        tag(
            "p",
            [[" · " if index else None, tag("span", fact)] for index, fact in enumerate(_facts(results))],
            class_="facts",
        ),
        tag("p", words, class_="verdict good" if words == overview.NOTHING else "verdict"),
        tag("p", notes, class_="notes") if notes else None,
    )


def _main(results: Results, before: Results) -> Node:
    fleet = len(results) > 1
    change = compare(before, results) if before else None
    new = frozenset(sighting.key for sighting in change.new) if change else frozenset()
    sightings = [sighting for result in results for sighting in result.sightings]
    entries = entries_of(sightings, fleet, new)
    groups = groups_of(_with(entries, "fail"))
    return [
        overview.summary(results),
        overview.changes(change, fleet) if change else None,
        overview.hosts(results) if fleet or any(result.reason for result in results) else None,
        overview.to_do(groups, fleet),
        [sections.group_section(group, number, fleet) for number, group in enumerate(groups, 1)],
        _unjudged(_with(entries, "unknown", "error")),
        _waived(_with(entries, "waived")),
        sections.folded_section("Passed", "Checked and found good.", _with(entries, "pass"), "passed"),
        sections.folded_section(
            "Not applicable",
            "These rules say nothing about what they were asked to judge.",
            _with(entries, "not_applicable"),
            "not-applicable",
        ),
    ]


def _unjudged(entries: t.Sequence[Entry]) -> Html | None:
    if not entries:
        return None
    lead = (
        "Neither good nor bad: what these rules need could not be read. Unknown usually means missing root rights or a "
        "missing tool on the host; error means that reading failed, as with a container that hangs."
    )
    articles = [sections.entry_article(entry) for entry in entries]
    return tag(
        "section",
        tag("h2", "Could not be judged"),
        tag("p", lead, class_="lead"),
        articles,
        class_="group",
        id="unjudged",
    )


def _waived(entries: t.Sequence[Entry]) -> Html | None:
    if not entries:
        return None
    number = sum(len(entry.sightings) for entry in entries)
    summary = tag("summary", tag("h2", "Waived"), " ", tag("span", f"{number:,}", class_="count"))
    lead = tag("p", "These fail, and someone answers for leaving them so until the waiver expires.", class_="lead")
    return tag(
        "details", summary, lead, [sections.entry_article(entry) for entry in entries], class_="fold", id="waived"
    )


def _with(entries: t.Iterable[Entry], *verdicts: str) -> list[Entry]:
    return [entry for entry in entries if entry.finding.verdict in verdicts]


def _title(results: Results) -> str:
    return results[0].name if len(results) == 1 else plural(len(results), "Docker host")


def _facts(results: Results) -> list[str]:
    engines = sorted({result.engine for result in results if result.engine})
    times = sorted({result.collected_at for result in results if result.collected_at})
    facts = [f"Docker {', '.join(engines)}"] if engines else []
    facts += [" to ".join(dict.fromkeys([_moment(times[0]), _moment(times[-1])]))] if times else []
    return [clean(fact) for fact in facts]


def _moment(timestamp: str) -> str:
    """``2026-11-21T21:00:00Z`` as people write it."""
    return timestamp.replace("T", " ").replace("Z", " UTC")


def _footer(results: Results) -> Html:
    tools = sorted({clean(result.tool) for result in results if result.tool}) or [TOOL]
    return tag(
        "footer", tag("p", f"Made by {', '.join(tools)} from what the hosts reported; nothing here was fetched.")
    )
