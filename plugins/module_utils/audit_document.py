# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The result document: what ``docker_audit`` returns, and everything else is made from. Pure."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.collect.facts import Facts, Json
from ansible_collections.bulkhead.docker.plugins.module_utils.evaluate import Verdict
from ansible_collections.bulkhead.docker.plugins.module_utils.model import SCHEMA, TOOL, VERDICTS, VERSION


@dataclasses.dataclass(frozen=True)
class Run:
    """When and how long: what the result says about the audit itself."""

    collected_at: datetime.datetime  # in UTC
    collecting: float  # seconds
    evaluating: float


def document(facts: Facts, found: t.Sequence[Verdict], wanted: t.Collection[str], run: Run) -> dict[str, t.Any]:
    """All verdicts are counted; the findings of those that are wanted are returned."""
    counts = collections.Counter(one.verdict for one in found)
    return {
        "schema": SCHEMA,
        "tool": {"name": TOOL, "version": VERSION},
        "host": _host(facts.info),
        "engine": _engine(facts),
        "collected_at": run.collected_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "seconds": {"collect": round(run.collecting, 3), "evaluate": round(run.evaluating, 3)},
        "counts": {verdict: counts[verdict] for verdict in VERDICTS},
        # not dataclasses.asdict: its deep copies cost more than judging
        "findings": [dict(vars(one.finding())) for one in found if one.verdict in wanted],
    }


def _host(info: Json) -> dict[str, t.Any]:
    return {
        "name": info.get("Name"),
        "kernel": info.get("KernelVersion"),
        "os": info.get("OperatingSystem"),
        "architecture": info.get("Architecture"),
    }


def _engine(facts: Facts) -> dict[str, t.Any]:
    info, version = facts.info, facts.version
    return {
        "version": version.get("Version") or info.get("ServerVersion"),
        "api_version": version.get("ApiVersion"),
        "rootless": any("name=rootless" in str(option) for option in info.get("SecurityOptions") or []),
        "storage_driver": info.get("Driver"),
        "cgroup_driver": info.get("CgroupDriver"),
        "cgroup_version": info.get("CgroupVersion"),
        "containers": info.get("Containers"),
        "components": {
            one["Name"]: one.get("Version")
            for one in version.get("Components") or []
            if isinstance(one, dict) and "Name" in one
        },
    }
