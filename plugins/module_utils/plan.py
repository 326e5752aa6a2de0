# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the daemon runs and what it should run to what is done about it. Pure: check mode shows what this says."""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_keys import KEYS

DATA_ROOT = "/var/lib/docker"

RUNNING, HUNG, FAILED, STOPPED, ABSENT = "running", "hung", "failed", "stopped", "absent"


@dataclass(frozen=True)
class Change:
    """One key that the daemon has to take up."""

    key: str
    before: t.Any
    after: t.Any
    source: str  # config, profile, release (given back) or exclusive
    running: bool = False  # only the file changes: the daemon runs the value already
    missed: bool = False  # a reload of this daemon has not brought it about

    @property
    def effect(self) -> str:
        """A key that we do not know is assumed to need a restart."""
        if self.running:
            return "none"
        row = KEYS.get(self.key)
        return row.effect if row and not self.missed else "restart"

    @property
    def recreate(self) -> bool:
        """Whether containers that exist keep the old default."""
        row = KEYS.get(self.key)
        return bool(row and row.recreate and not self.running)

    @property
    def bridge(self) -> bool:
        row = KEYS.get(self.key)
        return bool(row and row.bridge)


@dataclass(frozen=True)
class Situation:
    """The host at the moment of deciding."""

    status: str
    containers: tuple[str, ...] = ()  # names of those running
    live_now: bool = False  # live-restore, in the running daemon
    live_after: bool = False  # live-restore, once the file is taken up
    moves_data: bool = False
    controllable: bool = True  # there is a unit to reload and restart
    rootless: bool = False  # containers end with the daemon, whatever live-restore says


@dataclass(frozen=True)
class Decision:
    """``reload`` first where a reload is all it takes, or where it brings live-restore about before the restart."""

    reload: bool = False
    restart: bool = False
    start: bool = False
    pending: str = ""  # why a needed restart is left to a person

    @property
    def action(self) -> str:
        if self.start:
            return "start"
        if self.restart:
            return "restart"
        return "reload" if self.reload else "none"


def decide(changes: Sequence[Change], situation: Situation, policy: str) -> Decision:
    """What to do about the changes under ``policy`` (auto, always, never)."""
    changes = [change for change in changes if not change.running]
    if not changes or situation.status in (STOPPED, ABSENT):
        return Decision()
    if not situation.controllable:
        return Decision(pending="the daemon runs outside of systemd: restart it by its own means")
    if situation.status == FAILED:
        return (
            Decision(pending="restart: never, and the engine has failed") if policy == "never" else Decision(start=True)
        )
    if situation.status == HUNG:
        reason = "the engine is active but does not answer, so what a restart would stop is not known"
        return Decision(restart=True) if policy == "always" else Decision(pending=reason)
    held = held_back(changes, situation)
    rest = [change for change in changes if change not in held]
    if not rest or all(change.effect == "reload" for change in rest):
        return Decision(reload=bool(rest), pending=_held(held, situation))
    reloadable = any(change.effect == "reload" for change in rest)
    decision = decide_restart(Decision(reload=reloadable), situation, policy)
    return decision if decision.pending else replace(decision, pending=_held(held, situation))


def held_back(changes: Sequence[Change], situation: Situation) -> list[Change]:
    """Changes that no restart brings about while live-restore carries containers over it: the engine then leaves the
    default bridge as it is."""
    carried = situation.status == RUNNING and situation.live_after and situation.containers
    return [change for change in changes if change.bridge and not change.running] if carried else []


def _held(held: Sequence[Change], situation: Situation) -> str:
    if not held:
        return ""
    return (
        f"{_listed(change.key for change in held)} of the default bridge changes only when the daemon starts with no "
        f"container running, and live-restore keeps these: {_listed(situation.containers)}. Stop them, restart the "
        "daemon, start them again; or reboot"
    )


def _listed(names: Iterable[str], most: int = 10) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:most]) + (f" and {len(ordered) - most} more" if len(ordered) > most else "")


def decide_restart(decision: Decision, situation: Situation, policy: str) -> Decision:
    """Whether a needed restart may happen now; ``decision`` says whether a reload comes first."""
    brings_live_restore = situation.live_after and not situation.live_now and decision.reload
    # switched off by the restart alone, it would first keep the containers and then kill them, never to come back
    ends_live_restore = situation.live_now and not situation.live_after and decision.reload
    if policy == "never":
        return replace(decision, pending="restart: never")
    if not situation.containers:
        return Decision(restart=True)
    if policy == "always" or not (obstacle := _obstacle(situation, brings_live_restore)):
        return Decision(restart=True, reload=brings_live_restore or ends_live_restore)
    return replace(decision, pending=obstacle)


def _obstacle(situation: Situation, brings_live_restore: bool) -> str:
    """Why a restart now would cost running containers; empty when it would not."""
    names = _listed(situation.containers)
    count = len(situation.containers)
    if situation.rootless:
        return f"containers of a rootless engine end with it, so a restart would stop {count} running: {names}"
    if situation.moves_data:
        return f"the daemon would look elsewhere for its data and lose sight of {count} running: {names}"
    if not situation.live_after:
        return f"live-restore is off, so a restart would stop {count} running: {names}"
    if not situation.live_now and not brings_live_restore:
        return f"live-restore is set but not in effect, so a restart would stop {count} running: {names}"
    return ""


def moves_data(change: Change, info: Mapping[str, t.Any]) -> bool:
    """Whether the daemon would no longer see the images, containers and volumes that it has."""
    row = KEYS.get(change.key)
    if change.key == "features":
        return _moves_images(_image_store(change.before), _image_store(change.after), info)
    if row is None or not row.moves_data:
        return False
    if change.key == "storage-driver":  # left to itself, the engine keeps to the driver that has data
        return change.after is not None and change.after != (change.before or info.get("Driver"))
    default = DATA_ROOT if change.key == "data-root" else ""
    return _plain(change.before or default) != _plain(change.after or default)


def _plain(value: t.Any) -> str:
    return str(value).rstrip("/")


def _image_store(features: t.Any) -> bool | None:
    """Whether the file asks for containerd's image store; None when it leaves that to the engine."""
    asked = features.get("containerd-snapshotter") if isinstance(features, dict) else None
    return asked if isinstance(asked, bool) else None


def _moves_images(before: bool | None, after: bool | None, info: Mapping[str, t.Any]) -> bool:
    """Unasked, an engine before 29 uses its own store and a new one containerd's, so the running one's word counts."""
    if before == after:
        return False
    status = info.get("DriverStatus")
    in_containerd = ["driver-type", "io.containerd.snapshotter.v1"] in status if status else bool(before)
    return bool(after) != in_containerd
