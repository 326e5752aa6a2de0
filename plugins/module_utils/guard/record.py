# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guard is: the request, the record of it on the host, and what its restorer wrote when it ran. Pure."""

from __future__ import annotations

import posixpath
import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.files import STATE_DIR

GUARDS = STATE_DIR / "guards"
SHORTEST, LONGEST = 5, 86400  # seconds; less than that no controller can confirm in time
_VERSION = 1  # of the record
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}[A-Za-z0-9])?")
_KERNEL = ("/proc", "/sys", "/dev")


class GuardError(Exception):
    """The request cannot be met; the message says why, and what to do."""


def check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise GuardError(f"name: {name!r} must be at most 64 letters, digits and hyphens, with no hyphen at either end")
    return name


def check_timeout(timeout: int) -> int:
    if not SHORTEST <= timeout <= LONGEST:
        raise GuardError(f"timeout must be {SHORTEST} to {LONGEST} seconds, not {timeout}")
    return timeout


def check_path(path: str) -> str:
    """A path that means the same file to everybody, and a file that can be put back."""
    if not path.startswith("/") or path != posixpath.normpath(path) or path.startswith("//") or path == "/":
        raise GuardError(f"files: {path!r} must be an absolute path of a file, without '.', '..' or doubled slashes")
    if not path.isprintable():
        raise GuardError(f"files: {path!r} contains a character that cannot be printed")
    for forbidden in (*_KERNEL, str(GUARDS)):
        if path == forbidden or path.startswith(f"{forbidden}/"):
            raise GuardError(f"files: {path} cannot be guarded: {forbidden} holds no files of yours")
    return path


def check_step(number: int, argv: Sequence[str]) -> tuple[str, ...]:
    if not argv or not argv[0]:
        raise GuardError(f"restore: step {number} is empty; a step is a list: the program, then its arguments")
    if any("\0" in word for word in argv):
        raise GuardError(f"restore: step {number} contains a NUL character")
    return tuple(argv)


@dataclass(frozen=True)
class Plan:
    """What is put back, and what is run afterwards."""

    files: tuple[str, ...]
    restore: tuple[tuple[str, ...], ...]


def plan(files: Sequence[str], restore: Sequence[Sequence[str]]) -> Plan:
    if not files and not restore:
        raise GuardError("state: armed needs files or restore: there is nothing to put back")
    return Plan(
        tuple(dict.fromkeys(check_path(path) for path in files)),
        tuple(check_step(number, argv) for number, argv in enumerate(restore, 1)),
    )


@dataclass(frozen=True)
class Record:
    """An armed guard, as it lies in its directory."""

    name: str
    plan: Plan
    saved: tuple[bool, ...]  # for each file whether there was one
    timeout: int
    connections: tuple[str, ...] = ()  # the SSH connections over which it was armed

    def over(self, connection: str) -> Record:
        """The same, armed again over this connection."""
        if not connection or connection in self.connections:
            return self
        return replace(self, connections=(*self.connections, connection))


def encode(record: Record) -> dict[str, t.Any]:
    return {"version": _VERSION, **asdict(record)}


def decode(raw: Mapping[str, t.Any]) -> Record:
    if raw["version"] != _VERSION:
        raise ValueError(f"its version is {raw['version']!r}, not {_VERSION}")
    return Record(
        name=str(raw["name"]),
        plan=Plan(tuple(raw["plan"]["files"]), tuple(tuple(argv) for argv in raw["plan"]["restore"])),
        saved=tuple(bool(one) for one in raw["saved"]),
        timeout=int(raw["timeout"]),
        connections=tuple(raw["connections"]),
    )


@dataclass(frozen=True)
class Outcome:
    """What the restorer did."""

    fired: int = 0  # when it began, in seconds since 1970
    ended: int = 0  # 0: it has not, or was interrupted
    files: tuple[int, ...] = ()  # exit statuses
    steps: tuple[int, ...] = ()

    @property
    def files_back(self) -> bool:
        return self.ended > 0 and not any(self.files)

    @property
    def complete(self) -> bool:
        return self.files_back and not any(self.steps)


def parse_outcome(text: str) -> Outcome:
    """The result file: lines of fired SECONDS, file STATUS, step STATUS and ended SECONDS."""
    found: dict[str, list[int]] = {"fired": [0], "file": [], "step": [], "ended": [0]}
    for line in text.splitlines():
        word, _blank, number = line.partition(" ")
        if word in found and number.isdigit():
            found[word].append(int(number))
    return Outcome(found["fired"][-1], found["ended"][-1], tuple(found["file"]), tuple(found["step"]))


def report(record: Record, outcome: Outcome, when: str) -> dict[str, t.Any]:
    """The same for people and playbooks: what happened to each file and step."""
    files = [
        {"path": path, "result": ("failed" if status else "restored" if saved else "removed")}
        for path, saved, status in zip(record.plan.files, record.saved, outcome.files)
    ]
    steps = [{"argv": list(argv), "rc": status} for argv, status in zip(record.plan.restore, outcome.steps)]
    return {"at": when, "complete": outcome.complete, "files": files, "steps": steps}


def sentence(told: Mapping[str, t.Any]) -> str:
    """A report in words."""
    words = [f"{entry['result']} {entry['path']}" for entry in told["files"]]
    words += [f"ran '{' '.join(entry['argv'])}' (exit status {entry['rc']})" for entry in told["steps"]]
    if not told["complete"]:
        words.append("it did not put everything back")
    return "; ".join(words)
