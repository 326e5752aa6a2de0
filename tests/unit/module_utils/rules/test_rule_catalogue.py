# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules as a whole: nothing twice, nothing missing, nothing that cannot work."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
import yaml
from ansible_collections.bulkhead.docker.plugins.module_utils import daemon_keys, jmes, versions
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.facts import Facts
from ansible_collections.bulkhead.docker.plugins.module_utils.model import CIS_VERSIONS, KINDS, LEVERS, SEVERITIES, Rule
from ansible_collections.bulkhead.docker.plugins.module_utils.rules.catalogue import RULES
from ansible_collections.bulkhead.docker.plugins.module_utils.rules.policy import POLICY, SETTINGS
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects import subjects
from ansible_collections.bulkhead.docker.tests import rulecases

ROOT = Path(__file__).resolve().parents[4]
EXPRESSIONS = [
    pytest.param(text, id=f"{rule.id}: {text}")
    for rule in RULES
    for text in (rule.offenders, rule.applies_when, *rule.needs)
    if text
]


def test_ids_are_unique_and_say_their_subject() -> None:
    ids = [rule.id for rule in RULES]
    assert len(ids) == len(set(ids))
    words = {"host": "(host|file|access|watch|firewall)"}
    assert [
        rule.id for rule in RULES if not re.fullmatch(rf"{words.get(rule.subject, rule.subject)}(-[a-z0-9]+)+", rule.id)
    ] == []


@pytest.mark.parametrize(("version", "daemon"), [("1.6", 18), ("1.8", 19)])
def test_every_control_of_sections_2_and_5_has_a_rule(version: str, daemon: int) -> None:
    mapped = {control for rule in RULES for control in rule.cis.get(version, ())}
    wanted = {f"2.{number}" for number in range(1, daemon + 1)} | {f"5.{number}" for number in range(1, 33)}
    assert {control for control in mapped if control[:2] in ("2.", "5.")} == wanted


def test_section_2_was_renumbered_from_2_7_on() -> None:
    for rule in (rule for rule in RULES if any(control.startswith("2.") for control in rule.cis.get("1.6", ()))):
        (older,), (newer,) = rule.cis["1.6"], rule.cis["1.8"]
        number = int(older.partition(".")[2])
        assert newer == f"2.{number + (number >= 7)}", rule.id


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_uses_the_words_there_are(rule: Rule) -> None:
    assert (rule.subject in KINDS, rule.severity in SEVERITIES, rule.lever in LEVERS) == (True, True, True)
    assert set(rule.cis) <= set(CIS_VERSIONS)
    assert versions.bounds(rule.engine) is not None
    assert bool(rule.applies_when) == bool(rule.unless)
    assert rule.needs, "without its data a rule must say unknown"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_speaks_to_people(rule: Rule) -> None:
    for text in (rule.title, rule.threat, rule.expected, rule.source, rule.remedy):
        assert text and text == text.strip() and "  " not in text
    assert rule.threat.endswith(".") and rule.remedy.endswith(".") and not rule.title.endswith(".")
    assert len(rule.title) <= 80
    assert not re.match(r"(?i)ensure\b", rule.title), "say what is wanted, in our own words"


@pytest.mark.parametrize("rule", [rule for rule in RULES if "role " in rule.remedy.lower()], ids=lambda rule: rule.id)
def test_role_of_a_remedy_exists_and_sets_keys_that_exist(rule: Rule) -> None:
    assert (ROOT / "roles" / "docker_daemon").is_dir()
    for settings in re.findall(r"docker_daemon_config: {(.*?)}`", rule.remedy):
        for key in re.findall(r"(?:^|, )([a-z0-9-]+):", re.sub(r"{.*}", "", settings)):
            assert key in daemon_keys.KEYS, key


@pytest.mark.parametrize("rule", [rule for rule in RULES if "docker_daemon_" in rule.remedy], ids=lambda rule: rule.id)
def test_options_of_a_remedy_exist_and_its_profile_sets_the_same(rule: Rule) -> None:
    role = ROOT / "roles" / "docker_daemon"
    options = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    assert set(re.findall(r"docker_daemon_\w+", rule.remedy)) <= set(options)
    for profile, settings in re.findall(
        r"docker_daemon_profile: (\w+)`, or `docker_daemon_config: ({.*?})`", rule.remedy
    ):
        held = yaml.safe_load((role / "vars" / "main.yml").read_text())["__docker_daemon_profiles"][profile]
        wanted = yaml.safe_load(settings)
        assert {key: held.get(key, "not set") for key in wanted} == wanted


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.role], ids=lambda rule: rule.id)
def test_mending_role_is_named_in_the_remedy(rule: Rule) -> None:
    assert rule.role and rule.role in rule.remedy
    assert rule.lever == "host"


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expression_compiles(expression: str) -> None:
    jmes.compiled(expression)


@pytest.mark.parametrize("expression", ["!a.b", "x && !a.b.c", "!(a.b).c", "[?!a.b]", "!a[?b]", '!"a"."b" || c'])
def test_negation_of_something_else_than_it_seems_is_refused(expression: str) -> None:
    """A rule with ``!a.b``, which JMESPath reads as ``(!a).b``, would never fail."""
    with pytest.raises(jmes.InvalidExpressionError, match=r"write !\(a\.b\)"):
        jmes.compiled(expression)


@pytest.mark.parametrize("expression", ["!(a.b)", "!a && b.c", "[?!a]", "!lower(a)", "!(a.b || c.d)", "!a == b.c"])
def test_negation_that_is_what_it_seems_compiles(expression: str) -> None:
    jmes.compiled(expression)


def test_every_policy_setting_is_used() -> None:
    code = "".join(path.read_text() for path in (ROOT / "plugins" / "module_utils").glob("subjects*.py"))
    code += (ROOT / "plugins" / "modules" / "docker_audit.py").read_text()
    code += " ".join(f"{rule.offenders} {rule.applies_when}" for rule in RULES)
    assert [name for name in SETTINGS if name not in code] == []


GENERATOR = runpy.run_path(str(ROOT / "tools" / "control-catalogue"))


def test_fields_are_those_of_the_documents() -> None:
    found = subjects(Facts(**rulecases.recorded("28.5")), POLICY)
    assert {subject.kind: set(subject.document) for subject in found} == {
        kind: set(fields) for kind, fields in GENERATOR["FIELDS"].items()
    }


def test_catalogue_is_current() -> None:
    assert (ROOT / "docs" / "controls.md").read_text() == GENERATOR["catalogue"](), "run tools/control-catalogue"
