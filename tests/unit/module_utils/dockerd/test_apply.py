# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole run against a daemon made of paper: every step can fail or be the last before the power goes."""

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
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_keys import KEYS
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import files
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.apply import Apply, Outcome, UndoneError
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.control import ControlError
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.engine import EngineError, Snapshot
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.proposal import (
    Proposal,
    RefusedError,
    Request,
    found,
    propose,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.survey import Survey
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.unit import Unit


class PowerCut(BaseException):
    """What a SIGKILL looks like from inside: nothing after it happens."""


def raising(error: BaseException) -> t.Callable[..., t.NoReturn]:
    def fail(*_arguments: object) -> t.NoReturn:
        raise error

    return fail


class Host:
    """A daemon that reads the file when it starts or is reloaded, and does not start with ``group: nobody``."""

    def __init__(self, directory: Path, content: Config) -> None:
        self.path = directory / "daemon.json"
        self.store = files.Store(self.path, directory / "state")
        self.path.write_text(json.dumps(content, indent=4) + "\n")
        self.path.chmod(0o644)
        self.restarts = 0
        self.running: Config = content
        self.up = True

    # what Apply asks of Daemon and Engine

    @property
    def engine(self) -> Host:
        return self

    def info(self) -> dict[str, t.Any]:
        if not self.up:
            raise EngineError("no answer from /var/run/docker.sock to /info")
        return {
            "LiveRestoreEnabled": self.running.get("live-restore", False),
            "Debug": self.running.get("debug", False),
        }

    def snapshot(self) -> Snapshot:
        return Snapshot((), frozenset())

    def compare(self, before: Snapshot, live: bool) -> None:
        assert before == self.snapshot()
        assert not live or self.info()["LiveRestoreEnabled"]

    def journal(self) -> str:
        return "time=now\nno such group\n"

    def reload(self, expected: t.Mapping[str, t.Any]) -> list[str]:
        """Like the real one: what is no longer in the file stays as it was."""
        self.running = {**self.running, **{k: v for k, v in self.content().items() if KEYS[k].effect == "reload"}}
        default = {"debug": False, "live-restore": False}
        return [key for key in expected if self.running.get(key) != (expected[key] or default.get(key))]

    def restart(self) -> str:
        self.restarts += 1
        content = self.content()
        self.up = content.get("group") != "nobody"
        if not self.up:
            raise ControlError("docker.service did not start")
        self.running = content
        return self.daemon

    # what the test does with it

    @property
    def daemon(self) -> str:
        return f"boot/{self.restarts}"

    def content(self) -> Config:
        return t.cast("Config", json.loads(self.path.read_text()))

    def survey(self) -> Survey:
        status = plan.RUNNING if self.up else plan.FAILED
        unit = Unit("docker.service", {"LoadState": "loaded"}, argv=("dockerd", "--config-file", str(self.path)))
        info = self.info() if self.up else {}
        return Survey(unit, status, version="28.5.2", info=info, daemon=self.daemon if self.up else "")

    def propose(self, config: Config, restart: str = "auto", mode: str = "merge") -> tuple[Survey, t.Any, Proposal]:
        request = Request(config, {}, mode, self.path, restart, accept_data_move=False)
        survey = self.survey()
        at = found(files.read(self.path), self.store.load(), files.read(self.store.backup), mode, self.path)
        return survey, at, propose(request, survey, at)

    def run(self, config: Config, restart: str = "auto", mode: str = "merge") -> tuple[Proposal, Outcome]:
        survey, at, proposal = self.propose(config, restart, mode)
        daemon = t.cast("t.Any", self)
        return proposal, Apply(survey, at, proposal, self.store, daemon, self.path).run(restart)

    def settled(self, config: Config) -> None:
        """The daemon runs what the file says, and another run has nothing to do."""
        assert not self.store.load().cut
        proposal = self.propose(config)[-1]
        assert (proposal.file_changed, proposal.changes) == (False, ())


ORIGINAL: Config = {"labels": ["site=lab"], "debug": True, "runtimes": {"a": {"path": "/a"}}}
WISHES: list[Config] = [
    {"icc": False},
    {"live-restore": True},
    {"debug": None},
    {"icc": False, "debug": None, "live-restore": True, "labels": ["mine=1"]},
]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path, ORIGINAL)


