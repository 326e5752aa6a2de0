# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rules run: the ``select`` and ``skip`` options.

A selector is one of::

    container-privileged   the rule of this id; ``container-*`` all that match
    subject:daemon         rules about this kind of subject
    severity:high          rules of this severity; ``severity:high+`` of it or worse
    cis:5.4                rules that map to this id in any version of the CIS benchmark; ``cis:5.*`` a whole section
    cis-1.8:2.7            the same in one version

A rule runs when any entry of ``select`` names it (an empty list names all) and no entry of ``skip`` does.
"""

from __future__ import annotations

import fnmatch
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.model import CIS_VERSIONS, KINDS, SEVERITIES, Rule

Matcher = t.Callable[[Rule], bool]


class SelectionError(ValueError):
    """A selector that cannot be meant: it has no meaning, or no rule answers to it."""


def chosen(rules: t.Sequence[Rule], select: t.Sequence[str], skip: t.Sequence[str]) -> list[Rule]:
    """The rules that run, in their order. Raises SelectionError."""
    wanted = [meant("select", selector, rules) for selector in select]
    unwanted = [meant("skip", selector, rules) for selector in skip]
    return [
        rule
        for rule in rules
        if (not wanted or any(match(rule) for match in wanted)) and not any(match(rule) for match in unwanted)
    ]


def meant(option: str, selector: str, rules: t.Sequence[Rule]) -> Matcher:
    """What a selector means among these rules. Raises SelectionError, naming the option."""
    try:
        match = matcher(selector)
    except SelectionError as error:
        raise SelectionError(f"{option}: {error}") from None
    if not any(match(rule) for rule in rules):
        raise SelectionError(f"{option}: no rule answers to {selector!r}{_near(selector, rules)}")
    return match


def matcher(selector: str) -> Matcher:
    """What a selector means."""
    word, colon, value = selector.partition(":")
    if not colon:
        return lambda rule: fnmatch.fnmatchcase(rule.id, selector)
    if word == "subject":
        _must_be(value, KINDS, selector)
        return lambda rule: rule.subject == value
    if word == "severity":
        return _by_severity(value, selector)
    versions = CIS_VERSIONS if word == "cis" else tuple(one for one in CIS_VERSIONS if word == f"cis-{one}")
    if not versions:
        known = ", ".join(("subject", "severity", "cis", *(f"cis-{one}" for one in CIS_VERSIONS)))
        raise SelectionError(f"{selector!r} begins with {word!r}; before the colon may stand {known}")
    return lambda rule: any(fnmatch.fnmatchcase(one, value) for name in versions for one in rule.cis.get(name, ()))


def _by_severity(value: str, selector: str) -> Matcher:
    name = value[:-1] if value.endswith("+") else value
    _must_be(name, SEVERITIES, selector)
    names = SEVERITIES[: SEVERITIES.index(name) + 1] if value.endswith("+") else (name,)
    return lambda rule: rule.severity in names


def _must_be(value: str, known: t.Sequence[str], selector: str) -> None:
    if value not in known:
        raise SelectionError(f"{selector!r} must end with one of {', '.join(known)}")


def _near(selector: str, rules: t.Sequence[Rule]) -> str:
    part = selector.strip("*").rpartition("-")[2]
    near = sorted(rule.id for rule in rules if part and part in rule.id)[:5]
    return f"; did you mean {', '.join(near)}?" if near else ""
