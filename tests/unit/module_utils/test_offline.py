# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running host, chroot or container: by what the first process and the root directory say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils import offline
from ansible_collections.bulkhead.docker.plugins.module_utils.offline import CHROOT, CONTAINER, RUNNING, Look

CASES = [
    ("a host", Look(True, True, "systemd"), RUNNING),
    ("a host without systemd", Look(True, False, "init"), RUNNING),
    ("a system container", Look(True, True, "systemd"), RUNNING),
    ("a chroot that sees the machine's processes", Look(False, False, "systemd"), CHROOT),
    ("a chroot with the machine's /run", Look(False, True, "systemd"), CHROOT),
    ("a chroot without /proc", Look(None, False, ""), CHROOT),
    ("a container of one program", Look(True, False, "sleep"), CONTAINER),
    ("a container in which an engine was started", Look(True, False, "sleep", (7,)), RUNNING),
    ("a chroot in which an engine was started", Look(False, False, "systemd", (7,)), RUNNING),
]


@pytest.mark.parametrize(("what", "look", "expected"), CASES, ids=[case[0] for case in CASES])
def test_what_it_is(what: str, look: Look, expected: str) -> None:
    assert offline.place(look) == expected
    assert bool(offline.problem(look, True, "x_offline")) == (expected == RUNNING)
    assert bool(offline.problem(look, False, "x_offline")) == (expected != RUNNING)


def test_the_messages_name_the_option_and_the_way_out() -> None:
    assert "docker_host_offline is true" in offline.problem(Look(True, True, "systemd"), True, "docker_host_offline")
    assert "process 7" in offline.problem(Look(True, False, "sleep", (7,)), True, "x")
    assert "bulkhead.docker.image" in offline.problem(Look(None, False, ""), False, "x")


def process(proc: Path, pid: int, name: str, root: Path) -> None:
    (proc / str(pid)).mkdir(parents=True)
    (proc / str(pid) / "comm").write_text(f"{name}\n")
    os.symlink(root, proc / str(pid) / "root")  # noqa: PTH211


def test_it_looks_at_processes_of_its_own_root_alone(tmp_path: Path) -> None:
    proc, here, machine = (tmp_path / name for name in ("proc", "here", "machine"))
    here.mkdir()
    machine.mkdir()
    process(proc, 1, "systemd", machine)
    process(proc, 50, "dockerd", machine)
    found = offline.look(str(proc), str(here))
    assert found == Look(False, False, "systemd", ())
    process(proc, 60, "containerd", here)
    assert offline.look(str(proc), str(here)).engines == (60,)
    (machine / "run" / "systemd" / "system").mkdir(parents=True)
    assert offline.place(offline.look(str(proc), str(machine))) == RUNNING


def test_without_proc_it_is_a_chroot(tmp_path: Path) -> None:
    assert offline.place(offline.look(str(tmp_path / "none"), str(tmp_path))) == CHROOT
