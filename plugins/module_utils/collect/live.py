# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds the processes of containers that run now, by the kernel's word alone: no engine is asked."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.collect.proc import PROC, pids, status, text

_SHIM = "containerd-shim"
_ID = re.compile(r"[0-9a-f]{64}")


def containers(apparmor: bool, selinux: bool) -> list[dict[str, t.Any]]:
    """The children of containerd's shims: a container's first process, and what was executed in it since.

    ``id``, ``pid``, ``name`` (of the program), ``apparmor`` and ``selinux`` (labels, null where that is off),
    ``seccomp`` (0: none).
    """
    found = []
    for pid in pids():
        state = status(pid)
        parent = state.get("PPid", "0")
        command = text(f"{PROC}/{parent}/cmdline") or ""
        identity = _ID.search(command) if _SHIM in command.partition("\0")[0] else None
        if identity and _SHIM not in (text(f"{PROC}/{pid}/cmdline") or "").partition("\0")[0]:
            found.append(
                {
                    "id": identity[0][:12],
                    "pid": pid,
                    "name": state.get("Name", ""),
                    "apparmor": profile(pid) if apparmor else None,
                    "selinux": _label(f"{PROC}/{pid}/attr/current") if selinux else None,
                    "seccomp": int(state["Seccomp"]) if "Seccomp" in state else None,
                }
            )
    return found


def profile(pid: int) -> str | None:
    """AppArmor's label of a process, as ``docker-default (enforce)``."""
    return _label(f"{PROC}/{pid}/attr/apparmor/current") or _label(f"{PROC}/{pid}/attr/current")


def under(names: t.Container[str]) -> dict[str, list[int]]:
    """The processes under each of these AppArmor profiles."""
    found: dict[str, list[int]] = {}
    for pid in pids():
        name = (profile(pid) or "").rpartition(" (")[0]
        if name in names:
            found.setdefault(name, []).append(pid)
    return found


def _label(path: str) -> str | None:
    found = text(path)
    return found.strip("\0\n") if found else None
