# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The default bridge is made anew only when no container runs: only then does a wrong setting keep the daemon down."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests.support import play

FILE = "/etc/docker/daemon.json"
# the file, byte for byte, and what the running daemon made of it
STATE = (
    "sha256sum %s; stat --format '%%a %%U:%%G' %s; ls -A /etc/docker; ip -4 -brief address show docker0; "
    "docker network inspect bridge --format '{{(index .IPAM.Config 0).Subnet}}'"
)


@pytest.fixture
def quiet(host: t.Any) -> t.Iterator[None]:
    """No container runs on the host."""
    host.check_output("systemctl reset-failed docker.service docker.socket && docker stop --time 1 survivor")
    yield
    host.check_output("systemctl reset-failed docker.service docker.socket && docker start survivor")


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        # the address of the network itself, not of the bridge in it
        ({"bip": "10.99.0.0/24"}, "gateway (10.99.0.0): Address already in use"),
        ({"bip": "10.99.0.1/24", "default-gateway": "10.50.0.1"}, "belong to the master pool: 10.99.0.0/24"),
    ],
    ids=["network address", "gateway elsewhere"],
)
@pytest.mark.debian(13)
def test_a_bridge_that_validates_and_does_not_start(
    host: t.Any, quiet: None, config: dict[str, str], reason: str
) -> None:
    before = host.check_output(STATE, FILE, FILE)
    task = {"name": "Configure", "bulkhead.docker.docker_daemon_config": {"config": config, "restart": "always"}}
    run = play(str(host.backend.get_hostname()), [task])
    assert run.rc != 0
    assert reason in run.failure
    assert "The previous /etc/docker/daemon.json is back" in run.failure
    assert run.results[0]["journal"]
    assert host.check_output(STATE, FILE, FILE) == before
