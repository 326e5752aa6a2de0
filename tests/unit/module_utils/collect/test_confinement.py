# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel says of AppArmor, SELinux and the processes in containers, on files as kernels write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.collect import confinement, live, proc

ID = "4f2c" * 16


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def process(root: Path, pid: int, parent: int, command: str, label: str = "", seccomp: int = 2) -> None:
    program = Path(command.split(maxsplit=1)[0]).name
    write(root / str(pid) / "status", f"Name:\t{program}\nPPid:\t{parent}\nSeccomp:\t{seccomp}\n")
    write(root / str(pid) / "cmdline", command.replace(" ", "\0") + "\0")
    if label:
        write(root / str(pid) / "attr" / "current", f"{label}\n")


@pytest.fixture
def procfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for module in (proc, live, confinement):
        monkeypatch.setattr(module, "PROC", str(tmp_path))
    shim = f"/usr/bin/containerd-shim-runc-v2 -namespace moby -id {ID}"
    process(tmp_path, 1, 0, "/sbin/init", "unconfined")
    process(tmp_path, 10, 1, shim, "unconfined")
    process(tmp_path, 11, 10, "nginx -g", "docker-default (enforce)")
    process(tmp_path, 12, 11, "nginx worker", "docker-default (enforce)")
    process(tmp_path, 13, 10, "sh", "unconfined", seccomp=0)
    return tmp_path


def test_what_the_engine_started_in_containers_is_seen(procfs: Path) -> None:
    found = {one["pid"]: one for one in live.containers(apparmor=True, selinux=False)}
    assert set(found) == {11, 13}, "the first process, and one that was executed"
    assert found[11] == {
        "id": ID[:12], "pid": 11, "name": "nginx", "apparmor": "docker-default (enforce)", "selinux": None, "seccomp": 2
    }  # fmt: skip
    assert (found[13]["apparmor"], found[13]["seccomp"]) == ("unconfined", 0)
    (first, *_more) = live.containers(apparmor=False, selinux=True)
    assert first["apparmor"] is None


def test_all_processes_under_a_profile_are_found(procfs: Path) -> None:
    assert {name: sorted(pids) for name, pids in live.under({"docker-default"}).items()} == {"docker-default": [11, 12]}


def test_loaded_profiles_have_their_modes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = tmp_path / "profiles"
    listed.write_text("docker-default (enforce)\n/usr/bin/man (complain)\nmy profile (kill)\n")
    monkeypatch.setattr(confinement, "APPARMOR_PROFILES", str(listed))
    assert confinement.profiles() == {"docker-default": "enforce", "/usr/bin/man": "complain", "my profile": "kill"}
    monkeypatch.setattr(confinement, "APPARMOR_PROFILES", str(tmp_path / "none"))
    assert confinement.profiles() is None


def test_selinux_is_what_its_file_system_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confinement, "SELINUX", str(tmp_path))
    assert confinement.selinux() == {"enabled": False, "enforcing": None, "container_policy": None}
    write(tmp_path / "enforce", "0")
    assert confinement.selinux() == {"enabled": True, "enforcing": False, "container_policy": None}
    write(tmp_path / "context", "")
    write(tmp_path / "enforce", "1")
    assert confinement.selinux() == {"enabled": True, "enforcing": True, "container_policy": True}
    assert (tmp_path / "context").read_bytes() == b"system_u:system_r:container_t:s0\0"


@pytest.mark.parametrize(("variables", "answer"), [("TERM=x\0container=lxc\0", "lxc"), ("TERM=x\0", "")])
def test_a_host_that_is_a_container_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: str, answer: str
) -> None:
    monkeypatch.setattr(confinement, "PROC", str(tmp_path))
    monkeypatch.setattr(confinement, "NOTED", str(tmp_path / "noted"))
    write(tmp_path / "1" / "environ", variables)
    assert confinement.describe()["container"] == answer
    write(tmp_path / "noted", "docker\n")
    assert confinement.describe()["container"] == "docker"
