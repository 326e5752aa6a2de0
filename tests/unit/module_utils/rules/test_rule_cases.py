# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every rule against its cases, and every recorded engine against all rules."""

from __future__ import annotations

import re
import typing as t

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.rules.catalogue import RULES
from ansible_collections.bulkhead.docker.tests import rulecases

CASES = rulecases.cases()
BY_ID = {rule.id: rule for rule in RULES}

#: What a hardened host cannot pass without more than a setting of its own.
OPEN = {
    *("daemon-rootless", "daemon-userns-remap", "daemon-authorization-plugin", "daemon-logs-off-host"),
    *("host-hardening", "host-engine-version", "host-containerd-version"),
}
OPEN_ON = {"20.10": {"host-runc-version"}, "26.1": {"host-runc-version"}, "28.5": set()}
#: What a lab host has not, or an engine not yet, or no longer.
ABSENT = {
    "container-apparmor",
    "container-selinux",
    "container-declared-ports",
    "container-host-cgroupns",
    "container-socket-proxy",
    "daemon-authorization-bypass",
    "daemon-base-device-size",
    "daemon-min-api-version",
    "daemon-proxy-sockets",
    "firewall-admin-networks",
    "firewall-egress",
    "host-containerd-filesystem",
    "host-kernel-version",
    "host-log-shipping",
    "host-log-shipping-tls",
    "watch-sysconfig",
    *(rule for rule in BY_ID if rule.startswith("host-selinux-")),
    *(rule for rule in BY_ID if re.match("file-(registry|sysconfig|tls)-", rule)),
    *(rule for rule in BY_ID if rule.startswith(("daemon-tls-", "daemon-rootless-"))),
}
ABSENT_ON = {
    "20.10": {"container-writable-cgroups", "daemon-raw-rules"},
    "26.1": {"container-writable-cgroups", "daemon-raw-rules", "daemon-storage-aufs", "daemon-storage-devicemapper"},
    "28.5": {"daemon-storage-aufs", "daemon-storage-devicemapper"},
}


@pytest.mark.parametrize(
    ("rule", "case"), [pytest.param(rule, case, id=f"{rule}: {case['name']}") for rule in CASES for case in CASES[rule]]
)
def test_case(rule: str, case: rulecases.Case) -> None:
    assert set(case) <= rulecases.WORDS, "a case with a word that means nothing"
    (finding,) = rulecases.judge(rulecases.facts(case), case.get("policy"), rule)
    assert finding.verdict == case["verdict"], finding.evidence
    if "observed" in case:
        assert finding.evidence["observed"] == case["observed"]


def test_each_rule_has_cases_and_each_case_a_rule() -> None:
    assert set(CASES) == set(BY_ID)


@pytest.mark.parametrize("rule", sorted(BY_ID))
def test_cases_of_a_rule_show_all_it_can_say(rule: str) -> None:
    verdicts = {case["verdict"] for case in CASES.get(rule, []) if not case.get("malformed")}
    can_be_elsewhere = BY_ID[rule].applies_when or BY_ID[rule].engine
    assert verdicts >= {"pass", "fail", *(["not_applicable"] if can_be_elsewhere else [])}
    assert any(case.get("malformed") for case in CASES.get(rule, []))


def test_the_benchmark_scripts_wrong_results_are_cases() -> None:
    """Controls of sections 1, 2, 3 and 5 (and 4.1) that docker-bench-security is known to judge wrongly."""
    names = " ".join(case["name"] for cases in CASES.values() for case in cases)
    known = "2.3 2.7 2.9 2.10 2.13 2.14 2.15 2.17 4.1 5.2 5.3 5.4 5.6 5.7 5.8 5.12 5.14 5.15 5.19 5.22 5.26 5.32"
    known += " 1.1.2 1.2.2 3.7 3.8 3.14 3.16"
    assert [number for number in known.split() if f"docker-bench {number}:" not in names] == []


@pytest.mark.parametrize("engine", rulecases.ENGINES)
def test_recorded_hardened_host(engine: str) -> None:
    verdicts = {finding.rule: finding.verdict for finding in rulecases.judge(rulecases.recorded(engine))}
    expected = dict.fromkeys(BY_ID, "pass")
    expected.update(dict.fromkeys(OPEN | OPEN_ON[engine], "fail"))
    expected.update(dict.fromkeys(ABSENT | ABSENT_ON[engine], "not_applicable"))
    assert verdicts == expected


