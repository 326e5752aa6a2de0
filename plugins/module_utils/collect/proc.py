# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel says about processes: the one witness that no configuration can contradict.

Everything degrades to null: without root the kernel keeps most of it to itself.
"""

from __future__ import annotations

import os
import threading
import typing as t

PROC = "/proc"

NAMESPACES = ("net", "pid", "ipc", "uts", "user", "cgroup")

#: By number, as in linux/capability.h.
_CAPABILITY_NAMES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN "
    "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE "
    "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
)
CAPABILITIES = tuple(_CAPABILITY_NAMES.split())


def text(path: str) -> str | None:
    """The content of a /proc file; None when the kernel refuses or the process is gone.

    Thousands are read on a busy host, so by the bare system calls: a tenth of the time that pathlib needs.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return b"".join(iter(lambda: os.read(descriptor, 65536), b"")).decode("utf-8", "replace")
    except OSError:
        return None
    finally:
        os.close(descriptor)


def link(path: str) -> str | None:
    try:
        return os.readlink(path)  # noqa: PTH115 (see text)
    except OSError:
        return None


def pids() -> list[int]:
    return [int(name) for name in os.listdir(PROC) if name.isdigit()]  # noqa: PTH208 (see text)


def status(pid: int) -> dict[str, str]:
    """/proc/<pid>/status as a mapping."""
    lines = (line.partition(":") for line in (text(f"{PROC}/{pid}/status") or "").splitlines())
    return {name: value.strip() for name, _dummy, value in lines}


def capabilities(mask: str) -> list[str]:
    """``00000000a80425fb`` in words."""
    bits = int(mask, 16)
    return [f"CAP_{name}" for number, name in enumerate(CAPABILITIES) if bits >> number & 1]


class Kernel:
    """A view of all processes, scanned at most once."""

    def __init__(self) -> None:
        self._host = {name: link(f"{PROC}/1/ns/{name}") for name in NAMESPACES}
        self._selinux = text("/sys/fs/selinux/enforce") is not None
        self._apparmor = (text("/sys/module/apparmor/parameters/enabled") or "").startswith("Y")
        self._commands: dict[str, list[str]] | None = None
        self._scanning = threading.Lock()  # the containers are looked at side by side

    def process(self, pid: int, container: str) -> dict[str, t.Any] | None:
        """The container's first process; None when it is not (or no longer) a process of this host."""
        state = status(pid)
        if not state or not _runs(pid, state.get("PPid", "0"), container):
            return None
        namespaces = {name: link(f"{PROC}/{pid}/ns/{name}") for name in NAMESPACES}
        return {
            "pid": pid,
            "uid": [int(uid) for uid in state.get("Uid", "").split()] or None,
            "uid_map": _uid_map(pid),
            "cap_eff": capabilities(state["CapEff"]) if "CapEff" in state else None,
            "cap_bnd": capabilities(state["CapBnd"]) if "CapBnd" in state else None,
            "no_new_privs": state["NoNewPrivs"] == "1" if "NoNewPrivs" in state else None,
            "seccomp": int(state["Seccomp"]) if "Seccomp" in state else None,
            "apparmor": self._profile(pid),
            "selinux": self._label(pid),
            "namespaces": {name: self._shared(name, namespace) for name, namespace in namespaces.items()},
            "commands": self._running(namespaces["pid"]),
        }

    def _shared(self, name: str, namespace: str | None) -> bool | None:
        host = self._host[name]
        return None if host is None or namespace is None else host == namespace

    def _profile(self, pid: int) -> str | None:
        """AppArmor's word only: on other hosts attr/current speaks for SELinux."""
        if not self._apparmor:
            return None
        found = text(f"{PROC}/{pid}/attr/apparmor/current") or text(f"{PROC}/{pid}/attr/current")
        return found.strip("\0\n") if found else None

    def _label(self, pid: int) -> str | None:
        """SELinux's word only."""
        found = text(f"{PROC}/{pid}/attr/current") if self._selinux else None
        return found.strip("\0\n") if found else None

    def _running(self, namespace: str | None) -> list[str] | None:
        """Names of all processes in a container's pid namespace; None when it is the host's."""
        if namespace is None or namespace == self._host["pid"]:
            return None
        with self._scanning:
            if self._commands is None:
                self._commands = _commands_by_namespace(self._host["pid"])
        return sorted(self._commands.get(namespace, []))


def _runs(pid: int, parent: str, container: str) -> bool:
    """Whether the process is the container's: the engine may number processes of another machine or namespace."""
    shim = text(f"{PROC}/{parent}/cmdline") or ""
    return container in shim or container in (text(f"{PROC}/{pid}/cgroup") or "")


def _uid_map(pid: int) -> list[list[int]] | None:
    rows = text(f"{PROC}/{pid}/uid_map")
    return None if rows is None else [[int(number) for number in row.split()] for row in rows.splitlines()]


def _commands_by_namespace(host: str | None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for pid in pids():
        namespace = link(f"{PROC}/{pid}/ns/pid")
        if namespace is not None and namespace != host:
            found.setdefault(namespace, []).append((text(f"{PROC}/{pid}/comm") or "").rstrip("\n"))
    return found
