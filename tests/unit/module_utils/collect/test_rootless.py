# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users' own daemons, hostile ones too: what they do stays theirs. Needs root, which becomes someone else."""

from __future__ import annotations

import os
import tempfile
import time
import typing as t
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.collect import daemon, gather, owner, rootless
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.facts import Tenant
from ansible_collections.bulkhead.docker.tests.fake_engine import Engine, inspected, serving

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
NOBODY = 65534


@pytest.fixture(name="path")
def socket_path() -> Iterator[Path]:
    """Of a socket that the other user can reach, which pytest's own directories do not allow."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "s"


def ask(path: Path, monkeypatch: pytest.MonkeyPatch, timeout: int = 1, times: int = 1) -> list[Tenant]:
    """As if the fake engine, which is a thread of this process, were that user's."""
    monkeypatch.setattr(daemon, "credentials_of", lambda *_: (os.getpid(), NOBODY))
    path.chmod(0o777)
    with rootless.Tenants([rootless.Process(NOBODY, NOBODY, str(path))] * times, timeout, containers=True) as tenants:
        return tenants.gathered()


def test_a_daemon_is_asked_as_its_user(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(path, {"web": inspected("web")}):
        (tenant,) = ask(path, monkeypatch, timeout=30)
    assert (tenant.name, tenant.error) == (owner.account(NOBODY)[0], "")
    assert tenant.facts is not None
    assert [one["name"] for one in tenant.facts.containers] == ["web"]
    assert tenant.facts.daemon["root"] is False
    assert os.geteuid() == 0


def test_a_socket_that_is_not_the_users_is_not_asked(path: Path) -> None:
    with serving(path, {}) as fake:
        path.chmod(0o777)
        with rootless.Tenants([rootless.Process(NOBODY, NOBODY, str(path))], 1, containers=True) as tenants:
            (tenant,) = tenants.gathered()
    assert "is not this user's: user 0 answers there" in tenant.error
    assert fake.asked == []


def large(fake: Engine) -> None:
    fake.answers["/info"] = {"ID": "fake", "Labels": ["x y " * 1000] * 100}


def huge(fake: Engine) -> None:
    fake.answers["/info"] = {"ID": "x" * 100_000_000}


def hung(fake: Engine) -> None:
    fake.answers["/info"] = None


def senseless(fake: Engine) -> None:
    fake.answers["/containers/json"] = [7]


@pytest.mark.parametrize(
    ("misbehave", "said"),
    [(hung, "no answer within the timeout"), (large, "more than the audit takes"), (huge, ""), (senseless, "")],
)
def test_a_hostile_daemon_is_one_error(
    path: Path, monkeypatch: pytest.MonkeyPatch, misbehave: t.Callable[[Engine], None], said: str
) -> None:
    monkeypatch.setattr(rootless, "_MOST_BYTES", 100_000)
    start = time.monotonic()
    with serving(path, {"web": inspected("web")}) as fake:
        misbehave(fake)
        (tenant,) = ask(path, monkeypatch, timeout=2)
    assert tenant.facts is None
    assert tenant.error
    assert said in tenant.error
    assert len(tenant.error) < 500
    assert time.monotonic() - start < 12


def test_memory_is_limited(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rootless, "_MEMORY", 1_000_000)
    with serving(path, {"web": inspected("web")}):
        (tenant,) = ask(path, monkeypatch)
    assert tenant.facts is None
    assert tenant.error


def test_a_process_that_is_stopped_is_not_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "collect", lambda *_args, **_more: time.sleep(60))
    start = time.monotonic()
    with serving(path, {}):
        (tenant,) = ask(path, monkeypatch)
    assert "no answer within 3 seconds" in tenant.error
    assert 3 <= time.monotonic() - start < 8


def test_one_user_does_not_crowd_out_the_others(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(path, {}):
        tenants = ask(path, monkeypatch, timeout=120, times=50)
    name = owner.account(NOBODY)[0]
    assert [tenant.name for tenant in tenants] == [name, f"{name}:2", f"{name}:3"]
    assert [tenant.error for tenant in tenants[:2]] == ["", ""]
    assert [bool(tenant.facts) for tenant in tenants] == [True, True, False]
    assert "runs more daemons than" in tenants[2].error


def test_nothing_is_left_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a list of names
    with serving(path, {}):
        ask(path, monkeypatch)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
    assert len(os.listdir("/proc/self/fd")) <= len(before) + 1  # noqa: PTH208 - a list of names


STATUS = {
    1: ("dockerd", 0, "host"),
    2: ("dockerd", 1000, "host"),
    3: ("dockerd", 100000, "container"),
    4: ("dockerd-rootles", 1001, "host"),
    5: ("bash", 1002, "host"),
}


def test_which_processes_are_users_daemons(monkeypatch: pytest.MonkeyPatch) -> None:
    def listening(pid: int) -> list[dict[str, t.Any]]:
        return [] if pid == 4 else [{"proto": "unix", "path": f"/run/user/{pid}/docker.sock"}]

    monkeypatch.setattr(rootless, "pids", lambda: list(STATUS))
    monkeypatch.setattr(rootless, "text", lambda path: STATUS[int(path.split("/")[2])][0])
    monkeypatch.setattr(rootless, "status", lambda pid: dict.fromkeys(("Uid", "Gid"), f"0 {STATUS[pid][1]} 0 0"))
    monkeypatch.setattr(rootless, "link", lambda path: STATUS[int(path.split("/")[2])][2])
    monkeypatch.setattr(daemon, "listening", listening)
    assert rootless.find() == [rootless.Process(1000, 1000, "/run/user/2/docker.sock")]


def test_only_beside_the_hosts_own_engine(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [rootless.Process(NOBODY, NOBODY, "/run/x")]
    monkeypatch.setattr(rootless, "find", lambda: found)
    path.touch()
    assert rootless.around("tcp://192.0.2.1:2375") == []
    assert rootless.around(f"unix://{path}") == found
    assert rootless.around(f"unix://{path}.none") == found
    os.chown(path, NOBODY, NOBODY)
    assert rootless.around(f"unix://{path}") == []
