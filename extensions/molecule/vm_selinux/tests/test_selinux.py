# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SELinux around containers, by the kernel's word; Molecule has applied the role to a machine that enforces.

The tests go on from each other: the engine has its labels from the second on.
"""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests import mutations, support
from ansible_collections.bulkhead.docker.tests.support import Run

RULES = ["host-selinux-*", "host-mandatory-access", "host-apparmor-default", "container-selinux"]
CONFIG = "/etc/selinux/config"


@pytest.fixture(scope="module")
def name(host: t.Any) -> str:
    return str(host.backend.get_hostname())


def apply(name: str, mode: str, *options: str) -> Run:
    return support.role("docker_confinement", name, {"docker_confinement_selinux": mode}, *options)


def changed(run: Run) -> list[str]:
    assert run.rc == 0, run.output
    return run.changed


def notes(run: Run) -> str:
    return " ".join(line for result in run.results if "Report | " in result["task"] for line in result.get("msg", []))


def red(name: str) -> dict[str, str]:
    """What fails, and what was seen."""
    options = {"subjects": ["host", "container"], "select": RULES, "verdicts": ["fail", "error", "unknown"]}
    found = support.adhoc("bulkhead.docker.docker_audit", name, options)["audit"]["findings"]
    return {f"{one['subject']['name']} {one['rule']}": json.dumps(one["evidence"].get("observed")) for one in found}


def label(host: t.Any, container: str) -> str:
    pid = host.check_output("docker inspect --format '{{.State.Pid}}' %s", container)
    return str(host.check_output("cat /proc/%s/attr/current", pid)).rstrip("\0\n")


def labels_of_files(host: t.Any) -> str:
    listed = "find /etc /usr/bin /var/lib -xdev -path /var/lib/docker -prune -o -printf '%p %Z\\n' | sort | sha256sum"
    return str(host.check_output("sh -c %s", listed))


@pytest.fixture(scope="module")
def containers(host: t.Any) -> None:
    """Two as anybody starts them, and one without labels, under an engine that gives them."""
    host.check_output(
        "sh -ec %s",
        "echo '{\"selinux-enabled\": true}' >/etc/docker/daemon.json; systemctl restart docker\n"
        "start='docker run --detach --interactive'\n"
        "$start --name one tiny:1 cat; $start --name two tiny:1 cat\n"
        "$start --name free --security-opt label=disable tiny:1 cat",
    )


def test_an_engine_without_labels_is_red(name: str) -> None:
    (row,) = [one for one in mutations.SELINUX_HOSTS if one.rule == "host-selinux-engine"]
    ((key, seen),) = red(name).items()
    assert key.endswith(row.rule) and row.seen in seen


@pytest.mark.usefixtures("containers")
def test_live_containers_have_labels_of_their_own(host: t.Any) -> None:
    one, two = (label(host, container).split(":", 3) for container in ("one", "two"))
    assert one[2] == two[2] == "container_t"
    assert one[3] != two[3], "they can reach each other's files"
    assert host.check_output("cat /sys/fs/selinux/enforce") == "1"


def test_the_audit_is_green_but_for_the_free_container(name: str) -> None:
    assert set(red(name)) == {"free container-selinux"}
    assert mutations.SELINUX_CONTAINERS[0].rule == "container-selinux"


def test_permissive_mode_is_red_told_and_mended(host: t.Any, name: str) -> None:
    """As is the container that nothing confines; and no file of the host is relabelled on the way."""
    (row,) = [one for one in mutations.SELINUX_HOSTS if one.rule == "host-selinux-enforcing"]
    before = labels_of_files(host)
    both = ["SELinux | Keep the mode at boot", "SELinux | Have the kernel enforce, or not, now"]
    assert changed(apply(name, "permissive")) == both, "the way back"
    assert host.check_output("cat /sys/fs/selinux/enforce") == "0"
    found = {key.partition(" ")[2]: seen for key, seen in red(name).items()}
    assert found.keys() == {row.rule, "container-selinux"} and row.seen in found[row.rule]

    told = apply(name, "report")
    assert changed(told) == [] and "SELinux only writes down what it should forbid" in notes(told)
    free = host.check_output("docker inspect --format '{{.Id}}' free")[:12]
    assert f"by the labels of their processes: {free}" in notes(told)

    assert changed(apply(name, "enforcing", "--check")) == both
    assert host.check_output("cat /sys/fs/selinux/enforce") == "0", "check mode has mended it"
    assert changed(apply(name, "enforcing")) == both
    assert host.check_output("cat /sys/fs/selinux/enforce") == "1"
    assert host.file(CONFIG).contains("^SELINUX=enforcing$")
    assert labels_of_files(host) == before
