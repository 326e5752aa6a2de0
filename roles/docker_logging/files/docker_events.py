# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write every event of the Docker engine to standard output, one JSON document a line: none left out, none twice.

The engine keeps its last 256 events, in memory. We remember more than that, so what it replays to us after a pause of
ours either meets what we have written, and nothing is missing, or it does not: then a record says that there is a gap,
and what was missed of the containers' lives is told from the containers themselves. Names and labels are made by
strangers: they are data, escaped and cut to length; what may hold a secret (labels, arguments of commands) is left out.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import docker
import requests

Json = dict[str, t.Any]
Known = dict[str, Json]  # container id -> started, running, name, image

SCHEMA = 1
REMEMBERED = 512  # events; twice what an engine replays
LONGEST, MOST = 256, 32  # characters of a text, entries of a list
NEVER = "0001-01-01T00:00:00Z"
WARNING, INFO = 4, 6  # syslog levels
HEARTBEAT_SECONDS = 10

#: Attributes of an event that say what happened to what; all others may be labels.
ATTRIBUTES = {
    *("name", "oldName", "image", "exitCode", "signal", "execID"),
    *("container", "type", "driver", "destination", "propagation", "read/write"),
}
SOCKETS = (
    "/run/docker.sock",
    "/run/docker/containerd/containerd.sock",
    "/run/containerd/containerd.sock",
    "/run/podman/podman.sock",
    "/run/crio/crio.sock",
)
#: Field of HostConfig -> the host's namespace that it may give away. Not that of cgroups: it is cgroup v1's default.
NAMESPACES = {
    "NetworkMode": "network",
    "PidMode": "pid",
    "IpcMode": "ipc",
    "UTSMode": "uts",
    "UsernsMode": "user",
}
UNCONFINED = {
    "seccomp=unconfined": "seccomp",
    "apparmor=unconfined": "apparmor",
    "label=disable": "selinux",
}

# pure: what is written


def short(value: t.Any) -> t.Any:
    """A value made by strangers, cut to length."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST else value[:LONGEST] + "..."
    if isinstance(value, list):
        return [short(one) for one in value[:MOST]]
    return value


def stamp(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 10**9)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:09d}Z"


def flags(inspect: Json) -> Json:
    """What makes this container dangerous; empty when nothing does."""
    host: Json = inspect.get("HostConfig") or {}
    options = [str(one).replace(":", "=", 1) for one in host.get("SecurityOpt") or []]
    unconfined = [name for option, name in UNCONFINED.items() if option in options]
    if host.get("MaskedPaths") == [] and not host.get("Privileged"):
        unconfined.append("systempaths")
    found = {
        "privileged": bool(host.get("Privileged")),
        "namespaces": [name for field, name in NAMESPACES.items() if host.get(field) == "host"],
        "sockets": [one for one in sources(inspect) if gives_socket(one)],
        "capabilities": list(host.get("CapAdd") or []),
        "devices": [str(one.get("PathOnHost")) for one in host.get("Devices") or []],
        "unconfined": unconfined,
    }
    return {name: short(value) for name, value in found.items() if value}


def sources(inspect: Json) -> list[str]:
    """Paths of the host that are mounted into the container."""
    return [str(one["Source"]) for one in inspect.get("Mounts") or [] if one.get("Source")]


def gives_socket(path: str) -> bool:
    """Whether a path is a socket of a container engine, or a directory above one."""
    real = "/run" + path[len("/var/run") :] if f"{path}/".startswith("/var/run/") else path
    above = real.rstrip("/") + "/"
    return real in SOCKETS or above == "/var/" or any(one.startswith(above) for one in SOCKETS)


def described(inspect: Json, digests: t.Sequence[str]) -> Json:
    """What a record of a container that was created, started or found holds beside its name."""
    dangerous = flags(inspect)
    image = {"id": short(inspect.get("Image")), "digests": short(list(digests))}
    return {"image": image, "dangerous": bool(dangerous), "flags": dangerous}


def event_record(event: Json) -> Json:
    """An event as it is written. Of a command that is executed only the program: its arguments may be secret."""
    actor: Json = event.get("Actor") or {}
    action, _sign, detail = str(event.get("Action")).partition(": ")
    attributes = {name: short(value) for name, value in (actor.get("Attributes") or {}).items() if name in ATTRIBUTES}
    found = {
        "time": stamp(int(event["timeNano"])),
        "type": short(event.get("Type")),
        "action": short(action),
        "detail": short(detail.split(" ")[0]) if detail else None,
        "id": short(actor.get("ID")),
        "attributes": attributes,
        "source": "engine",
    }
    return {name: value for name, value in found.items() if value is not None}


def line(record: Json) -> str:
    """One line whatever is in it: everything but printable ASCII is escaped."""
    level = WARNING if record.get("dangerous") or record["action"] == "gap" else INFO
    return f"<{level}>{json.dumps({'schema': SCHEMA, **record})}\n"


def fingerprint(event: Json) -> str:
    """The same for an event and its replay."""
    actor = event.get("Actor") or {}
    text = f"{event.get('timeNano')} {event.get('Type')} {event.get('Action')} {actor.get('ID')}"
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=8).hexdigest()


# pure: what was missed


class Missed(t.NamedTuple):
    """A change in a container's life that no event told."""

    action: str
    id: str
    time: str
    inspect: Json


