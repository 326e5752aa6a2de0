# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Validating, reloading and restarting the daemon, and proving that it and what it ran are back."""

from __future__ import annotations

import re
import time
import typing as t
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import evidence, flags
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.engine import Engine, Snapshot
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import Run
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.scope import SYSTEM, Scope
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.unit import Unit, process_start, read_unit

_POLL = 0.2
_SETTLE = 5.0  # seconds that containers with a restart policy, or a reload, get to show up
_JOURNAL_LINES = 12
_ROUTINE = re.compile(r"time=|\{|\S+\.(service|socket): |(Start|Stopp|Reload)(ing|ed) |Failed to start \S+\.service")


class ControlError(Exception):
    """The daemon did not do as asked; the message says what it did instead."""


def validate(run: Run, binary: str, unit: Unit, path: Path) -> None:
    """Ask the engine itself (23.0 and newer), with the flags and the environment that the unit gives it."""
    argv = [binary, "--validate", "--config-file", str(path), *_without_config_file(unit.argv[1:])]
    done = run(argv, 30, unit.environment)
    if done.rc:
        raise ControlError(f"dockerd --validate refuses it: {done.words.replace(str(path), 'the new file')}")


def _without_config_file(argv: Sequence[str]) -> list[str]:
    kept: list[str] = []
    words = iter(argv)
    for word in words:
        if word == "--config-file":
            next(words, None)
        elif not word.startswith("--config-file="):
            kept.append(word)
    return kept


class Daemon:
    """The service under systemd, with the engine behind it."""

    def __init__(self, run: Run, service: str, engine: Engine, timeout: float, scope: Scope = SYSTEM) -> None:
        self.run = run
        self.scope = scope
        self.service = service
        self.engine = engine
        self.timeout = timeout
        self._since = time.time()

    def reload(self, expected: Mapping[str, t.Any]) -> list[str]:
        """SIGHUP; returns the keys that the daemon visibly did not take up."""
        self._systemctl("reload", self.service)
        deadline = time.monotonic() + _SETTLE
        while True:
            missed = self._missed(expected)
            if not missed or time.monotonic() > deadline:
                return missed
            time.sleep(_POLL)

    def _missed(self, expected: Mapping[str, t.Any]) -> list[str]:
        info = self.engine.info()
        return [key for key, value in expected.items() if evidence.runs(info, key, value) is False]

    def restart(self) -> str:
        """Restart or start, wait until it answers; returns the identity of the new process."""
        unit = read_unit(self.run, self.service, self.scope)
        before = process_start(unit.main_pid) if unit.main_pid else ""
        # systemd refuses more than a few starts a minute, and remembers a failed socket
        self._systemctl("reset-failed", self.service, *unit.sockets, tolerate=True)
        self._systemctl("--no-block", "restart", self.service)
        deadline = time.monotonic() + self.timeout
        mended = False
        while time.monotonic() < deadline:
            unit = read_unit(self.run, self.service, self.scope)
            identity = process_start(unit.main_pid) if unit.main_pid else ""
            if unit.active == "failed" or unit.properties.get("SubState") == "auto-restart":
                raise ControlError(f"{self.service} did not start ({unit.properties.get('Result')})")
            if unit.active == "active" and identity not in ("", before):
                if self.engine.ping():
                    return identity
                if unit.sockets and not mended and not Path(self.engine.path).exists():
                    # a daemon that made the socket itself took it away when it ended; systemd listens on the old one
                    self._systemctl("--no-block", "restart", *unit.sockets)
                    mended = True
            time.sleep(_POLL)
        raise ControlError(f"{self.service} did not answer within {self.timeout:g} seconds")

    def reload_units(self, gone: Collection[str] = ()) -> None:
        """Have systemd read the unit's files anew; the flags of the keys in ``gone`` must be out of it then."""
        self._systemctl("daemon-reload")
        spellings = flags.spellings(read_unit(self.run, self.service, self.scope).argv)
        left = [spellings[key] for key in sorted(gone) if key in spellings and key != "runtimes"]
        if left:
            raise ControlError(f"{self.service} still says {', '.join(left)} with our drop-in: see systemctl cat")

    def compare(self, before: Snapshot, live: bool) -> None:
        """Everything that ran and was to come back is back: containers, networks, published ports."""
        deadline = time.monotonic() + max(_SETTLE, self.timeout / 4)
        while True:
            losses = _losses(before, self.engine.snapshot(), live)
            if not losses:
                return
            if time.monotonic() > deadline:
                raise ControlError("after the restart: " + "; ".join(losses))
            time.sleep(_POLL)

    def journal(self) -> str:
        """The last words of the daemon since this object was made."""
        since = f"--since=@{int(self._since)}"
        argv = self.scope.journalctl(f"--unit={self.service}", since, "--no-pager", "--output=cat", "--lines=200")
        return self.run(argv, 20, self.scope.environment).out

    def _systemctl(self, *words: str, tolerate: bool = False) -> None:
        done = self.run(self.scope.systemctl(*words), self.timeout, self.scope.environment)
        if done.rc and not tolerate:
            raise ControlError(f"systemctl {' '.join(words)}: {done.words}")


def _losses(before: Snapshot, after: Snapshot, live: bool) -> list[str]:
    now = {container.id: container for container in after.containers}
    losses = []
    for container in before.containers:
        if not live and not container.returns:
            continue
        found = now.get(container.id)
        if found is None:
            losses.append(f"container {container.name} is not running")
        elif live and found.pid != container.pid:
            losses.append(f"container {container.name} was restarted although live-restore is on")
        elif live and found.ports != container.ports:
            losses.append(f"container {container.name} no longer publishes {', '.join(container.ports)}")
        elif len(found.ports) < len(container.ports):
            losses.append(f"container {container.name} no longer publishes all its ports")
    losses += [f"network {name} is gone" for name in sorted(before.networks - after.networks)]
    return losses


def last_words(journal: str) -> tuple[str, list[str]]:
    """(the line that says why, the tail) of a daemon's journal. dockerd's last words are not in its log format."""
    lines = [line.strip() for line in journal.splitlines() if line.strip()]
    reasons = [line for line in lines if not _ROUTINE.match(line)]
    return (reasons[-1] if reasons else ""), lines[-_JOURNAL_LINES:]
