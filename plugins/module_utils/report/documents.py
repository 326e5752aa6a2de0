# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading result documents: what a filter was given, checked and turned into plain, typed values."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.model import (
    LEVERS,
    SCHEMA,
    SEVERITIES,
    VERDICTS,
    Finding,
)


class DocumentError(ValueError):
    """The input is not what ``docker_audit`` returns; the message says where and what was expected."""


@dataclasses.dataclass(frozen=True)
class Sighting:
    """A finding, and the host it was made on."""

    host: str
    finding: Finding

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What stays the same from run to run: a recreated container has a new id but keeps its name."""
        subject = self.finding.subject
        return (self.host, self.finding.rule, subject.get("kind", ""), subject.get("name") or subject.get("id", ""))


@dataclasses.dataclass(frozen=True)
class HostResult:
    """One host's result document, or the reason why there is none."""

    name: str
    sightings: tuple[Sighting, ...] = ()
    counts: t.Mapping[str, int] = dataclasses.field(default_factory=dict)
    engine: str = ""
    tool: str = ""
    collected_at: str = ""
    reason: str = ""  # why there is no result; empty when there is one


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_text_or_null(value: object) -> bool:
    return value is None or isinstance(value, str)


def _is_mapping(value: object) -> bool:
    return isinstance(value, dict)


def _is_mapping_or_null(value: object) -> bool:
    return value is None or isinstance(value, dict)


def _is_subject(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in ("kind", "id", "name"))


def _is_cis(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(ids, list) and all(isinstance(item, str) for item in ids) for ids in value.values()
    )


def _one_of(words: tuple[str, ...]) -> tuple[t.Callable[[object], bool], str]:
    return lambda value: value in words, f"one of {', '.join(words)}"


_TEXT = (_is_text, "text")
#: What each member of a finding must be; a unit test compares the names with the model.
_FIELDS: dict[str, tuple[t.Callable[[object], bool], str]] = {
    "rule": _TEXT,
    "subject": (_is_subject, "a mapping of kind, id and name to text"),
    "verdict": _one_of(VERDICTS),
    "severity": _one_of(SEVERITIES),
    "title": _TEXT,
    "threat": _TEXT,
    "remedy": _TEXT,
    "lever": _one_of(LEVERS),
    "role": (_is_text_or_null, "text or null"),
    "evidence": (_is_mapping, "a mapping"),
    "cis": (_is_cis, "a mapping of benchmark version to a list of ids"),
    "waiver": (_is_mapping_or_null, "a mapping or null"),
}


def read_results(value: object, unreachable: object = None) -> tuple[HostResult, ...]:
    """One document, a list of documents or a mapping of host name to document, ordered by host name.

    ``unreachable`` names the hosts without a result: a list of names, or a mapping of name to reason.
    """
    results = [_result(document, where, name) for where, name, document in _documents(plain(value))]
    results += [HostResult(name, reason=reason) for name, reason in _missing(plain(unreachable))]
    names = [result.name for result in results]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DocumentError(f"more than one result for {', '.join(twice)}; give a mapping of host name to document")
    return tuple(sorted(results, key=lambda result: result.name))


def plain(value: object, where: str = "input") -> t.Any:
    """A copy in plain JSON types: templating hands filters tagged strings and lazy containers."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return "".join(value)
    if isinstance(value, c.Mapping):
        return {plain(str(key)): plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, c.Sequence) and not isinstance(value, (bytes, bytearray)):
        return [plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    raise DocumentError(f"{where} is neither text, number, list nor mapping")


def failures(results: c.Iterable[HostResult], at_least: str = SEVERITIES[-1]) -> list[Sighting]:
    """What fails at this severity or worse, the worst first."""
    worst = SEVERITIES.index(at_least)
    found = [
        sighting
        for result in results
        for sighting in result.sightings
        if sighting.finding.verdict == "fail" and SEVERITIES.index(sighting.finding.severity) <= worst
    ]
    return sorted(found, key=lambda sighting: (SEVERITIES.index(sighting.finding.severity), sighting.key))


def _documents(value: t.Any) -> list[tuple[str, str, t.Any]]:
    """(where, host name if known, document) of each document in the input."""
    if isinstance(value, list):
        return [(f"input[{index}]", "", document) for index, document in enumerate(value)]
    if isinstance(value, dict) and not {"schema", "findings", "audit"} & set(value):
        return [(f"input.{name}", name, document) for name, document in value.items()]
    if isinstance(value, dict):
        return [("input", "", value)]
    raise DocumentError("the input must be a result document, a list of them or a mapping of host name to document")


def _missing(value: t.Any) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [(name, str(reason)) for name, reason in value.items()]
    if value is None or (isinstance(value, list) and all(isinstance(name, str) for name in value)):
        return [(name, "no result") for name in value or ()]
    raise DocumentError("unreachable must be a list of host names or a mapping of host name to reason")


def _result(document: t.Any, where: str, name: str) -> HostResult:
    if not isinstance(document, dict) or not isinstance(document.get("findings"), list):
        hint = "; pass its member audit" if isinstance(document, dict) and "audit" in document else ""
        raise DocumentError(f"{where} is not a result document of docker_audit{hint}")
    if document.get("schema") != SCHEMA:
        raise DocumentError(f"{where}.schema is {document.get('schema')!r}; this version reads schema {SCHEMA}")
    name = name or str(_mapping(document, "host", where).get("name") or "this host")
    tool = _mapping(document, "tool", where)
    findings = [_finding(raw, f"{where}.findings[{index}]") for index, raw in enumerate(document["findings"])]
    return HostResult(
        name=name,
        sightings=tuple(Sighting(name, finding) for finding in findings),
        counts=_counts(document, where),
        engine=str(_mapping(document, "engine", where).get("version") or ""),
        tool=" ".join(str(tool[key]) for key in ("name", "version") if tool.get(key)),
        collected_at=str(document.get("collected_at") or ""),
    )


def _mapping(document: dict[str, t.Any], key: str, where: str) -> dict[str, t.Any]:
    value = document.get(key) or {}
    if not isinstance(value, dict):
        raise DocumentError(f"{where}.{key} must be a mapping")
    return value


def _counts(document: dict[str, t.Any], where: str) -> dict[str, int]:
    counts = _mapping(document, "counts", where)
    wrong = [key for key, value in counts.items() if not isinstance(value, int)]
    if wrong:
        raise DocumentError(f"{where}.counts.{wrong[0]} must be a number")
    return {verdict: counts.get(verdict, 0) for verdict in VERDICTS}


def _finding(raw: t.Any, where: str) -> Finding:
    if not isinstance(raw, dict):
        raise DocumentError(f"{where} must be a mapping")
    for name, (good, wanted) in _FIELDS.items():
        if not good(raw.get(name)):
            raise DocumentError(f"{where}.{name} must be {wanted}")
    return Finding(**{name: raw.get(name) for name in _FIELDS})  # type: ignore[arg-type]  # each was checked above
