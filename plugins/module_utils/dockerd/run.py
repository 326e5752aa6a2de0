# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running other programs: never without a limit, never through a shell, never failing by an exception."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

TIMED_OUT = 124  # as timeout(1) says it


class Done(t.NamedTuple):
    """``rc`` is 127 when there is no such program, TIMED_OUT when it took too long."""

    rc: int
    out: str
    err: str

    @property
    def words(self) -> str:
        return (self.err or self.out).strip() or ("took too long" if self.rc == TIMED_OUT else f"exit status {self.rc}")


class Run(t.Protocol):
    """Run ``argv`` for at most ``seconds``, with this added to the environment."""

    def __call__(self, argv: Sequence[str], seconds: float, environment: Mapping[str, str] | None = None) -> Done: ...


class RunCommand(t.Protocol):
    """``run_command`` of AnsibleModule, as far as we use it."""

    def __call__(
        self, args: list[str], *, environ_update: dict[str, str], handle_exceptions: bool
    ) -> tuple[int, str, str]: ...


def runner(run_command: RunCommand) -> Run:
    """A Run over Ansible's own way to start programs, which knows no time limit."""

    def run(argv: Sequence[str], seconds: float, environment: Mapping[str, str] | None = None) -> Done:
        command = ["timeout", "-k", "5", f"{seconds:g}", *argv]
        try:
            return Done(*run_command(command, environ_update=dict(environment or {}), handle_exceptions=False))
        except OSError as error:
            return Done(127, "", str(error))

    return run
