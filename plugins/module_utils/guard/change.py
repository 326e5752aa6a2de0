# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arming, confirming and firing a guard: steps in such an order that being killed between two of them does no harm."""

from __future__ import annotations

import contextlib
import time
import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import Run
from ansible_collections.bulkhead.docker.plugins.module_utils.guard import record as records
from ansible_collections.bulkhead.docker.plugins.module_utils.guard.record import GuardError, Outcome, Plan, Record
from ansible_collections.bulkhead.docker.plugins.module_utils.guard.store import Store
from ansible_collections.bulkhead.docker.plugins.module_utils.guard.units import Units, preflight


class FiredError(GuardError):
    """The old state is back already, or not wholly."""

    def __init__(self, message: str, told: dict[str, t.Any]) -> None:
        super().__init__(f"{message}: {records.sentence(told)}")
        self.told = told


@dataclass(frozen=True)
class Result:
    changed: bool
    armed: bool
    expires_at: str = ""
    fired: bool = False
    report: dict[str, t.Any] = field(default_factory=dict)
    warning: str = ""


def stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Change:
    """One guarded change on this host."""

    def __init__(self, name: str, connection: str, run: Run, check: bool) -> None:
        self.store = Store(records.check_name(name))
        self.units = Units(name, run)
        self.name = name
        self.connection = connection
        self.run = run
        self.check = check

    def arm(self, plan: Plan, timeout: int, extend: bool) -> Result:
        preflight(plan)
        with self._lock():
            record, outcome = self.store.load(), self.store.outcome()
            if record and not outcome.fired:
                return self._arm_again(record, plan, timeout, extend)
            warning = self._past(record, outcome) if record else ""
            if not self.check:
                self._arm_anew(Record(self.name, plan, (), timeout).over(self.connection), replaces=record is not None)
            return Result(True, True, "" if self.check else self._expiry(timeout), warning=warning)

    def _arm_again(self, record: Record, plan: Plan, timeout: int, extend: bool) -> Result:
        """The state saved first is the good one: what lies there now may be the change."""
        if record.plan != plan:
            raise GuardError(
                f"the guard {self.name} is armed already, for other files or steps (files: {list(record.plan.files)}, "
                f"restore: {[list(argv) for argv in record.plan.restore]}): confirm it or have it restored first"
            )
        counting = self.units.counting() and not extend
        wanted = record.over(self.connection) if counting else replace(record.over(self.connection), timeout=timeout)
        if not self.check:
            if wanted != record:
                self.store.save(wanted)
            if not counting:
                self.units.start(wanted)
        return Result(not counting, True, "" if self.check and not counting else self._expiry(wanted.timeout))

    def _arm_anew(self, record: Record, replaces: bool) -> None:
        """The timer starts first, and does nothing without the guard: at no moment is there a guard without a timer."""
        try:
            record = self.store.prepare(record, self.run)
            if replaces:
                self.store.remove()
            self.units.start(record)
            self.store.commit()
        except BaseException:
            self.units.remove()
            self.store.abandon()
            raise

    def _past(self, record: Record, outcome: Outcome) -> str:
        """What became of the guard before this one; its saved files are given up only once they are back."""
        told = self._told(record, outcome)
        if not outcome.files_back:
            raise FiredError(
                f"the guard {self.name} fired at {told['at']} and holds the only copy of files that are not back. Mend "
                f"the cause, then use state: restored, or remove {self.store.directory} to give them up",
                told,
            )
        return (
            f"the guard {self.name} had fired at {told['at']}, as nobody confirmed the change: {records.sentence(told)}"
        )

    def confirm(self) -> Result:
        with self._lock():
            record, outcome = self.store.load(), self.store.outcome()
            if record is None:
                return Result(False, False)
            if outcome.fired:
                told = self._told(record, outcome)
                raise FiredError(
                    f"too late: the guard {self.name} fired at {told['at']} and the change is undone", told
                )
            if self.connection and self.connection in record.connections:
                raise GuardError(
                    f"the guard {self.name} was armed over this very SSH connection ({self.connection}), which proves "
                    "nothing about new ones: run 'meta: reset_connection' first. The guard stays armed"
                )
            if not self.check:
                self.store.remove()
                self.units.remove()
            return Result(True, False)

    def restore(self) -> Result:
        record, outcome = self.store.load(), self.store.outcome()
        if record is None:
            raise GuardError(f"there is no guard {self.name} on this host, so no old state to restore")
        if outcome.complete:
            return Result(False, False, fired=True, report=self._told(record, outcome))
        if self.check:
            return Result(True, False, fired=True)
        self.units.fire(record)  # without the lock, which the restorer takes
        outcome = self.store.outcome()
        told = self._told(record, outcome)
        if not outcome.complete:
            raise FiredError(f"the guard {self.name} could not put everything back", told)
        return Result(True, False, fired=True, report=told)

    def _lock(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext() if self.check else self.store.lock()

    def _expiry(self, timeout: int) -> str:
        return stamp(time.time() + self.units.seconds_left(timeout))

    @staticmethod
    def _told(record: Record, outcome: Outcome) -> dict[str, t.Any]:
        return records.report(record, outcome, stamp(outcome.fired))