#: Recordings of other kinds of host, and how they differ from the hardened one of the same engine.
OTHER_HOSTS: dict[str, dict[str, str]] = {
    "26.1-remapped": {"daemon-userns-remap": "pass", "daemon-default-ulimits": "fail"},
    "26.1-swarm": {"daemon-swarm": "fail", "daemon-live-restore": "not_applicable", "daemon-default-ulimits": "fail"},
    "26.1-rootless": {  # as its own installer leaves it, on cgroup v1 without any limits
        "daemon-rootless": "pass",
        "daemon-userns-remap": "pass",
        **dict.fromkeys(
            (
                "container-cpu-limit",
                "container-memory-limit",
                "daemon-default-ulimits",
                "daemon-icc",
                "daemon-iptables",
                "container-log-limits",
                "daemon-log-driver",
                "daemon-log-limits",
                "daemon-no-new-privileges",
            ),
            "fail",
        ),
        **dict.fromkeys(
            ("daemon-authorization-plugin", "daemon-live-restore", "daemon-userland-proxy"), "not_applicable"
        ),
        "host-data-filesystem": "fail",
        "host-data-mount-options": "not_applicable",
        "file-service-unit-mode": "fail",  # its user's mask was 002
        **dict.fromkeys(
            (f"file-{one}-{what}" for one in ("config", "socket-unit") for what in ("owner", "mode")), "not_applicable"
        ),
        "host-apparmor-default": "not_applicable",
        **{rule: "not_applicable" for rule in BY_ID if rule.startswith(("watch-", "firewall-")) and rule not in ABSENT},
        "host-engine-events": "unknown",  # who runs it may not read that
        **dict.fromkeys(("daemon-rootless-ids", "daemon-rootless-socket"), "unknown"),  # recorded before they were read
    },
}


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_recorded_host_of_another_kind(host: str) -> None:
    engine = host.partition("-")[0]
    hardened = {found.rule: found.verdict for found in rulecases.judge(rulecases.recorded(engine))}
    verdicts = {found.rule: found.verdict for found in rulecases.judge(rulecases.recorded(host))}
    assert {rule: verdicts[rule] for rule in verdicts if verdicts[rule] != hardened[rule]} == OTHER_HOSTS[host]


def test_root_in_a_remapped_or_rootless_container_is_not_root() -> None:
    for host, root in (("26.1-remapped", 100000), ("26.1-rootless", 1000)):
        raw = rulecases.recorded(host)
        raw["containers"][0]["process"]["uid"] = [root] * 4
        (finding,) = rulecases.judge(raw, None, "container-non-root")
        assert finding.verdict == "pass"


NONSENSE: tuple[t.Any, ...] = (None, "", "nonsense", 0, -1, True, [], {}, [None], {"": None})


def _paths(value: t.Any, path: tuple[t.Any, ...] = ()) -> t.Iterator[tuple[t.Any, ...]]:
    if path:
        yield path
    if isinstance(value, dict):
        for key in value:
            yield from _paths(value[key], (*path, key))


def _replaced(document: t.Any, path: tuple[t.Any, ...], value: t.Any) -> t.Any:
    if not path:
        return value
    return {**document, path[0]: _replaced(document[path[0]], path[1:], value)}


@pytest.mark.parametrize("engine", rulecases.ENGINES)
@pytest.mark.parametrize("part", ["inspect", "process", "secrets", "execs"])
def test_nonsense_about_a_container_is_no_error(engine: str, part: str) -> None:
    raw = rulecases.recorded(engine)
    container = raw["containers"][0]
    for path in ((), *_paths(container[part])):
        for value in NONSENSE:
            broken = {**container, part: _replaced(container[part], path, value)}
            findings = rulecases.judge({**raw, "containers": [broken]})
            assert [(path, value, found.rule, found.evidence) for found in findings if found.verdict == "error"] == []


@pytest.mark.parametrize("engine", rulecases.ENGINES)
@pytest.mark.parametrize("part", ["info", "version", "bridge", "daemon"])
def test_nonsense_about_the_daemon_is_no_error(engine: str, part: str) -> None:
    raw = rulecases.recorded(engine)
    for path in _paths(raw[part]):
        for value in NONSENSE:
            findings = rulecases.judge({**raw, part: _replaced(raw[part], path, value)})
            assert [(path, value, found.rule, found.evidence) for found in findings if found.verdict == "error"] == []


def test_nonsense_about_the_host_is_no_error() -> None:
    raw = {**rulecases.recorded("26.1"), "containers": []}
    rules = [rule.id for rule in RULES if rule.subject == "host"]
    for path in ((), *_paths(raw["host"])):
        for value in NONSENSE:
            findings = rulecases.judge({**raw, "host": _replaced(raw["host"], path, value)}, None, *rules)
            assert [(path, value, found.rule, found.evidence) for found in findings if found.verdict == "error"] == []
