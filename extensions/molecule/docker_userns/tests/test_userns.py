# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""User namespaces by the role: on an empty host, on one with data, and back again."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests.support import Run, role

REMAP = {"docker_daemon_profile": "none", "docker_daemon_config": {"userns-remap": "remapper"}}


@pytest.fixture
def name(host: t.Any) -> str:
    host.run("systemctl reset-failed docker.service docker.socket")
    return str(host.backend.get_hostname())


def granted(name: str, *options: str, **variables: t.Any) -> Run:
    run = role("docker_daemon", name, {**REMAP, **variables}, *options)
    assert run.rc == 0, run.output
    return run


def root(host: t.Any) -> str:
    return str(host.check_output("docker info --format '{{.DockerRootDir}}'"))


def ranges(host: t.Any) -> list[str]:
    return [line.split(":")[1] for line in host.check_output("grep -h '^remapper:' /etc/subuid /etc/subgid").split()]


def test_check_on_an_empty_host_says_all_and_does_nothing(host: t.Any, name: str) -> None:
    run = granted(name, "--check", "--diff")
    assert len(run.changed) == 2, "the ids and the file"
    assert "remapper has no range" in " ".join(run.of("docker_daemon_config")["notes"])
    assert host.run("grep remapper /etc/subuid /etc/subgid").rc == 1
    assert not host.file("/etc/docker/daemon.json").exists


def test_an_empty_host_is_remapped(host: t.Any, name: str) -> None:
    granted(name)
    first, same = ranges(host)
    assert first == same and int(first) >= 100000
    assert root(host) == f"/var/lib/docker/{first}.{first}"
    host.check_output("lab-image tiny:1")
    mapped = host.check_output("docker run --rm tiny:1 cat /proc/self/uid_map").split()
    assert mapped == ["0", first, "65536"], "root of the container is nobody on the host"


@pytest.mark.parametrize("options", [(), ("--check",)])
def test_a_second_run_changes_nothing(host: t.Any, name: str, options: tuple[str, ...]) -> None:
    assert granted(name, *options).changed == []


def test_with_data_it_refuses_and_names_it(host: t.Any, name: str) -> None:
    """Away from remapping, which hides just as much."""
    host.check_output("docker run --detach --name web --volume data:/data tiny:1")
    before = root(host)
    run = role("docker_daemon", name, {"docker_daemon_profile": "none"})
    assert run.rc != 0
    for words in ("1 containers (web)", "1 images (tiny:1)", "1 volumes (data)", "accept_data_move", before):
        assert words in run.failure
    assert root(host) == before
    assert host.check_output("docker ps --format '{{.Names}}'") == "web"


def test_accepted_it_says_where_the_data_is(host: t.Any, name: str) -> None:
    old = root(host)
    accepted = {"docker_daemon_profile": "none", "docker_daemon_accept_data_move": True}
    waits = role("docker_daemon", name, {**accepted})
    assert waits.of("docker_daemon_config")["restart_pending"], "a container runs, and would be lost sight of"
    run = role("docker_daemon", name, {**accepted, "docker_daemon_restart": "always"})
    assert run.rc == 0, run.failure
    assert root(host) == "/var/lib/docker"
    assert host.check_output("docker ps --all --quiet") == ""
    told = " ".join([*waits.of("docker_daemon_config")["notes"], *run.of("docker_daemon_config")["notes"]])
    assert f"stays untouched in {old}: 1 containers (web), 1 images (tiny:1), 1 volumes (data)" in told
    assert host.check_output("ls %s/volumes", old).split()[-1] in ("data", "metadata.db")


def test_what_shares_with_the_host_is_listed(host: t.Any, name: str) -> None:
    host.check_output("lab-image tiny:1")
    host.check_output("docker run --detach --name agent --network host --pid host tiny:1")
    host.check_output("docker run --detach --name plain tiny:1")
    run = role("docker_daemon", name, REMAP)
    assert run.rc != 0
    assert "2 containers (agent, plain)" in run.failure
    assert (
        "with users remapped these run only with --userns=host: agent (network of the host, pid of the host)"
        in run.failure
    )
    assert "plain (" not in run.failure


def test_and_back_to_what_was_there(host: t.Any, name: str) -> None:
    """The way back that the message names."""
    granted(name, docker_daemon_accept_data_move=True, docker_daemon_restart="always")
    assert host.check_output("docker ps --all --format '{{.Names}}'") == "web"
    assert host.check_output("docker volume ls --quiet") == "data"


@pytest.mark.parametrize(
    ("value", "words"),
    [("nobody-here", "there is no user nobody-here: create it"), ("remapper:none", "there is no group none")],
)
def test_who_does_not_exist_is_refused(host: t.Any, name: str, value: str, words: str) -> None:
    pid = host.check_output("systemctl show docker.service --property=MainPID --value")
    run = role("docker_daemon", name, {**REMAP, "docker_daemon_config": {"userns-remap": value}})
    assert run.rc != 0
    assert words in run.failure
    assert host.check_output("systemctl show docker.service --property=MainPID --value") == pid
