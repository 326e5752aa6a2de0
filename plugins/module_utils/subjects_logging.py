# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules see of logs on their way: who sends them where, whom it trusts, and who records the engine's events."""

from __future__ import annotations

import fnmatch
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.log_drivers import blocks
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_shape import (
    Json,
    at,
    mapping,
    mappings,
    number,
    text,
    texts,
)

_RECORDER = "bulkhead-docker-events.service"
_PULSE_SECONDS = 120  # it beats every ten
_VERIFIED = ("x509/name", "x509/fingerprint", "name", "fingerprint")


def logging(host: Json, policy: Json) -> dict[str, t.Any] | None:
    """Null where it could not be read."""
    facts = host.get("logging")
    if not isinstance(facts, dict) or not isinstance(host.get("services"), dict):
        return None
    running = texts(host, "services", "running")
    forwards = mappings(facts, "forwards")
    return {
        "forwards": [_shown(one) for one in forwards],
        "unverified": [_shown(one) for one in forwards if not _is_verified(one)],
        "stopped": sorted({text(one, "unit") for one in forwards} - set(running)),
        "stale": number(facts.get("stale")) or 0,
        "shipped": any(_is_verified(one) and text(one, "unit") in running for one in forwards),
        "recorder": _recorder(running, facts, policy),
    }


def _is_verified(forward: Json) -> bool:
    return forward.get("tls") is True and text(forward, "auth") in _VERIFIED and bool(texts(forward, "peer"))


def _shown(forward: Json) -> dict[str, t.Any]:
    return {name: forward.get(name) for name in ("source", "target", "tls", "auth", "peer")}


def _recorder(running: t.Sequence[str], facts: Json, policy: Json) -> dict[str, t.Any]:
    """Who records events, and what is wrong with that; of our own recorder more is known than that it runs."""
    globs = texts(policy, "event_recorders")
    units = [one for one in running if any(fnmatch.fnmatchcase(one.rpartition(".")[0], glob) for glob in globs)]
    problem = "" if units else "nothing records them"
    if units == [_RECORDER]:
        problem = _late(facts.get("pulse"))
    return {"units": units, "problem": problem}


def _late(pulse: t.Any) -> str:
    age, behind = number(at(pulse, "age")), number(at(pulse, "behind"))
    if age is None or behind is None:
        return "the recorder gives no sign of life"
    if age > _PULSE_SECONDS:
        return f"the recorder gave its last sign of life {round(age)} seconds ago"
    if at(pulse, "connected") is not True:
        return "the recorder does not reach the engine"
    return f"the recorder is {round(behind)} seconds behind" if behind > _PULSE_SECONDS else ""


def driver(found: Json, kind: str, options: str) -> dict[str, t.Any] | None:
    """A log driver with its options: whether they bound a file, and whether containers wait for another machine."""
    name, chosen = text(found, kind), mapping(found, options)
    if not name:
        return None
    unbounded = name == "json-file" and text(chosen, "max-size") in ("", "-1")
    return {"name": name, "unbounded": unbounded, "blocks": blocks(name, chosen)}
