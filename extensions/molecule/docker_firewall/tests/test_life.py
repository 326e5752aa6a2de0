# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of the rules: flushed, restarted, beside other firewalls, booted, taken away. On one engine."""

from __future__ import annotations

import re
import subprocess
import time
import typing as t

import pytest
import world

UNIT = "bulkhead-docker-firewall"


@pytest.fixture(scope="module")
def name(host: t.Any) -> str:
    """A host that has the policy."""
    found = str(host.backend.get_hostname())
    world.apply(found)
    return found


def sorted_foreign(name: str) -> list[str]:
    """Docker writes its rules in another order when it starts again."""
    return sorted(line for text in world.saved(name).values() for line in text.splitlines() if "BULKHEAD-" not in line)


def shape(name: str) -> list[str]:
    """Our rules without addresses of containers, which they get anew at a boot."""
    return sorted(re.sub(r"-s (10\.|fd)\S+", "-s CONTAINER", line) for line in world.ours(name))


@pytest.mark.parametrize(
    "flush",
    [
        "systemctl restart docker",
        "printf 'table inet other { }\\n' >/tmp/other.nft; nft -f /tmp/other.nft",
        "iptables -D DOCKER-USER -j BULKHEAD-FORWARD; iptables -F BULKHEAD-FORWARD; ip6tables -F BULKHEAD-EGRESS",
        "iptables-save | grep -v BULKHEAD | iptables-restore",
    ],
    ids=["docker", "nft-file", "flushed", "restored-without"],
)
def test_they_outlive(name: str, flush: str) -> None:
    rules, foreign = world.ours(name), sorted_foreign(name)
    world.inside(name, ["sh", "-c", f"systemctl reset-failed docker; {flush}"])
    world.until(lambda: world.ours(name), rules)
    world.until(lambda: sorted_foreign(name), foreign)


@pytest.mark.parametrize(
    ("start", "reload", "stop"),
    [
        ("systemctl start firewalld", "firewall-cmd --reload", "systemctl stop firewalld"),
        ("ufw --force enable", "ufw reload", "ufw disable"),
        ("systemctl start nftables", "systemctl reload nftables", "nft flush ruleset"),
    ],
    ids=["firewalld", "ufw", "nftables-with-flush"],
)
def test_other_firewalls_take_nothing_away(name: str, start: str, reload: str, stop: str) -> None:
    """Each flushes more or less of what is there; what is denied stays so. Docker's own rules need its restart.

    By traffic: with live-restore Docker makes DOCKER-USER again only with the next network, and ours go without it.
    """
    for command in (start, reload, stop):
        world.inside(name, ["sh", "-c", command])
        world.until(lambda: world.reopened(name), [])
    world.inside(name, ["sh", "-c", "systemctl reset-failed docker; systemctl restart docker"])
    world.until(lambda: world.leaks(name), [], 90)


def test_an_engine_that_was_stopped_stays_so(name: str) -> None:
    """Its socket would start it for whoever asks. The rules stay, too."""
    rules = world.ours(name)
    world.inside(name, ["systemctl", "stop", "docker.service"])
    world.inside(name, ["bulkhead-docker-firewall", "apply"])
    time.sleep(7)  # longer than the watch waits until it asks again
    state = "systemctl is-active docker.service; true"
    assert world.inside(name, ["sh", "-c", state]).strip() == "inactive"
    assert world.ours(name) == rules
    world.inside(name, ["sh", "-c", "systemctl reset-failed docker; systemctl start docker"])
    world.until(lambda: world.ours(name), rules)


def test_a_new_network_of_that_name_is_closed_at_once(name: str) -> None:
    """Containers of a network that is made anew have another bridge."""
    world.inside(name, ["sh", "-c", "docker network disconnect strict strict && docker network rm strict"])
    number = name[-2:]
    world.inside(name, ["docker", "network", "create", "--subnet", f"10.{number}.2.0/24",
                        "--ipv6", "--subnet", f"fd{number}:2::/64", "strict"])  # fmt: skip
    world.inside(name, ["docker", "network", "connect", "strict", "strict"])
    world.until(lambda: world.leaks(name), [], 90)


def test_they_are_there_after_a_boot(name: str) -> None:
    rules = shape(name)
    subprocess.run(["docker", "restart", name], check=True, capture_output=True)
    # it can be asked again some seconds later
    state = ["docker", "exec", name, "docker", "inspect", "--format", "{{.State.Status}}", "web"]
    world.until(lambda: subprocess.run(state, capture_output=True, check=False).stdout, b"running\n")
    world.until(lambda: shape(name), rules)
    journal = world.inside(name, ["journalctl", "--boot", "--output=short-monotonic", "--unit=bulkhead-docker-firewall",
                                  "--unit=docker", "--grep=Finished|Started|Starting"])  # fmt: skip
    order = [line.split("systemd[1]: ")[-1] for line in journal.splitlines()]
    finished = next(number for number, line in enumerate(order) if "Finished bulkhead-docker-firewall.service" in line)
    assert finished < next(number for number, line in enumerate(order) if "Starting docker.service" in line)


def test_the_nftables_rendering_does_the_same(name: str) -> None:
    """Beside Docker's iptables rules, as no engine here has the nftables backend; for that see test_nftables.py."""
    subprocess.run(["docker", "exec", name, "systemd-run", "--unit=api", "python3", "-m", "http.server", "2376",
                    "--bind", "::"], check=False, capture_output=True)  # fmt: skip
    assert world.apply(name, docker_firewall_backend="nftables").changed
    assert world.ours(name) == []
    assert world.apply(name, docker_firewall_backend="nftables").changed == []
    assert world.leaks(name) == []


def test_undone_it_leaves_nothing(name: str) -> None:
    foreign = world.foreign(name)
    run = world.role("docker_firewall", name, {})
    assert run.rc == 0 and run.changed
    assert world.ours(name) == [] and world.foreign(name) == foreign
    assert world.files(name) == []
    assert world.role("docker_firewall", name, {}).changed == []
