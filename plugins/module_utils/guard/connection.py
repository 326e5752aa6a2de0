# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which SSH connection this process came over."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_VARIABLE = b"SSH_CONNECTION="


def in_environment(raw: bytes) -> str:
    """The connection that a process' environment, as /proc shows it, names; empty when it names none."""
    for entry in raw.split(b"\0"):
        if entry.startswith(_VARIABLE):
            return entry[len(_VARIABLE) :].decode("ascii", "replace").strip()
    return ""


def parent(stat: str) -> int:
    """From /proc/PID/stat, whose second field, the program's name, may hold anything."""
    return int(stat.rpartition(")")[2].split()[1])


def ssh_connection(proc: Path = Path("/proc"), pid: int | None = None) -> str:
    """CLIENT PORT SERVER PORT, from the nearest process upwards that knows it, as sudo drops it; empty if none does."""
    current = os.getpid() if pid is None else pid
    with contextlib.suppress(OSError):  # of another user, or gone
        while current > 1:
            found = in_environment((proc / str(current) / "environ").read_bytes())
            if found:
                return found
            current = parent((proc / str(current) / "stat").read_text(encoding="utf-8", errors="replace"))
    return ""
