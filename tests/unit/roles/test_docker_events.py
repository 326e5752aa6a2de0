# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorder of role docker_logging, before an engine that forgets, dies and repeats itself as the real one does."""

from __future__ import annotations

import importlib.util
import json
import sys
import threading
import time
import typing as t
from pathlib import Path

import pytest

PATH = Path(__file__).resolve().parents[3] / "roles" / "docker_logging" / "files" / "docker_events.py"
_spec = importlib.util.spec_from_file_location("docker_events", PATH)
assert _spec and _spec.loader
events: t.Any = importlib.util.module_from_spec(_spec)
sys.modules["docker_events"] = events
_spec.loader.exec_module(events)

Json = dict[str, t.Any]
HOSTILE = (
    '"} {"action": "forged"}',
    "line one\nline two\r\x00\x1b[2J",
    "\u202etxt.exe\u2028\x9b31m",
    "\udc80 lone surrogate",
    "<0>emergency",
    "x" * 100_000,
    "",
)
NEVER = events.NEVER


class FakeEngine:
    """Keeps events in a ring and containers in a table."""

    def __init__(self, keeps: int = 256) -> None:
        self.now, self.keeps = 1_000_000_000, keeps
        self.ring: list[Json] = []
        self.table: dict[str, Json] = {}

    def happens(self, action: str, one: str, told: bool = True) -> None:
        self.now += 1_000_000
        at = events.stamp(self.now)
        if action == "create":
            state = {"Running": False, "StartedAt": NEVER, "FinishedAt": NEVER}
            self.table[one] = {"Id": one, "Name": f"/{one}", "Created": at, "Image": "sha256:1", "State": state}
        elif action == "start":
            self.table[one]["State"].update(Running=True, StartedAt=at)
        elif action == "die":
            self.table[one]["State"].update(Running=False, FinishedAt=at)
        elif action == "destroy":
            del self.table[one]
        if told:
            actor = {"ID": one, "Attributes": {"name": one, "image": "i"}}
            self.ring.append({"Type": "container", "Action": action, "Actor": actor, "timeNano": self.now})
            del self.ring[: -self.keeps]

    def restarts(self) -> None:
        self.ring.clear()

    # what the recorder asks

    def past(self, since: int) -> list[Json]:
        return [one for one in self.ring if one["timeNano"] >= since]

    follow = past

    def container(self, one: str) -> Json | None:
        return self.table.get(one)

    def containers(self) -> list[Json]:
        return list(self.table.values())

    def digests(self, image: str) -> list[str]:
        return [f"r@{image}"]


