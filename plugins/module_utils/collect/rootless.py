# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Daemons that users run for themselves: found by root, and asked by a process that is no more than that user.

What answers there is the user's to make. It may be anything, be huge, be slow or never end: that process is limited in
memory, time and in what it may hand back, and whatever becomes of it is one error.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import resource
import select
import signal
import time
import typing as t
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils import redact
from ansible_collections.bulkhead.docker.plugins.module_utils.collect import daemon, gather, owner
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.engine import (
    EngineUnavailableError,
    socket_path,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.facts import Facts, Tenant
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.proc import PROC, Kernel, link, pids, status, text

_PER_USER = 2  # daemons that are asked; anyone may name a program dockerd, any number of times
_MEMORY = 1 << 30
_MOST_BYTES = 16_000_000
_MOST_WORDS = 300  # of an error, which may be the daemon's own
_GRACE = 0.5  # seconds to fetch what is ready after the time is up


@dataclasses.dataclass(frozen=True)
class Process:
    """A dockerd that is not root's."""

    uid: int
    gid: int
    socket: str


@dataclasses.dataclass(frozen=True)
class _Child:
    name: str
    process: Process
    pid: int
    answer: int  # descriptor


def find() -> list[Process]:
    """Of this host, not of its containers; by user."""
    host, found = link(f"{PROC}/1/ns/pid"), []
    for pid in sorted(pids()):
        if not (text(f"{PROC}/{pid}/comm") or "").startswith("dockerd"):
            continue
        state = status(pid)
        uid, gid = (int(state.get(field, "0 0").split()[1]) for field in ("Uid", "Gid"))
        if uid != 0 and host and link(f"{PROC}/{pid}/ns/pid") == host:
            found += [Process(uid, gid, path) for path in daemon.api_sockets(daemon.listening(pid) or [])[:1]]
    return sorted(found, key=lambda one: one.uid)


def around(docker_host: str) -> list[Process]:
    """Those beside the host's own engine; none beside a user's, or beside one that may be on another host."""
    path = socket_path(docker_host)
    if path is None or os.geteuid() != 0:
        return []
    try:
        return find() if Path(path).stat().st_uid == 0 else []
    except FileNotFoundError:  # there may be no other engines than theirs
        return find()


class Tenants:
    """A context: their daemons are asked, all side by side, from its beginning; at its end nothing of it is left."""

    def __init__(self, processes: t.Sequence[Process], timeout: int, containers: bool) -> None:
        self._processes = processes
        self._timeout = timeout
        self._containers = containers
        self._children: list[_Child] = []
        self._left_out: list[Tenant] = []
        self._until = time.monotonic() + 3 * timeout

    def __enter__(self) -> Tenants:
        asked: dict[int, int] = {}
        for process in self._processes:
            number = asked[process.uid] = asked.get(process.uid, 0) + 1
            name = owner.account(process.uid)[0] + (f":{number}" if number > 1 else "")
            if number <= _PER_USER:
                self._children.append(self._start(name, process))
            elif number == _PER_USER + 1:
                problem = f"this user runs more daemons than the {_PER_USER} that are looked at"
                self._left_out.append(Tenant(name, None, problem))
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._children:
            os.close(child.answer)
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)
            os.waitpid(child.pid, 0)

    def gathered(self) -> list[Tenant]:
        """What each said."""
        return [self._heard(child) for child in self._children] + self._left_out

    def _start(self, name: str, process: Process) -> _Child:
        """Before this process has threads of its own: a fork keeps only one, and whatever locks the others held."""
        answer, told = os.pipe()
        kernel = Kernel()  # what it compares with, only root can see
        pid = os.fork()
        if pid == 0:
            try:
                self._ask(process, kernel, told)
            finally:
                os._exit(0)
        os.close(told)
        return _Child(name, process, pid, answer)

    def _ask(self, process: Process, kernel: Kernel, told: int) -> None:
        """The other process, from here to its end."""
        signal.alarm(3 * self._timeout + 1)  # also when nobody is left to end it
        # what can be written to: threads reserve far more address space than they use
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
        os.setgroups([])
        os.setgid(process.gid)
        os.setuid(process.uid)
        try:
            document: dict[str, t.Any] = {"facts": vars(self._collect(process, kernel))}
            words = json.dumps(document)
        except Exception as error:
            words = json.dumps({"error": redact.text(str(error)[:_MOST_WORDS]) or type(error).__name__})
        with os.fdopen(told, "w", encoding="utf-8") as pipe:
            pipe.write(words)

    def _collect(self, process: Process, kernel: Kernel) -> Facts:
        behind = daemon.credentials_of(process.socket, self._timeout)[1]
        if behind != process.uid:
            raise EngineUnavailableError(f"{process.socket} is not this user's: user {behind} answers there")
        address = f"unix://{process.socket}"
        return gather.collect(address, self._timeout, self._containers, surroundings=False, kernel=kernel)

    def _heard(self, child: _Child) -> Tenant:
        try:
            document = json.loads(self._read(child.answer))
            if "error" in document:
                return Tenant(child.name, None, document["error"])
            return Tenant(child.name, Facts(**document["facts"]), "")
        except (OSError, ValueError, RecursionError) as error:
            return Tenant(child.name, None, f"{child.process.socket}: {error or type(error).__name__}")

    def _read(self, answer: int) -> bytes:
        parts: list[bytes] = []
        while sum(map(len, parts)) <= _MOST_BYTES:
            wait = max(self._until - time.monotonic(), _GRACE)
            if not select.select([answer], [], [], wait)[0]:
                raise TimeoutError(f"no answer within {3 * self._timeout} seconds")
            part = os.read(answer, 1 << 20)
            if not part:
                return b"".join(parts) or b'{"error": "the audit of it ended before its time; out of memory?"}'
            parts.append(part)
        raise ValueError("it says more than the audit takes from a user's daemon")
