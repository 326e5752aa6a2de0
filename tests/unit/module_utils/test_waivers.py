# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waivers: what is a good one, what it covers, and what is said when it no longer does."""

from __future__ import annotations

import datetime
import json
import typing as t

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils import waivers
from ansible_collections.bulkhead.docker.plugins.module_utils.evaluate import UNREADABLE, Verdict, order
from ansible_collections.bulkhead.docker.plugins.module_utils.model import Rule, Subject
from ansible_collections.bulkhead.docker.plugins.module_utils.rules.catalogue import RULES
from ansible_collections.bulkhead.docker.plugins.module_utils.selection import SelectionError

UTC = datetime.timezone.utc
NOON = datetime.datetime(2026, 11, 22, 12, tzinfo=UTC)
WAIVER: dict[str, t.Any] = {
    "rule": "container-privileged",
    "hosts": ["web*"],
    "reason": "Needed until the new driver is in",
    "owner": "platform@example.com",
    "expires": "2026-12-31",
}
EXPIRED = {"expires": "2026-11-21"}
RULE = {rule.id: rule for rule in RULES}
HOST = Subject("daemon", "abc", "web1")


def grants(*changes: dict[str, t.Any], now: datetime.datetime = NOON, **terms: t.Any) -> list[waivers.Grant]:
    """Waivers like the one above but for these changes; a field changed to ``...`` is left out."""
    entries = [{k: v for k, v in {**WAIVER, **change}.items() if v is not ...} for change in changes]
    unwaivable, max_days = terms.get("unwaivable", []), terms.get("max_days", 365)
    return waivers.granted(entries, waivers.Terms(RULES, unwaivable, max_days, now))


def failing(
    name: str = "app", image: str = "acme/app:1", rule: str = "container-privileged", verdict: str = "fail"
) -> Verdict:
    document = {"inspect": {"Config": {"Image": image}}}
    return Verdict(RULE[rule], Subject("container", name, name, document), verdict, {"observed": [name]})


def on_daemon(rule: str = "daemon-icc") -> Verdict:
    return Verdict(RULE[rule], HOST, "fail", {"observed": True})


def outcome(
    found: list[Verdict], given: list[waivers.Grant], now: datetime.datetime = NOON, host: Subject = HOST
) -> list[Verdict]:
    return waivers.laid_over(found, given, host, now, set(RULE))


def of(rule: Rule, result: list[Verdict]) -> tuple[str, t.Any]:
    (verdict,) = [one for one in result if one.rule is rule]
    assert verdict.subject is HOST
    return verdict.verdict, verdict.evidence["observed"]


def test_a_waived_failure_keeps_its_evidence_and_carries_the_waiver() -> None:
    change = {"containers": ["app"], "ticket": "OPS-1", "compensating_control": "no network"}
    result = outcome([failing()], grants(change))
    (waived,) = [one for one in result if one.verdict == "waived"]
    assert waived.evidence == {"observed": ["app"]}
    assert waived.finding().waiver == {**WAIVER, **change, "images": []}
    assert json.loads(json.dumps(waived.finding().waiver)) == waived.finding().waiver
    assert (of(waivers.EXPIRED, result), of(waivers.UNUSED, result)) == (("pass", None), ("pass", None))


def test_without_waivers_nothing_is_touched_or_added() -> None:
    found = [failing(), failing("b")]
    assert outcome(found, []) == found


SCOPES: list[tuple[dict[str, t.Any], Verdict, bool]] = [
    ({}, failing(), True),
    ({"hosts": ["web1"]}, failing(), True),
    ({"hosts": ["WEB1"]}, failing(), False),
    ({"hosts": ["db*"]}, failing(), False),
    ({"hosts": ["db*", "*1"]}, failing(), True),
    ({"hosts": ..., "containers": ["a??"]}, failing(), True),
    ({"hosts": ..., "containers": ["b*"]}, failing(), False),
    ({"hosts": ..., "images": ["acme/*"]}, failing(), True),
    ({"hosts": ..., "images": ["acme/app"]}, failing(), False),
    ({"hosts": ..., "images": ["registry.example.com/*"]}, failing(), False),
    ({"containers": ["app"], "images": ["acme/*"]}, failing(), True),
    ({"containers": ["other"], "images": ["acme/*"]}, failing(), False),
    ({"hosts": ["db*"], "containers": ["app"]}, failing(), False),
    ({"rule": "container-*"}, failing(), True),
    ({"rule": "container-host-*"}, failing(), False),
    ({"rule": "daemon-icc"}, on_daemon(), True),
    ({"rule": "daemon-*"}, on_daemon(), True),
    ({"rule": "*"}, on_daemon(), True),
    ({"rule": "daemon-icc"}, failing(), False),
    ({"rule": "*", "containers": ["*"]}, on_daemon(), False),
    ({"rule": "*", "images": ["*"]}, on_daemon(), False),
    ({}, failing(verdict="unknown"), False),
    ({}, failing(verdict="error"), False),
    ({}, failing(verdict="pass"), False),
    ({}, failing(verdict="not_applicable"), False),
]