def living(inspect: Json) -> Json:
    """What we keep of a container."""
    state: Json = inspect.get("State") or {}
    started = state.get("StartedAt") or NEVER
    name = short(str(inspect.get("Name", "")).lstrip("/"))
    image = short((inspect.get("Config") or {}).get("Image"))
    return {"started": started, "running": bool(state.get("Running")), "name": name, "image": image}


def missed(known: Known, found: t.Sequence[Json], now: str) -> list[Missed]:
    """What must have happened between what we knew and what there is."""
    told: list[Missed] = []
    for inspect in found:
        one, state, before = inspect["Id"], inspect.get("State") or {}, known.get(inspect["Id"])
        ended = state.get("FinishedAt") or now
        current = living(inspect)
        if before is None:
            told.append(Missed("create", one, inspect.get("Created") or now, inspect))
            before = {"started": NEVER, "running": False}
        if current["started"] != before["started"]:
            if before["running"]:
                told.append(Missed("die", one, ended, inspect))
            told.append(Missed("start", one, current["started"], inspect))
            before = {"started": current["started"], "running": True}
        if before["running"] and not current["running"]:
            told.append(Missed("die", one, ended, inspect))
    there = {inspect["Id"] for inspect in found}
    for one, before in known.items():
        if one not in there:
            ends = ["die", "destroy"] if before["running"] else ["destroy"]
            told += [Missed(action, one, now, {}) for action in ends]
    return told


