# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases for rules: raw facts recorded from real engines, with a few values of them replaced.

A case of tests/cases/<rule>.yml starts from a hardened host with one hardened container and names only what differs:
``engine`` (which recording, 26.1 if not said), ``info``, ``version``, ``bridge``, ``networks``, ``volumes``,
``daemon``, ``flags``,
``config`` (values of daemon.json), ``host``, ``files`` and ``directories`` (of the host, by path), ``inspect``,
``process``, ``execs``, ``secrets``, ``proxy``, ``others`` (inspections of more containers), ``policy``. Mappings are
merged, all else is replaced; ``<absent>`` takes a key away.
"""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import yaml
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.facts import Facts
from ansible_collections.bulkhead.docker.plugins.module_utils.evaluate import evaluate
from ansible_collections.bulkhead.docker.plugins.module_utils.model import Finding
from ansible_collections.bulkhead.docker.plugins.module_utils.rules.catalogue import RULES
from ansible_collections.bulkhead.docker.plugins.module_utils.rules.policy import merged
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects import subjects

TESTS = Path(__file__).resolve().parent
RECORDED = TESTS / "unit" / "fixtures" / "facts"
ENGINES = ("20.10", "26.1", "28.5")

#: Where in the facts each part of a case belongs.
_CONTAINER = ("inspect", "process", "execs", "secrets", "proxy")
_PLACES: dict[str, tuple[t.Any, ...]] = {
    **{part: (part,) for part in ("info", "version", "bridge", "networks", "volumes", "daemon")},
    "flags": ("daemon", "flags"),
    "config": ("daemon", "config", "values"),
    "host": ("host",),
    "files": ("host", "files"),
    "directories": ("host", "directories"),
    **{part: ("containers", 0, part) for part in _CONTAINER},
}
WORDS = {"name", "verdict", "observed", "malformed", "engine", "others", "policy", *_PLACES}

Case = dict[str, t.Any]


def recorded(engine: str) -> dict[str, t.Any]:
    """The facts of an engine, and of a host around it: one for all, but for rootless engines."""
    facts, host, rootless = (_read(name) for name in (engine, "host", "host-rootless"))
    return {**merge(host, facts), **(rootless if "rootless" in engine else {})}


def _read(name: str) -> dict[str, t.Any]:
    facts: dict[str, t.Any] = json.loads((RECORDED / f"{name}.json").read_text())
    return facts


def cases() -> dict[str, list[Case]]:
    """By rule id."""
    return {path.stem: yaml.safe_load(path.read_text()) for path in sorted((TESTS / "cases").glob("*.yml"))}


def facts(case: Case) -> dict[str, t.Any]:
    """The recorded facts with the case's differences."""
    base = {"volumes": {}, **recorded(case.get("engine", "26.1"))}
    for part, place in _PLACES.items():
        if part in case:
            *path, last = place
            target: t.Any = base
            for step in path:
                target = target[step]
            target[last] = merge(target.get(last), case[part])
    others = [{"id": other["Id"], "name": other["Name"], "inspect": other} for other in case.get("others", [])]
    return {**base, "containers": base["containers"] + others}


def merge(old: t.Any, new: t.Any) -> t.Any:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    together = {**old, **{key: merge(old.get(key), value) for key, value in new.items()}}
    return {key: value for key, value in together.items() if value != "<absent>"}


def judge(raw: dict[str, t.Any], policy: dict[str, t.Any] | None = None, *rules: str) -> list[Finding]:
    """What the audit says of these facts, of the daemon and the first container."""
    document = Facts(**raw)
    engine = document.info.get("ServerVersion") or ""
    judged = [subject for subject in subjects(document, merged(policy or {})) if not subject.name.startswith("other")]
    return evaluate([rule for rule in RULES if not rules or rule.id in rules], judged, engine)
