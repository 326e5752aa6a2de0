# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audit rules, AppArmor and a recording on a machine with a kernel of its own; Molecule has applied both roles.

The kernel is the witness: auditctl, ausearch and /proc are asked, and what the audit says is held against it. The tests
go on from each other, the reboot comes near the end.
"""

from __future__ import annotations

import json
import subprocess
import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests import mutations, support
from ansible_collections.bulkhead.docker.tests.support import Run, applied

RULES = "/etc/audit/rules.d/60-bulkhead-docker.rules"
KEY = "bulkhead-docker"
#: /var/lib/docker is a file system of its own, whose root a watch by name would not see.
DATA_ROOT = "-F devmajor=254 -F devminor=16 -F inode=2"
WATCHED = {
    "/usr/sbin/dockerd",
    "/usr/bin/containerd",
    "/usr/sbin/runc",
    "/usr/lib/systemd/system/docker.service",
    "/run/docker.sock",
    "/run/containerd",
    "/run/containerd/containerd.sock",
    DATA_ROOT,
    "/etc/docker",
    "/etc/docker/daemon.json",
    "/etc/sysconfig/docker",
}


@pytest.fixture(scope="module")
def name(host: t.Any) -> str:
    return str(host.backend.get_hostname())


def apply(name: str, *roles: dict[str, t.Any]) -> Run:
    """In one run, as each costs a connection."""
    return support.play(name, list(roles))


def changed(run: Run) -> list[str]:
    assert run.rc == 0, run.output
    return run.changed


def notes(run: Run) -> str:
    return " ".join(line for result in run.results if "Report | " in result["task"] for line in result.get("msg", []))


def loaded(host: t.Any) -> set[str]:
    """The paths of our rules, as auditctl lists them; of one by the inode, what it compares."""
    lines = host.check_output("auditctl -l").splitlines()
    named = {line.split()[1] for line in lines if line.startswith("-w ") and line.endswith(f"-k {KEY}")}
    return named | {DATA_ROOT for line in lines if line.endswith(f"{DATA_ROOT} -F perm=wa -F key={KEY}")}


def recorded(host: t.Any, since: str) -> str:
    """What the log has of our rules since then; ausearch reads its standard input when that is a pipe."""
    command = f"ausearch --input-logs --key {KEY} --interpret --start {since} </dev/null"
    return str(host.run("sh -c %s", f"sleep 1; {command}").stdout)


def now(host: t.Any) -> str:
    return str(host.check_output("LC_ALL=C date '+%x %H:%M:%S'"))


def label(host: t.Any, container: str) -> str:
    pid = host.check_output("docker inspect --format '{{.State.Pid}}' %s", container)
    return str(host.check_output("cat /proc/%s/attr/current", pid))


def test_the_kernel_has_the_rules(host: t.Any) -> None:
    assert loaded(host) >= WATCHED
    assert "/usr/bin/dockerd" not in loaded(host), "Debian has none"
    assert host.file(RULES).mode & 0o137 == 0 and host.file(RULES).user == "root"


def test_changes_are_recorded_and_what_containers_write_is_not(host: t.Any) -> None:
    since = now(host)
    host.check_output(
        "sh -c %s", "echo '{}' >/etc/docker/daemon.json; chmod 0644 /usr/sbin/runc; chmod 0755 /usr/sbin/runc"
    )
    host.check_output("sh -c %s", "mkdir /var/lib/docker/planted; rmdir /var/lib/docker/planted")
    host.check_output("docker run --rm tiny:1 sh -c 'for n in 1 2 3 4 5; do echo x >/busy$n; done'")
    found = recorded(host, since)
    for path in ("/etc/docker/daemon.json", "/usr/sbin/runc", "/var/lib/docker/planted"):
        assert f"name={path} " in found
    assert "busy" not in found and "/var/lib/docker/overlay2/" not in found
    assert found.count("type=SYSCALL") < 40, "this would drown the log"


def test_a_way_that_auditctls_own_list_forgets_is_seen(host: t.Any) -> None:
    """fchmodat2, by number: neither Python nor the shell has it by name."""
    since = now(host)
    call = "import ctypes; print(ctypes.CDLL(None).syscall(452, -100, b'/usr/sbin/runc', 0o755, 0))"
    assert host.check_output("python3 -c %s", call) == "0"
    assert "syscall=fchmodat2" in recorded(host, since)


SELECT = ["watch-*", "host-apparmor-*", "host-mandatory-access", "host-selinux-*", "container-apparmor"]


def red(name: str) -> dict[str, str]:
    """What fails, and what was seen."""
    options = {"subjects": ["host", "container"], "select": SELECT, "verdicts": ["fail", "error", "unknown"]}
    found = support.adhoc("bulkhead.docker.docker_audit", name, options)["audit"]["findings"]
    return {f"{one['subject']['name']} {one['rule']}": json.dumps(one["evidence"].get("observed")) for one in found}


def test_mutants_are_red_for_their_rules_and_nothing_else_is(host: t.Any, name: str) -> None:
    host.check_output("bash -c %s", "\n".join(row.do for row in mutations.VM_HOSTS))
    found = {key.partition(" ")[2]: seen for key, seen in red(name).items()}
    assert set(found) == {row.rule for row in mutations.VM_HOSTS}
    assert [row.name for row in mutations.VM_HOSTS if row.seen not in found[row.rule]] == []
    assert not WATCHED & loaded(host)


def test_rules_deleted_from_the_kernel_show_and_come_back(host: t.Any, name: str) -> None:
    """Also when the last rule of others, after ours, cannot be loaded: that is theirs to mend."""
    theirs = "echo '-a always,exit -S all -F dir=/no/such -k x' >/etc/audit/rules.d/70-theirs.rules"
    host.check_output("sh -c %s", theirs)
    write = "Rules | Write, load and verify them"
    run = support.role("docker_auditd", name, {}, "--check", "--diff")
    assert changed(run) == [write]
    diff = run.of("docker_auditd_rules")["diff"]
    lines = {*diff["before"].splitlines()} ^ {*diff["after"].splitlines()}
    assert "# not in the kernel: /usr/sbin/dockerd wxa" in lines
    assert all(line.startswith("# not in the kernel: ") for line in lines)
    assert not WATCHED & loaded(host), "check mode has mended it"
    assert changed(apply(name, applied("docker_auditd"), applied("docker_auditd"))) == [write], (
        "once, so not the second time"
    )
    assert loaded(host) >= WATCHED
    host.check_output("rm /etc/audit/rules.d/70-theirs.rules")


def test_live_containers_are_under_their_profile(host: t.Any) -> None:
    start = "docker run --detach --interactive"
    host.check_output(
        "sh -ec %s",
        f"{start} --name plain tiny:1 cat; {start} --name site --security-opt apparmor=site-web tiny:1 cat\n"
        f"{start} --name free --security-opt apparmor=unconfined tiny:1 cat",
    )
    labels = {one: label(host, one).rstrip("\0\n") for one in ("plain", "site", "free")}
    assert labels == {"plain": "docker-default (enforce)", "site": "site-web (enforce)", "free": "unconfined"}
    denied = host.run("docker exec site sh -c 'echo x >/www/index.html'")
    assert denied.rc != 0 and "Permission denied" in denied.stderr
    assert host.run("docker exec plain sh -c 'echo x >/www/index.html'").rc == 0


def confinement(content: str) -> dict[str, t.Any]:
    return applied(
        "docker_confinement", docker_confinement_apparmor_profiles=[{"name": "site-web", "profile": content}]
    )


def test_a_profile_that_does_not_parse_is_refused_and_the_good_one_stays(host: t.Any, name: str) -> None:
    file = host.file("/etc/apparmor.d/bulkhead-docker-site-web")
    before = file.content_string
    run = apply(name, confinement("profile site-web {\n  nonsense here,\n}\n"))
    assert run.rc != 0 and "failed to validate" in run.output
    assert file.content_string == before
    assert label(host, "site").startswith("site-web (enforce)")


def test_an_unloaded_profile_comes_back(host: t.Any, name: str) -> None:
    """And containers that nothing confines are named."""
    profile = "/etc/apparmor.d/bulkhead-docker-site-web"
    content = host.file(profile).content_string
    host.check_output("docker rm --force site && apparmor_parser --remove %s", profile)
    assert "site-web" not in host.check_output("cat /sys/kernel/security/apparmor/profiles")
    run = apply(name, confinement(content), confinement(content))
    assert changed(run) == ["AppArmor | Load those that changed, or that the kernel does not have"]
    assert "site-web (enforce)" in host.check_output("cat /sys/kernel/security/apparmor/profiles")
    free = host.check_output("docker inspect --format '{{.Id}}' free")[:12]
    assert f"by the labels of their processes: {free}" in notes(run)


def test_a_profile_in_use_is_not_unloaded(host: t.Any, name: str) -> None:
    host.check_output("docker run --detach --interactive --name site --security-opt apparmor=site-web tiny:1 cat")
    run = apply(name, applied("docker_confinement", docker_confinement_apparmor_absent=["site-web"]))
    assert run.rc != 0 and "would run unconfined: remove their containers first" in run.output
    assert label(host, "site").startswith("site-web (enforce)")


def test_a_recording_becomes_a_profile_that_holds(host: t.Any, name: str) -> None:
    """strace follows containerd while a container does its work; the profile lets it do that, and nothing else."""
    work = "ls / | cat; echo done"
    host.check_output(
        "bash -c %s",
        "strace -f -qq --decode-pids=pidns -p $(pidof -s containerd) -o /root/run.strace 2>/root/err & tracer=$!\n"
        "until grep -q . /root/run.strace 2>/dev/null; do sleep 0.2; done\n"
        f"docker run --rm --network none tiny:1 sh -c {json.dumps(work)}; kill -INT $tracer; wait $tracer; true",
    )
    found = host.check_output("cat /root/run.strace")
    assert "SECCOMP" in found
    profile = "{{ recording | bulkhead.docker.docker_seccomp_profile }}"
    profiles = [{"name": "work", "version": "1", "profile": profile}]
    run = apply(name, applied("docker_confinement", recording=found, docker_confinement_seccomp_profiles=profiles))
    assert run.rc == 0, run.output[-3000:]
    under = "docker run --rm --network none --security-opt seccomp=/etc/docker/seccomp/work-1.json tiny:1"
    assert "done" in host.check_output(f"{under} sh -c %s", work)
    denied = host.run(f"{under} mkdir /tmp/x")
    assert denied.rc != 0 and "not permitted" in denied.stderr


def test_locked_rules_wait_for_a_reboot(host: t.Any, name: str) -> None:
    host.check_output("auditctl -e 2")
    more = applied("docker_auditd", docker_auditd_paths=[{"path": "/etc/hosts"}, {"path": "/no/such/file"}])
    run = apply(name, more, more)
    assert changed(run) == ["Rules | Write, load and verify them"]
    assert notes(run).count("Reboot: the kernel's audit rules are locked") == 2
    assert "Not on this host, so not watched: /no/such/file" in notes(run)
    assert "/etc/hosts" not in loaded(host)


def test_all_of_it_is_there_after_a_reboot(host: t.Any, name: str) -> None:
    host.check_output("docker kill site plain free")  # what does not heed a signal would hold up the reboot
    subprocess.run([support.ROOT / "tests" / "lab" / "vm", "reboot", name], check=True)
    assert loaded(host) >= {*WATCHED, "/etc/hosts"}
    assert "site-web (enforce)" in host.check_output("cat /sys/kernel/security/apparmor/profiles")
    host.check_output("docker start site plain free")
    assert label(host, "site").startswith("site-web (enforce)")
    assert label(host, "plain").startswith("docker-default (enforce)")


def test_the_audit_is_green_but_for_the_free_container(name: str) -> None:
    assert set(red(name)) == {f"free {mutations.VM_CONTAINERS[0].rule}"}


def test_undo(host: t.Any, name: str) -> None:
    host.check_output("docker rm --force site")
    no_rules = applied("docker_auditd", docker_auditd_state="absent")
    no_profile = applied("docker_confinement", docker_confinement_apparmor_absent=["site-web"])
    assert changed(apply(name, no_rules, no_profile, no_rules, no_profile)) == [
        "Rules | Write, load and verify them",
        "Rules | Take that away",
        "AppArmor | Unload them",
        "AppArmor | Remove them",
    ]
    assert loaded(host) == set() and not host.file(RULES).exists
    assert "site-web" not in host.check_output("cat /sys/kernel/security/apparmor/profiles")
