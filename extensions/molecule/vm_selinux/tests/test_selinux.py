# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SELinux around containers, by the kernel's word; Molecule has applied the role to a machine that enforces."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests import mutations, support
from ansible_collections.bulkhead.docker.tests.support import Run

RULES = ["host-selinux-*", "host-mandatory-access", "host-apparmor-default"]
CONFIG = "/etc/selinux/config"


@pytest.fixture(scope="module")
def name(host: t.Any) -> str:
    return str(host.backend.get_hostname())


def apply(name: str, mode: str, *options: str) -> Run:
    return support.role("docker_confinement", name, {"docker_confinement_selinux": mode}, *options)


def changed(run: Run) -> list[str]:
    assert run.rc == 0, run.output
    return [task.rpartition(" : ")[2] for task in run.changed]


def notes(run: Run) -> str:
    return " ".join(line for result in run.results if "Report | " in result["task"] for line in result.get("msg", []))


def red(name: str, kind: str, select: list[str]) -> dict[str, str]:
    options = {"subjects": [kind], "select": select, "verdicts": ["fail", "error", "unknown"]}
    found = support.adhoc("bulkhead.docker.docker_audit", name, options)["audit"]["findings"]
    return {f"{one['subject']['name']} {one['rule']}": json.dumps(one["evidence"].get("observed")) for one in found}


def label(host: t.Any, container: str) -> str:
    pid = host.check_output("docker inspect --format '{{.State.Pid}}' %s", container)
    return str(host.check_output("cat /proc/%s/attr/current", pid)).rstrip("\0\n")


@pytest.fixture(scope="module", autouse=True)
def containers(host: t.Any) -> t.Iterator[None]:
    """Two as anybody starts them, and one without labels."""
    for one, options in {"one": "", "two": "", "free": "--security-opt label=disable"}.items():
        host.check_output(f"docker run --detach --interactive --name {one} {options} tiny:1 cat")
    yield
    host.run("docker rm --force one two free")


def test_live_containers_have_labels_of_their_own(host: t.Any) -> None:
    one, two = (label(host, container).split(":", 3) for container in ("one", "two"))
    assert one[2] == two[2] == "container_t"
    assert one[3] != two[3], "they can reach each other's files"
    assert host.check_output("cat /sys/fs/selinux/enforce") == "1"


def test_the_audit_is_green_but_for_the_free_container(name: str) -> None:
    assert red(name, "host", RULES) == {}
    assert set(red(name, "container", ["container-selinux"])) == {"free container-selinux"}
    assert mutations.SELINUX_CONTAINERS[0].rule == "container-selinux"


def test_the_free_container_is_named(host: t.Any, name: str) -> None:
    free = host.check_output("docker inspect --format '{{.Id}}' free")[:12]
    run = apply(name, "report")
    assert changed(run) == []
    assert f"by the labels of their processes: {free}" in notes(run)


def test_permissive_mode_is_red_told_and_mended(host: t.Any, name: str) -> None:
    (row,) = [one for one in mutations.SELINUX_HOSTS if one.rule == "host-selinux-enforcing"]
    host.check_output(row.do)
    host.check_output("sed -i s/^SELINUX=.*/SELINUX=permissive/ %s", CONFIG)
    (key, seen) = next(iter(red(name, "host", RULES).items()))
    assert key.endswith(row.rule) and row.seen in seen
    assert "SELinux only writes down what it should forbid" in notes(apply(name, "report"))
    run = apply(name, "enforcing", "--check")
    assert changed(run) == ["SELinux | Keep the mode at boot", "SELinux | Have the kernel enforce, or not, now"]
    assert host.check_output("cat /sys/fs/selinux/enforce") == "0", "check mode has mended it"
    assert changed(apply(name, "enforcing")) == changed(run)
    assert host.check_output("cat /sys/fs/selinux/enforce") == "1"
    assert host.file(CONFIG).contains("^SELINUX=enforcing$")
    assert changed(apply(name, "enforcing")) == []


def test_an_engine_without_labels_is_red(host: t.Any, name: str) -> None:
    (row,) = [one for one in mutations.SELINUX_HOSTS if one.rule == "host-selinux-engine"]
    restart = "systemctl reset-failed docker; systemctl restart docker"
    host.check_output("sh -c %s", f"echo '{{}}' >/etc/docker/daemon.json; {restart}")
    try:
        ((key, seen),) = red(name, "host", RULES).items()
        assert key.endswith(row.rule) and row.seen in seen
    finally:
        host.check_output("sh -c %s", f"echo '{{\"selinux-enabled\": true}}' >/etc/docker/daemon.json; {restart}")


def test_no_path_of_the_host_is_relabelled(host: t.Any, name: str) -> None:
    labels = "find /etc /usr/bin /var/lib -xdev -path /var/lib/docker -prune -o -printf '%p %Z\\n' | sort | sha256sum"
    before = host.check_output("sh -c %s", labels)
    apply(name, "permissive")
    assert host.check_output("cat /sys/fs/selinux/enforce") == "0", "the way back"
    apply(name, "enforcing")
    assert host.check_output("sh -c %s", labels) == before
