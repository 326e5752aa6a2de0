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
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import listening, moving, remapping
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.engine import Engine
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.proposal import Proposal, RefusedError, Request
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.survey import Survey

_BUILTIN_PROFILES = frozenset({"", "builtin", "default", "unconfined"})


def check(request: Request, host: Survey, proposal: Proposal, engine: Engine, dry: bool = False) -> list[str]:
    """Raises RefusedError, or returns notes. In a dry run, what another task would have brought is only noted."""
    reasons, notes = moving.judge(request, host, proposal, engine)
    reasons += [
        *_missing_files(proposal, host),
        *_certificates(proposal, host),
        *remapping.problems(proposal.changes),
    ]
    (notes if dry else reasons).extend(remapping.missing_ranges(proposal.changes))
    if reasons:
        raise RefusedError("\n".join(reasons))
    return notes


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