@pytest.mark.parametrize(("change", "found", "covered"), SCOPES)
def test_what_a_waiver_covers(change: dict[str, t.Any], found: Verdict, covered: bool) -> None:
    (judged,) = [one for one in outcome([found], grants(change)) if one.rule is found.rule]
    assert judged.verdict == ("waived" if covered else found.verdict)
    assert bool(judged.waiver) is covered


EAST, WEST = (datetime.timezone(datetime.timedelta(hours=hours)) for hours in (14, -12))


@pytest.mark.parametrize(
    ("now", "valid"),
    [
        (datetime.datetime(2026, 12, 31, 23, 59, 59, 999999, UTC), True),
        (datetime.datetime(2027, 1, 1, tzinfo=UTC), False),
        (datetime.datetime(2027, 1, 1, 13, 59, tzinfo=EAST), True),
        (datetime.datetime(2027, 1, 1, 14, tzinfo=EAST), False),
        (datetime.datetime(2026, 12, 31, 11, 59, tzinfo=WEST), True),
        (datetime.datetime(2026, 12, 31, 12, tzinfo=WEST), False),
    ],
)
def test_a_waiver_is_valid_to_the_end_of_its_day_in_utc(now: datetime.datetime, valid: bool) -> None:
    result = outcome([failing()], grants({}, now=now), now)
    assert result[0].verdict == ("waived" if valid else "fail")
    assert of(waivers.EXPIRED, result)[0] == ("pass" if valid else "fail")
    assert of(waivers.UNUSED, result)[0] == "pass"


def test_an_expired_waiver_is_named_once_for_all_that_it_covered() -> None:
    result = outcome([failing(), failing("b")], grants(EXPIRED))
    assert [one.verdict for one in result if one.rule.id == "container-privileged"] == ["fail", "fail"]
    verdict, ((named,)) = of(waivers.EXPIRED, result)
    assert (verdict, named["rule"], named["expires"], named["owner"]) == (
        "fail",
        "container-privileged",
        "2026-11-21",
        "platform@example.com",
    )
    assert result == sorted(result, key=order)
    assert (waivers.EXPIRED.severity, waivers.EXPIRED.lever, waivers.UNUSED.severity) == ("medium", "external", "info")


def test_an_expired_waiver_that_a_new_one_replaces_is_only_no_longer_needed() -> None:
    result = outcome([failing()], grants(EXPIRED, {}))
    assert [one.verdict for one in result if one.rule.id == "container-privileged"] == ["waived"]
    assert of(waivers.EXPIRED, result) == ("pass", None)
    assert [named["expires"] for named in of(waivers.UNUSED, result)[1]] == ["2026-11-21"]


@pytest.mark.parametrize(
    ("change", "found", "unused"),
    [
        ({}, [], True),
        ({}, [failing(verdict="pass")], True),
        ({"containers": ["other"]}, [failing()], True),
        (EXPIRED, [failing(verdict="pass")], True),
        ({}, [failing()], False),
        ({}, [failing(verdict="unknown")], False),
        ({"hosts": ["db*"]}, [], False),  # a waiver for another host is no waiver here
        (
            {"images": ["acme/*"]},
            [Verdict(UNREADABLE, Subject("container", "x", "x", error="hung"), "error", {})],
            False,
        ),
        (
            {"rule": "daemon-icc"},
            [Verdict(UNREADABLE, Subject("container", "x", "x", error="hung"), "error", {})],
            True,
        ),
    ],
)
def test_a_waiver_for_this_host_that_nothing_needs_is_named(
    change: dict[str, t.Any], found: list[Verdict], unused: bool
) -> None:
    result = outcome(found, grants(change))
    assert of(waivers.UNUSED, result)[0] == ("fail" if unused else "pass")
    assert of(waivers.EXPIRED, result)[0] == "pass"


def test_of_two_waivers_that_cover_the_same_the_first_counts_and_both_are_needed() -> None:
    result = outcome([failing()], grants({"reason": "first"}, {"reason": "second"}))
    assert [one.waiver["reason"] for one in result if one.waiver] == ["first"]
    assert of(waivers.UNUSED, result) == ("pass", None)


def test_nothing_is_said_of_a_waiver_whose_rule_did_not_run() -> None:
    result = waivers.laid_over([], grants({}), HOST, NOON, {"daemon-icc"})
    assert of(waivers.UNUSED, result) == ("pass", None)


