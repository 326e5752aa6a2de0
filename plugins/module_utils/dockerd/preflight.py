# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only a look at the host can refuse: data that would drop out of sight, files and users that are not there."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils import plan
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_listeners import remote
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import listening
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.engine import Engine
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.proposal import Proposal, RefusedError, Request
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.survey import Survey, data_roots

_BUILTIN_PROFILES = frozenset({"", "builtin", "default", "unconfined"})


def check(request: Request, host: Survey, proposal: Proposal, engine: Engine) -> None:
    reasons = [
        *_data(request, host, proposal, engine),
        *_missing_files(proposal, host),
        *_certificates(proposal, host),
        *_unmapped_user(proposal),
    ]
    if reasons:
        raise RefusedError("\n".join(reasons))


def _data(request: Request, host: Survey, proposal: Proposal, engine: Engine) -> list[str]:
    moving = [change for change in proposal.changes if plan.moves_data(change, host.info)]
    if not moving or request.accept_data_move:
        return []
    holdings = engine.holdings() if host.status == plan.RUNNING else _on_disk(_root(host, proposal, "before"))
    if not any(holdings.values()):
        return []
    old = host.info.get("DockerRootDir") or _root(host, proposal, "before")
    held = ", ".join(f"{count} {kind}" for kind, count in holdings.items())
    return [
        f"{change.key}: {change.before or 'unset'} -> {change.after or 'unset'} would make the daemon look for its "
        f"data in {_new_root(host, change)} instead of {old}, "
        f"and this host has {held}. They would not be deleted, but no longer be seen. Set accept_data_move to go on"
        for change in moving
    ]


def _root(host: Survey, proposal: Proposal, side: str) -> str:
    for change in proposal.changes:
        if change.key == "data-root":
            return str(getattr(change, side) or host.scope.data_root)
    return str(proposal.content.get("data-root") or host.context.flags.get("data-root") or host.scope.data_root)


def _new_root(host: Survey, change: plan.Change) -> str:
    current = str(host.info.get("DockerRootDir") or host.scope.data_root)
    if change.key == "data-root":
        return str(change.after or host.scope.data_root)
    if change.key == "userns-remap":
        return f"{current.rstrip('/')}/UID.GID" if change.after else str(Path(current).parent)
    return f"another store under {current}"


def _on_disk(data_root: str) -> dict[str, int]:
    """The same counts from the file system, for an engine that does not run; of remapped users as well."""

    def count(pattern: str) -> int:
        return sum(len(list(root.glob(pattern))) for root in data_roots(data_root))

    return {
        "containers": count("containers/*"),
        "images": count("image/*/imagedb/content/sha256/*"),
        "volumes": count("volumes/*/_data"),
    }


def _missing_files(proposal: Proposal, host: Survey) -> list[str]:
    """The engine validates without looking at these, and then does not start."""
    if host.status == plan.ABSENT:
        return []  # an image build may put them there later
    named: Mapping[str, t.Any] = {
        change.key: change.after
        for change in proposal.changes
        if change.key in listening.FILES or (change.key == "seccomp-profile" and change.after not in _BUILTIN_PROFILES)
    }
    return [f"{key}: there is no file {path}" for key, path in named.items() if path and not Path(str(path)).is_file()]


def _certificates(proposal: Proposal, host: Survey) -> list[str]:
    if host.status == plan.ABSENT or not proposal.listening:
        return []
    settings = {**host.context.flags, **proposal.content}
    missing = any(settings.get(key) and not Path(str(settings[key])).is_file() for key in listening.FILES)
    return [] if missing or not remote(settings.get("hosts")) else listening.unsound(settings)


def _unmapped_user(proposal: Proposal) -> list[str]:
    for change in proposal.changes:
        user = str(change.after or "").partition(":")[0]
        if change.key == "userns-remap" and user not in ("", "default"):
            return [
                f"userns-remap: {user} has no range in {table}; add a line such as {user}:100000:65536"
                for table in ("/etc/subuid", "/etc/subgid")
                if not _has_range(Path(table), user)
            ]
    return []


def _has_range(table: Path, user: str) -> bool:
    try:
        return any(line.startswith(f"{user}:") for line in table.read_text(encoding="utf-8").splitlines())
    except OSError:
        return False