@pytest.mark.parametrize("wish", WISHES)
def test_there_and_back(host: Host, wish: Config) -> None:
    before = host.path.read_bytes()
    proposal, outcome = host.run(wish)
    assert outcome.action == proposal.decision.action == ("restart" if "icc" in wish else "reload")
    assert host.running == host.content() or outcome.action == "reload"
    host.settled(wish)
    host.run({})
    assert host.content() == ORIGINAL
    assert host.info() == {"LiveRestoreEnabled": False, "Debug": True}
    assert before.decode() and not host.store.load().owned
    host.settled({})


def steps(monkeypatch: pytest.MonkeyPatch, host: Host, fatal: int) -> t.Iterator[int]:
    """Cut the power before the n-th step that leaves a trace; yields how many there were."""
    count = itertools.count()

    def breaking(step: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        def guarded(*arguments: t.Any) -> t.Any:
            if next(count) == fatal:
                raise PowerCut
            return step(*arguments)

        return guarded

    for owner, name in ((files, "stage"), (files, "install"), (host, "reload"), (host, "restart")):
        monkeypatch.setattr(owner, name, breaking(getattr(owner, name)))
    yield 0
    monkeypatch.undo()


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize("undo", [False, True], ids=["setting", "giving back"])
@pytest.mark.parametrize("fatal", range(14))
def test_power_cut_at_any_step(
    monkeypatch: pytest.MonkeyPatch, host: Host, wish: Config, undo: bool, fatal: int
) -> None:
    """The next run completes the work; giving back afterwards restores what was there at first."""
    if undo:
        host.run(wish)
    goal = {} if undo else wish
    with monkeypatch.context() as patch:
        for _dummy in steps(patch, host, fatal):
            with contextlib.suppress(PowerCut):
                host.run(goal)
    host.run(goal)
    host.settled(goal)
    host.run({})
    assert host.content() == ORIGINAL
    assert (host.running.get("icc"), host.info()) == (None, {"LiveRestoreEnabled": False, "Debug": True})
    host.settled({})


def test_power_cut_and_a_restart_by_somebody_else(monkeypatch: pytest.MonkeyPatch, host: Host) -> None:
    with monkeypatch.context() as patch, pytest.raises(PowerCut):
        patch.setattr(host, "restart", raising(PowerCut()))
        host.run({"icc": False})
    host.restart()
    _dummy, outcome = host.run({"icc": False})
    assert (outcome.action, host.restarts) == ("none", 1)
    host.settled({"icc": False})


def test_what_does_not_start_is_undone(host: Host) -> None:
    host.run({"icc": False})
    before, state = host.path.read_bytes(), host.store.load()
    with pytest.raises(UndoneError, match=r"no such group\. The previous .* is back") as error:
        host.run({"group": "nobody"})
    assert error.value.journal == ["time=now", "no such group"]
    assert (host.path.read_bytes(), host.store.load().owned) == (before, state.owned)
    assert host.up
    host.settled({"icc": False})


def test_power_cut_with_what_does_not_start(monkeypatch: pytest.MonkeyPatch, host: Host) -> None:
    """The last good file is still known, also after the host came up again without its engine."""
    host.run({"icc": False})
    good = host.content()
    for reboot in (False, True):
        with monkeypatch.context() as patch, pytest.raises(PowerCut):
            patch.setattr(host, "restart", raising(PowerCut()))
            host.run({"group": "nobody"})
        host.up = not reboot
        with pytest.raises(UndoneError, match=r"last good .* is back"):
            host.run({"group": "nobody"})
        assert (host.content(), host.running, host.up) == (good, good, True)
        host.settled({"icc": False})


def test_a_broken_file_is_put_back_when_its_replacement_does_not_start(host: Host) -> None:
    host.path.write_text("{broken")
    with pytest.raises(UndoneError, match=r"no such group\. Not all .*: the file as it was found is not valid JSON"):
        host.run({"group": "nobody"}, mode="exclusive")
    assert host.path.read_text() == "{broken"
    host.run({"icc": False}, mode="exclusive")
    assert (host.content(), host.running, host.up) == ({"icc": False}, {"icc": False}, True)


def test_a_pending_restart_stays_pending_and_changes_nothing(host: Host) -> None:
    _dummy, first = host.run({"icc": False}, "never")
    proposal, second = host.run({"icc": False}, "never")
    assert (bool(first.pending), bool(second.pending), proposal.file_changed) == (True, True, False)
    _dummy, third = host.run({}, "never")
    assert (third.pending, host.restarts, host.content()) == ("", 0, ORIGINAL)
    host.settled({})


def test_a_hand_edit_that_the_daemon_never_saw_needs_no_restart_to_undo(host: Host) -> None:
    host.run({"icc": False})
    restarts = host.restarts
    host.path.write_text(json.dumps({**host.content(), "icc": True}))
    proposal, outcome = host.run({"icc": False})
    assert (proposal.file_changed, outcome.action, host.restarts) == (True, "none", restarts)


def test_a_failed_write_changes_nothing(monkeypatch: pytest.MonkeyPatch, host: Host) -> None:
    before = host.path.read_bytes()
    with monkeypatch.context() as patch, pytest.raises(RefusedError, match=r"No space.*Nothing was changed"):
        patch.setattr(files, "install", raising(OSError(28, "No space left on device")))
        host.run({"icc": False})
    assert [path.name for path in host.path.parent.iterdir() if path.is_file()] == ["daemon.json"]
    assert host.path.read_bytes() == before
    host.run({"icc": False})
    host.settled({"icc": False})


def test_what_somebody_else_writes_meanwhile_is_not_lost(monkeypatch: pytest.MonkeyPatch, host: Host) -> None:
    """Validating the new file takes seconds, in which another program may write its own."""
    stage = files.stage

    def slow(*arguments: t.Any) -> Path:
        host.path.write_text('{"theirs": 1}')
        return stage(*arguments)

    with monkeypatch.context() as patch, pytest.raises(RefusedError, match="somebody else"):
        patch.setattr(files, "stage", slow)
        host.run({"icc": False})
    assert (host.content(), host.store.load()) == ({"theirs": 1}, files.State())
    assert [path.name for path in host.path.parent.iterdir() if path.is_file()] == ["daemon.json"]


def test_modes(host: Host) -> None:
    secret = {"proxies": {"http-proxy": "http://user:c4n4ry@192.0.2.1:1"}}
    host.run(secret)
    assert host.path.stat().st_mode & 0o777 == 0o600
    host.path.chmod(0o666)
    proposal, outcome = host.run(secret)
    assert (proposal.file_changed, outcome.action) == (True, "none")
    assert host.path.stat().st_mode & 0o777 == 0o600
    for name in ("", "daemon.json.state", "daemon.json.good"):
        (path,) = [
            p for p in (host.store.directory, *host.store.directory.iterdir()) if p.name.endswith(name or "state")
        ][:1]
        assert path.stat().st_mode & 0o077 == 0


def test_the_wrong_file_is_refused(host: Host) -> None:
    survey, at, _dummy = host.propose({})
    request = Request({}, {}, "merge", Path("/etc/docker/daemon.json"), "auto", accept_data_move=False)
    with pytest.raises(RefusedError, match=r"reads .*daemon.json, not /etc/docker/daemon.json"):
        propose(request, survey, at)


def test_a_profile_gives_way(host: Host) -> None:
    survey, at, _dummy = host.propose({})
    swarm = dataclasses.replace(survey, info={**survey.info, "Swarm": {"LocalNodeState": "active"}})
    profile = {"live-restore": True, "log-driver": "journald", "log-opts": None, "default-stop-timeout": 5}
    config = {"log-opts": {"max-size": "10m"}}
    proposal = propose(Request(config, profile, "merge", host.path, "auto", accept_data_move=False), swarm, at)
    assert set(proposal.content) == {*ORIGINAL, "log-opts"}
    assert sorted(note.split()[0] for note in proposal.notes) == ["default-stop-timeout", "live-restore", "log-driver"]
    with pytest.raises(RefusedError, match="Swarm"):
        propose(Request({"live-restore": True}, {}, "merge", host.path, "auto", accept_data_move=False), swarm, at)


def test_no_engine_to_ask_needs_a_version(host: Host) -> None:
    survey, at, _dummy = host.propose({})
    bare = dataclasses.replace(survey, unit=Unit("docker.service"), status=plan.ABSENT, version="", info={}, daemon="")
    with pytest.raises(RefusedError, match="engine_version"):
        propose(Request({"icc": False}, {}, "merge", host.path, "auto", accept_data_move=False), bare, at)
    propose(Request({"icc": None}, {}, "merge", host.path, "auto", accept_data_move=False), bare, at)
