# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine that all roles have hardened, with a kernel of its own: what that enforces, a connection cut, a reboot.

The tests go on from each other, the reboot comes last.
"""

from __future__ import annotations

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
TABLE, OTHER = "/etc/lab.nft", "/etc/lab-other.nft"
CHAIN = """table inet lab
flush table inet lab
table inet lab {{
  chain input {{ type filter hook input priority 0; {} }}
}}
"""
#: Over plain SSH, as a controller without Mitogen does it.
PLAIN = {"ANSIBLE_STRATEGY": "linear"}


@pytest.fixture(scope="module")
def name(host: t.Any) -> str:
    return str(host.backend.get_hostname())


def label(host: t.Any, container: str) -> str:
    """AppArmor's profile of its process, as the kernel says it."""
    pid = host.check_output("docker inspect --format '{{.State.Pid}}' %s", container)
    return str(host.check_output("cat /proc/%s/attr/current", pid))


def findings(host: t.Any, name: str) -> list[dict[str, t.Any]]:
    """By the policy and the waivers that the image brought."""
    told = json.loads(host.check_output("cat /etc/bulkhead.docker/first-boot/50-image.json"))
    options = {"timeout": 120, "policy": told["docker_audit_policy"], "waivers": told["docker_audit_waivers"]}
    found: list[dict[str, t.Any]] = support.adhoc("bulkhead.docker.docker_audit", name, options)["audit"]["findings"]
    return found


def test_the_machine_has_no_way_out_and_the_time(host: t.Any) -> None:
    """QEMU would pass on what is sent to its gateway to the loopback interface of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        connect = f"timeout 20 bash -c '</dev/tcp/10.0.2.2/{server.getsockname()[1]}'"
        assert host.run(connect).rc != 0
    assert abs(int(host.check_output("date +%s")) - time.time()) < 30, "certificates made here are not valid there yet"


def test_a_container_runs(host: t.Any) -> None:
    host.check_output("/usr/local/sbin/lab-image tiny:1")
    host.check_output("docker run --detach --name survivor tiny:1 httpd -f -p 8080 -h /www")


def test_apparmor_confines_containers(host: t.Any) -> None:
    """The label, and that it means something: Docker's profile denies mount, whatever the capabilities."""
    assert label(host, "survivor") == "docker-default (enforce)"
    mount = "docker run --rm --cap-add SYS_ADMIN %s tiny:1 sh -c 'mount -t tmpfs none /tmp || exit 1'"
    denied = host.run(mount % "")
    assert denied.rc != 0 and "ermission denied" in denied.stderr, denied
    allowed = host.run(mount % "--security-opt apparmor=unconfined")
    assert allowed.rc == 0, f"mount fails without the profile, too, so this test proves nothing: {allowed}"


def settings(text: str) -> dict[str, list[str]]:
    return {key: value.split() for key, value in (line.split(" = ") for line in text.splitlines() if " = " in line)}


def test_the_kernel_has_every_setting_of_docker_host(host: t.Any) -> None:
    wanted = settings(host.file(SYSCTL_FILE).content_string)
    assert {key.partition(".")[0] for key in wanted} >= {"kernel", "net"}
    assert settings(host.check_output(f"sysctl {' '.join(wanted)}")) == wanted


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


def tasks(timeout: int) -> list[dict[str, t.Any]]:
    """As few as can be between the guard and the cut: each takes its time here, and the guard's runs."""
    arm = {"name": "machine", "files": [TABLE], "restore": [["nft", "--file", TABLE]], "timeout": timeout}
    cut = f"cp {OTHER} {TABLE} && nft --file {TABLE}"
    return [{"name": "Arm", GUARD: arm}, {"name": "Cut", "ansible.builtin.command": {"argv": ["sh", "-c", cut]}}]


def test_a_rule_that_cuts_ssh_is_undone(host: t.Any, name: str) -> None:
    """Nobody helps: the controller is killed, and the machine answers nobody until its guard fires."""
    host.check_output("echo %s > %s && nft --file %s", CHAIN.format(""), TABLE, TABLE)
    saved = host.check_output("nft list table inet lab")
    host.check_output("echo %s > %s", CHAIN.format("tcp dport 22 drop;"), OTHER)
    number, timeout = port(name), 90
    book = support.ROOT / "build" / "plays" / "cut.json"
    book.parent.mkdir(parents=True, exist_ok=True)
    book.write_text(json.dumps([{"name": "Cut", "hosts": name, "gather_facts": False, "tasks": tasks(timeout)}]))
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


def rules(host: t.Any) -> list[str]:
    """Those of role docker_firewall, of both families, and the way to them."""
    saved = host.check_output("sh -ec %s", "iptables-save; ip6tables-save")
    return sorted(line for line in saved.splitlines() if "BULKHEAD-" in line and not line.startswith(":"))


def test_a_reboot_keeps_all_settings(host: t.Any, name: str) -> None:
    """The firewall's rules, too, and a guard that was armed before it."""
    # the engine leaves containers running: those that do not heed systemd's signal would hold up the reboot
    heeds = "trap exit TERM; sleep 1000000 & wait"
    host.check_output("docker run --detach --name returner --restart unless-stopped tiny:1 sh -c %s", heeds)
    host.check_output("docker kill survivor")
    see = "docker info --format '{{.SecurityOptions}} {{.LiveRestoreEnabled}} {{.LoggingDriver}} {{.CgroupVersion}}'"
    was = host.check_output(see), rules(host), host.check_output("auditctl -l")
    assert any(line.startswith("-A DOCKER-USER -j BULKHEAD-") for line in was[1])
    assert any("169.254.169.254" in line for line in was[1])
    host.check_output("echo %s > %s", CHAIN.format("tcp dport 2375 drop;"), OTHER)
    run = support.play(name, tasks(90))
    assert run.rc == 0, run.output
    assert "2375" in host.file(TABLE).content_string

    subprocess.run([VM, "reboot", name], check=True)

    assert (host.check_output(see), rules(host), host.check_output("auditctl -l")) == was
    test_the_kernel_has_every_setting_of_docker_host(host)
    assert label(host, "returner") == "docker-default (enforce)"
    host.check_output("docker start survivor")


def test_the_audit_is_clean_after_a_reboot(host: t.Any, name: str) -> None:
    """Also of settings that waited for the engine to begin anew; nor is there a waiver for what does not fail."""
    bad = [
        one
        for one in findings(host, name)
        if one["verdict"] in ("error", "unknown")
        or (one["verdict"] == "fail" and (one["lever"] == "host" or one["rule"].startswith("waiver-")))
    ]
    assert bad == [], json.dumps(bad, indent=1)


def test_the_guard_fired_after_the_reboot(host: t.Any) -> None:
    journal = "journalctl --boot --unit=bulkhead-guard-machine.service --output=cat --no-pager"
    assert eventually(120, lambda: f"done: restore {TABLE}" in host.check_output(journal))
    assert "2375" not in host.file(TABLE).content_string
