# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The approved state of a host: who approved what of it, and when. Pure: what time it is comes from the caller.

A baseline: ``schema``, ``tool``, ``host``; ``recorded`` and each of ``approvals``: ``at``, ``by``, ``reason``, and of
an approval the ``paths``; ``state`` (see ``snapshot``); ``moved``: defaults of the daemon that were approved to be
others since (``before``, ``at`` in seconds since the epoch), as containers from before may still have the old one;
``accepted``: by path, what was approved of drift that is no part of the state.
"""

from __future__ import annotations

import copy
import json
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.drift import compare
from ansible_collections.bulkhead.docker.plugins.module_utils.drift.catalogue import Path
from ansible_collections.bulkhead.docker.plugins.module_utils.model import SCHEMA, TOOL, VERSION
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_shape import Json, at, mapping

Baseline = dict[str, t.Any]


class BaselineError(compare.DriftError):
    """What is given as a baseline is none: where, why, and what to do."""


class Approval(t.NamedTuple):
    """Who takes drift over, and why; ``paths`` are globs."""

    at: str
    by: str
    reason: str = ""
    paths: t.Sequence[str] = ("*",)

    def stamp(self) -> dict[str, str]:
        return {"at": self.at, "by": self.by, "reason": self.reason}


def recorded(snapshot: Json, approval: Approval) -> Baseline:
    """The first one: all that there is."""
    return {
        "schema": SCHEMA,
        "tool": {"name": TOOL, "version": VERSION},
        "host": snapshot["host"],
        "recorded": approval.stamp(),
        "approvals": [],
        "state": copy.deepcopy(snapshot["state"]),
        "moved": {},
        "accepted": {},
    }


def checked(value: t.Any, where: str) -> Baseline:
    """A document that somebody else kept. Raises BaselineError."""
    remedy = "record a new one (state: absent, then state: present)"
    if not isinstance(value, dict) or not isinstance(value.get("state"), dict):
        raise BaselineError(f"{where} is no baseline: {remedy}")
    if value.get("schema") != SCHEMA:
        raise BaselineError(f"{where} has schema {value.get('schema')!r}, and this release reads {SCHEMA}: {remedy}")
    empty: dict[str, t.Any] = {"approvals": [], "moved": {}, "accepted": {}}
    return {**value, **{key: value.get(key) or nothing for key, nothing in empty.items()}}


def approved(baseline: Baseline, snapshot: Json, entries: t.Sequence[compare.Entry], approval: Approval) -> Baseline:
    """With what the approval names taken over, also what was not known before; the same when there is nothing."""
    wanted = [one for one in entries if compare.selected(one["path"], approval.paths)]
    state = copy.deepcopy(baseline["state"])
    for path, value in _steps(state, snapshot["state"]):
        if compare.selected(compare.name(path), approval.paths):
            _put(state, path, value)
    accepted = {
        **baseline["accepted"],
        **{one["path"]: one["after"] for one in wanted if one["kind"] in compare.JUDGED},
    }
    moved = {**baseline["moved"], **_moved(baseline, snapshot, approval)}
    state["defaults"] = {**mapping(state, "defaults"), **{key: at(snapshot, "state", "defaults", key) for key in moved}}
    if (state, accepted) == (baseline["state"], baseline["accepted"]):
        return baseline
    stamp = {**approval.stamp(), "paths": sorted(one["path"] for one in wanted)}
    return {
        **baseline,
        "approvals": [*baseline["approvals"], stamp],
        "state": state,
        "moved": moved,
        "accepted": accepted,
    }


def _steps(before: Json, after: Json) -> list[tuple[Path, t.Any]]:
    """What is different, and what the baseline did not know."""
    found = [(path, now) for path, _was, now in compare.differences(before, after) if now is not None]
    return found + list(_unknown(before, after))


def _unknown(before: t.Any, after: t.Any, path: Path = ()) -> t.Iterator[tuple[Path, t.Any]]:
    if before is None and after is not None:
        yield path, after
    elif isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before} & {*after}):
            yield from _unknown(before[key], after[key], (*path, key))


def _put(state: dict[str, t.Any], path: Path, value: t.Any) -> None:
    """Set, or take away."""
    for part in path[:-1]:
        state = state[part]
    if value is compare.MISSING:
        del state[path[-1]]
    else:
        state[path[-1]] = copy.deepcopy(value)


def _moved(baseline: Baseline, snapshot: Json, approval: Approval) -> dict[str, dict[str, t.Any]]:
    """Defaults that the approval takes over: those of containers from before are still the old ones."""
    was, now = mapping(baseline, "state", "defaults"), mapping(snapshot, "state", "defaults")
    moment = at(snapshot, "context", "config_changed_at")
    return {
        key: {"before": was[key], "at": moment}
        for key in was
        if key in now and was[key] != now[key]
        and any(
            compare.selected(compare.name(("daemon", kind, key)), approval.paths) for kind in ("configured", "flags")
        )
    }  # fmt: skip


def text(document: Json) -> str:
    """As it is kept: good to read, and to compare by lines."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
