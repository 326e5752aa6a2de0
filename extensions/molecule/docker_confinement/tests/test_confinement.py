# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A profile from recorded runs at work on each engine, and its life; Molecule has deployed web-1.

The kernel is the witness: what a container may do is tried, not read.
"""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests import support
from ansible_collections.bulkhead.docker.tests.support import Run

FOLDER = "/etc/docker/seccomp"
FILE = f"{FOLDER}/web-1.json"
UNDER = f"seccomp={FILE}"
RECORDED = "ls / | cat; wget -q -O - http://127.0.0.1:1/; true"  # what the recordings are of


@pytest.fixture(scope="module")
def name(host: t.Any) -> str:
    return str(host.backend.get_hostname())


@pytest.fixture(scope="module")
def profile(host: t.Any) -> dict[str, t.Any]:
    found: dict[str, t.Any] = json.loads(host.file(FILE).content_string)
    return found


def apply(name: str, *options: str, role: str = "docker_confinement", **variables: t.Any) -> Run:
    return support.role(role, name, variables, *options)


def web(profile: t.Any, **more: t.Any) -> dict[str, t.Any]:
    return {"docker_confinement_seccomp_profiles": [{"name": "web", "version": "1", "profile": profile, **more}]}


def changed(run: Run) -> list[str]:
    assert run.rc == 0, run.output
    return run.changed


def notes(run: Run) -> str:
    return " ".join(line for result in run.results if "Report | " in result["task"] for line in result.get("msg", []))


def container(host: t.Any, command: str, *options: str) -> t.Any:
    words = " ".join(options)
    return host.run(f"docker run --rm {words} tiny:1 sh -c %s", command)


def traces(host: t.Any) -> str:
    """All that the two roles may write: equal means untouched."""
    return str(
        host.check_output(
            "find /etc/docker /etc/apparmor.d /etc/audit /etc/selinux /etc/tmpfiles.d -printf '%p %m %U %G %T@\\n' "
            "2>/dev/null | sort"
        )
    )


def test_what_was_recorded_works(host: t.Any) -> None:
    seen = container(host, RECORDED, "--security-opt", UNDER)
    assert seen.rc == 0 and "bin" in seen.stdout and "Connection refused" in seen.stderr
    strict = container(
        host, RECORDED, "--security-opt", UNDER, "--security-opt no-new-privileges --user 1000 --cap-drop ALL"
    )
    assert strict.rc == 0 and "Connection refused" in strict.stderr


@pytest.mark.parametrize(
    "command",
    [
        "mkdir /tmp/x",  # a call that was not seen
        "chmod 700 /bin",
        "ip link show lo",  # a socket of a family that was not seen
        "ping -c 1 127.0.0.1",  # a socket of the family that was, and then what was not seen
    ],
)
def test_what_was_not_recorded_is_denied(host: t.Any, command: str) -> None:
    assert container(host, command).rc == 0, "denied without the profile, too: this proves nothing"
    denied = container(host, command, "--security-opt", UNDER)
    assert denied.rc != 0 and "not permitted" in denied.stderr


def test_the_file_is_roots_and_denies_by_default(host: t.Any, profile: dict[str, t.Any]) -> None:
    file = host.file(FILE)
    assert (file.user, file.group, file.mode) == ("root", "root", 0o644)
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    granted = {one for rule in profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for one in rule["names"]}
    assert not granted & {"mkdir", "mkdirat", "chmod", "fchmodat", "mount", "ptrace", "bpf", "unshare"}


def test_free_containers_are_seen_by_the_role_and_by_the_audit(host: t.Any, name: str) -> None:
    for tag, options in {"held": UNDER, "free": "seccomp=unconfined"}.items():
        host.check_output(f"docker run --detach --interactive --name {tag} --security-opt {options} tiny:1 cat")
    try:
        identity = host.check_output("docker inspect --format '{{.Id}}' free")[:12]
        said = notes(apply(name))
        assert f"No seccomp filter holds these containers: {identity}" in said
        options = {"select": ["container-seccomp"], "subjects": ["container"], "verdicts": ["pass", "fail"]}
        findings = support.adhoc("bulkhead.docker.docker_audit", name, options)["audit"]["findings"]
        assert {one["subject"]["name"]: one["verdict"] for one in findings} == {"held": "pass", "free": "fail"}
    finally:
        host.check_output("docker rm --force held free")


@pytest.mark.debian(13)
def test_tampering_shows_exactly_and_is_mended(host: t.Any, name: str, profile: dict[str, t.Any]) -> None:
    host.check_output("sed -i 's/SCMP_ACT_ERRNO/SCMP_ACT_ALLOW/' %s", FILE)
    run = apply(name, "--check", "--diff", **web(profile))
    assert changed(run) == ["Seccomp | Write the profiles"]
    (file,) = [one for one in run.results if one["task"].endswith("Write the profiles")]
    was, will = (file["results"][0]["diff"][0][side].splitlines() for side in ("before", "after"))
    assert {line.strip() for line in {*was} ^ {*will}} >= {'"defaultAction": "SCMP_ACT_ERRNO",'}
    assert container(host, "mkdir /tmp/x", "--security-opt", UNDER).rc == 0, "check mode has mended it"
    assert changed(apply(name, **web(profile))) == changed(run)
    assert container(host, "mkdir /tmp/x", "--security-opt", UNDER).rc != 0
    assert changed(apply(name, **web(profile))) == []


@pytest.mark.debian(13)
@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"defaultAction": "SCMP_ACT_ALLOW"}, "defaultAction must deny"),
        ({"syscalls": [{"names": ["raed"], "action": "SCMP_ACT_ALLOW"}]}, "not a system call of Linux: raed"),
        ({"syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}, "runc cannot start a container under it"),
    ],
)
def test_bad_profiles_are_refused_before_any_is_written(
    host: t.Any, name: str, profile: dict[str, t.Any], broken: dict[str, t.Any], says: str
) -> None:
    before = traces(host)
    good = {"name": "good", "version": "1", "profile": profile}
    bad = {"name": "bad", "version": "1", "profile": {**profile, **broken}}
    run = apply(name, docker_confinement_seccomp_profiles=[good, bad])
    assert run.rc != 0 and says in run.output
    assert traces(host) == before


def test_a_profile_that_all_containers_get_is_not_removed(host: t.Any, name: str) -> None:
    host.check_output("sh -c %s", f'echo \'{{"seccomp-profile": "{FILE}"}}\' >/etc/docker/daemon.json')
    host.check_output("sh -c 'systemctl reset-failed docker; systemctl restart docker'")
    assert container(host, "mkdir /tmp/x").rc != 0, "the engine does not use the profile"
    run = apply(name, docker_confinement_seccomp_absent=["web-1"])
    assert run.rc != 0 and "the engine names web-1 as its seccomp-profile" in run.output
    assert host.file(FILE).exists
    host.check_output("sh -c 'rm /etc/docker/daemon.json; systemctl reset-failed docker; systemctl restart docker'")


@pytest.mark.debian(13)
def test_without_apparmor_a_profile_is_left_out_with_a_word(host: t.Any, name: str) -> None:
    assert host.run("grep -q Y /sys/module/apparmor/parameters/enabled").rc != 0, "it is on here: this proves nothing"
    before = traces(host)
    profiles = [{"name": "site-web", "profile": "profile site-web flags=(attach_disconnected) {\n  file,\n}\n"}]
    run = apply(name, docker_confinement_apparmor_profiles=profiles, docker_confinement_selinux="enforcing")
    assert changed(run) == []
    assert "so these profiles were left out: site-web" in notes(run)
    assert "SELinux is off, and is not switched on by this role" in notes(run)
    assert "This host is itself a container (docker)" in notes(run)
    assert traces(host) == before


@pytest.mark.debian(13)
def test_without_auditing_nothing_changes_and_the_reason_is_told(host: t.Any, name: str) -> None:
    before = traces(host)
    run = apply(name, role="docker_auditd")
    assert changed(run) == []
    assert "Nothing is watched here. auditctl and augenrules are not there" in notes(run)
    assert traces(host) == before


@pytest.mark.debian(13)
def test_defaults_change_nothing(host: t.Any, name: str) -> None:
    before = traces(host)
    assert changed(apply(name)) == changed(apply(name, "--check")) == []
    assert traces(host) == before


@pytest.mark.debian(13)
def test_undo(host: t.Any, name: str) -> None:
    absent = {"docker_confinement_seccomp_absent": ["web-1", "never-there"]}
    assert changed(apply(name, "--check", **absent)) == ["Seccomp | Remove those that are not wanted any more"]
    assert host.file(FILE).exists
    assert changed(apply(name, **absent)) == ["Seccomp | Remove those that are not wanted any more"]
    assert not host.file(FILE).exists
    assert changed(apply(name, **absent)) == []
