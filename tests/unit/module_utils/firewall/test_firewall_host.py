# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Domains that are remembered, applying that is undone when half of it fails, and the program's files."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import Done
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall import apply, host, install, watch


def test_an_address_is_kept_for_a_while_and_longer_without_an_answer() -> None:
    old = {"a": {"192.0.2.1": 600, "192.0.2.2": 6000}}
    assert host.remembered(old, {"a": ["192.0.2.3"]}, 3600, 6030) == {"a": {"192.0.2.2": 6000, "192.0.2.3": 6000}}
    assert host.remembered(old, {"a": []}, 3600, 1e9) == old
    assert host.remembered(old, {}, 3600, 6030) == {}


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::1", "fe80::1", "224.0.0.1", "::"])
def test_a_domain_has_no_address_of_the_host_itself(address: str) -> None:
    assert host.remembered({}, {"a": [address]}, 60, 60) == {"a": {}}


def test_a_name_without_an_answer_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(name: str, *_arguments: t.Any, **_more: t.Any) -> list[t.Any]:
        if name == "slow":
            threading.Event().wait(5)
        return [(0, 0, 0, "", ("192.0.2.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    assert host.lookup(["slow", "fast"], 0.3) == {"slow": [], "fast": ["192.0.2.1"]}


class Fake:
    """Rules in memory; one may refuse what it is to apply."""

    def __init__(self, name: str, live: str, refuses: str = "", tests: bool = True) -> None:
        self.name, self.now, self._refuses, self._tests = name, live, refuses, tests

    def live(self) -> str:
        return self.now

    def wanted(self, rules: t.Any) -> str:
        return str(rules)

    def test(self, goal: str) -> None:
        if self._tests and goal == self._refuses:
            raise apply.ApplyError("refused")

    def apply(self, goal: str) -> None:
        if goal == self._refuses:
            raise apply.ApplyError("refused")
        self.now = goal


@pytest.mark.parametrize("tests", [True, False])
def test_when_one_fails_all_are_as_before(tests: bool) -> None:
    four, six = Fake("iptables", "old4"), Fake("ip6tables", "old6", refuses="new6", tests=tests)
    with pytest.raises(apply.ApplyError, match="refused"):
        apply.replace([(four, "old4", "new4"), (six, "old6", "new6")])
    assert (four.now, six.now) == ("old4", "old6")


def test_the_program_runs_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing of Ansible in reach."""
    monkeypatch.setattr(install, "LIBRARY", tmp_path / "lib")
    monkeypatch.setattr(install, "PROGRAM", tmp_path / "program")
    assert len(install.pending()) == len(install.files()) > 10
    install.install()
    assert install.pending() == []
    done = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "program")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, "usage: bulkhead-docker-firewall apply|follow|show|watch\n")
    (tmp_path / "program").write_text("")
    assert install.pending() == [str(tmp_path / "program")]
    install.remove()
    assert install.present() == []


class Pipe:
    """A source of news that ends when its other side is closed."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()

    def fileno(self) -> int:
        return self.reader

    def read(self) -> bytes:
        return os.read(self.reader, 10)

    def close(self) -> None:
        os.close(self.reader)


def test_news_are_told_and_a_source_that_ended_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_AGAIN", 0.0)
    made: list[Pipe] = []

    def make() -> Pipe:
        made.append(Pipe())
        return made[-1]

    sources = watch.Watch([make])
    assert sources.news(0.1)  # it began
    assert not sources.news(0.1)
    os.write(made[0].writer, b"x")
    assert sources.news(0.1) and not sources.news(0.1)
    os.close(made[0].writer)
    assert sources.news(0.1)  # it ended
    assert sources.news(0.1) and len(made) == 2  # and began anew


def test_a_source_that_is_not_there_keeps_no_other_from_telling() -> None:
    def never() -> Pipe:
        raise OSError("not there")

    made = Pipe()
    sources = watch.Watch([never, lambda: made])
    assert sources.news(0.1)
    os.write(made.writer, b"x")
    assert sources.news(0.1)


def test_a_stopped_engine_is_not_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(host, "_PID", tmp_path / "docker.pid")

    def run(argv: t.Sequence[str], seconds: float, environment: t.Mapping[str, str] | None = None) -> Done:
        assert argv[0] == "systemctl"
        return Done(3, "", "")

    assert not host.engine_runs(run)
    found, troubles = host.Firewall(run, lambda _argv, _text: Done(0, "", ""), "unix:///nowhere")._look({})
    assert found.interfaces == ("docker0",) and "does not run" in troubles[0]
    (tmp_path / "docker.pid").write_text("1")
    assert host.engine_runs(run)
