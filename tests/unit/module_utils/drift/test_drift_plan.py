# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which roles mend which drift, and why the rest is left."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.bulkhead.docker.plugins.filter.drift_failures import drift_failures
from ansible_collections.bulkhead.docker.plugins.filter.drift_plan import drift_plan
from ansible_collections.bulkhead.docker.plugins.module_utils.drift.plan import ROLES
from ansible_collections.bulkhead.docker.plugins.module_utils.model import SEVERITIES

ROOT = Path(__file__).resolve().parents[4]


def entry(
    path: str, severity: str = "high", lever: str = "host", role: str | None = "docker_daemon"
) -> dict[str, t.Any]:
    return {"path": path, "severity": severity, "lever": lever, "role": role, "kind": "changed"}


def drift(*entries: dict[str, t.Any]) -> dict[str, t.Any]:
    return {"entries": list(entries)}


def test_the_order_is_that_of_the_playbook() -> None:
    (play,) = yaml.safe_load((ROOT / "playbooks" / "harden.yml").read_text())
    assert [f"bulkhead.docker.{role}" for role in ROLES] == [one["role"] for one in play["roles"]]


@pytest.mark.parametrize(
    ("name", "left_out"),
    [("docker_drift_remediate_roles", set()), ("docker_drift_schedule_remediate_roles", {"docker_tls"})],
)
def test_the_role_knows_the_same_roles(name: str, left_out: set[str]) -> None:
    defaults = yaml.safe_load((ROOT / "roles" / "docker_drift" / "defaults" / "main.yml").read_text())
    assert defaults[name] == [role for role in ROLES if role not in left_out]
    variables = yaml.safe_load((ROOT / "roles" / "docker_drift" / "vars" / "main.yml").read_text())
    assert variables["__docker_drift_roles"] == list(ROLES)


def test_roles_run_once_each_in_their_order() -> None:
    found = drift(entry("a", role="docker_firewall"), entry("b"), entry("c"), entry("d", role="docker_host"))
    plan = drift_plan(found, list(SEVERITIES), list(ROLES))
    assert plan["roles"] == ["docker_host", "docker_daemon", "docker_firewall"]
    assert plan["mend"] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (entry("x", lever="recreate", role=None), "recreate the container, or approve it"),
        (entry("x", lever="rebuild", role=None), "rebuild the image"),
        (entry("x", lever="external"), "mend it where it comes from, outside of this host"),
        (entry("x", role=None), "mend it by hand: no role does"),
        (entry("x", role="docker_audit"), "mend it by hand: no role does"),
        (entry("x", role="docker_drift"), "run the playbook bulkhead.docker.drift_schedule"),
        (entry("x", severity="low"), "docker_drift_remediate_severities leaves low out"),
        (entry("x", role="docker_tls"), "docker_drift_remediate_roles leaves docker_tls out"),
    ],
)
def test_what_is_left_says_why(one: dict[str, t.Any], why: str) -> None:
    plan = drift_plan(drift(one), ["critical", "high"], ["docker_daemon"])
    left = [{"path": "x", "severity": one["severity"], "why": why}]
    assert plan == {"roles": [], "mend": [], "settings": {}, "left": left}


@pytest.mark.parametrize(
    ("attempts", "why"),
    [
        (0, "run role docker_daemon"),
        (1, "still there after 1 attempt of role docker_daemon"),
        (2, "still there after 2 attempts of role docker_daemon"),
    ],
)
def test_what_a_role_did_not_mend_says_so(attempts: int, why: str) -> None:
    plan = drift_plan(drift(entry("x")), ["high"], ["docker_daemon"], attempts)
    assert plan["left"] == [{"path": "x", "severity": "high", "why": why}]


def test_keys_that_no_variable_names_are_put_back_after_an_attempt() -> None:
    found = drift(
        entry("daemon.configured.icc"), entry('daemon.configured."no-new-privileges"'), entry("daemon.info.x")
    )
    approved = {"state": {"daemon": {"configured": {"icc": False}}}}
    assert drift_plan(found, ["high"], ["docker_daemon"], 0, approved)["settings"] == {}
    put_back = {"icc": False, "no-new-privileges": None}
    assert drift_plan(found, ["high"], ["docker_daemon"], 1, approved)["settings"] == put_back


@pytest.mark.parametrize(
    ("mildest", "paths"), [("critical", ["b"]), ("high", ["b", "a"]), ("info", ["b", "a", "c"]), ("none", [])]
)
def test_bad_enough(mildest: str, paths: list[str]) -> None:
    found = drift(entry("a"), entry("b", "critical"), entry("c", "info"))
    assert [one["path"] for one in drift_failures(found, mildest)] == paths


@pytest.mark.parametrize("value", [None, [], {}, {"entries": None}, "text"])
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(AnsibleFilterError, match="this is no drift document"):
        drift_plan(value, ["high"], ["docker_daemon"])
    with pytest.raises(AnsibleFilterError, match="this is no drift document"):
        drift_failures(value)
    with pytest.raises(AnsibleFilterError, match="at_least must be one of"):
        drift_failures(drift(), "worst")
