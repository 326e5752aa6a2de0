# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hardened machine where the kernel is its own: what it enforces, a connection that is cut, a reboot.

The tests go on from each other, the reboot comes last.
"""

from __future__ import annotations

import datetime
import json
import os
import signal
import socket
import subprocess
import time
import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests import support
from ansible_collections.bulkhead.docker.tests.ssh import eventually

VM = support.ROOT / "tests" / "lab" / "vm"
GUARD = "bulkhead.docker.docker_change_guard"
SYSCTL_FILE = "/etc/sysctl.d/99-zz-bulkhead-docker.conf"
TABLE = "/etc/lab.nft"
CHAIN = """table inet lab
flush table inet lab
table inet lab {{
  chain input {{ type filter hook input priority 0; {} }}
}}
"""
#: Over plain SSH, as a controller without Mitogen does it.
PLAIN = {"ANSIBLE_STRATEGY": "linear"}
#: What the audit cannot see by itself: Debian mends flaws without a new version.
POLICY = {
    "engine_versions": {"26.1": "26.1.5"},
    "containerd_versions": {"1.7": "1.7.24"},
    "runc_versions": {"1.1": "1.1.15"},
    "host_hardened_by": "tests/lab/vm-image",
}
#: What no role mends on this machine, and why; all else must not fail.
STAYS = {
    "daemon-rootless": "The machine has a rootful engine on purpose, and one of a user beside it.",
    "daemon-userns-remap": "Remapping is for new hosts: it would hide the images and containers that are there.",
    "daemon-authorization-plugin": "The proxies of docker_socket decide what clients may do.",
    "daemon-logs-off-host": "There is no other machine here; scenario docker_logging has one.",
    "host-time-sync": "A machine without a network has its clock set by tests/lab/vm.",
}
#: What cannot be known there, and why.
UNKNOWN: dict[str, str] = {}
#: What running containers kept as it was until the reboot.
WAITS = {"daemon-icc", "daemon-settings-live"}

Verdicts = dict[tuple[str, str], str]


@pytest.fixture(scope="module")
def name(host: t.Any) -> str:
    return str(host.backend.get_hostname())


def label(host: t.Any, container: str) -> str:
    """AppArmor's profile of its process, as the kernel says it."""
    pid = host.check_output("docker inspect --format '{{.State.Pid}}' %s", container)
    return str(host.check_output("cat /proc/%s/attr/current", pid))


def findings(name: str) -> list[dict[str, t.Any]]:
    expires = (datetime.datetime.now(tz=datetime.timezone.utc) + datetime.timedelta(days=30)).date().isoformat()
    waivers = [
        {"rule": rule, "reason": reason, "owner": "the tests", "expires": expires, "hosts": ["*"]}
        for rule, reason in STAYS.items()
    ]
    options = {"timeout": 120, "policy": POLICY, "waivers": waivers}
    found: list[dict[str, t.Any]] = support.adhoc("bulkhead.docker.docker_audit", name, options)["audit"]["findings"]
    return found


def verdicts(found: list[dict[str, t.Any]]) -> Verdicts:
    return {(one["rule"], one["subject"]["name"]): one["verdict"] for one in found}


def test_the_machine_has_no_way_out_and_the_time(host: t.Any) -> None:
    """QEMU would pass on what is sent to its gateway to the loopback interface of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        connect = f"timeout 20 bash -c '</dev/tcp/10.0.2.2/{server.getsockname()[1]}'"
        assert host.run(connect).rc != 0
    assert abs(int(host.check_output("date +%s")) - time.time()) < 30, "certificates made here are not valid there yet"


def test_apparmor_confines_containers(host: t.Any) -> None:
    """The label, and that it means something: Docker's profile denies mount, whatever the capabilities."""
    assert label(host, "survivor") == "docker-default (enforce)"
    mount = "docker run --rm --cap-add SYS_ADMIN %s tiny:1 sh -c 'mount -t tmpfs none /tmp || exit 1'"
    denied = host.run(mount % "")
    assert denied.rc != 0 and "ermission denied" in denied.stderr, denied
    allowed = host.run(mount % "--security-opt apparmor=unconfined")
    assert allowed.rc == 0, f"mount fails without the profile, too, so this test proves nothing: {allowed}"
    record = 'apparmor="DENIED" operation="mount".*profile="docker-default"'
    assert host.run("grep -q %s /var/log/audit/audit.log", record).rc == 0


def test_the_kernel_has_every_setting_of_docker_host(host: t.Any) -> None:
    settings = [line.split(" = ") for line in host.file(SYSCTL_FILE).content_string.splitlines() if " = " in line]
    assert {key.partition(".")[0] for key, _value in settings} >= {"kernel", "net"}
    for key, value in settings:
        assert host.check_output("cat /proc/sys/%s", key.replace(".", "/")).split() == value.split(), key


def test_the_users_engine_limits_its_containers(host: t.Any) -> None:
    """With cgroups handed down by the machine's own systemd."""
    uid = host.user("builder").uid
    engine = f"runuser --user builder -- env DOCKER_HOST=unix:///run/user/{uid}/docker.sock"
    host.check_output(f"cd /; {engine} /usr/local/sbin/lab-image own:1")
    limit = host.check_output(f"cd /; {engine} docker run --rm --memory 32m own:1 cat /sys/fs/cgroup/memory.max")
    assert limit == str(32 * 1024 * 1024)
    ids = host.check_output(f"cd /; {engine} docker run --rm own:1 cat /proc/self/uid_map").split()
    assert ids[:3] == ["0", str(uid), "1"]


