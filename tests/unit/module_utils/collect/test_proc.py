# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel says about processes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.collect import proc


@pytest.fixture(name="child")
def a_process() -> Iterator[int]:
    """A process of which the parent (this one) stands for the shim, and its own argument for the container's id."""
    with subprocess.Popen(["sleep", "600"]) as running:
        yield running.pid
        running.kill()


def test_capabilities_in_words() -> None:
    assert proc.capabilities("0000000000002401") == ["CAP_CHOWN", "CAP_NET_BIND_SERVICE", "CAP_NET_RAW"]
    assert proc.capabilities("0000010000200000") == ["CAP_SYS_ADMIN", "CAP_CHECKPOINT_RESTORE"]
    assert proc.capabilities("0000000000000000") == []
    assert len(proc.capabilities("000001ffffffffff")) == 41


def test_a_process_that_is_not_the_containers_is_nobody(child: int) -> None:
    assert proc.Kernel().process(child, "0123456789abcdef" * 4) is None
    assert proc.Kernel().process(2**22 + 1, "x") is None


def test_what_the_kernel_says(child: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proc, "_runs", lambda *_: True)
    found = proc.Kernel().process(child, "x")
    assert found is not None
    assert found["pid"] == child
    assert found["uid"] == [os.getuid()] * 4
    assert len(found["uid_map"][0]) == 3
    assert set(found["cap_eff"]) <= set(found["cap_bnd"])
    assert found["no_new_privs"] in (True, False)
    assert set(found["namespaces"]) == {"net", "pid", "ipc", "uts", "user", "cgroup"}


def test_commands_are_those_of_the_containers_pid_namespace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake(tmp_path, 1, "pid:[1]", "init")
    _fake(tmp_path, 10, "pid:[2]", "nginx")
    _fake(tmp_path, 11, "pid:[2]", "sshd")
    _fake(tmp_path, 12, "pid:[3]", "other")
    monkeypatch.setattr(proc, "PROC", str(tmp_path))
    found = proc.Kernel().process(10, "c0ffee")
    assert found is not None
    assert found["commands"] == ["nginx", "sshd"]
    assert found["namespaces"]["pid"] is False
    assert found["namespaces"]["net"] is None  # the kernel would not tell
    host = proc.Kernel().process(1, "c0ffee")
    assert host is not None
    assert (host["commands"], host["namespaces"]["pid"]) == (None, True)
    assert (host["seccomp"], host["uid_map"], host["cap_eff"]) == (None, None, None)


def _fake(root: Path, pid: int, namespace: str, name: str) -> None:
    (root / f"{pid}/ns").mkdir(parents=True)
    (root / f"{pid}/ns/pid").symlink_to(namespace)
    (root / f"{pid}/comm").write_text(f"{name}\n")
    (root / f"{pid}/status").write_text(f"Name:\t{name}\nPPid:\t0\nUid:\t0\t0\t0\t0\n")
    (root / f"{pid}/cgroup").write_text("0::/docker/c0ffee\n")
