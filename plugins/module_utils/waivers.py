# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exceptions, from the ``waivers`` option: checked completely before anything is collected, then laid over verdicts.

Pure: what time it is comes from the caller.
"""

from __future__ import annotations

import dataclasses
import datetime
import fnmatch
import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils import selection
from ansible_collections.bulkhead.docker.plugins.module_utils.evaluate import UNREADABLE, Verdict, order
from ansible_collections.bulkhead.docker.plugins.module_utils.model import Rule, Subject, Waiver
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_shape import text

SCOPES = ("hosts", "containers", "images")
_REQUIRED = ("rule", "reason", "owner", "expires")
_FIELDS = tuple(field.name for field in dataclasses.fields(Waiver))
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)

EXPIRED = Rule(
    id="waiver-expired",
    subject="daemon",
    title="No waiver that a failure relies on has expired",
    threat="A risk that was accepted for a time is still there, and nobody answers for it any more.",
    severity="medium",
    offenders="`true`",
    expected="each waiver renewed, or its failure mended, by the day it expires",
    source="the option waivers",
    remedy="Mend what it covered, or have the risk accepted anew with a later `expires`; then delete the old waiver.",
    lever="external",
)
UNUSED = Rule(
    id="waiver-unused",
    subject="daemon",
    title="Every waiver covers a failure",
    threat="A waiver that nothing needs would hide the failure without a word when it comes back.",
    severity="info",
    offenders="`true`",
    expected="only waivers that cover a failure",
    source="the option waivers",
    remedy="Delete it, or correct its rule and scope.",
    lever="external",
)
#: Judged on every host for which there are waivers.
RULES: t.Final = (EXPIRED, UNUSED)


class WaiverError(ValueError):
    """A waiver that must not count: which one, what is wrong with it, and how to mend it."""


class Grant(t.NamedTuple):
    """A waiver, and the rules that it covers."""

    waiver: Waiver
    rules: frozenset[str]  # ids
    kinds: frozenset[str]  # of their subjects


class Terms(t.NamedTuple):
    """What a waiver must keep to."""

    rules: t.Sequence[Rule]  # all there are
    unwaivable: t.Sequence[str]  # selectors of rules
    max_days: int
    now: datetime.datetime  # with a time zone


def granted(entries: t.Sequence[t.Mapping[str, t.Any]], terms: Terms) -> list[Grant]:
    """The waivers that these entries spell. Raises WaiverError and SelectionError."""
    if terms.max_days < 1:
        raise WaiverError(f"waiver_max_days must be at least 1, not {terms.max_days}")
    never = [selection.meant("policy: unwaivable", selector, terms.rules) for selector in terms.unwaivable]
    grants = []
    for number, entry in enumerate(entries):
        where = f"waivers[{number}]" + (f" ({entry['rule']})" if isinstance(entry.get("rule"), str) else "")
        waiver = _waiver({name: value for name, value in entry.items() if value is not None}, where)
        _check_expiry(waiver.expires, terms, where)
        covered = _covered(waiver, terms.rules, never, where)
        grants.append(
            Grant(waiver, frozenset(rule.id for rule in covered), frozenset(rule.subject for rule in covered))
        )
    return grants


def _waiver(entry: dict[str, t.Any], where: str) -> Waiver:
    unknown = sorted(set(entry) - set(_FIELDS))
    if unknown:
        raise WaiverError(f"{where}: unknown field {unknown[0]!r}; a waiver has {', '.join(_FIELDS)}")
    missing = [name for name in _REQUIRED if name not in entry]
    if missing:
        raise WaiverError(f"{where}: {missing[0]} is missing; a waiver must have {', '.join(_REQUIRED)} and a scope")
    if not any(name in entry for name in SCOPES):
        raise WaiverError(
            f"{where}: say where it holds, with at least one of {', '.join(SCOPES)} (`hosts: ['*']`: all)"
        )
    return Waiver(**{name: _CHECKS[name](name, value, where) for name, value in entry.items()})


def _text(name: str, value: t.Any, where: str) -> str:
    if not isinstance(value, str):
        raise WaiverError(f"{where}: {name} must be text, not {value!r}; put it in quotes")
    if not value.strip():
        raise WaiverError(f"{where}: {name} is empty; fill it in{'' if name in _REQUIRED else ' or leave it out'}")
    return value


def _globs(name: str, value: t.Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise WaiverError(f"{where}: {name} must be a list of names or patterns, such as ['web-*'], not {value!r}")
    return tuple(_text(f"{name}[{number}]", one, where) for number, one in enumerate(value))


def _day(name: str, value: t.Any, where: str) -> datetime.date:
    """The day, as text or as what YAML makes of it unquoted; a time of day would be of no use, so it is a mistake."""
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return datetime.date.fromisoformat(value)
    except ValueError:  # such as 2026-02-30
        pass
    raise WaiverError(f"{where}: {name} must be a day, written YYYY-MM-DD such as 2026-01-05, not {str(value)!r}")


_CHECKS: t.Final[t.Mapping[str, t.Callable[[str, t.Any, str], t.Any]]] = {
    **dict.fromkeys(_FIELDS, _text),
    **dict.fromkeys(SCOPES, _globs),
    "expires": _day,
}


def _day_of(now: datetime.datetime) -> datetime.date:
    """The day in UTC: a waiver ends at the same moment on every host."""
    return now.astimezone(datetime.timezone.utc).date()


def _check_expiry(expires: datetime.date, terms: Terms, where: str) -> None:
    today = _day_of(terms.now)
    if (expires - today).days > terms.max_days:
        last = today + datetime.timedelta(days=terms.max_days)
        raise WaiverError(
            f"{where}: expires {expires} is more than {terms.max_days} days ahead;"
            f" choose {last} at the latest, and renew it then, or raise waiver_max_days"
        )


def _covered(waiver: Waiver, rules: t.Sequence[Rule], never: t.Sequence[selection.Matcher], where: str) -> list[Rule]:
    if ":" in waiver.rule:
        raise WaiverError(f"{where}: rule must be a rule's id or a pattern of ids such as 'container-*'")
    named = list(filter(selection.meant(f"{where}: rule", waiver.rule, rules), rules))
    if (waiver.containers or waiver.images) and all(rule.subject != "container" for rule in named):
        raise WaiverError(
            f"{where}: a rule about the {named[0].subject} is waived by hosts alone; leave out containers and images"
        )
    waivable = [rule for rule in named if not any(match(rule) for match in never)]
    if not waivable:
        raise WaiverError(
            f"{where}: the policy (unwaivable) lets nobody waive it; mend what fails and delete the waiver"
        )
    return waivable


def laid_over(
    found: t.Sequence[Verdict], grants: t.Sequence[Grant], host: Subject, now: datetime.datetime, ran: t.Container[str]
) -> list[Verdict]:
    """The verdicts with what is waived marked so, and verdicts on the waivers; ``ran`` holds the rules that did."""
    if not grants:
        return list(found)
    ledger = _Ledger([grant for grant in grants if _fits(host.name, grant.waiver.hosts)], _day_of(now))
    judged = [ledger.entered(verdict) for verdict in found]
    return sorted([*judged, *ledger.closed(host, ran)], key=order)


class _Ledger:
    """What became of each waiver of one host."""

    def __init__(self, grants: t.Sequence[Grant], today: datetime.date) -> None:
        self._grants = grants
        self._today = today
        self._needed: set[Grant] = set()  # it waives a failure, or may: what it covers could not be judged
        self._lapsed: set[Grant] = set()  # it would waive a failure, had it not expired

    def entered(self, verdict: Verdict) -> Verdict:
        """The verdict, waived when it is a failure that a valid waiver covers."""
        if verdict.verdict not in ("fail", "error", "unknown"):
            return verdict
        covering = [grant for grant in self._grants if _covers(grant, verdict)]
        valid = [grant for grant in covering if grant.waiver.expires >= self._today]
        if verdict.verdict != "fail":
            self._needed.update(covering)
        elif valid:
            self._needed.update(valid)
            return verdict._replace(verdict="waived", waiver=told(valid[0].waiver))
        else:
            self._lapsed.update(covering)
        return verdict

    def closed(self, host: Subject, ran: t.Container[str]) -> list[Verdict]:
        """What is to be said of the waivers themselves; nothing of those whose rules did not run."""
        asked = [grant for grant in self._grants if any(rule in ran for rule in grant.rules)]
        lapsed = [grant for grant in asked if grant in self._lapsed]
        idle = [grant for grant in asked if grant not in self._lapsed | self._needed]
        return [_on_waivers(rule, host, those) for rule, those in ((EXPIRED, lapsed), (UNUSED, idle))]


def _on_waivers(rule: Rule, host: Subject, grants: t.Sequence[Grant]) -> Verdict:
    offenders = [{name: value for name, value in told(grant.waiver).items() if value} for grant in grants]
    evidence = {"observed": offenders or None, "expected": rule.expected, "source": rule.source}
    return Verdict(rule, host, "fail" if offenders else "pass", evidence)


def _covers(grant: Grant, verdict: Verdict) -> bool:
    waiver, subject = grant.waiver, verdict.subject
    unreadable = verdict.rule is UNREADABLE and subject.kind in grant.kinds
    if verdict.rule.id not in grant.rules and not unreadable:
        return False
    if subject.kind != "container":
        return not waiver.containers and not waiver.images
    image = text(subject.document, "inspect", "Config", "Image")
    return _fits(subject.name, waiver.containers) and (unreadable or _fits(image, waiver.images))


def _fits(name: str, globs: t.Sequence[str]) -> bool:
    return not globs or any(fnmatch.fnmatchcase(name, glob) for glob in globs)


def told(waiver: Waiver) -> dict[str, t.Any]:
    """A waiver in plain JSON; what it does not say is null, or an empty list."""
    fields = {**vars(waiver), "expires": waiver.expires.isoformat()}
    return {name: list(value) if isinstance(value, tuple) else value or None for name, value in fields.items()}
