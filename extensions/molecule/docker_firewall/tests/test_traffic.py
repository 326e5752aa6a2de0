# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of probes, before the role and after it: traffic, not rules. Data in probes.yml."""

from __future__ import annotations

import typing as t

import pytest
import world
from ansible_collections.bulkhead.docker.tests.support import Run


class Seen(t.NamedTuple):
    before: dict[str, bool]
    after: dict[str, bool]
    foreign: tuple[dict[str, str], dict[str, str]]
    check: Run
    touched: bool
    again: list[str]
    notes: list[str]


@pytest.fixture(scope="module")
def name(host: t.Any) -> str:
    return str(host.backend.get_hostname())


@pytest.fixture(scope="module")
def seen(name: str) -> Seen:
    before, foreign = world.look(name), world.foreign(name)
    check = world.apply(name, "--check", "--diff")
    touched = world.foreign(name) != foreign or bool(world.ours(name) + world.files(name))
    first = world.apply(name)
    again = world.apply(name)
    notes = next(result["msg"] for result in first.results if result["task"].endswith("not covered"))
    return Seen(before, world.look(name), (foreign, world.foreign(name)), check, touched, again.changed, notes)


def wanted(value: t.Any, family: str, name: str) -> bool:
    """What the table says for this version of IP and this engine."""
    if isinstance(value, dict) and family in value:
        value = value[family]
    if isinstance(value, dict):
        engine = {"12": 20, "13": 26, "14": 28}[name[-2:]]
        value = value.get(engine, value.get("else"))
    assert isinstance(value, bool)
    return value


@pytest.mark.parametrize(("probe", "family"), world.PROBES, ids=[world.title(*probe) for probe in world.PROBES])
def test_probe(seen: Seen, name: str, probe: dict[str, t.Any], family: str) -> None:
    title = world.title(probe, family)
    expected = [wanted(probe[when], family, name) for when in ("before", "after")]
    assert [seen.before[title], seen.after[title]] == expected, probe.get("why", title)


def test_the_table_is_worth_its_name() -> None:
    titles = [world.title(*probe) for probe in world.PROBES]
    assert len(set(titles)) == len(titles) >= 60
    assert sum(probe["after"] is False for probe, _family in world.PROBES) >= 30


def test_check_mode_says_it_in_words_and_in_rules_and_touches_nothing(seen: Seen) -> None:
    shown = {part["after_header"]: part["after"] for part in seen.check.of("docker_firewall")["diff"]}
    assert set(shown) == {"firewall, in words", "iptables", "ip6tables"}
    assert "published 8080/tcp open to 10.99.0.10/32\n" in shown["firewall, in words"]
    assert "-I DOCKER-USER -j BULKHEAD-FORWARD\n" in shown["iptables"]
    assert "-d fd00:ec2::254/128 " in shown["ip6tables"]
    assert seen.check.changed and not seen.touched


def test_dockers_rules_are_what_they_were(seen: Seen) -> None:
    before, after = seen.foreign
    assert after == before


def test_a_second_run_changes_nothing(seen: Seen) -> None:
    assert seen.again == []


def test_who_is_not_covered_is_said(seen: Seen) -> None:
    assert seen.notes == ["container hostly is not covered: it is in the host's network"]
