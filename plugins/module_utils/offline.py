# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this file system is one of a host that runs, or one in which nothing runs, as while an image is built."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

RUNNING, CHROOT, CONTAINER = "running", "chroot", "container"
INITS = frozenset({"systemd", "init", "openrc-init", "runit", "runit-init", "s6-svscan", "dinit"})
ENGINES = frozenset({"dockerd", "containerd"})


class Look(t.NamedTuple):
    """What there is to judge by."""

    same_root: bool | None  # whether the first process has the same root directory; None: there is no /proc to ask
    booted: bool  # systemd says that it runs here
    first: str  # the first process's name
    engines: tuple[int, ...] = ()  # processes of an engine that have this root directory


def place(look: Look) -> str:
    """A running host, a chroot, or a container without an init.

    An engine makes a host of anything. A chroot may see the machine's /proc and /run, so its own root counts first.
    """
    if look.engines:
        return RUNNING
    if not look.same_root:
        return CHROOT
    return RUNNING if look.booted or look.first in INITS else CONTAINER


def look(proc: str = "/proc", root: str = "/") -> Look:
    same = _same(f"{proc}/1/root", root)
    return Look(
        same_root=same,
        booted=Path(root, "run/systemd/system").is_dir(),
        first=_name(Path(proc, "1")),
        engines=tuple(sorted(_engines(proc, root))),
    )


def _same(one: str, other: str) -> bool | None:
    try:
        return os.path.samestat(os.stat(one), os.stat(other))  # noqa: PTH116 (a link of /proc, followed by the kernel)
    except OSError:
        return None


def _name(process: Path) -> str:
    try:
        return Path(process, "comm").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _engines(proc: str, root: str) -> t.Iterator[int]:
    for process in Path(proc).glob("[0-9]*"):
        if _name(process) in ENGINES and _same(f"{process}/root", root):
            yield int(process.name)


def problem(found: Look, offline: bool, option: str) -> str:
    """Why a role must not go on; empty when it may."""
    here = place(found)
    if offline and here == RUNNING:
        why = (
            f"an engine runs in it (process {', '.join(map(str, found.engines))})"
            if found.engines
            else f"its first process is {found.first or 'an init'}"
        )
        return (
            f"{option} is true, but this is a running host: {why}. It would be left half done, written and not in "
            "force. Leave the option out to harden the host; an image is built in a chroot or in a container without "
            "an init."
        )
    if not offline and here != RUNNING:
        return (
            f"Nothing runs here (this is a {here}), so nothing could be started, loaded or verified, and kernel "
            f"settings would be those of the machine around it. Set {option}: true, or use playbook "
            "bulkhead.docker.image, which does so for all roles."
        )
    return ""
