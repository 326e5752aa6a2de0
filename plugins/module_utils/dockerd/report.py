# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's result: what changed, what is left to do, secrets masked. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.bulkhead.docker.plugins.module_utils import daemon_json, plan
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_json import Config
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_secrets import mask
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.apply import Outcome
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.files import Store
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.proposal import Found, Proposal, Request
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.survey import Survey


def result(
    request: Request, host: Survey, at: Found, proposal: Proposal, outcome: Outcome, store: Store
) -> dict[str, t.Any]:
    recreate = _recreate(host, proposal)
    notes = [*proposal.notes, *_left_to_do(host, proposal, outcome, recreate)]
    return {
        "changed": proposal.changed or outcome.action != "none",
        "changes": [_change(change) for change in proposal.changes],
        "held": False,
        "files": _files(request, host, store),
        "daemon_action": outcome.action,
        "restart_pending": bool(outcome.pending),
        "restart_reason": outcome.pending,
        "recreate": recreate,
        "engine": {"version": host.version, "running": host.status == plan.RUNNING, "status": host.status},
        "owned": sorted(proposal.owned),
        "backup": outcome.backup,
        "notes": notes,
        **_diffs(request, host, at, proposal),
    }


def held(request: Request, host: Survey, at: Found, proposal: Proposal, store: Store) -> dict[str, t.Any]:
    """The result of a run that did nothing, as its caller is to arm a guard first."""
    untouched = replace(proposal, file_changed=False, drop_in_changed=False)
    return {**result(request, host, at, untouched, Outcome("none", ""), store), "held": True, "notes": []}


def _files(request: Request, host: Survey, store: Store) -> list[str]:
    return [str(path) for path in (request.path, host.command.path, store.state_file, store.backup)]


def _diffs(request: Request, host: Survey, at: Found, proposal: Proposal) -> dict[str, t.Any]:
    diffs = [diff(request, at, proposal)] if proposal.file_changed else []
    if proposal.drop_in_changed:
        path = str(host.command.path)
        diffs.append(
            {"before": host.command.ours, "after": proposal.drop_in, "before_header": path, "after_header": path}
        )
    return {"diff": diffs[0] if len(diffs) == 1 else diffs} if diffs else {}


def _change(change: plan.Change) -> dict[str, t.Any]:
    return {
        "key": change.key,
        "before": mask(change.before, change.key),
        "after": mask(change.after, change.key),
        "effect": change.effect,
        "recreate": change.recreate,
        "source": change.source,
    }


def _recreate(host: Survey, proposal: Proposal) -> list[dict[str, t.Any]]:
    keys = sorted(change.key for change in proposal.changes if change.recreate)
    return [{**container, "settings": keys} for container in host.containers] if keys else []


def _left_to_do(host: Survey, proposal: Proposal, outcome: Outcome, recreate: list[dict[str, t.Any]]) -> list[str]:
    notes = []
    if outcome.pending:
        notes.append(f"the daemon must be restarted to take up the file: {outcome.pending}")
    if recreate:
        names = ", ".join(sorted(container["name"] for container in recreate))
        notes.append(f"recreate these containers to give them {', '.join(recreate[0]['settings'])}: {names}")
    if host.status in (plan.STOPPED, plan.ABSENT) and proposal.file_changed:
        state = "is not running" if host.status == plan.STOPPED else "cannot be asked here"
        notes.append(
            f"the engine {state}: the file was checked for {host.version or 'no version'} and is read at its next start"
        )
    if host.status == plan.FAILED and not proposal.changes:
        notes.append("the engine has failed, and nothing in the keys managed here explains it: see its journal")
    return notes


def diff(request: Request, at: Found, proposal: Proposal) -> dict[str, t.Any]:
    """By meaning: what is only ordered or indented differently is shown alike."""
    before, after = mask(at.content), _mark(at.content, proposal.content)
    shown: dict[str, t.Any] = {
        "before": ""
        if at.original.data is None
        else f"(not valid JSON: {at.broken})\n"
        if at.broken
        else _text(before),
        "after": _text(after),
        "before_header": str(request.path),
        "after_header": str(request.path),
    }
    if at.original.data is not None and at.original.mode != proposal.file_mode:
        shown["before_header"] += f" (mode {at.original.mode:04o})"
        shown["after_header"] += f" (mode {proposal.file_mode:04o})"
    return shown


def _mark(before: Config, after: Config) -> Config:
    """Masked, yet a change that is nothing but another secret can be seen."""
    shown: Config = mask(after)
    for key in daemon_json.differing(before, after):
        if key in shown and key in before and mask(before[key], key) == shown[key]:
            shown[key] = f"{daemon_json.render(shown[key]).strip()} (its secret changed)"
    return shown


def _text(content: Config) -> str:
    return daemon_json.render(dict(sorted(content.items())))
