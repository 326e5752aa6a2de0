# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules see of the host's audit trail: what decides about the engine, and why it is not watched."""

from __future__ import annotations

import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.auditd.rules import unseen
from ansible_collections.bulkhead.docker.plugins.module_utils.auditd.watched import KINDS
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_shape import (
    Json,
    at,
    mapping,
    mappings,
    text,
    texts,
)

Paths = list[dict[str, str]]


def watches(host: Json) -> dict[str, Paths | None]:
    """For each kind the paths there are, and why changes of each would not be recorded (empty: they are).

    Null where there are some, and the kernel does not tell what it audits.
    """
    if not isinstance(host.get("watched"), list):
        return dict.fromkeys(KINDS)
    audited = _audited(mapping(host, "auditing"))
    found: dict[str, list[Json]] = {kind: [] for kind in KINDS}
    for one in mappings(host, "watched"):
        found.get(text(one, "kind"), []).append(one)
    return {kind: _judged(ones, audited) for kind, ones in found.items()}


def _judged(ones: list[Json], audited: Json | None) -> Paths | None:
    if audited is None:
        return None if ones else []
    paths = [(text(one, "path"), text(one, "place")) for one in ones]
    return [{"path": path, "because": unseen(path, audited, place)} for path, place in paths]


def _audited(raw: Json) -> dict[str, t.Any] | None:
    absent, enabled = raw.get("absent") is True, raw.get("enabled")
    if not absent and (not isinstance(raw.get("rules"), list) or not isinstance(enabled, int)):
        return None
    rules = [_rule(one) for one in mappings(raw, "rules")]
    return {"absent": absent, "enabled": enabled, "machine": text(raw, "machine"), "rules": rules}


def _rule(raw: Json) -> dict[str, t.Any]:
    words = ("action", "filter", "path", "place", "permissions", "arch", "key")
    flags = {name: at(raw, name) is True for name in ("tree", "narrow")}
    return {**{name: text(raw, name) for name in words}, **flags, "limits": texts(raw, "limits")}