class Run:
    """A recorder that is started anew whenever it is asked to listen."""

    def __init__(self, engine: FakeEngine, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.engine, self.path, self.lines = engine, path, list[str]()
        monkeypatch.setattr(events.time, "time_ns", lambda: engine.now + 1)

    def listens(self) -> list[str]:
        """What it wrote this time: actions and containers."""
        before = len(self.lines)
        recorder = events.Recorder(self.engine, self.path, self.lines.append)
        for _turn in range(2):  # what ends the first is picked up by the second
            recorder.catch_up()
            recorder.follow()
        records = [json.loads(line.partition(">")[2]) for line in self.lines[before:]]
        return [f"{one['action']} {one.get('id', '')}".strip() for one in records]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(FakeEngine(), tmp_path / "memory.json", monkeypatch)


def test_what_was_there_before_is_found_and_nothing_is_told_twice(run: Run) -> None:
    run.engine.happens("create", "old")
    run.engine.happens("start", "old")
    assert run.listens() == ["found old"]
    run.engine.happens("die", "old")
    assert run.listens() == ["die old"]
    assert run.listens() == []


def test_a_pause_of_the_recorder_is_made_up_for(run: Run) -> None:
    run.engine.happens("create", "a")
    run.listens()
    for action in ("start", "die", "destroy"):
        run.engine.happens(action, "a")
    assert run.listens() == ["start a", "die a", "destroy a"]


def test_what_a_restarted_engine_forgot_is_told_from_the_containers(run: Run) -> None:
    run.listens()
    for one in ("kept", "died", "gone"):
        run.engine.happens("create", one)
        run.engine.happens("start", one)
    run.listens()
    run.engine.happens("die", "died", told=False)
    run.engine.happens("die", "gone", told=False)
    run.engine.happens("destroy", "gone", told=False)
    run.engine.happens("create", "new", told=False)
    run.engine.restarts()
    assert run.listens() == ["gap", "die died", "create new", "die gone", "destroy gone"]
    run.engine.happens("destroy", "died")
    assert run.listens() == ["destroy died"]


def test_more_events_than_the_engine_keeps_are_a_gap(run: Run) -> None:
    run.engine.keeps = 4
    run.engine.happens("create", "a")
    run.listens()
    run.engine.happens("start", "a")
    run.listens()
    for _turn in range(3):
        run.engine.happens("die", "a")
        run.engine.happens("start", "a")
    assert run.listens()[:1] == ["gap"]
    assert run.listens() == []


def test_an_event_that_comes_after_it_was_told_is_the_same(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The containers are looked at while the engine still has to send what it did to them."""
    run.engine.happens("create", "a")
    run.listens()
    run.engine.happens("start", "a")
    run.listens()
    run.engine.restarts()
    look, engine = run.engine.containers, run.engine

    def meanwhile() -> list[Json]:
        monkeypatch.setattr(engine, "containers", look)
        for action in ("die", "start"):
            engine.happens(action, "a")
        engine.happens("create", "b")
        engine.happens("start", "b")
        return look()

    monkeypatch.setattr(engine, "containers", meanwhile)
    assert run.listens() == ["gap", "die a", "start a", "create b", "start b"]
    engine.happens("die", "b")
    assert run.listens() == ["die b"]


def test_what_was_told_is_remembered_over_a_restart(run: Run) -> None:
    run.listens()
    run.engine.happens("create", "a")
    run.engine.happens("start", "a")
    run.listens()
    run.engine.restarts()
    run.engine.happens("die", "a", told=False)
    late = {"Type": "container", "Action": "die", "Actor": {"ID": "a", "Attributes": {}}, "timeNano": run.engine.now}
    assert run.listens() == ["gap", "die a"]
    run.engine.now += 1
    run.engine.ring.append({**late, "timeNano": run.engine.now})
    assert run.listens() == []


def test_an_engine_that_is_replaced_between_two_questions_is_noticed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that waits at the socket while the engine restarts is answered by the next one."""
    run.listens()
    run.engine.happens("create", "a")
    run.listens()
    follow, engine = run.engine.follow, run.engine

    def after_a_restart(since: int) -> list[Json]:
        monkeypatch.setattr(engine, "follow", follow)
        engine.happens("start", "a", told=False)
        engine.happens("die", "a", told=False)
        engine.restarts()
        engine.happens("create", "b")
        return follow(since)

    monkeypatch.setattr(engine, "follow", after_a_restart)
    assert run.listens() == ["gap", "create b", "start a", "die a"]
    assert run.listens() == []


def test_an_end_that_no_event_told_is_told_by_the_next_start(run: Run) -> None:
    run.engine.happens("create", "a")
    run.listens()
    run.engine.happens("start", "a")
    run.listens()
    run.engine.restarts()
    run.engine.happens("die", "a", told=False)
    run.engine.happens("start", "a")
    assert run.listens() == ["gap", "die a", "start a"]


def test_it_stops_only_between_two_events(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.listens()
    run.engine.happens("create", "z")
    run.listens()
    recorder = events.Recorder(run.engine, run.path, run.lines.append)
    recorder.catch_up()
    with pytest.raises(SystemExit):
        recorder.stop()
    recorder.stopping = False

    def write(text: str) -> None:
        run.lines.append(text)
        recorder.stop()

    monkeypatch.setattr(recorder, "_out", write)
    run.engine.happens("create", "a")
    run.engine.happens("start", "a")
    with pytest.raises(SystemExit):
        recorder.follow()
    assert len(run.lines) == 2
    assert run.listens() == ["start a"]


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"since": 1, "other": 2}'])
def test_a_memory_that_was_spoilt_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "memory.json"
    path.write_text(text)
    assert events.Memory.load(path) == events.Memory()


def test_memory_is_bounded(tmp_path: Path) -> None:
    memory = events.Memory()
    for number in range(2000):
        memory.add({"timeNano": number, "Type": "x", "Action": "y"})
    assert (len(memory.seen), memory.since) == (events.REMEMBERED, 2000 - events.REMEMBERED)
    memory.save(tmp_path / "memory.json")
    assert events.Memory.load(tmp_path / "memory.json") == memory


@pytest.mark.parametrize("text", HOSTILE)
def test_words_of_strangers_are_data(text: str) -> None:
    attributes = {"name": text, "image": text, "label": text}
    event = {"Type": text, "Action": text, "Actor": {"ID": text, "Attributes": attributes}, "timeNano": 1}
    line = events.line(events.event_record(event))
    assert line.isascii() and line.count("\n") == 1 and line.endswith("\n") and line.startswith("<6>{")
    assert len(line) < 15_000
    record = json.loads(line[3:])
    assert set(record["attributes"]) == {"name", "image"}
    assert record["attributes"]["name"][:100] == text[:100]


def test_who_asks_learns_at_once_that_the_engine_is_there_again(tmp_path: Path) -> None:
    """Not with the next regular pulse: an audit right after a restart would find the recorder without its engine."""
    recorder, pulse = events.Recorder(FakeEngine(), tmp_path / "memory.json", print), tmp_path / "pulse.json"
    threading.Thread(target=events.beat, args=(recorder, pulse), daemon=True).start()
    for connected in (True, False, True):
        recorder.say_connected(connected)
        end = time.monotonic() + events.HEARTBEAT_SECONDS / 2
        while not pulse.exists() or json.loads(pulse.read_text())["connected"] is not connected:
            assert time.monotonic() < end
            time.sleep(0.01)


def test_arguments_of_commands_are_left_out() -> None:
    event = {"Type": "container", "Action": "exec_start: psql --password hunter2", "Actor": {}, "timeNano": 1}
    assert events.event_record(event)["detail"] == "psql"


@pytest.mark.parametrize(
    ("host", "mounts", "wanted"),
    [
        ({}, [], {}),
        ({"Privileged": True, "MaskedPaths": []}, [], {"privileged": True}),
        ({"PidMode": "host", "NetworkMode": "bridge"}, [], {"namespaces": ["pid"]}),
        ({"CapAdd": ["SYS_ADMIN"]}, [], {"capabilities": ["SYS_ADMIN"]}),
        ({"SecurityOpt": ["seccomp=unconfined", "label:disable"]}, [], {"unconfined": ["seccomp", "selinux"]}),
        ({"MaskedPaths": []}, [], {"unconfined": ["systempaths"]}),
        ({"Devices": [{"PathOnHost": "/dev/fuse"}]}, [], {"devices": ["/dev/fuse"]}),
        ({}, ["/var/run/docker.sock"], {"sockets": ["/var/run/docker.sock"]}),
        ({}, ["/", "/run", "/var/run/", "/var", "/run/containerd"], None),
        ({}, ["/srv", "/runner", "/run/dockerx", "/var/lib"], {}),
    ],
)
def test_what_is_dangerous(host: Json, mounts: list[str], wanted: Json | None) -> None:
    found = events.flags({"HostConfig": host, "Mounts": [{"Source": one} for one in mounts]})
    assert found == ({"sockets": mounts} if wanted is None else wanted)


def test_a_dangerous_container_is_a_warning() -> None:
    record = {"action": "start", **events.described({"Image": "sha256:1", "HostConfig": {"Privileged": True}}, ["r@d"])}
    assert events.line(record).startswith("<4>")
    assert record["image"] == {"id": "sha256:1", "digests": ["r@d"]}
