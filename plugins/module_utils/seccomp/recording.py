# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recorded run asked of the kernel: out of strace's output, or of the audit log.

Of a recording that follows the engine (``strace -f -p`` of containerd), only those calls count that were made after the
container's filter was set, by the process that set it and by its children: no filter sees what comes before.
"""

from __future__ import annotations

import collections
import dataclasses
import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.seccomp.syscalls import NAMES

#: The names of system calls, and for each the arguments that were seen with it, as written; none from an audit log.
Calls = dict[str, set[str]]

_PREFIX = re.compile(r"(?:\[pid\s+(?P<bracketed>\d+)\]\s+|(?P<bare>\d+)\s+)?(?:[\d:.]+\s+)?(?P<rest>\D.*)")
_CALL = re.compile(r"(?P<name>[a-z_][a-z0-9_]*)\((?P<arguments>.*)")
_RESUMED = re.compile(r"<\.\.\. (?P<name>\w+) resumed>(?P<arguments>.*)")
_SUPERSEDED = re.compile(r"\+\+\+ superseded by execve in pid (\d+) \+\+\+")
_RETURNED = re.compile(r"\)\s+= (?P<value>\d+)(?: /\* (?P<outside>\d+) in strace's PID NS \*/)?")
_FILTER_SET = re.compile(r"(SECCOMP_SET_MODE_FILTER|PR_SET_SECCOMP).*\{len=")
_MAKES_CHILDREN = ("clone", "clone3", "fork", "vfork")
_AUDITED = re.compile(r"\btype=(?:SECCOMP|SYSCALL|1326|1300)\b.*?\barch=(\w+) syscall=(\w+)")


class RecordingError(ValueError):
    """There is nothing in it that could be used: what it should be instead."""


@dataclasses.dataclass
class _Event:
    pid: int
    name: str
    arguments: str
    child: int = 0


def calls(text: str) -> Calls:
    """Raises RecordingError."""
    found = _audited(text) or _straced(text)
    if not found:
        raise RecordingError(
            "no system call in it: give what `strace -f -o FILE` wrote, or lines of the audit log of type SECCOMP or"
            " SYSCALL"
        )
    return found


def _audited(text: str) -> Calls:
    found: Calls = {}
    for arch, number in _AUDITED.findall(text):
        name = NAMES.get(arch, {}).get(int(number)) if number.isdigit() else number
        if name is None:
            raise RecordingError(
                f"system call {number} of architecture {arch} is not known here: let `ausearch --interpret` name it"
            )
        found.setdefault(name, set())
    return found


def _straced(text: str) -> Calls:
    events = _events(text)
    first = _filtered(events)
    found: Calls = {}
    for place, event in enumerate(events):
        if event.name and (not first or place > first.get(event.pid, len(events))):
            found.setdefault(event.name, set()).add(event.arguments)
    return found


def _events(text: str) -> list[_Event]:
    """Every call at the place where it began, with all its arguments, and the process that it made."""
    events: list[_Event] = []
    open_calls: dict[int, _Event] = {}
    for line in text.splitlines():
        prefix = _PREFIX.match(line)
        if not prefix:
            continue
        pid, rest = int(prefix["bracketed"] or prefix["bare"] or 0), prefix["rest"]
        if superseded := _SUPERSEDED.match(rest):  # what follows under this number is the other's
            events.append(_Event(int(superseded[1]), "", "", child=pid))
        elif resumed := _RESUMED.match(rest):
            if event := open_calls.pop(pid, None):
                event.arguments += resumed["arguments"]
                event.child = _child(event)
        elif call := _CALL.match(rest):
            unfinished = call["arguments"].endswith("<unfinished ...>")
            event = _Event(pid, call["name"], call["arguments"].replace("<unfinished ...>", ""))
            event.child = 0 if unfinished else _child(event)
            events.append(event)
            if unfinished:
                open_calls[pid] = event
    return events


def _child(event: _Event) -> int:
    if event.name not in _MAKES_CHILDREN:
        return 0
    found = list(_RETURNED.finditer(event.arguments))
    return int(found[-1]["outside"] or found[-1]["value"]) if found else 0


def _filtered(events: t.Sequence[_Event]) -> dict[int, int]:
    """From which event on each process is under a filter; empty when none was set: all of it is the container's."""
    first: dict[int, int] = {}
    for place, event in enumerate(events):
        if (
            _FILTER_SET.search(f"{event.name}({event.arguments}".replace("prctl(", ""))
            and "= -1" not in event.arguments
        ):
            first.setdefault(event.pid, place)
    children = collections.defaultdict(list)
    for place, event in enumerate(events):
        if event.child:
            children[event.pid].append((place, event.child))
    waiting = list(first)
    while waiting:
        parent = waiting.pop()
        for place, child in children[parent]:
            if place > first[parent] and child not in first:
                first[child] = place
                waiting.append(child)
    return first
