# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook's batches, in check mode on this machine as several hosts of which one refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]

GOOD = {"docker_daemon_config": {"icc": False}}
ROLE = ("--tags", "docker_daemon")  # the others look at the machine itself
BAD = {"docker_daemon_config": {"no-such-key": True}}


@pytest.fixture
def harden(tmp_path: Path) -> t.Callable[..., tuple[int, set[str]]]:
    """Run the playbook over hosts with these variables; exit status, and the hosts that were reached."""

    def run(hosts: dict[str, dict[str, t.Any]], *options: str) -> tuple[int, set[str]]:
        common = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "ansible_become": False,
            "docker_daemon_profile": "none",
            "docker_daemon_engine_version": "28.5.2",
            "docker_daemon_service": "none-such.service",
            "docker_daemon_docker_host": f"unix://{tmp_path}/none.sock",
            "docker_daemon_path": f"{tmp_path}/daemon.json",
        }
        inventory = tmp_path / "hosts.json"
        inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": common}}))
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        command = [program, "bulkhead.docker.harden", "-i", str(inventory), "--check", *(options or ROLE)]
        environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_NOCOLOR": "1"}
        done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, timeout=120)
        stats = json.loads(done.stdout[done.stdout.index("{") :])["stats"]
        assert not any(tmp_path.glob("daemon.json*")), "check mode wrote"
        return done.returncode, set(stats)

    return run


def test_one_host_first_then_the_others(harden: t.Callable[..., tuple[int, set[str]]]) -> None:
    assert harden({"one": GOOD, "two": GOOD, "three": GOOD}) == (0, {"one", "two", "three"})


def test_it_stops_at_the_first_batch_with_a_failure(harden: t.Callable[..., tuple[int, set[str]]]) -> None:
    status, reached = harden({"one": BAD, "two": GOOD, "three": GOOD})
    assert status != 0
    assert reached == {"one"}


def test_batches_are_yours_to_choose(harden: t.Callable[..., tuple[int, set[str]]]) -> None:
    hosts = {"one": GOOD, "two": BAD, "three": GOOD, "four": GOOD}
    status, reached = harden(hosts, *ROLE, "-e", '{"docker_harden_serial": 2}')
    assert status != 0
    assert reached == {"one", "two"}


def test_a_tag_chooses_the_role(harden: t.Callable[..., tuple[int, set[str]]]) -> None:
    assert harden({"one": BAD}, "--tags", "something_else")[0] == 0
    assert harden({"one": BAD}, "--tags", "docker_daemon")[0] != 0


def test_every_role_that_changes_a_host_is_run_by_its_tag() -> None:
    (play,) = yaml.safe_load((ROOT / "playbooks" / "harden.yml").read_text())
    roles = play["roles"]
    there = {path.name for path in (ROOT / "roles").iterdir()} - {"docker_audit", "docker_drift"}
    assert {entry["role"] for entry in roles} == {f"bulkhead.docker.{name}" for name in there}
    assert all(entry["tags"] == [entry["role"].rpartition(".")[2]] for entry in roles)


def test_what_is_watched_is_there_before_the_watches() -> None:
    """docker_auditd watches directories of drop-ins if they are there; the firewall is last, for it may deny."""
    (play,) = yaml.safe_load((ROOT / "playbooks" / "harden.yml").read_text())
    order = [entry["role"].rpartition(".")[2] for entry in play["roles"]]
    assert order[-2:] == ["docker_auditd", "docker_firewall"]
