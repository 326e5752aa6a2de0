# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file and the drop-in as one change, against a daemon of paper that does not start when a key is also a flag."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils import plan
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_json import Config
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import files, flags, listening
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.apply import Apply, Outcome, UndoneError
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.command import DROP_IN, CommandError, command_of
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.control import ControlError
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.engine import Snapshot
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.proposal import (
    Proposal,
    RefusedError,
    Request,
    found,
    propose,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.survey import Survey
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.unit import Unit

VENDOR = "[Service]\nExecStart=/usr/bin/dockerd -H fd:// --live-restore=false --containerd=/c --config-file={path}\n"
TLS = {"tlscacert": "/ca", "tlscert": "/cert", "tlskey": "/key"}


class PowerCut(BaseException):
    """What a SIGKILL looks like from inside: nothing after it happens."""


class Host:
    """``loaded`` is what systemd has read, ``argv`` and ``running`` what the process was started with."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "daemon.json"
        self.vendor = directory / "docker.service"
        self.vendor.write_text(VENDOR.format(path=self.path))
        self.drop_in = directory / "docker.service.d" / DROP_IN
        self.store = files.Store(self.path, directory / "state")
        self.timeout = 1.0
        self.restarts = 0
        self.taken = False  # the port
        self.up = True
        self.reload_units()
        self.argv = self.loaded
        self.running: Config = {}

    # what Apply asks of Daemon and Engine

    @property
    def engine(self) -> Host:
        return self

    def info(self) -> dict[str, t.Any]:
        return {"LiveRestoreEnabled": self.running.get("live-restore", False)}

    def snapshot(self) -> Snapshot:
        return Snapshot((), frozenset())

    def compare(self, before: Snapshot, live: bool) -> None:
        assert before == self.snapshot()
        assert not live or self.info()["LiveRestoreEnabled"]

    def journal(self) -> str:
        return "address already in use\n" if self.taken else "said twice\n"

    def reload_units(self, gone: t.Collection[str] = ()) -> None:
        text = (self.drop_in if self.drop_in.exists() else self.vendor).read_text()
        self.loaded = tuple(text.rpartition("ExecStart=")[2].split())
        assert not set(gone) & set(flags.spellings(self.loaded))

    def reload(self, expected: t.Mapping[str, t.Any]) -> list[str]:
        """A file that says a flag of the process again is refused whole."""
        assert not set(self.content()) & set(flags.spellings(self.argv))
        self.running = {**self.running, **{key: self.content().get(key) for key in expected}}
        return []

    def restart(self) -> str:
        self.restarts += 1
        content = self.content()
        twice = set(content) & set(flags.spellings(self.loaded))
        self.up = not twice and not (self.taken and any("9999" in host for host in content.get("hosts", [])))
        if not self.up:
            raise ControlError("docker.service did not start")
        self.argv, self.running = self.loaded, content
        return self.daemon

    # what the test does with it

    @property
    def daemon(self) -> str:
        return f"boot/{self.restarts}"

    def content(self) -> Config:
        return t.cast("Config", json.loads(self.path.read_text())) if self.path.exists() else {}

    def traces(self) -> dict[str, bytes]:
        root = self.path.parent
        kept = (path for path in root.rglob("*") if path.is_file() and self.store.directory not in path.parents)
        return {str(path.relative_to(root)): path.read_bytes() for path in kept}

    def survey(self) -> Survey:
        ours = self.drop_in.read_text() if self.drop_in.exists() else ""
        texts = [(str(self.vendor), self.vendor.read_text()), *([(str(self.drop_in), ours)] if ours else [])]
        unit = Unit("docker.service", {"LoadState": "loaded"})
        command = command_of(unit, texts, self.drop_in, files.read(self.drop_in))
        return Survey(
            dataclasses.replace(unit, argv=command.argv),
            plan.RUNNING if self.up else plan.FAILED,
            command=command,
            argv=self.argv if self.up else (),
            version="28.5.2",
            info=self.info() if self.up else {},
            daemon=self.daemon if self.up else "",
        )

    def propose(self, config: Config, listen: tuple[str, ...] = (), restart: str = "auto", *override: str) -> t.Any:
        request = Request(config, {}, "merge", self.path, restart, False, frozenset(override), listen)
        survey = self.survey()
        at = found(files.read(self.path), self.store.load(), files.read(self.store.backup), "merge", self.path)
        proposal = propose(request, survey, at)
        return survey.under(proposal.keys), at, proposal

    def run(
        self, config: Config, listen: tuple[str, ...] = (), restart: str = "auto", *override: str
    ) -> tuple[Proposal, Outcome]:
        survey, at, proposal = self.propose(config, listen, restart, *override)
        for path in (self.path, self.drop_in):
            files.tidy(path)
        return proposal, Apply(survey, at, proposal, self.store, t.cast("t.Any", self), self.path).run(restart)

    def settled(self, config: Config, listen: tuple[str, ...] = ()) -> None:
        proposal = self.propose(config, listen)[-1]
        assert (proposal.changed, proposal.changes) == (False, ())
        assert (self.loaded, self.running) == (self.argv, self.content())


@pytest.fixture(name="host")
def paper_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    monkeypatch.setattr(listening, "lacking", lambda *_arguments: [])
    return Host(tmp_path)


LISTEN = ("tcp://10.0.0.5:2376",)


def test_there_and_back_byte_for_byte(host: Host) -> None:
    for before in ("", '{"icc":   false}', "{}"):
        if before:
            host.path.write_text(before)
            host.restart()
        traces = host.traces()
        proposal, outcome = host.run(TLS, LISTEN)
        assert outcome.action == "restart"
        assert host.content()["hosts"] == ["fd://", *LISTEN]
        assert ("-H" in host.argv, host.content()["tlsverify"]) == (False, True)
        assert [change.key for change in proposal.changes][-1] == "ExecStart"
        host.settled(TLS, LISTEN)
        host.run({})
        assert host.traces() == traces
        assert "-H" in host.argv
        assert not host.drop_in.parent.exists()
        host.settled({})


def test_any_key_can_have_the_say(host: Host) -> None:
    wish = {"live-restore": True, "icc": False}
    with pytest.raises(RefusedError, match="live-restore is also set by the command line"):
        host.run(wish)
    host.run(wish, (), "auto", "live-restore", "hosts")
    assert host.content() == wish
    assert host.argv[1:3] == ("-H", "fd://"), "hosts is not wanted, so its flag stays"


def steps(monkeypatch: pytest.MonkeyPatch, host: Host, fatal: int) -> None:
    """Cut the power before the n-th step that leaves a trace."""
    count = itertools.count()

    def breaking(step: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        def guarded(*arguments: t.Any, **options: t.Any) -> t.Any:
            if next(count) == fatal:
                raise PowerCut
            return step(*arguments, **options)

        return guarded

    owners = ((files, "stage"), (files, "install"), (host, "reload"), (host, "restart"), (host, "reload_units"))
    for owner, name in (*owners, (Path, "unlink")):
        monkeypatch.setattr(owner, name, breaking(getattr(owner, name)))


GOALS: list[tuple[Config, tuple[str, ...]]] = [(TLS, LISTEN), ({}, ()), ({"icc": False}, ())]


@pytest.mark.parametrize("after", ["nothing", "restart", "reboot"])
@pytest.mark.parametrize("begin", GOALS, ids=["listening", "bare", "set"])
@pytest.mark.parametrize("goal", GOALS, ids=["to listening", "to bare", "to set"])
def test_power_cut_at_any_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begin: tuple[Config, tuple[str, ...]],
    goal: tuple[Config, tuple[str, ...]], after: str,
) -> None:  # fmt: skip
    """The daemon starts from what lies there, with or without a reboot, and the next run completes the work."""
    monkeypatch.setattr(listening, "lacking", lambda *_arguments: [])
    for fatal in range(20):
        (tmp_path / str(fatal)).mkdir()
        host = Host(tmp_path / str(fatal))
        host.run(*begin)
        with monkeypatch.context() as patch, contextlib.suppress(PowerCut):
            steps(patch, host, fatal)
            host.run(*goal)
        if after == "reboot":
            host.reload_units()
        if after != "nothing":
            host.restart()
        host.run(*goal)
        host.settled(*goal)
        host.run({})
        assert set(host.traces()) == {"docker.service"}
        assert host.argv == host.loaded


def test_what_does_not_start_is_undone(host: Host) -> None:
    host.run(TLS, LISTEN)
    before = host.traces()
    host.taken = True
    with pytest.raises(UndoneError, match=r"address already in use\. The previous .* is back") as error:
        host.run(TLS, (*LISTEN, "tcp://10.0.0.5:9999"))
    assert error.value.complete
    assert (host.traces(), host.up) == (before, True)
    host.settled(TLS, LISTEN)

    host.run({})
    before = host.traces()
    with pytest.raises(UndoneError):
        host.run(TLS, ("tcp://10.0.0.5:9999",))
    assert (host.traces(), host.up, "-H" in host.argv) == (before, True, True)


def test_a_listener_that_is_not_there_is_undone(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    before = host.traces()
    asked: list[t.Any] = []

    def lacking(*given: t.Any) -> list[str]:
        asked.append(given)
        return ["tcp://x does not answer"]

    monkeypatch.setattr(listening, "lacking", lacking)
    with pytest.raises(UndoneError, match="after the restart: tcp://x does not answer"):
        host.run(TLS, LISTEN)
    assert [words[:2] for words in asked] == [(list(LISTEN), "/cert")]
    assert host.traces() == before


def test_a_restart_that_is_left_to_a_person_stays_known(host: Host) -> None:
    _proposal, first = host.run(TLS, LISTEN, "never")
    assert first.pending and "-H" in host.argv and "-H" not in host.loaded
    proposal, second = host.run(TLS, LISTEN, "never")
    assert (proposal.changed, bool(second.pending)) == (False, True)
    assert "ExecStart" in [change.key for change in proposal.changes]
    assert host.run(TLS, LISTEN)[1].action == "restart"
    host.settled(TLS, LISTEN)


def test_a_new_vendors_unit_is_followed(host: Host) -> None:
    host.run(TLS, LISTEN)
    host.vendor.write_text(host.vendor.read_text().replace("--containerd=/c", "--containerd=/new --mtu 1400"))
    proposal, outcome = host.run(TLS, LISTEN)
    assert ([change.key for change in proposal.changes], outcome.action) == (["ExecStart"], "restart")
    assert "--containerd=/new" in host.argv and "-H" not in host.argv
    host.settled(TLS, LISTEN)


def test_a_drop_in_that_was_taken_away_comes_back_without_a_restart(host: Host) -> None:
    host.run(TLS, LISTEN)
    restarts = host.restarts
    host.drop_in.unlink()
    host.reload_units()
    proposal, outcome = host.run(TLS, LISTEN)
    assert (proposal.drop_in_changed, outcome.action, host.restarts) == (True, "none", restarts)
    host.settled(TLS, LISTEN)


def test_an_open_port_does_not_come_back(host: Host) -> None:
    """Neither by the file that was there before, nor by the unit."""
    host.vendor.write_text(host.vendor.read_text().replace("-H fd://", "-H fd:// -H tcp://0.0.0.0:2375"))
    host.reload_units()
    host.restart()
    (warning,) = [one for one in host.propose({})[-1].warnings if "tlsverify" in one]
    assert "docker.service says -H fd://" in warning
    proposal, _outcome = host.run(TLS, LISTEN)
    assert host.content()["hosts"] == ["fd://", *LISTEN]
    assert any(note.startswith("tcp://0.0.0.0:2375, which the daemon listened on before") for note in proposal.notes)
    assert not any("before" in note for note in host.propose(TLS, LISTEN)[-1].notes), "said once"
    with pytest.raises(RefusedError, match="giving back what was there before is refused: hosts opens the API on TCP"):
        host.run({})


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({**TLS, "hosts": ["fd://"]}, "listen and hosts say the same thing twice"),
        ({**TLS, "tlsverify": False}, "without tlsverify"),
    ],
)
def test_refused(host: Host, config: Config, words: str) -> None:
    before = host.traces()
    with pytest.raises(RefusedError, match=words):
        host.run(config, LISTEN)
    assert host.traces() == before


def test_switches_in_one_word_are_a_clear_error(host: Host) -> None:
    host.vendor.write_text(host.vendor.read_text().replace("-H fd://", "-DH fd://"))
    with pytest.raises(CommandError, match="says -DH fd:// in one word"):
        host.run(TLS, LISTEN)


def test_every_address_of_the_host_is_told_of(host: Host) -> None:
    notes = host.propose(TLS, ("tcp://[::]:2376",))[-1].notes
    assert notes == (
        "tcp://[::]:2376 is every address of this host: name the one that the managers of this host reach it by",
    )
