# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site's own rules are checked before anything is collected."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils import user_rules

RULE = {
    "id": "site-registry",
    "subject": "container",
    "title": "Images come from our registry",
    "threat": "Others are not scanned.",
    "severity": "medium",
    "offenders": "inspect.Config.Image",
    "expected": "ours",
    "source": "docker inspect",
    "remedy": "push it",
    "lever": "recreate",
}


def test_a_rule_in_its_yaml_form() -> None:
    more = {"needs": ["inspect"], "cis": {"1.6": ["5.1"]}, "engine": ">=20.10", "unless": None}
    [rule] = user_rules.user_rules([{**RULE, **more}], ["daemon-icc"])
    assert (rule.id, rule.needs, rule.cis, rule.engine, rule.unless) == (
        "site-registry",
        ("inspect",),
        {"1.6": ("5.1",)},
        ">=20.10",
        "",
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"serverity": "low"}, r"rules\[0\] \(site-registry\): unknown field 'serverity'; a rule has id, subject"),
        ({"severity": "bad"}, "severity must be one of critical, high, medium, low, info, not 'bad'"),
        ({"subject": "image"}, "subject must be one of"),
        ({"lever": "x"}, "lever must be one of"),
        ({"remedy": None}, "remedy is missing"),
        ({"title": ""}, "title is empty"),
        ({"title": 5}, "title must be text, not 5"),
        ({"id": "Registry"}, "two or more words in small letters"),
        ({"id": "daemon-icc"}, "taken by another rule; choose your own, such as 'site-daemon-icc'"),
        ({"offenders": "a..b"}, "offenders: .*at position 2: 'a..b'"),
        ({"applies_when": "nope(@)"}, r"applies_when: unknown function nope\(\)"),
        ({"needs": ["a["]}, "needs: .*at position 2"),
        ({"needs": [""]}, "needs: .*cannot be empty"),
        ({"needs": "a"}, "needs must be a list"),
        ({"engine": "20"}, "engine: '20' is not a version range"),
        ({"cis": {"1.5": ["5.1"]}}, r"cis must map a version \(1.6, 1.8\)"),
        ({"cis": {"1.6": [5.1]}}, "quoted ids"),
    ],
)
def test_a_bad_rule_is_refused_by_name(changes: dict[str, t.Any], said: str) -> None:
    with pytest.raises(user_rules.RuleError, match=said):
        user_rules.user_rules([{**RULE, **changes}], ["daemon-icc"])


def test_two_rules_may_not_share_an_id() -> None:
    with pytest.raises(user_rules.RuleError, match=r"rules\[1\] .*taken"):
        user_rules.user_rules([RULE, RULE], [])
