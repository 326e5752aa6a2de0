# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose engine it is: the host's, run by root, or the rootless one of the user as whom we run."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils.plan import DATA_ROOT


class ScopeError(Exception):
    """Run as the wrong user for this scope; the message names the remedy."""


@dataclass(frozen=True)
class Scope:
    """Where such an engine has its files, and how systemd is asked about it."""

    rootless: bool
    path: str  # the daemon.json that dockerd reads without a flag
    docker_host: str
    data_root: str
    state: Path  # our own record
    unit_directories: tuple[str, ...]
    runtime: str = ""  # the user's XDG_RUNTIME_DIR

    @property
    def _switch(self) -> tuple[str, ...]:
        return ("--user",) if self.rootless else ()

    @property
    def environment(self) -> Mapping[str, str]:
        """What systemctl and journalctl need to find the user's own systemd."""
        return {"XDG_RUNTIME_DIR": self.runtime} if self.rootless else {}

    def systemctl(self, *words: str) -> list[str]:
        return ["systemctl", *self._switch, *words]

    def journalctl(self, *words: str) -> list[str]:
        return ["journalctl", *self._switch, *words]


SYSTEM = Scope(
    rootless=False,
    path="/etc/docker/daemon.json",
    docker_host="unix:///var/run/docker.sock",
    data_root=DATA_ROOT,
    state=Path("/var/lib/bulkhead.docker"),
    unit_directories=(
        "/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
        "/lib/systemd/system",
    ),
)  # fmt: skip


def of_user(uid: int, home: str) -> Scope:
    """The places that rootless Docker uses unless told otherwise. Home is the account's: sudo may keep another HOME."""
    return Scope(
        rootless=True,
        path=f"{home}/.config/docker/daemon.json",
        docker_host=f"unix:///run/user/{uid}/docker.sock",
        data_root=f"{home}/.local/share/docker",
        state=Path(home, ".local/state/bulkhead.docker"),
        unit_directories=(
            f"{home}/.config/systemd/user", "/etc/systemd/user", f"{home}/.local/share/systemd/user",
            "/usr/local/lib/systemd/user", "/usr/lib/systemd/user",
        ),
        runtime=f"/run/user/{uid}",
    )  # fmt: skip


def choose(name: str) -> Scope:
    """The scope that an option names (system, user), for the user as whom we run. Raises ScopeError."""
    if name == "system":
        return SYSTEM
    uid = os.geteuid()
    if uid == 0:
        raise ScopeError(
            "scope: user is for the owner of a rootless engine, and this runs as root: set become_user to that user, "
            "or scope: system for the engine of the host"
        )
    return of_user(uid, pwd.getpwuid(uid).pw_dir)


def dockerd(argv: Sequence[str], environment: Mapping[str, str]) -> str:
    """The binary that a unit runs, by itself or through dockerd-rootless.sh; empty when there is none to be found."""
    if argv and not Path(argv[0]).name.startswith("dockerd-rootless"):
        return argv[0]
    named = environment.get("DOCKERD", "dockerd")  # as the script of newer engines looks for it
    # an ordinary user's PATH lacks the directories of the system's programs
    return shutil.which(named) or shutil.which(named, path="/usr/local/sbin:/usr/sbin:/sbin") or ""
