# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw facts to documents: what rules take for granted."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils import subjects_confinement as confinement
from ansible_collections.bulkhead.docker.plugins.module_utils import subjects_daemon as daemon
from ansible_collections.bulkhead.docker.plugins.module_utils import subjects_exposure as exposure
from ansible_collections.bulkhead.docker.plugins.module_utils import subjects_shape as shape
from ansible_collections.bulkhead.docker.plugins.module_utils import subjects_tls as tls
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.facts import Facts
from ansible_collections.bulkhead.docker.plugins.module_utils.evaluate import evaluate
from ansible_collections.bulkhead.docker.plugins.module_utils.rules.catalogue import RULES
from ansible_collections.bulkhead.docker.plugins.module_utils.rules.policy import POLICY
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects import subjects
from ansible_collections.bulkhead.docker.tests import rulecases


def facts(**changes: t.Any) -> Facts:
    return Facts(**{**rulecases.recorded("26.1"), **changes})


def test_subjects_are_the_host_the_daemon_and_its_containers() -> None:
    found = subjects(facts(), POLICY)
    assert [(subject.kind, subject.name) for subject in found] == [
        ("host", "host"),
        ("daemon", "host"),
        ("container", "good"),
    ]
    assert all(subject.id for subject in found)


def test_only_the_kinds_asked_for() -> None:
    assert [subject.kind for subject in subjects(facts(), POLICY, ["container"])] == ["container"]
    assert [subject.kind for subject in subjects(facts(), POLICY, ["daemon"])] == ["daemon"]


def test_container_that_does_not_answer_is_one_error() -> None:
    hung = {"id": "abc", "name": "hung", "inspect": None, "error": "no answer within 5 s", "process": None}
    (subject,) = subjects(facts(containers=[hung]), POLICY, ["container"])
    (finding,) = evaluate(RULES, [subject], "26.1.5")
    assert (finding.verdict, finding.subject["name"], finding.evidence) == (
        "error",
        "hung",
        {"reason": "no answer within 5 s"},
    )


def test_the_order_in_which_the_engine_lists_mounts_does_not_matter() -> None:
    """It comes from a hash table, another one each time."""
    entries = [{"Type": "bind", "Source": f"/srv/{name}", "Destination": f"/{name}", "RW": True} for name in "abc"]

    def documents(mounts: list[dict[str, t.Any]]) -> list[t.Any]:
        (container,) = facts().containers
        listed = {**container, "inspect": {**container["inspect"], "Mounts": mounts}}
        return [subject.document["mounts"] for subject in subjects(facts(containers=[listed]), POLICY, ["container"])]

    assert documents(entries) == documents(entries[::-1])
    assert len(documents(entries)[0]) == 3


def test_documents_leave_the_facts_alone() -> None:
    raw = facts()
    subjects(raw, POLICY)
    assert raw == facts()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/var/run/docker.sock", "/run/docker.sock"),
        ("/var/run", "/run"),
        ("/var/runner", "/var/runner"),
        ("//etc/../etc//ssh/", "/etc/ssh"),
        ("/", "/"),
        ("", ""),
    ],
)
def test_paths_are_normalised(path: str, expected: str) -> None:
    assert exposure.normalised(path) == expected


@pytest.mark.parametrize(
    ("user", "root"),
    [
        ("", True),
        ("root", True),
        ("0", True),
        ("00:5", True),
        (":5", True),
        ("app", False),
        ("1000:0", False),
        ("rooty", False),
    ],
)
def test_root_by_configuration(user: str, root: bool) -> None:
    assert confinement.is_root(user) is root


@pytest.mark.parametrize(
    ("name", "expected"), [("net_admin", "CAP_NET_ADMIN"), ("CAP_CHOWN", "CAP_CHOWN"), ("all", "ALL")]
)
def test_capabilities_have_one_spelling(name: str, expected: str) -> None:
    assert confinement.capability(name) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [("[::1]:80", ("::1", 80)), ("127.0.0.1:80", ("127.0.0.1", 80)), (":80", ("", 80)), ("nonsense", ("", None))],
)
def test_addresses_are_split(address: str, expected: tuple[str, int | None]) -> None:
    assert tls.split_address(address) == expected


@pytest.mark.parametrize(
    "address", ["127.0.0.0/8", "::1/128", "localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000"]
)
def test_loopback_registries_are_no_risk(address: str) -> None:
    info = {"RegistryConfig": {"InsecureRegistryCIDRs": [address]}}
    assert daemon.daemon_document(facts(info=info), POLICY)["insecure_registries"] == []


@pytest.mark.parametrize(
    "address", ["0.0.0.0/0", "registry.example", "10.0.0.1:5000", "localhost.example:5000", "::/0"]
)
def test_other_registries_are(address: str) -> None:
    info = {"RegistryConfig": {"InsecureRegistryCIDRs": [address]}}
    assert daemon.daemon_document(facts(info=info), POLICY)["insecure_registries"] == [address]


def test_settings_name_their_source() -> None:
    effective = daemon.daemon_document(facts(), POLICY)["effective"]
    assert effective["icc"] == {"value": False, "source": "network bridge: enable_icc"}
    assert effective["userland-proxy"] == {"value": False, "source": "/etc/docker/daemon.json"}
    assert effective["hosts"] == {"value": ["fd://"], "source": "dockerd flag"}
    assert effective["log-level"] == {"value": "info", "source": "default"}


def test_flags_win_over_the_file() -> None:
    changed = rulecases.facts({"flags": {"log-level": "warn"}, "config": {"log-level": "error"}})
    effective = daemon.daemon_document(Facts(**changed), POLICY)["effective"]
    assert effective["log-level"] == {"value": "warn", "source": "dockerd flag"}


@pytest.mark.parametrize(
    ("value", "expected"), [(7, 7), ("8", 8), (True, None), ("eight", None), (None, None), (1.5, None)]
)
def test_numbers(value: t.Any, expected: int | None) -> None:
    assert shape.number(value) == expected
