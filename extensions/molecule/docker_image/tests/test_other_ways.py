# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images made in a container without an init, and in a host that runs, as Packer does it: sealed, then complete."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests import pki, support
from ansible_collections.bulkhead.docker.tests.ssh import eventually

CONTAINER, LIVE = "golden-container", "golden-live"
STATE = "var/lib/bulkhead.docker"
FIRST_BOOT = "bulkhead-docker-first-boot.service"


def docker(*words: str) -> str:
    """What the lab's own engine says."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout.strip()


def inside(name: str, *command: str) -> str:
    return docker("exec", name, *command)


def put(path: str, text: str) -> None:
    command = ["docker", "exec", "--interactive", LIVE, "sh", "-c", f"umask 077; cat >{path}"]
    subprocess.run(command, input=text, text=True, check=True)


def first_boot() -> str:
    """How far it is; empty while the host cannot say."""
    ask = ["docker", "exec", LIVE, "systemctl", "show", FIRST_BOOT, "--property=ActiveState", "--value"]
    return subprocess.run(ask, capture_output=True, text=True, check=False).stdout.strip()


@pytest.fixture(scope="module")
def exported() -> t.Iterator[tarfile.TarFile]:
    """The container's file system, as it is handed on."""
    done = subprocess.run(["docker", "export", CONTAINER], capture_output=True, check=True)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        yield tar


def test_nothing_was_started_in_the_container() -> None:
    """What ended without anybody to reap it is not running."""
    lines = [line.split(None, 1) for line in inside(CONTAINER, "ps", "-e", "-o", "stat=,comm=").splitlines()]
    assert {command for state, command in lines if not state.startswith("Z")} == {"sleep", "ps"}


def test_what_the_container_hands_on_is_hardened_and_sealed(exported: tarfile.TarFile) -> None:
    names = set(exported.getnames())
    assert f"etc/systemd/system/multi-user.target.wants/{FIRST_BOOT}" in names
    assert not {name for name in names if "ssh/ssh_host_" in name or name.startswith("var/lib/docker/engine-id")}
    manifest = json.load(t.cast(t.IO[bytes], exported.extractfile(f"{STATE}/manifest.json")))
    assert exported.getmember(f"{STATE}/manifest.json").mode == 0o600
    assert manifest["baseline"]["state"]["daemon"]["configured"]["icc"] is False
    assert exported.getmember("etc/machine-id").size == 0


@pytest.mark.parametrize("name", [CONTAINER, LIVE])
def test_the_seal_holds(name: str) -> None:
    run = support.role("docker_image", name, {"docker_image_accept_live": name == LIVE}, tasks_from="prove")
    assert run.rc == 0, run.output


def test_a_host_that_runs_is_sealed_and_becomes_another_at_its_next_boot() -> None:
    """The engine was stopped to be sealed; the boot starts it, with an id of its own, and completes the host."""
    assert inside(LIVE, "cat", "/etc/machine-id") == ""
    assert "docker.service" not in inside(LIVE, "systemctl", "list-units", "--state=active", "--plain", "--no-legend")
    manifest = json.loads(inside(LIVE, "cat", f"/{STATE}/manifest.json"))
    assert manifest["roles"]["docker_daemon"]["docker_daemon_profile"] == "strict"

    site = pki.Authority("Site")
    server, client = site.sign(LIVE, pki.SERVER, ["127.0.0.1"]), site.sign("ci", pki.CLIENT)
    pem = {f"docker_tls_supplied_{kind}": text for kind, text in zip(("ca", "cert", "key"), (site.pem, *server))}
    put("/etc/bulkhead.docker/first-boot/60-machine.json", json.dumps(pem))

    docker("restart", LIVE)

    assert eventually(180, lambda: first_boot() in ("active", "failed"))
    journal = inside(LIVE, "journalctl", "--no-pager", "--output", "cat", "--unit", FIRST_BOOT)
    assert first_boot() == "active", journal
    assert len(inside(LIVE, "cat", "/etc/machine-id")) == 32
    assert inside(LIVE, "docker", "info", "--format", "{{.LiveRestoreEnabled}} {{.LoggingDriver}}") == "true journald"
    assert "-A DOCKER-USER -j BULKHEAD-" in inside(LIVE, "iptables-save")
    for kind, text in zip(("ca", "cert", "key"), (site.pem, *client)):
        put(f"/root/{kind}.pem", text)
    ask = "curl --silent --max-time 10 --cacert /root/ca.pem https://127.0.0.1:2376/_ping"
    assert inside(LIVE, "sh", "-c", f"{ask} --cert /root/cert.pem --key /root/key.pem") == "OK"
    assert inside(LIVE, "sh", "-c", f"{ask} || echo refused") == "refused"
    own = "DOCKER_HOST=unix:///run/user/$(id --user builder)/docker.sock docker info --format '{{.SecurityOptions}}'"
    assert "rootless" in inside(LIVE, "sh", "-c", own)
    audit = json.loads(inside(LIVE, "cat", f"/{STATE}/first-boot/audit.json"))
    assert audit["counts"]["error"] == 0 and audit["counts"]["pass"] > 50
    drift = json.loads(inside(LIVE, "cat", f"/{STATE}/first-boot/drift.json"))
    assert drift["entries"] == []