MALFORMED: list[tuple[dict[str, t.Any], str]] = [
    ({"reason": ...}, "reason is missing; a waiver must have rule, reason, owner, expires"),
    ({"rule": ...}, "rule is missing"),
    ({"owner": None}, "owner is missing"),
    ({"expires": ...}, "expires is missing"),
    ({"hosts": ...}, "at least one of hosts, containers, images"),
    ({"until": "2026-12-31"}, "unknown field 'until'; a waiver has rule, reason, owner, expires"),
    ({"reason": " "}, "reason is empty; fill it in"),
    ({"ticket": ""}, "ticket is empty; fill it in or leave it out"),
    ({"ticket": 1207}, "ticket must be text, not 1207; put it in quotes"),
    ({"rule": 5}, "rule must be text"),
    ({"owner": ["a"]}, "owner must be text"),
    ({"hosts": "web1"}, r"hosts must be a list of names or patterns, such as \['web-\*'\], not 'web1'"),
    ({"hosts": []}, "hosts must be a list"),
    ({"containers": ["a", ""]}, r"containers\[1\] is empty"),
    ({"images": [7]}, r"images\[0\] must be text, not 7; put it in quotes"),
    (
        {"rule": "container-privilege"},
        "rule: no rule answers to 'container-privilege'; did you mean .*container-privileged,",
    ),
    ({"rule": "nothing-*"}, "no rule answers to 'nothing-"),
    ({"rule": "waiver-expired"}, "no rule answers to"),
    ({"rule": "severity:low"}, "must be a rule's id or a pattern of ids"),
    ({"rule": "daemon-icc", "containers": ["a"]}, "waived by hosts alone; leave out containers and images"),
    ({"expires": "2027-11-23"}, "more than 365 days ahead; choose 2027-11-22 at the latest"),
    ({"expires": "9999-12-31"}, "more than 365 days ahead"),
    *(
        ({"expires": value}, "expires must be a day, written YYYY-MM-DD such as 2026-01-05, not '")
        for value in (
            *("2026-1-5", "2026-02-30", "20261231", "2026-W52-1", "31.12.2026", "2026-12-31T00:00:00", "", "never"),
            *("२०२६-१२-३१", "2026-12-31\n", 20261231, True, datetime.datetime(2026, 12, 31, tzinfo=UTC)),
        )
    ),
]


@pytest.mark.parametrize(("change", "said"), MALFORMED)
def test_a_malformed_waiver_is_refused_by_name(change: dict[str, t.Any], said: str) -> None:
    named = "" if change.get("rule", "") in (..., 5) else r" \(.*\)"
    with pytest.raises((waivers.WaiverError, SelectionError), match=rf"^waivers\[1\]{named}: .*{said}"):
        grants({}, change)


@pytest.mark.parametrize("value", ["2026-12-31", datetime.date(2026, 12, 31)])
def test_a_day_may_come_as_text_or_as_yaml_makes_it(value: object) -> None:
    (grant,) = grants({"expires": value})
    assert grant.waiver.expires == datetime.date(2026, 12, 31)
    assert waivers.told(grant.waiver)["expires"] == "2026-12-31"


@pytest.mark.parametrize(("days", "last"), [(1, "2026-11-23"), (30, "2026-12-22"), (10**9, "9999-12-31")])
def test_the_last_day_is_counted_from_today(days: int, last: str) -> None:
    assert grants({"expires": last}, max_days=days)


def test_an_expired_waiver_is_no_mistake() -> None:
    assert grants({"expires": "0001-01-01"})


@pytest.mark.parametrize("days", [0, -1])
def test_a_waiver_may_be_for_a_day_at_least(days: int) -> None:
    with pytest.raises(waivers.WaiverError, match="waiver_max_days must be at least 1, not"):
        grants(max_days=days)


@pytest.mark.parametrize("selector", ["container-privileged", "container-p*", "severity:critical"])
def test_what_the_policy_makes_unwaivable_stays_a_failure(selector: str) -> None:
    with pytest.raises(waivers.WaiverError, match=r"waivers\[0\] \(container-privileged\): the policy \(unwaivable\)"):
        grants({}, unwaivable=[selector])
    others = [failing(), failing(rule="container-memory-limit")]
    result = outcome(others, grants({"rule": "container-*"}, unwaivable=[selector]))
    told = {one.rule.id: one.verdict for one in result}
    assert (told["container-privileged"], told["container-memory-limit"]) == ("fail", "waived")


def test_an_unwaivable_rule_that_does_not_exist_is_refused_even_without_waivers() -> None:
    with pytest.raises(SelectionError, match="policy: unwaivable: no rule answers to 'container-privilged'"):
        grants(unwaivable=["container-privilged"])
