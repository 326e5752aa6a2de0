# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What live-restore holds back: the default bridge takes its settings when the daemon starts and no container runs."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests.support import role

STRICT = {"docker_daemon_profile": "strict"}


def icc(host: t.Any) -> str:
    bridge = json.loads(host.check_output("docker network inspect bridge"))[0]
    return str(bridge["Options"]["com.docker.network.bridge.enable_icc"])


@pytest.fixture
def name(host: t.Any) -> str:
    host.run("systemctl reset-failed docker.service")
    return str(host.backend.get_hostname())


def reach(host: t.Any) -> bool:
    """Whether one container of the default bridge reaches another."""
    host.check_output("docker run --detach --name target tiny:1")
    address = host.check_output("docker inspect --format '{{.NetworkSettings.Networks.bridge.IPAddress}}' target")
    answered = host.run("docker run --rm tiny:1 ping -c 1 -W 2 %s", address).rc == 0
    host.check_output("docker rm --force target")
    return bool(answered)


def test_it_waits_while_a_container_runs(host: t.Any, name: str) -> None:
    run = role("docker_daemon", name, STRICT)
    assert (run.rc, run.changed) == (0, []), "pending, but no restart in vain"
    assert run.of("docker_daemon_config")["restart_pending"] is True
    assert icc(host) == "true"
    assert reach(host)


def test_the_role_brings_it_about_when_nothing_runs(host: t.Any, name: str) -> None:
    host.check_output("docker stop --time 1 survivor")
    run = role("docker_daemon", name, STRICT)
    result = run.of("docker_daemon_config")
    assert (run.rc, result["daemon_action"], result["restart_pending"]) == (0, "restart", False)
    assert icc(host) == "false"
    assert not reach(host)
    host.check_output("docker start survivor")


def test_and_then_all_is_quiet(host: t.Any, name: str) -> None:
    run = role("docker_daemon", name, STRICT)
    assert (run.rc, run.changed) == (0, [])
    assert run.of("docker_daemon_config")["restart_pending"] is False
