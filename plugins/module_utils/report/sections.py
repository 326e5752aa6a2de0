# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The findings part of the HTML report: entries, and groups of them."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.model import SEVERITIES, TOOL, Finding
from ansible_collections.bulkhead.docker.plugins.module_utils.report.entries import Entry, Group, Seen
from ansible_collections.bulkhead.docker.plugins.module_utils.report.markup import Html, Node, tag
from ansible_collections.bulkhead.docker.plugins.module_utils.report.text import clean, plural, readable

_SHOWN = 8  # subjects, and observations, shown before the rest folds away
_PROSE = 2000

#: (title, what that means) of a lever; {these} becomes "this" or "these".
_LEVERS = {
    "host": ("Mend on {these} by hand", "No role of this collection sets these."),
    "recreate": (
        "Recreate containers",
        "A container keeps the settings it was created with: change its compose file or run options, then recreate it.",
    ),
    "rebuild": ("Rebuild images", "These belong to the image: change its build, then redeploy."),
    "external": ("Outside {these}", "These depend on something that Ansible cannot set up on the host alone."),
}

#: The members of a waiver in the order to read them; the entry names its rule already, unless by a pattern.
_WAIVER = {
    "reason": "Reason",
    "compensating_control": "Meanwhile",
    "owner": "Owner",
    "expires": "Until",
    "ticket": "Ticket",
    "rule": "Waives",
    "hosts": "On hosts",
    "containers": "Containers",
    "images": "Images",
}


def group_title(group: Group, fleet: bool) -> str:
    """What to do, in a heading."""
    these = "these hosts" if fleet else "this host"
    if group.role:
        return f"Mend on {these} with Ansible: role {clean(group.role)}"
    return _LEVERS[group.lever][0].format(these=these)


def severity_counts(group: Group) -> str:
    """``2 critical, 1 high``."""
    counts = [(group.count(severity), severity) for severity in SEVERITIES]
    return ", ".join(f"{count:,} {severity}" for count, severity in counts if count)


def group_section(group: Group, number: int, fleet: bool) -> Html:
    """One thing to do, with all that it mends."""
    return tag(
        "section",
        tag("h2", tag("span", f"{number}", class_="step", aria_hidden="true"), group_title(group, fleet)),
        _how_to(group),
        [entry_article(entry) for entry in group.entries],
        class_="group",
        id=f"to-do-{number}",
    )


def entry_article(entry: Entry) -> Html:
    """One rule that wants attention, in full."""
    finding = entry.finding
    return tag(
        "article",
        tag("h3", _badge(finding), " ", wanted(finding)),
        tag("p", prose(finding.threat), class_="threat") if finding.threat else None,
        _facts(entry),
        _references(entry),
        class_=f"entry {finding.severity}",
        id=entry.anchor,
    )


def folded_section(title: str, lead: str, entries: t.Sequence[Entry], anchor: str) -> Html | None:
    """Rules that need no work, folded to a line each."""
    if not entries:
        return None
    number = sum(len(entry.sightings) for entry in entries)
    summary = tag("summary", tag("h2", title), " ", tag("span", f"{number:,}", class_="count"))
    rows = [tag("li", prose(entry.finding.title), " ", _folded_subjects(entry), id=entry.anchor) for entry in entries]
    return tag(
        "details", summary, tag("p", lead, class_="lead"), tag("ul", rows, class_="plain"), class_="fold", id=anchor
    )


def wanted(finding: Finding) -> Node:
    """The title of a rule says what it wants: beside a failure it must not read as if that were so."""
    return [tag("span", "Not met: ", class_="not") if finding.verdict == "fail" else None, prose(finding.title)]


def prose(text: str) -> Node:
    """Text of a rule; what stands between backquotes is code."""
    parts = re.split(r"`([^`]+)`", clean(text, limit=_PROSE, keep="\n"))
    return [tag("code", part) if index % 2 else part for index, part in enumerate(parts)]


