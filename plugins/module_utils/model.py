# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values that travel through an audit, and the words they may use.

Data flows one way: collect (I/O) -> subjects (pure: raw facts to documents) -> evaluate (pure) -> result document.
"""

from __future__ import annotations

import dataclasses
import datetime
import typing as t

SCHEMA = 1
TOOL = "bulkhead.docker"
VERSION = "0.4.0"

#: Worst first: the order of every report.
SEVERITIES = ("critical", "high", "medium", "low", "info")

#: ``unknown``: what the rule needs could not be read (no root, no tool). ``error``: reading it failed (it hung).
VERDICTS = ("fail", "error", "unknown", "waived", "pass", "not_applicable")

#: What moves the subject to a pass: Ansible on this host, who deploys the container, the image's build, the world.
LEVERS = ("host", "recreate", "rebuild", "external")

#: Kinds of subject that rules can look at.
KINDS = ("host", "daemon", "container")

#: Versions of the CIS Docker Benchmark that rules map to; ids only, never its text.
CIS_VERSIONS = ("1.6", "1.8")


@dataclasses.dataclass(frozen=True)
class Rule:
    """One check, as data.

    The expressions are JMESPath over the subject document. ``offenders`` says both that and why a subject fails: any
    value that is not null, false or empty is the failure and becomes ``evidence.observed``.
    """

    id: str  # stable, never reused
    subject: str  # one of KINDS
    title: str  # states the wanted condition
    threat: str  # what an attacker gains when it does not hold
    severity: str  # one of SEVERITIES
    offenders: str
    expected: str  # the wanted value, in words
    source: str  # where the observed value is read
    remedy: str
    lever: str  # one of LEVERS
    applies_when: str = ""  # falsy: not_applicable; empty: always applies
    unless: str = ""  # why it does not apply, in words, for the evidence
    needs: tuple[str, ...] = ()  # paths that must not be null, else unknown
    engine: str = ""  # engine versions it applies to, such as ">=20.10,<29"
    role: str | None = None  # the role of this collection that mends it
    cis: t.Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Subject:
    """What a rule judges: its identity, and the document its expressions read; ``error`` says why there is none."""

    kind: str
    id: str
    name: str
    document: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    error: str = ""


@dataclasses.dataclass(frozen=True)
class Waiver:
    """A failure that someone answers for: of which rule, where, why, and until when. Scopes are globs; empty: any."""

    rule: str  # id, or a glob of ids
    reason: str
    owner: str
    expires: datetime.date  # valid to the end of this day in UTC
    hosts: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    ticket: str = ""
    compensating_control: str = ""


@dataclasses.dataclass(frozen=True)
class Finding:
    """One rule's verdict on one subject; ``dataclasses.asdict`` of it is an entry of ``audit.findings``."""

    rule: str
    subject: t.Mapping[str, str]  # kind, id, name
    verdict: str
    severity: str
    title: str
    threat: str
    remedy: str
    lever: str
    role: str | None
    evidence: t.Mapping[str, t.Any]  # observed, expected, source; or reason, when there is nothing observed
    cis: t.Mapping[str, tuple[str, ...]]
    waiver: t.Mapping[str, t.Any] | None = None