@dataclasses.dataclass
class Memory:
    """What has been written, kept over restarts."""

    since: int = 0  # nanoseconds: of the oldest event remembered
    seen: dict[str, int] = dataclasses.field(default_factory=dict)  # fingerprint -> time
    containers: Known = dataclasses.field(default_factory=dict)
    #: What was told from the containers and may yet come as an event: action and id -> when it was started.
    told: dict[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Memory:
        try:
            return cls(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return cls()

    def save(self, path: Path) -> None:
        new = path.with_suffix(".new")
        new.write_text(json.dumps(dataclasses.asdict(self)))
        new.replace(path)

    def add(self, event: Json) -> None:
        self.seen[fingerprint(event)] = int(event["timeNano"])
        while len(self.seen) > REMEMBERED:
            del self.seen[next(iter(self.seen))]
        self.since = min(self.seen.values())


# the outside world


class Engine:
    """The engine's API, as far as it is read."""

    def __init__(self, socket: str, unit: str) -> None:
        self._socket, self._unit = socket, unit
        self._digests: dict[str, list[str]] = {}
        self._client: t.Any = None

    def wants_no_visitor(self) -> bool:
        """Whether its unit is down or going down: whoever connects then makes systemd start it again."""
        command = ["systemctl", "show", "--property=LoadState,ActiveState", self._unit]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        state = dict(one.split("=", 1) for one in done.stdout.splitlines() if "=" in one)
        return state.get("LoadState") == "loaded" and state.get("ActiveState") in ("inactive", "deactivating", "failed")

    def connect(self) -> None:
        self._client = docker.APIClient(base_url=f"unix://{self._socket}", version="auto", timeout=30)

    def past(self, since: int) -> list[Json]:
        """What it still has of the events since then."""
        return list(self._events(since, until=nanoseconds(time.time_ns())))

    def follow(self, since: int) -> t.Iterator[Json]:
        return self._events(since)

    def _events(self, since: int, **more: str) -> t.Iterator[Json]:
        for event in self._client.events(since=nanoseconds(since), decode=True, **more):
            if isinstance(event, dict) and "timeNano" in event:
                if event.get("Type") == "image":
                    self._digests.clear()
                yield event

    def container(self, one: str) -> Json | None:
        """Null when it is gone already."""
        try:
            return t.cast(Json, self._client.inspect_container(one))
        except docker.errors.NotFound:
            return None

    def containers(self) -> list[Json]:
        found = [self.container(one["Id"]) for one in self._client.containers(all=True)]
        return [one for one in found if one]

    def digests(self, image: str) -> list[str]:
        """Of the image in registries; none for one that was never in any."""
        if image not in self._digests:
            try:
                self._digests[image] = list(self._client.inspect_image(image).get("RepoDigests") or [])
            except docker.errors.APIError:
                return []
        return self._digests[image]


def nanoseconds(time_ns: int) -> str:
    """As the engine wants a point in time."""
    return f"{time_ns // 10**9}.{time_ns % 10**9:09d}"


class Recorder:
    """Writes what the engine tells."""

    def __init__(self, engine: Engine, path: Path, out: t.Callable[[str], t.Any]) -> None:
        self._engine, self._path, self._out = engine, path, out
        self._memory = Memory.load(path)
        self._busy: list[float] = []
        self.connected = False
        self.news = threading.Event()  # for the pulse, which else would be late
        self.stopping = False

    def stop(self) -> None:
        """Now, or when what is begun is written and remembered."""
        self.stopping = True
        if not self._busy:
            raise SystemExit(0)

    @contextlib.contextmanager
    def _undivided(self) -> t.Iterator[None]:
        self._busy.append(time.time())
        try:
            yield
            self._memory.save(self._path)
        finally:
            self._busy.pop()
        if self.stopping and not self._busy:
            raise SystemExit(0)

    def catch_up(self) -> None:
        """What happened while nobody listened."""
        memory, now = self._memory, time.time_ns()
        past = self._engine.past(memory.since or now)
        first, whole = not memory.since, any(fingerprint(event) in memory.seen for event in past)
        with self._undivided():
            if memory.seen and not whole:
                self._gap(int(past[0]["timeNano"]) if past else now)
                memory.seen, memory.since = {}, now  # what is before will not come back
            for event in past:
                self.handle(event)
            if not whole:
                self._look_around(first=first)
            memory.since = memory.since or now
        self.say_connected(True)

    def follow(self) -> None:
        """What happens, until the engine goes away. It begins with what we know; one that does not is another."""
        known = False
        for event in self._engine.follow(self._memory.since):
            known = known or fingerprint(event) in self._memory.seen
            if not known:
                return
            self.handle(event)

    def handle(self, event: Json) -> None:
        """Write an event, unless it was written."""
        if fingerprint(event) in self._memory.seen:
            return
        with self._undivided():
            record: Json | None = event_record(event)
            if record and record.get("type") == "container":
                record = self._container(record)
            if record:
                self._write(record)
            self._memory.add(event)

    def say_connected(self, connected: bool) -> None:
        if connected != self.connected:
            self.connected = connected
            self.news.set()

    def pulse(self) -> Json:
        """For whoever wants to know whether we keep up."""
        now, begun = time.time(), self._busy[:1]
        return {"at": round(now, 3), "connected": self.connected, "behind": round(now - begun[0], 3) if begun else 0}

    def _gap(self, until: int) -> None:
        last = stamp(max(self._memory.seen.values()))
        why = "the engine has no events from before: it was restarted, or there were more than it keeps"
        self._write({"time": stamp(until), "type": "recorder", "action": "gap", "since": last, "detail": why})

    def _container(self, record: Json) -> Json | None:
        """The record with all that is known of the container; null when it was told before."""
        one, action, known, told = record["id"], record["action"], self._memory.containers, self._memory.told
        inspect = self._engine.container(one) if action in ("create", "start") else None
        state = living(inspect)["started"] if inspect and action == "start" else ""
        if state in ("", told.get(f"{action} {one}")) and told.pop(f"{action} {one}", None) is not None:
            return None
        if action == "start":
            told.pop(f"die {one}", None)
            if known.get(one, {}).get("running"):  # it ended, and no event told
                self._write(self._from_outside(Missed("die", one, record["time"], {})))
        if action in ("create", "start"):
            names = {"name": record["attributes"].get("name"), "image": record["attributes"].get("image")}
            known[one] = {"started": state or NEVER, "running": action == "start", **names}
        elif action == "die" and one in known:
            told.pop(f"start {one}", None)
            known[one]["running"] = False
        elif action == "destroy":
            known.pop(one, None)
        return {**record, **(self._described(inspect) if inspect else {})}

    def _look_around(self, first: bool) -> None:
        """Tell from the containers themselves what events did not."""
        found = self._engine.containers()
        now = stamp(time.time_ns())
        changes = missed(self._memory.containers, found, now)
        new = {f"{one.action} {one.id}": one.time if one.action == "start" else "" for one in changes}
        self._memory.told = dict(list({**self._memory.told, **new}.items())[-REMEMBERED:])
        for one in [Missed("found", one["Id"], now, one) for one in found] if first else changes:
            self._write(self._from_outside(one))
        self._memory.containers = {inspect["Id"]: living(inspect) for inspect in found}

    def _from_outside(self, one: Missed) -> Json:
        known = living(one.inspect) if one.inspect else self._memory.containers.get(one.id, {})
        names = {"name": known.get("name"), "image": known.get("image")}
        more = self._described(one.inspect) if one.inspect and one.action != "die" else {}
        record = {"time": one.time, "type": "container", "action": one.action, "id": one.id, "attributes": names}
        return {**record, "source": "inventory", **more}

    def _described(self, inspect: Json) -> Json:
        return described(inspect, self._engine.digests(str(inspect.get("Image"))))

    def _write(self, record: Json) -> None:
        self._out(line(record))


def beat(recorder: Recorder, path: Path) -> None:
    new = path.with_suffix(".new")
    while True:
        new.write_text(json.dumps(recorder.pulse()))
        new.replace(path)
        recorder.news.wait(HEARTBEAT_SECONDS)
        recorder.news.clear()


def write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


TROUBLE = (docker.errors.DockerException, requests.exceptions.RequestException, OSError, ValueError)


def record_forever(engine: Engine, recorder: Recorder) -> None:
    said = ""
    while not recorder.stopping:
        try:
            if not engine.wants_no_visitor():
                engine.connect()
                recorder.catch_up()
                said = ""
                recorder.follow()
        except TROUBLE as error:
            trouble = f"<{WARNING}>the engine does not answer: {type(error).__name__}\n"
            sys.stderr.write(trouble if trouble != said else "")
            said = trouble
        recorder.say_connected(False)
        time.sleep(0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", default="/run/docker.sock")
    parser.add_argument("--unit", default="docker.service", help="of the engine, which is not woken when it is down")
    parser.add_argument("--state", type=Path, default=Path(os.environ.get("STATE_DIRECTORY", ".")))
    options = parser.parse_args()
    engine = Engine(options.socket, options.unit)
    recorder = Recorder(engine, options.state / "memory.json", write)

    signal.signal(signal.SIGTERM, lambda _signal, _frame: recorder.stop())
    threading.Thread(target=beat, args=(recorder, options.state / "pulse.json"), daemon=True).start()
    record_forever(engine, recorder)


if __name__ == "__main__":
    main()