def subjects_list(subjects: t.Sequence[str]) -> Node:
    """Names, the first few at once and the rest folded."""
    names = [tag("bdi", clean(subject)) for subject in subjects]
    shown = _joined(names[:_SHOWN])
    if len(names) <= _SHOWN:
        return shown
    return [
        shown,
        tag("details", tag("summary", f"and {len(names) - _SHOWN:,} more"), _joined(names[_SHOWN:]), class_="more"),
    ]


def _joined(names: t.Sequence[Html]) -> Node:
    return [[", " if index else None, name] for index, name in enumerate(names)]


def _how_to(group: Group) -> Node:
    collection, _dot, role = (group.role or "").rpartition(".")
    if not role:
        return tag("p", _LEVERS[group.lever][1], class_="lead")
    if collection not in ("", TOOL):
        return None
    command = f"ansible-playbook {TOOL}.harden -i hosts.yml --tags {clean(role)} --check --diff"
    lead = tag(
        "p",
        ("Look first at what would change; without ", tag("code", "--check"), " it is done. "),
        "How far the role goes depends on its options; the remedies name them.",
        class_="lead",
    )
    return [lead, tag("pre", tag("code", command), class_="command")]


def _badge(finding: Finding) -> Html:
    word = finding.severity if finding.verdict in ("fail", "waived") else finding.verdict
    return tag("span", word.replace("_", " "), class_=f"badge {finding.severity} {finding.verdict}")


def _facts(entry: Entry) -> Html:
    evidence, waiver = entry.finding.evidence, entry.finding.waiver
    named = entry.seen[0].subjects != (entry.finding.subject["kind"],)  # "daemon" alone says nothing
    facts = [
        ("Found", tag("ul", _observations(entry.seen, named), class_="seen")),
        ("Expected", prose(readable(evidence["expected"])) if "expected" in evidence else None),
        ("Read from", prose(readable(evidence["source"])) if "source" in evidence else None),
        *(_waived(waiver) if waiver else ()),
        ("Remedy", tag("div", prose(entry.finding.remedy), class_="remedy") if entry.finding.remedy else None),
    ]
    return tag("dl", [[tag("dt", name), tag("dd", value)] for name, value in facts if value])


def _waived(waiver: t.Mapping[str, t.Any]) -> list[tuple[str, Html]]:
    """Why it is left so, who answers for that and until when, then where; whatever else the waiver says comes last."""
    words = {**_WAIVER, **{name: clean(str(name)) for name in waiver if name not in _WAIVER}}
    said = [(words[name], readable(waiver[name])) for name in words if waiver.get(name)]
    return [(name, tag("span", tag("bdi", value), class_="lines")) for name, value in said]


def _observations(seen: t.Sequence[Seen], named: bool) -> Node:
    rows = [_observation(one, named) for one in seen]
    if len(rows) <= _SHOWN:
        return rows
    folded = tag("summary", f"and {len(rows) - _SHOWN:,} more")
    return [rows[:_SHOWN], tag("li", tag("details", folded, tag("ul", rows[_SHOWN:], class_="seen"), class_="more"))]


def _observation(seen: Seen, named: bool) -> Html:
    count = f" ({plural(len(seen.subjects), 'subject')})" if len(seen.subjects) > _SHOWN else ""
    return tag(
        "li",
        tag("span", subjects_list(seen.subjects), count, class_="who") if named else None,
        tag("span", "new", class_="new") if seen.new else None,
        tag("bdi", seen.observed, class_="observed") if seen.observed else None,
    )


def _folded_subjects(entry: Entry) -> Html:
    subjects = [subject for seen in entry.seen for subject in seen.subjects]
    reasons = list(
        dict.fromkeys(str(s.finding.evidence["reason"]) for s in entry.sightings if s.finding.evidence.get("reason"))
    )
    why = f" ({clean('; '.join(reasons), limit=_PROSE)})" if reasons else None
    return tag("span", subjects_list(subjects), why, class_="who")


def _references(entry: Entry) -> Html:
    finding = entry.finding
    cis = [f"CIS {clean(version)}: {clean(', '.join(ids))}" for version, ids in sorted(finding.cis.items()) if ids]
    link = tag("a", clean(finding.rule), href=f"#{entry.anchor}")
    return tag("p", link, [[" · ", text] for text in cis], class_="references")
