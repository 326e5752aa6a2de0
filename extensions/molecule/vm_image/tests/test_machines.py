# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two machines from one image: what must differ differs, the rest holds, and each has completed and audited itself."""

from __future__ import annotations

import json
import os
import subprocess
import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.tests import support

MACHINES = ("golden-one", "golden-two")
STATE = "/var/lib/bulkhead.docker"
SERVICE = "bulkhead-docker-first-boot.service"


def inside(name: str, command: str, text: str = "") -> str:
    """What a command says there; it must succeed. Over one connection, as each takes its time there."""
    config = Path(os.environ["BULKHEAD_CACHE"], "vm", "ssh_config")
    share = ["-o", "ControlMaster=auto", "-o", "ControlPersist=20"]
    done = subprocess.run(
        ["ssh", "-F", str(config), *share, name, command],
        input=text, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def audits() -> dict[str, dict[str, t.Any]]:
    return {name: json.loads(inside(name, f"cat {STATE}/first-boot/audit.json")) for name in MACHINES}


@pytest.mark.parametrize("name", MACHINES)
def test_the_machine_is_up_and_complete(name: str) -> None:
    state = inside(name, "systemctl is-system-running || systemctl --failed --no-pager; true")
    journal = inside(name, f"journalctl --boot --no-pager --output cat --unit {SERVICE} | tail --lines 40")
    assert state == "running", journal
    assert inside(name, f"systemctl show {SERVICE} --property Result --property ActiveState") == (
        "Result=success\nActiveState=active"
    ), journal
    assert inside(name, f"stat --format '%a %U' {STATE}/first-boot/audit.json {STATE}/first-boot/done") == (
        "600 root\n600 root"
    )
    assert "first audit: " in journal


@pytest.mark.parametrize(
    "command",
    [
        "cat /etc/machine-id",
        "docker info --format '{{.ID}}'",
        "ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key",
        "ssh-keygen -l -f /etc/ssh/ssh_host_rsa_key",
    ],
)
def test_ids_and_keys_are_each_machines_own(command: str) -> None:
    one, other = (inside(name, command) for name in MACHINES)
    assert one and other and one.split() != other.split()


@pytest.mark.parametrize("name", MACHINES)
def test_docker_came_up_hardened(name: str) -> None:
    info = json.loads(inside(name, "docker info --format '{{json .}}'"))
    assert info["LiveRestoreEnabled"] is True and info["LoggingDriver"] == "journald"
    assert {"name=no-new-privileges", "name=apparmor"} <= set(info["SecurityOptions"])
    bridge = json.loads(inside(name, "docker network inspect bridge"))[0]["Options"]
    assert bridge["com.docker.network.bridge.enable_icc"] == "false"
    assert inside(name, "sysctl --values kernel.kptr_restrict kernel.yama.ptrace_scope").split() == ["1", "1"]
    assert "/usr/sbin/dockerd" in inside(name, "auditctl -l")
    assert "bulkhead" in inside(name, "iptables-save").lower()
    assert (
        inside(name, "systemctl is-active bulkhead-docker-events bulkhead-docker-proxy@watch").split() == ["active"] * 2
    )


@pytest.mark.parametrize("name", MACHINES)
def test_the_first_audit_is_clean(name: str, audits: dict[str, dict[str, t.Any]]) -> None:
    bad = [
        (one["rule"], one["verdict"], one["evidence"])
        for one in audits[name]["findings"]
        if one["verdict"] in ("fail", "error", "unknown")
    ]
    assert bad == []
    assert audits[name]["counts"]["pass"] > 50


def test_what_changed_since_the_build_is_told() -> None:
    """On one machine its platform brought a file; nothing else is news, and nothing of what each boot makes."""
    found = {
        name: [one["path"] for one in json.loads(inside(name, f"cat {STATE}/first-boot/drift.json"))["entries"]]
        for name in MACHINES
    }
    assert found == {"golden-one": [], "golden-two": ['files."/etc/sysctl.d/50-somebody.conf"']}
    journal = inside("golden-two", "journalctl --boot --no-pager --output cat --identifier bulkhead-docker-drift")
    assert "50-somebody.conf" in journal


@pytest.mark.parametrize("name", MACHINES)
def test_the_machine_is_as_its_baseline_says(name: str) -> None:
    drift = support.adhoc("bulkhead.docker.docker_baseline", name, {"timeout": 60})["drift"]
    assert drift["entries"] == []
    assert drift["baseline"]["recorded"]["by"] == "the first boot"


@pytest.mark.parametrize("name", MACHINES)
def test_the_manifest_is_still_true(name: str) -> None:
    """But for what the first boot had to bring."""
    brought = {"/etc/docker/daemon.json", "/etc/audit/rules.d/60-bulkhead-docker.rules"}
    found = json.loads(inside(name, f"cat {STATE}/manifest.json"))
    lines = "".join(
        f"{one['sha256']}  {one['path']}\n"
        for one in found["files"]
        if one["path"] not in brought and not one["path"].startswith(STATE)
    )
    inside(name, "sha256sum --check --quiet -", lines)


def test_the_roles_refuse_to_leave_a_running_machine_half_done() -> None:
    run = support.play(
        "golden-two",
        [{"name": "Look", "bulkhead.docker.docker_offline": {"offline": True, "option": "docker_host_offline"}}],
    )
    assert run.rc != 0 and "this is a running host" in run.failure, run.output
