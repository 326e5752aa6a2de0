# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall on this host: look at the engine, look domains up, compare with the kernel, apply, remember.

Runs within the module and, installed on the host, from systemd: both do the same.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import ipaddress
import json
import os
import socket
import tempfile
import threading
import time
import typing as t
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.engine import Engine, EngineError
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import Run
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall import model, policy, sight
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall.apply import Feed, Rules, appliers, replace

POLICY = Path("/etc/bulkhead.docker/firewall.json")
STATE = Path("/var/lib/bulkhead.docker/firewall.json")
_LOCK = Path("/run/lock/bulkhead-docker-firewall")
_RESOLV = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
_LOOKUP_SECONDS = 10.0
_STUB = "127.0.0.53"
_PID = Path("/run/docker.pid")
_NEVER_SEEN = sight.Sight(bridges=(sight.Bridge("bridge", "docker0"),))
Json = dict[str, t.Any]


@dataclass(frozen=True)
class Plan:
    """From what is live to what should be."""

    goals: list[tuple[Rules, str, str]]  # applier, live, goal
    pending: list[str]  # of those, the ones that differ, by name
    words: list[str]
    notes: list[str]
    backend: str
    state: Json = field(repr=False)

    @property
    def text(self) -> dict[str, tuple[str, str]]:
        return {rules.name: (live, goal) for rules, live, goal in self.goals if live or goal}


class Firewall:
    """One host's."""

    def __init__(self, run: Run, feed: Feed, docker_host: str, state: Path = STATE) -> None:
        self._run, self._feed, self._docker_host, self._path = run, feed, docker_host, state

    def plan(self, raw: t.Mapping[str, t.Any] | None, answers: t.Mapping[str, list[str]]) -> Plan:
        """``raw``: the policy; None: none of ours is to be left. ``answers``: see ``lookup``."""
        state = self._load()
        if raw is None:
            return self._plan([], "iptables", 0, {}, state)
        wanted = policy.parse(raw)
        seen, troubles = self._look(state)
        known = {name: answers.get(name, []) for name in wanted.domains}
        addresses = remembered(state.get("addresses", {}), known, wanted.domain_keep, time.time())
        around = model.Surroundings(_name_servers(), {name: tuple(sorted(found)) for name, found in addresses.items()})
        backend = seen.backend if wanted.backend == "auto" else wanted.backend
        kept = {"sight": sight.encode(seen), "addresses": addresses}
        found = self._plan(model.rules(wanted, seen, around), backend, wanted.accept_mark, kept, state)
        return Plan(**{**vars(found), "notes": [*troubles, *model.notes(wanted, seen, around)]})

    def _plan(self, rules: list[model.Rule], backend: str, mark: int, kept: Json, state: Json) -> Plan:
        ours, others = appliers(backend, mark, self._run, self._feed)
        goals = [(one, one.live(), one.wanted(rules)) for one in ours]
        goals += [(one, live, "") for one in others if (live := one.live())]
        shown = state.get("shown", {})
        pending = [
            one.name
            for one, live, goal in goals
            if live != goal and shown.get(one.name) != [_digest(goal), _digest(live)]
        ]
        return Plan(goals, pending, model.words(rules), [], backend, {**kept, "shown": shown})

    def apply(self, plan: Plan) -> None:
        """All that is pending, and the record of how the kernel shows it."""
        wanted = [goal for goal in plan.goals if goal[0].name in plan.pending]
        replace(wanted)
        shown = dict(plan.state["shown"])
        for rules, _live, goal in wanted:
            shown[rules.name] = [_digest(goal), _digest(rules.live())]
        state = {**plan.state, "shown": shown, "words": plan.words, "backend": plan.backend}
        if state != self._load():
            write(self._path, json.dumps(state, indent=1, sort_keys=True), 0o600)

    def words_before(self) -> list[str]:
        return list(self._load().get("words", []))

    def _look(self, state: Json) -> tuple[sight.Sight, list[str]]:
        try:
            if not engine_runs(self._run):
                raise EngineError("the engine does not run")
            engine = Engine(self._docker_host)
            seen = sight.see(engine.info(), engine.get("/networks") or [], engine.get("/containers/json") or [])
        except EngineError as error:
            with contextlib.suppress(KeyError, TypeError):
                return sight.decode(state["sight"]), [f"{error}; the rules are for what was there before"]
            return _NEVER_SEEN, [f"{error}; the rules are for its default bridge alone"]
        return seen, []

    def _load(self) -> Json:
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}  # it only saves work
        return found if isinstance(found, dict) else {}


def engine_runs(run: Run) -> bool:
    """Asking an engine that was stopped would start it: systemd listens on its socket."""
    return _PID.exists() or run(["systemctl", "is-active", "--quiet", "docker.service"], 10).rc == 0


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _name_servers() -> tuple[str, ...]:
    """Those of the host; behind systemd's own one, as the engine does it, the real ones."""
    texts = []
    for path in _RESOLV:
        with contextlib.suppress(OSError):
            texts.append(path.read_text(encoding="utf-8", errors="replace"))
    first = texts[0] if texts else ""
    return sight.name_servers(texts[1] if len(texts) > 1 and _STUB in first else first)


def lookup(names: t.Sequence[str], seconds: float = _LOOKUP_SECONDS) -> dict[str, list[str]]:
    """Addresses by domain, side by side; one without an answer in time has none. It takes long: not under the lock."""
    found: dict[str, list[str]] = {}

    def ask(name: str) -> None:
        with contextlib.suppress(OSError):
            answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
            found[name] = sorted({str(answer[4][0]).partition("%")[0] for answer in answers})

    threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in names]
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return {name: list(found.get(name, [])) for name in names}


def remembered(
    old: t.Mapping[str, t.Mapping[str, int]], answers: t.Mapping[str, list[str]], keep: int, now: float
) -> dict[str, dict[str, int]]:
    """Addresses with when they were last seen: containers keep using an answer, and no answer takes nothing away.

    To the minute, so that a look that finds nothing new need not write a file. The host's own addresses, to which a
    name might be made to point, are none of its.
    """
    stamp = int(now) // 60 * 60
    found = {}
    for name, addresses in answers.items():
        before = {address: seen for address, seen in old.get(name, {}).items() if not addresses or now - seen <= keep}
        found[name] = {**before, **{address: stamp for address in addresses if _routable(address)}}
    return found


def _routable(text: str) -> bool:
    address = ipaddress.ip_address(text)
    return not (address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified)


def write(path: Path, text: str, mode: int) -> bool:
    """Whole or not at all; whether it changed anything."""
    with contextlib.suppress(OSError):
        if path.read_text(encoding="utf-8") == text and path.stat().st_mode & 0o7777 == mode:
            return False
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
    Path(name).replace(path)
    return True


@contextlib.contextmanager
def lock() -> Iterator[None]:
    """One at a time: a playbook, the timer, the daemon's start."""
    _LOCK.parent.mkdir(parents=True, exist_ok=True)
    with _LOCK.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
