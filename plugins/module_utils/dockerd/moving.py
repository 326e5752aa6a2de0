# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes after which the daemon looks elsewhere for its data: what would drop out of sight, and how to get it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils import plan
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import remapping
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.engine import Engine
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.proposal import Proposal, Request
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.survey import Survey, data_roots

_MOST = 10  # names of each kind
_CONTAINERD = "/var/lib/containerd"

Holdings = Mapping[str, Sequence[str]]


def judge(request: Request, host: Survey, proposal: Proposal, engine: Engine) -> tuple[list[str], list[str]]:
    """Reasons to refuse, else notes."""
    moves = [change for change in proposal.changes if plan.moves_data(change, host.info)]
    if not moves:
        return [], []
    up = host.status == plan.RUNNING
    holdings: Holdings = engine.holdings() if up else _on_disk(_root(host, proposal, "before"))
    impact = _impact(moves, engine.unmappable() if up else {})
    if not any(holdings.values()):
        return [], impact
    old = _old_root(host, proposal)
    held = ", ".join(f"{len(names)} {kind}{_listed(names)}" for kind, names in holdings.items())
    if not request.accept_data_move:
        return [
            f"{change.key}: {change.before or 'unset'} -> {change.after or 'unset'} would make the daemon look for its "
            f"data in {_new_root(host, change)} instead of {old}, and this host has {held}. They would not be deleted, "
            "but no longer be seen. Set accept_data_move to go on" + "".join(f". {words}" for words in impact)
            for change in moves
        ], []
    if proposal.decision.restart and proposal.situation.live_now and proposal.situation.containers:
        return [
            f"{', '.join(change.key for change in moves)}: live-restore would carry running containers over to a "
            f"daemon that does not know them: stop them first{_listed(proposal.situation.containers)}"
        ], []
    return [], [
        f"the data that was there stays untouched in {old}: {held}. To see it again, give "
        f"{', '.join(change.key for change in moves)} the value it had ({moves[0].before or 'unset'}) with "
        "accept_data_move",
        *impact,
    ]


def _impact(moves: Sequence[plan.Change], shared: Mapping[str, Sequence[str]]) -> list[str]:
    if not shared or not any(change.key == "userns-remap" and change.after for change in moves):
        return []
    names = [f"{name} ({', '.join(what)})" for name, what in sorted(shared.items())]
    return [f"with users remapped these run only with --userns=host{_listed(names)}"]


def _listed(names: Sequence[str]) -> str:
    """In parentheses, or after a colon where the names have parentheses of their own."""
    shown = ", ".join(sorted(names)[:_MOST]) + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "")
    return "" if not names else f": {shown}" if "(" in shown else f" ({shown})"


def _old_root(host: Survey, proposal: Proposal) -> str:
    root = str(host.info.get("DockerRootDir") or _root(host, proposal, "before"))
    in_containerd = ["driver-type", "io.containerd.snapshotter.v1"] in (host.info.get("DriverStatus") or [])
    return f"{root} (images in {_CONTAINERD})" if in_containerd else root


def _root(host: Survey, proposal: Proposal, side: str) -> str:
    for change in proposal.changes:
        if change.key == "data-root":
            return str(getattr(change, side) or host.scope.data_root)
    return str(proposal.content.get("data-root") or host.context.flags.get("data-root") or host.scope.data_root)


def _new_root(host: Survey, change: plan.Change) -> str:
    if change.key == "data-root":
        return str(change.after or host.scope.data_root)
    if change.key == "userns-remap":
        return str(Path(host.data_root, remapping.directory(str(change.after)))) if change.after else host.data_root
    return f"another store under {host.info.get('DockerRootDir') or host.data_root}"


def _on_disk(data_root: str) -> Holdings:
    """The same from the file system, for an engine that does not run; of remapped users as well."""

    def names(pattern: str, depth: int) -> list[str]:
        return [path.parts[depth][:12] for root in data_roots(data_root) for path in root.glob(pattern)]

    return {
        "containers": names("containers/*", -1),
        "images": names("image/*/imagedb/content/sha256/*", -1),
        "volumes": names("volumes/*/_data", -2),
    }
