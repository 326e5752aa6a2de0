# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role from a hardened host with a dead network to a mended one; Molecule has converged it with the strict profile.

Whether containers are reached is asked from another machine of the network, by a request to the published port.
"""

from __future__ import annotations

import subprocess
import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests.support import Run, role

FILE = "/etc/sysctl.d/99-zz-bulkhead-docker.conf"
UNDO = {"docker_host_profile": "none", "docker_host_forwarding": "never"}


@pytest.fixture(scope="module")
def name(host: t.Any) -> str:
    return str(host.backend.get_hostname())


def apply(name: str, *options: str, **variables: t.Any) -> Run:
    run = role("docker_host", name, {"docker_host_profile": "strict", **variables}, *options)
    assert run.rc == 0, run.output
    return run


def reached(name: str) -> bool:
    """Whether a neighbour in the hosts' network gets an answer from the container."""
    found = subprocess.run(
        ["docker", "inspect", "--format", "{{.Image}} {{.NetworkSettings.IPAddress}}", name],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    image, address = found.stdout.split()
    curl = ["curl", "--fail", "--silent", "--max-time", "3", f"http://{address}:8099/"]
    done = subprocess.run(["docker", "run", "--rm", image, *curl], capture_output=True, text=True, check=False)
    return done.stdout.strip() == "ok"


def sysctl(host: t.Any, key: str) -> str:
    return str(host.check_output("cat /proc/sys/%s", key.replace(".", "/")))


def traces(host: t.Any) -> str:
    """All that the role may write: equal means untouched."""
    return str(
        host.check_output(
            "find /etc/sysctl.d /etc/docker /etc/fstab /etc/systemd -printf '%p %m %U %G %T@\\n' | sort; "
            "sysctl --all --pattern '^(net.ipv4.ip_forward|net.ipv[46].conf.(all|default)|kernel|fs.prot)' 2>/dev/null "
            "| grep -v random.uuid | grep -v ns_last_pid; systemctl list-unit-files --state=enabled"
        )
    )


def notes(run: Run) -> str:
    return " ".join(line for result in run.results if "Report | " in result["task"] for line in result.get("msg", []))


def test_containers_are_reached_after_a_general_hardening(host: t.Any, name: str) -> None:
    """Molecule's converge has mended it; the other role comes back, as it does every night, and is mended again."""
    assert reached(name)
    host.check_output("sysctl --load /etc/sysctl.conf")
    assert not reached(name), "the hardening did not cut anything off, so this test proves nothing"
    run = apply(name)
    assert run.changed == ["Sysctl | Write what differs to the kernel"]
    assert reached(name)
    assert "/etc/sysctl.d/60-netipv4_sysctl.conf:net.ipv4.ip_forward = 0" in notes(run)
    assert "ipv6" not in notes(run), "the engine does not use it"
    assert "leaves the FORWARD policy at ACCEPT" in notes(run)


def test_the_file_wins_at_boot(host: t.Any, name: str) -> None:
    """By systemd's own program, which reads all the files in their order."""
    host.check_output("sysctl --load /etc/sysctl.conf")
    host.run("/usr/lib/systemd/systemd-sysctl")
    assert sysctl(host, "net.ipv4.ip_forward") == "1"
    assert sysctl(host, "net.ipv4.conf.all.send_redirects") == "0"
    assert reached(name)


def test_a_stricter_value_of_others_stays(host: t.Any) -> None:
    assert sysctl(host, "net.ipv4.conf.default.rp_filter") == "1"
    assert "rp_filter" not in host.file(FILE).content_string


def test_what_is_read_only_here_is_told(host: t.Any, name: str) -> None:
    """A lab host shares the kernel: kernel.* and fs.* are the machine's."""
    assert host.run("test -w /proc/sys/kernel/panic").rc != 0
    run = apply(name, docker_host_sysctl={"kernel.panic": 77, "net.no.such": 1, "net.ipv4.tcp_syncookies": None})
    assert "read-only here" in notes(run) and "kernel.panic" in notes(run)
    assert "does not have what docker_host_sysctl names: net.no.such" in notes(run)
    content = host.file(FILE).content_string
    assert "kernel.panic = 77" in content and "tcp_syncookies" not in content


def test_undo_removes_the_file(host: t.Any, name: str) -> None:
    assert apply(name, **UNDO).changed == ["Sysctl | Remove the file"]
    assert not host.file(FILE).exists


def test_check_tells_all_and_writes_nothing(host: t.Any, name: str) -> None:
    host.check_output("sysctl --write net.ipv4.conf.all.send_redirects=1")
    before = traces(host)
    run = apply(name, "--check", "--diff")
    assert traces(host) == before
    assert run.changed == ["Sysctl | Write the file", "Sysctl | Write what differs to the kernel"]
    (promised,) = [result["diff"][0]["after"] for result in run.results if result["task"].endswith("Write the file")]
    apply(name)
    assert host.file(FILE).content_string == promised
    assert (host.file(FILE).user, host.file(FILE).mode) == ("root", 0o644)
    assert sysctl(host, "net.ipv4.conf.all.send_redirects") == "0"


def test_tampering_shows_exactly_and_is_mended(host: t.Any, name: str) -> None:
    host.check_output("sysctl --write net.ipv4.conf.all.accept_redirects=1")
    host.check_output("sed -i 's/^net.ipv4.tcp_syncookies = 1/net.ipv4.tcp_syncookies = 0/' %s", FILE)
    run = apply(name, "--check", "--diff")
    assert run.changed == ["Sysctl | Write the file", "Sysctl | Write what differs to the kernel"]
    (file,) = [result for result in run.results if result["task"].endswith("Write the file")]
    was, will = (file["diff"][0][side].splitlines() for side in ("before", "after"))
    assert set(was) ^ set(will) == {"net.ipv4.tcp_syncookies = 0", "net.ipv4.tcp_syncookies = 1"}
    assert apply(name).changed == run.changed
    assert sysctl(host, "net.ipv4.conf.all.accept_redirects") == "0"


def test_files_lose_what_is_too_much_and_gain_nothing(host: t.Any, name: str) -> None:
    host.check_output(
        "sh -c %s",
        "mkdir -p /etc/docker/certs.d/hub:5000 /etc/systemd/system/docker.service.d && cd /etc/docker && "
        "echo '{}' >daemon.json && chown 1:0 daemon.json && chmod 600 daemon.json && "
        "printf '[Service]\\n' >/etc/systemd/system/docker.service.d/own.conf && "
        "chmod 666 /etc/systemd/system/docker.service.d/own.conf && systemctl daemon-reload && "
        "echo x >/etc/default/docker && chmod 777 /etc/default/docker && chmod 777 /etc/docker && "
        "cd certs.d/hub:5000 && touch ca.crt client.cert client.key && "
        "chmod 664 ca.crt && chmod 444 client.cert && chmod 640 client.key",
    )
    files = {
        "/etc/docker/daemon.json": 0o600,
        "/etc/systemd/system/docker.service.d/own.conf": 0o644,
        "/etc/default/docker": 0o644,
        "/etc/docker": 0o755,
        "/etc/docker/certs.d/hub:5000/ca.crt": 0o444,
        "/etc/docker/certs.d/hub:5000/client.cert": 0o444,
        "/etc/docker/certs.d/hub:5000/client.key": 0o400,
    }
    assert apply(name).changed == ["Files | Give them to root and take away what is too much"]
    assert {path: host.file(path).mode for path in files} == files
    assert {host.file(path).uid for path in files} == {0}


def test_unneeded_services_are_named_and_stopped_on_request(host: t.Any, name: str) -> None:
    """The unit is a stand-in: the lab has none of these programs."""
    unit = "/etc/systemd/system/rpcbind.service"
    text = "[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n"
    host.check_output(
        "sh -c %s", f"printf '{text}' >{unit} && systemctl daemon-reload && systemctl enable --now rpcbind"
    )
    assert "not needed by a container host: rpcbind.service" in notes(apply(name))
    assert host.service("rpcbind").is_running
    run = apply(name, docker_host_services_state="stopped")
    assert run.changed == ["Services | Stop and disable them"]
    assert not host.service("rpcbind").is_running and not host.service("rpcbind").is_enabled


def test_a_shared_data_root_is_reported_and_never_hidden(host: t.Any, name: str) -> None:
    host.check_output("sh -c %s", "mkdir -p /srv/data && touch /srv/data/.something")
    assert "/srv/data, the engine's data, shares a file system" in notes(apply(name, docker_host_data_root="/srv/data"))
    assert "shares a file system" not in notes(apply(name)), "the lab's data root is a volume of its own"
    variables = {"docker_host_data_root": "/srv/data", "docker_host_data_device": "/dev/null"}
    assert "/srv/data is not empty" in role("docker_host", name, variables).failure
    assert host.file("/srv/data/.something").exists


@pytest.mark.parametrize("setting", [{"net.ipv4.ip_forward": 0}, {"net/ipv4/tcp_syncookies": 1}])
def test_mistakes_are_refused_by_name(host: t.Any, name: str, setting: dict[str, int]) -> None:
    before = traces(host)
    assert "docker_host_sysctl" in role("docker_host", name, {"docker_host_sysctl": setting}).failure
    assert traces(host) == before


@pytest.mark.parametrize("options", [(), ("--check",)])
def test_a_second_run_changes_nothing(host: t.Any, name: str, options: tuple[str, ...]) -> None:
    apply(name)  # whatever the tests before it left
    before = traces(host)
    assert apply(name, *options).changed == []
    assert traces(host) == before
