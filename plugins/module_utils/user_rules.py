# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site's own rules, from the ``rules`` option: checked completely before anything is collected."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils import jmes, versions
from ansible_collections.bulkhead.docker.plugins.module_utils.model import (
    CIS_VERSIONS,
    KINDS,
    LEVERS,
    SEVERITIES,
    Rule,
)

_ID = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)+")
_FIELDS = {field.name: field for field in dataclasses.fields(Rule)}
_REQUIRED = [
    name
    for name, field in _FIELDS.items()
    if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
]
_CHOICES = {"subject": KINDS, "severity": SEVERITIES, "lever": LEVERS}


class RuleError(ValueError):
    """A rule that must not run: which one, which field, what is wrong with it."""


def user_rules(entries: t.Sequence[t.Mapping[str, t.Any]], taken: t.Iterable[str]) -> list[Rule]:
    """Rules from their YAML form; ``taken`` are the ids of the built-in ones. Raises RuleError."""
    known = set(taken)
    rules = []
    for number, entry in enumerate(entries):
        where = f"rules[{number}]" + (f" ({entry['id']})" if isinstance(entry.get("id"), str) else "")
        rule = _rule({name: value for name, value in entry.items() if value is not None}, where)
        if rule.id in known:
            raise RuleError(f"{where}: the id is taken by another rule; choose your own, such as 'site-{rule.id}'")
        known.add(rule.id)
        rules.append(rule)
    return rules


def _rule(entry: dict[str, t.Any], where: str) -> Rule:
    unknown = sorted(set(entry) - set(_FIELDS))
    if unknown:
        raise RuleError(f"{where}: unknown field {unknown[0]!r}; a rule has {', '.join(_FIELDS)}")
    missing = [name for name in _REQUIRED if name not in entry]
    if missing:
        raise RuleError(f"{where}: {missing[0]} is missing")
    needs, cis = entry.pop("needs", []), _cis(entry.pop("cis", {}), where)
    if not isinstance(needs, list):
        raise RuleError(f"{where}: needs must be a list of expressions")
    _check_texts({**entry, **{f"needs[{at}]": need for at, need in enumerate(needs)}}, where)
    expressions = [("offenders", entry["offenders"]), ("applies_when", entry.get("applies_when", ""))]
    for name, expression in [*expressions, *(("needs", need) for need in needs)]:
        _check_expression(name, expression, where)
    return Rule(needs=tuple(needs), cis=cis, **entry)


def _check_texts(entry: t.Mapping[str, t.Any], where: str) -> None:
    for name, value in entry.items():
        if not isinstance(value, str):
            raise RuleError(f"{where}: {name} must be text, not {value!r}")
        if not value and name in _REQUIRED:
            raise RuleError(f"{where}: {name} is empty")
        if name in _CHOICES and value not in _CHOICES[name]:
            raise RuleError(f"{where}: {name} must be one of {', '.join(_CHOICES[name])}, not {value!r}")
    if not _ID.fullmatch(entry["id"]):
        raise RuleError(f"{where}: id must be two or more words in small letters joined by '-', not {entry['id']!r}")
    try:
        versions.bounds(entry.get("engine", ""))
    except ValueError as error:
        raise RuleError(f"{where}: engine: {error}") from error


def _check_expression(name: str, expression: str, where: str) -> None:
    try:
        if expression or name == "needs":
            jmes.compiled(expression)
    except jmes.InvalidExpressionError as error:
        raise RuleError(f"{where}: {name}: {error}") from error


def _cis(value: t.Any, where: str) -> dict[str, tuple[str, ...]]:
    good = isinstance(value, dict) and all(
        version in CIS_VERSIONS and isinstance(ids, list) and all(isinstance(one, str) for one in ids)
        for version, ids in value.items()
    )
    if not good:
        raise RuleError(f"{where}: cis must map a version ({', '.join(CIS_VERSIONS)}) to a list of quoted ids")
    return {version: tuple(ids) for version, ids in value.items()}