# --- a connection that is really cut


def port(name: str) -> int:
    """Of this machine, behind which the SSH server of the other is."""
    config = subprocess.run(
        ["ssh", "-G", "-F", f"{os.environ['BULKHEAD_CACHE']}/vm/ssh_config", name],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return int(next(line.split()[1] for line in config.splitlines() if line.startswith("port ")))


def greets(number: int) -> bool:
    """Whether a new connection gets the SSH server's greeting: not one that is there already, nor a cached one."""
    try:
        with socket.create_connection(("127.0.0.1", number), timeout=20) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def tasks(timeout: int, content: str) -> list[dict[str, t.Any]]:
    arm = {"name": "machine", "files": [TABLE], "restore": [["nft", "--file", TABLE]], "timeout": timeout}
    return [
        {"name": "Arm", GUARD: arm},
        {"name": "Change", "ansible.builtin.copy": {"dest": TABLE, "content": content, "mode": "0600"}},
        {"name": "Load", "ansible.builtin.command": {"argv": ["nft", "--file", TABLE]}},
    ]


def test_a_rule_that_cuts_ssh_is_undone(host: t.Any, name: str) -> None:
    """Nobody helps: the controller is killed, and the machine answers nobody until its guard fires."""
    host.check_output("echo %s > %s && nft --file %s", CHAIN.format(""), TABLE, TABLE)
    saved = host.check_output("nft list table inet lab")
    number, timeout = port(name), 120
    book = support.ROOT / "build" / "plays" / "cut.json"
    book.parent.mkdir(parents=True, exist_ok=True)
    cut = tasks(timeout, CHAIN.format("tcp dport 22 drop;"))
    book.write_text(json.dumps([{"name": "Cut", "hosts": name, "gather_facts": False, "tasks": cut}]))
    argv = ["ansible-playbook", str(book), f"--inventory={support.INVENTORY}", f"--limit={name}"]
    controller = subprocess.Popen(argv, env={**os.environ, **PLAIN}, start_new_session=True)
    try:
        assert eventually(300, lambda: not greets(number)), "the connection was never cut"
        began = time.monotonic()
    finally:
        os.killpg(controller.pid, signal.SIGKILL)
        controller.wait()
    assert eventually(timeout + 60, lambda: greets(number)), "the machine did not come back"
    assert time.monotonic() - began < timeout + 60
    assert host.check_output("nft list table inet lab") == saved
    journal = host.check_output("journalctl --unit=bulkhead-guard-machine.service --output=cat --no-pager")
    assert f"done: restore {TABLE}" in journal


# --- a reboot


@pytest.fixture(scope="module")
def before(name: str, host: t.Any) -> Verdicts:
    """The audit before the reboot, with a container that comes back after it."""
    host.check_output("docker run --detach --name returner --restart unless-stopped tiny:1")
    return verdicts(findings(name))


@pytest.fixture(scope="module")
def after(name: str) -> list[dict[str, t.Any]]:
    return findings(name)


def test_a_reboot_keeps_all_settings(host: t.Any, name: str, before: Verdicts) -> None:
    """And a guard that was armed before it fires after it."""
    assert before
    see = "docker info --format '{{.SecurityOptions}} {{.LiveRestoreEnabled}} {{.LoggingDriver}} {{.CgroupVersion}}'"
    settings = "cut -d= -f1 %s | grep '^[a-z]' | xargs sysctl"
    was = host.check_output(see), host.check_output(settings, SYSCTL_FILE)
    saved = host.check_output("sha256sum %s", TABLE)
    run = support.play(name, tasks(180, CHAIN.format("tcp dport 2375 drop;")))
    assert run.rc == 0, run.output
    assert host.check_output("sha256sum %s", TABLE) != saved

    subprocess.run([VM, "reboot", name], check=True)

    assert (host.check_output(see), host.check_output(settings, SYSCTL_FILE)) == was
    assert label(host, "returner") == "docker-default (enforce)"
    assert eventually(240, lambda: host.run("sha256sum %s", TABLE).stdout.strip() == saved)
    journal = "journalctl --boot --unit=bulkhead-guard-machine.service --output=cat --no-pager"
    assert eventually(60, lambda: "done: restore" in host.check_output(journal)), "it fired before the reboot"
    host.check_output("docker start survivor")


def test_a_reboot_breaks_nothing(before: Verdicts, after: list[dict[str, t.Any]]) -> None:
    """What waited for the engine to begin anew, with the bridge that containers kept, is mended by it."""
    differs = {key: (was, verdicts(after).get(key)) for key, was in before.items() if verdicts(after).get(key) != was}
    assert set(differs.values()) <= {("fail", "pass"), ("fail", None)}, differs
    assert {rule for rule, _subject in differs} <= WAITS, differs


def test_nothing_fails_that_the_host_could_mend(after: list[dict[str, t.Any]]) -> None:
    """Nor is there a waiver for what does not fail: the audit would say waiver-unused."""
    failing = [one for one in after if one["verdict"] in ("fail", "error") and one["lever"] == "host"]
    assert failing == [], json.dumps(failing, indent=1)


def test_nothing_is_unknown_but_for_a_reason(after: list[dict[str, t.Any]]) -> None:
    unknown = {one["rule"]: one["evidence"] for one in after if one["verdict"] == "unknown"}
    assert unknown.keys() == UNKNOWN.keys(), json.dumps(unknown, indent=1)
