# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules and subjects in, findings out: no I/O, no clock, the same answer for the same input."""

from __future__ import annotations

import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils import jmes, versions
from ansible_collections.bulkhead.docker.plugins.module_utils.model import SEVERITIES, Finding, Rule, Subject

Document = t.Mapping[str, t.Any]
Judgement = tuple[str, t.Mapping[str, t.Any]]  # verdict and evidence

#: Stands for all the rules that could not look at a subject: what cannot be read is one error, not one for each rule.
UNREADABLE = Rule(
    id="subject-unreadable",
    subject="",
    title="The audit can read everything it has to judge",
    threat="What cannot be read cannot be judged: a container that does not answer hides whatever it does.",
    severity="high",
    offenders="`true`",
    expected="an answer within the timeout",
    source="Docker Engine API",
    remedy="See why the engine does not answer (`docker inspect`); restart or remove it, or raise `timeout`.",
    lever="host",
)


class Verdict(t.NamedTuple):
    """A finding before it is written out: of thousands, most are only counted."""

    rule: Rule
    subject: Subject
    verdict: str
    evidence: t.Mapping[str, t.Any]
    waiver: t.Mapping[str, t.Any] | None = None

    def finding(self) -> Finding:
        rule, subject = self.rule, self.subject
        return Finding(
            rule=rule.id,
            subject={"kind": subject.kind, "id": subject.id, "name": subject.name},
            verdict=self.verdict,
            severity=rule.severity,
            title=rule.title,
            threat=rule.threat,
            remedy=rule.remedy,
            lever=rule.lever,
            role=rule.role,
            evidence=self.evidence,
            cis=rule.cis,
            waiver=self.waiver,
        )


def evaluate(rules: t.Sequence[Rule], subjects: t.Iterable[Subject], engine: str) -> list[Finding]:
    """Every rule on every subject of its kind, written out."""
    return [verdict.finding() for verdict in verdicts(rules, subjects, engine)]


def verdicts(rules: t.Sequence[Rule], subjects: t.Iterable[Subject], engine: str) -> list[Verdict]:
    """Every rule on every subject of its kind, worst severity first, then by rule and subject."""
    judges = [_Judge(rule, engine) for rule in rules]
    found = []
    for subject in subjects:
        fitting = [judge for judge in judges if judge.rule.subject == subject.kind]
        if subject.error and fitting:
            found.append(Verdict(UNREADABLE, subject, "error", {"reason": subject.error}))
        else:
            found.extend(Verdict(judge.rule, subject, *judge(subject.document)) for judge in fitting)
    return sorted(found, key=order)


def order(found: Verdict) -> tuple[int, str, str, str]:
    """Worst severity first, then by rule and subject."""
    return SEVERITIES.index(found.rule.severity), found.rule.id, found.subject.name, found.subject.id


class _Judge:
    """One rule, its expressions compiled, ready for many subjects."""

    def __init__(self, rule: Rule, engine: str) -> None:
        self.rule = rule
        self._outside = _outside(rule.engine, engine)
        self._applies = jmes.compiled(rule.applies_when) if rule.applies_when else None
        self._needs = [(need, jmes.compiled(need)) for need in rule.needs]
        self._offenders = jmes.compiled(rule.offenders)

    def __call__(self, document: Document) -> Judgement:
        if self._outside:
            return self._outside
        try:
            return self._judge(document)
        except jmes.EvaluationError as error:
            return "error", {"reason": f"unexpected data: {error}"}

    def _judge(self, document: Document) -> Judgement:
        rule = self.rule
        if self._applies and not truthy(self._applies(document)):
            return "not_applicable", {"reason": rule.unless or f"does not apply: {rule.applies_when}"}
        missing = [need for need, value in self._needs if value(document) is None]
        if missing:
            return "unknown", {"reason": f"could not be read: {', '.join(missing)}"}
        observed = self._offenders(document)
        failed = truthy(observed)
        evidence = {"observed": observed if failed else None, "expected": rule.expected, "source": rule.source}
        return ("fail" if failed else "pass"), evidence


def _outside(wanted: str, engine: str) -> Judgement | None:
    """The verdict that the engine's version alone decides, if it does."""
    if not wanted:
        return None
    version = versions.parse(engine)
    if version is None:
        return "unknown", {"reason": f"the engine's version is unknown, the rule is about {wanted}"}
    if versions.within(version, wanted):
        return None
    return "not_applicable", {"reason": f"engine {engine} is outside {wanted}"}


def truthy(value: t.Any) -> bool:
    """As JMESPath sees it: null, false and what is empty are not, zero is."""
    return value is not None and value is not False and value not in ("", [], {})
