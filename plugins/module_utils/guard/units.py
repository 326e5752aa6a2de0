# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard's timer and service in systemd."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.files import write
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import Done, Run
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.unit import parse_show
from ansible_collections.bulkhead.docker.plugins.module_utils.guard import restorer
from ansible_collections.bulkhead.docker.plugins.module_utils.guard.record import GuardError, Plan, Record

BOOTED = Path("/run/systemd/system")  # sd_booted(3)
TOOLS = ("systemctl", "flock", "timeout", "cp", "mv", "sync", "date")


def preflight(plan: Plan) -> None:
    """All that the restorer will need is there. Raises GuardError before anything is touched."""
    if not BOOTED.is_dir():
        raise GuardError(
            "systemd does not run this host, so no timer could undo the change. "
            "Where nothing runs (an image build) no guard is needed"
        )
    if os.geteuid() != 0:
        raise GuardError("this needs root (become: true)")
    for tool in TOOLS:
        if not shutil.which(tool):
            raise GuardError(f"the restorer needs the program {tool}, which this host does not have")
    for number, argv in enumerate(plan.restore, 1):
        if not shutil.which(argv[0]):
            raise GuardError(f"restore: step {number}: there is no program {argv[0]!r} on this host")


class Units:
    """The two units of one guard."""

    def __init__(self, name: str, run: Run, directory: Path = restorer.UNITS) -> None:
        self.run = run
        self.timer = restorer.timer(name)
        self.service = restorer.service(name)
        self.directory = directory

    def counting(self) -> bool:
        """Whether the restorer will run, or runs."""
        counts = self._property(self.timer, "SubState") in ("waiting", "running")
        return counts or self._property(self.service, "ActiveState") == "activating"

    def seconds_left(self, timeout: int) -> float:
        """Until the timer fires: systemd counts from its start by the same clock."""
        started = int(self._property(self.timer, "ActiveEnterTimestampMonotonic") or 0) / 1e6
        return max(0.0, started + timeout - time.monotonic())

    def install(self, record: Record) -> None:
        for name, text in restorer.units(record).items():
            write(self.directory / name, text.encode(), 0o644)
        self._systemctl("daemon-reload")

    def start(self, record: Record) -> None:
        """Start the timer, or start it again. Raises GuardError unless it then really runs."""
        self._systemctl("reset-failed", self.timer, self.service, tolerate=True)
        self.install(record)
        self._systemctl("--quiet", "enable", self.timer)
        self._systemctl("restart", self.timer)
        if self._property(self.timer, "ActiveState") != "active":
            raise GuardError(f"{self.timer} does not run; see: systemctl status {self.timer}")

    def fire(self, record: Record) -> None:
        """Run the restorer to its end. What it did is in its result, so its exit status is not looked at."""
        self.install(record)
        limit = 60 + len(record.plan.restore) * (restorer.STEP_SECONDS + 5)
        self.run(["systemctl", "start", self.service], limit)

    def remove(self) -> None:
        self._systemctl("--quiet", "disable", "--now", self.timer, tolerate=True)
        for name in (self.timer, self.service):
            with contextlib.suppress(FileNotFoundError):
                (self.directory / name).unlink()
        self._systemctl("daemon-reload", tolerate=True)
        self._systemctl("reset-failed", self.timer, self.service, tolerate=True)

    def _property(self, unit: str, name: str) -> str:
        done = self.run(["systemctl", "show", unit, f"--property={name}"], 30)
        return parse_show(done.out).get(name, "")

    def _systemctl(self, *words: str, tolerate: bool = False) -> Done:
        done = self.run(["systemctl", *words], 60)
        if done.rc and not tolerate:
            raise GuardError(f"systemctl {' '.join(words)}: {done.words}")
        return done
