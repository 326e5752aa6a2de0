# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a guard, with a real directory and real copies; systemd is a list of what it was asked."""

from __future__ import annotations

import os
import subprocess
import typing as t
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import Done
from ansible_collections.bulkhead.docker.plugins.module_utils.guard import change as changes
from ansible_collections.bulkhead.docker.plugins.module_utils.guard import units as guard_units
from ansible_collections.bulkhead.docker.plugins.module_utils.guard.change import Change, FiredError
from ansible_collections.bulkhead.docker.plugins.module_utils.guard.record import GuardError, Plan, Record
from ansible_collections.bulkhead.docker.plugins.module_utils.guard.store import Store, present


def real(argv: Sequence[str], seconds: float, environment: Mapping[str, str] | None = None) -> Done:
    done = subprocess.run(list(argv), capture_output=True, text=True, timeout=seconds, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


class Systemd:
    """Stands where Units does; counts like a timer, but never fires."""

    def __init__(self, store: Store) -> None:
        self.asked: list[str] = []
        self.store = store
        self.broken = ""

    def counting(self) -> bool:
        return bool(self.asked) and self.asked[-1] == "start"

    def seconds_left(self, timeout: int) -> float:
        return timeout

    def start(self, record: Record) -> None:
        assert record.saved, "the timer runs before the files are saved"
        self.asked.append("start")
        if self.broken:
            raise GuardError(self.broken)

    def remove(self) -> None:
        assert not self.store.directory.exists(), "a guard without a timer"
        self.asked.append("remove")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("good")
    return path


@pytest.fixture
def guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., Change]:
    """A run over this connection."""
    monkeypatch.setattr(changes, "preflight", repr)  # anything that takes a plan and does nothing
    store = Store("x", tmp_path / "state" / "guards")
    systemd = Systemd(store)

    def make(connection: str = "", check: bool = False) -> Change:
        change = Change("x", connection, real, check)
        change.store = store
        change.units = t.cast(t.Any, systemd)
        return change

    return make


def result(change: Change, text: str) -> None:
    (change.store.directory / "result").write_text(text)


def test_arming_saves_what_is_there(guard: t.Callable[..., Change], file: Path, tmp_path: Path) -> None:
    file.chmod(0o604)
    os.utime(file, (1, 1))
    (tmp_path / "link").symlink_to("nowhere")
    change = guard()
    done = change.arm(Plan((str(file), str(tmp_path / "link"), str(tmp_path / "absent")), ()), 60, False)
    assert (done.changed, done.armed) == (True, True)
    record = change.store.load()
    assert record and record.saved == (True, True, False)
    saved = change.store.directory / "files"
    assert ((saved / "0").read_text(), (saved / "0").stat().st_mode & 0o777, (saved / "0").stat().st_mtime) == (
        "good",
        0o604,
        1,
    )
    assert (saved / "1").readlink() == Path("nowhere")
    assert sorted(path.name for path in saved.iterdir()) == ["0", "1"]
    assert {path.stat().st_mode & 0o777 for path in (saved, saved.parent, saved.parents[1], saved.parents[2])} == {
        0o700
    }


def test_arming_again_keeps_the_first_state(guard: t.Callable[..., Change], file: Path) -> None:
    plan = Plan((str(file),), ())
    guard("A").arm(plan, 60, False)
    file.write_text("bad")
    again = guard("B")
    assert again.arm(plan, 600, False).changed is False
    record = again.store.load()
    assert record and (record.timeout, record.connections) == (60, ("A", "B"))
    assert (again.store.directory / "files" / "0").read_text() == "good"
    assert again.arm(plan, 600, True).changed is True
    extended = again.store.load()
    assert extended and extended.timeout == 600
    with pytest.raises(GuardError, match="armed already, for other files or steps"):
        again.arm(Plan((str(file),), (("true",),)), 60, False)


