# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.rules import policy


def test_defaults_hold_when_nothing_is_given() -> None:
    assert policy.merged({}) == policy.POLICY


def test_given_values_win() -> None:
    assert policy.merged({"swarm": True, "allowed_host_ports": [80]}) == {
        **policy.POLICY,
        "swarm": True,
        "allowed_host_ports": [80],
    }


def test_defaults_are_valid_and_explained() -> None:
    assert policy.merged(policy.POLICY) == policy.POLICY
    assert [name for name, setting in policy.SETTINGS.items() if not setting.meaning.strip()] == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"swram": True}, "'swram' is not a setting; known: allowed_capabilities,"),
        ({"swarm": "yes"}, "swarm must be true or false, not 'yes'"),
        ({"max_restart_retries": True}, "max_restart_retries must be a number, not True"),
        ({"allowed_host_ports": 80}, "allowed_host_ports must be a list, not 80"),
        ({"allowed_host_ports": ["80"]}, "entries of allowed_host_ports must each be a number, not '80'"),
        ({"max_ulimits": {"nofile": "many"}}, "entries of max_ulimits must each be a number, not 'many'"),
        ({"declared_ports": {"web": "80"}}, "entries of declared_ports must each be a list, not '80'"),
        ({"logs_shipped_by": None}, "logs_shipped_by must be a text, not None"),
    ],
)
def test_wrong_policy_is_refused_by_name(given: dict[str, t.Any], said: str) -> None:
    with pytest.raises(policy.PolicyError) as raised:
        policy.merged(given)
    assert said in str(raised.value)
