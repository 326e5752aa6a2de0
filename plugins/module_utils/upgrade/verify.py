# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After the packages are installed: the new engine runs, in the version that was planned, with all that ran before."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Mapping
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.control import ControlError, Daemon
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.engine import Container, Engine, Snapshot
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import Run
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.survey import Given, survey
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.unit import Unit, read_unit
from ansible_collections.bulkhead.docker.plugins.module_utils.versions import parse

_POLL = 0.2

Json = dict[str, t.Any]
Plan = Mapping[str, t.Any]


class Verify:
    """One look at one engine, which is restarted where it still runs the old program."""

    def __init__(self, run: Run, service: str, engine: Engine, timeout: float) -> None:
        self.run = run
        self.service = service
        self.engine = engine
        self.timeout = timeout
        self.daemon = Daemon(run, service, engine, timeout)

    def due(self, plan: Plan, start: bool) -> str:
        """ "", or why the daemon must be (re)started."""
        unit = read_unit(self.run, self.service)
        if not unit.exists:
            raise ControlError(f"there is no {self.service}: the packages have not brought the engine")
        if unit.active in ("active", "reloading"):
            return "it runs a program that has been replaced" if outdated(unit) else ""
        return "it does not run" if plan.get("running") or start else ""

    def restart(self) -> None:
        self.daemon.restart()

    def prove(self, plan: Plan) -> str:
        """The version that is there, and runs where it should; ControlError when it is not what was planned."""
        unit = read_unit(self.run, self.service)
        running = unit.active in ("active", "reloading", "activating")
        if running:
            self._await()
        version = self.engine.version() if running else self._installed()
        planned = str(plan.get("version", ""))
        if planned and parse(version) != parse(planned):
            raise ControlError(f"the engine says that it is {version or 'of no version'}, not {planned}")
        if running and plan.get("running"):
            self.daemon.compare(snapshot(plan), bool(plan.get("live")))
        return version

    def _await(self) -> None:
        deadline = time.monotonic() + self.timeout
        while not self.engine.ping():
            if time.monotonic() > deadline:
                raise ControlError(f"the engine did not answer within {self.timeout:g} seconds")
            time.sleep(_POLL)

    def _installed(self) -> str:
        return survey(self.run, self.engine, Given(self.service, None, None, {})).version


def outdated(unit: Unit) -> bool:
    """Whether the process runs a file that is gone from under its name: packages replace, they do not overwrite."""
    try:
        return str(Path(f"/proc/{unit.main_pid}/exe").readlink()).endswith(" (deleted)")
    except OSError:
        return False


def snapshot(plan: Plan) -> Snapshot:
    """What docker_engine_preflight saw."""
    containers = tuple(
        Container(str(one["id"]), str(one["name"]), int(one["pid"]), tuple(one["ports"]), str(one["restart"]))
        for one in plan.get("containers") or []
    )
    return Snapshot(containers, frozenset(plan.get("networks") or []))