def test_an_arming_that_fails_leaves_nothing(guard: t.Callable[..., Change], file: Path) -> None:
    change = guard()
    t.cast(t.Any, change.units).broken = "no timer today"
    with pytest.raises(GuardError, match="no timer today"):
        change.arm(Plan((str(file),), ()), 60, False)
    assert sorted(path.name for path in change.store.guards.iterdir()) == ["x.lock"]
    assert t.cast(t.Any, change.units).asked == ["start", "remove"]


def test_what_a_killed_arming_left_is_no_guard(guard: t.Callable[..., Change], file: Path) -> None:
    change = guard()
    leftover = change.store.guards / "x.new" / "files"
    leftover.mkdir(parents=True)
    (leftover / "0").write_text("old")
    assert change.confirm().changed is False
    change.arm(Plan((str(file),), ()), 60, False)
    assert (change.store.directory / "files" / "0").read_text() == "good"


def test_confirming(guard: t.Callable[..., Change], file: Path) -> None:
    guard("A").arm(Plan((str(file),), ()), 60, False)
    with pytest.raises(GuardError, match="this very SSH connection"):
        guard("A").confirm()
    assert guard("B", check=True).confirm().changed is True
    assert guard("B").store.load(), "check mode removed it"
    assert guard("B").confirm().changed is True
    assert guard("B").confirm().changed is False


def test_a_guard_armed_without_ssh_is_confirmed_without(guard: t.Callable[..., Change], file: Path) -> None:
    guard().arm(Plan((str(file),), ()), 60, False)
    assert guard().confirm().changed is True


@pytest.mark.parametrize("text", ["fired 10\nfile 0\nended 11\n", "fired 10\n"])
def test_confirming_too_late(guard: t.Callable[..., Change], file: Path, text: str) -> None:
    change = guard()
    change.arm(Plan((str(file),), ()), 60, False)
    result(change, text)
    with pytest.raises(FiredError, match="too late: the guard x fired at 1970-01-01T00:00:10Z"):
        change.confirm()


def test_after_firing_it_can_be_armed_anew(guard: t.Callable[..., Change], file: Path) -> None:
    change = guard()
    change.arm(Plan((str(file),), ()), 60, False)
    result(change, "fired 10\nfile 0\nended 11\n")
    file.write_text("new")
    done = change.arm(Plan((str(file),), ()), 60, False)
    assert "had fired at 1970-01-01T00:00:10Z" in done.warning
    assert (change.store.directory / "files" / "0").read_text() == "new"
    assert change.store.outcome().fired == 0


@pytest.mark.parametrize("text", ["fired 10\nfile 1\nended 11\n", "fired 10\nfile 0\n"])
def test_the_only_copy_is_not_given_up(guard: t.Callable[..., Change], file: Path, text: str) -> None:
    change = guard()
    change.arm(Plan((str(file),), ()), 60, False)
    result(change, text)
    with pytest.raises(FiredError, match="the only copy"):
        change.arm(Plan((str(file),), ()), 60, False)
    assert (change.store.directory / "files" / "0").read_text() == "good"


def test_check_mode_leaves_no_trace(guard: t.Callable[..., Change], file: Path) -> None:
    change = guard(check=True)
    done = change.arm(Plan((str(file),), ()), 60, False)
    assert (done.changed, done.armed, done.expires_at) == (True, True, "")
    assert not change.store.guards.exists()
    with pytest.raises(GuardError, match="there is no guard x"):
        change.restore()


def test_a_record_that_cannot_be_read_is_an_error(guard: t.Callable[..., Change], file: Path) -> None:
    change = guard()
    change.arm(Plan((str(file),), ()), 60, False)
    (change.store.directory / "record").write_text("{")
    with pytest.raises(GuardError, match="cannot be read"):
        change.confirm()


def test_only_files_and_links_can_be_guarded(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(GuardError, match="neither a file nor a link"):
            present(str(path))
    assert not present(str(tmp_path / "a" / "b"))


def test_without_systemd_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard_units, "BOOTED", tmp_path / "none")
    with pytest.raises(GuardError, match="systemd does not run this host"):
        guard_units.preflight(Plan(("/etc/x",), ()))
