# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who else reaches a rootless daemon's sockets, or those of a filtering proxy; and whose ids its containers use."""

from __future__ import annotations

import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_shape import (
    Json,
    mapping,
    mappings,
    number,
    sequence,
    text,
)

Rows = t.Optional[list[dict[str, t.Any]]]
Ranges = list[tuple[int, int]]  # first and last


def owner(daemon: Json) -> dict[str, t.Any]:
    """``user``, and what is wrong; null where it could not be read."""
    found = mapping(daemon, "owner")
    known = number(found.get("uid")) is not None
    return {
        "user": text(found, "user") or None,
        "open_sockets": _open_sockets(found) if known else None,
        "shared_ids": _shared_ids(found) if known else None,
    }


def _open_sockets(found: Json) -> Rows:
    own, ranges = number(found.get("uid")), _mapped(found, "gid")
    rows = []
    for entry in mappings(found, "sockets"):
        steps = mappings(entry, "steps")
        if not steps or not all(isinstance(step.get("mode"), int) for step in steps):
            return None
        who = _who(steps, own, text(found, "user"), ranges)
        if who:
            rows.append({"socket": text(entry, "path"), "open_to": who, "mode": f"{steps[-1]['mode']:04o}"})
    return rows


def _who(steps: list[dict[str, t.Any]], own: int | None, user: str, ranges: Ranges) -> list[str]:
    """Who else gets through all directories and may write to the socket, or puts another one in its place."""
    socket, folders = steps[-1], steps[:-1]
    others = [step for step in steps if step.get("uid") not in (0, own)]
    strangers = [f"user {step.get('uid')}, who owns {step.get('path')}" for step in others]
    group = number(socket.get("gid"))
    private = text(socket, "group") == user or any(first <= (group or 0) <= last for first, last in ranges)
    everyone = socket["mode"] & 0o002 and all(step["mode"] & 0o001 for step in folders)
    through = all(step["mode"] & (0o011 if step.get("gid") == group else 0o001) for step in folders)
    members = socket["mode"] & 0o020 and not private and through
    named = f"group {text(socket, 'group') or group}"
    return strangers + (["everyone"] if everyone else [named] if members else [])


def _mapped(found: Json, kind: str) -> Ranges:
    """The ids of the host that its containers can be; the user's own aside."""
    rows = [row for row in sequence(found, "maps", kind) if _is_row(row, 3)]
    return [(row[1], row[1] + row[2] - 1) for row in rows if row[2] > 1 or row[0] != 0]


def _is_id(value: t.Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_row(row: t.Any, length: int) -> bool:
    return isinstance(row, list) and len(row) == length and all(_is_id(value) for value in row)


def proxies(daemon: Json) -> dict[str, t.Any] | None:
    """The sockets of filtering proxies on the host, and those open to more than the one group that is meant to."""
    if not isinstance(daemon.get("proxies"), list):
        return None
    found, unknown = [], False
    for entry in mappings(daemon, "proxies"):
        steps = mappings(entry, "steps")
        if not steps or not all(isinstance(step.get("mode"), int) for step in steps):
            unknown = True
            continue
        who = _who(steps, number(steps[-1].get("uid")), text(steps[-1], "group"), [])
        found += [{"socket": text(entry, "path"), "open_to": who}] if who else []
    return {
        "sockets": [text(entry, "path") for entry in mappings(daemon, "proxies")],
        "open": found or (None if unknown else []),
    }


def _shared_ids(found: Json) -> Rows:
    """Where they are another user's as well, by what is granted or by an account."""
    rows = []
    for kind in ("uid", "gid"):
        granted, accounts = mapping(found, "granted").get(kind), mapping(found, "accounts").get(kind)
        if not isinstance(granted, dict) or not isinstance(accounts, dict):
            return None
        taken = [(name, row[0], row[0] + row[1] - 1) for name in granted for row in _pairs(granted[name])]
        taken += [(name, one, one) for name, one in accounts.items() if _is_id(one)]
        for first, last in _mapped(found, kind):
            clashes = [f"{name} ({_span(low, high)})" for name, low, high in taken if low <= last and high >= first]
            rows += [{"ids": kind, "range": _span(first, last), "also_of": clashes[:10]}] if clashes else []
    return rows


def _pairs(rows: t.Any) -> list[list[int]]:
    return [row for row in rows if _is_row(row, 2)] if isinstance(rows, list) else []


def _span(first: int, last: int) -> str:
    return f"{first}-{last}" if last > first else str(first)
