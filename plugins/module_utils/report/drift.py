# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The short table of drift for the terminal: plain text, at most 100 columns."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.drift.compare import DriftError
from ansible_collections.bulkhead.docker.plugins.module_utils.drift.plan import Document, entries, plan
from ansible_collections.bulkhead.docker.plugins.module_utils.model import SEVERITIES
from ansible_collections.bulkhead.docker.plugins.module_utils.report.table import WIDTH
from ansible_collections.bulkhead.docker.plugins.module_utils.report.text import clean

_VALUE = 60


def render(reports: t.Mapping[str, object], silent: t.Mapping[str, str], top: int) -> str:
    """A paragraph for each host: how much, since when, and the worst entries, each with what mends it."""
    lines: list[str] = []
    for name in sorted({*reports, *silent}):
        lines += [""] if lines else []
        if name in silent:
            lines.append(f"{clean(name)}: no result: {clean(silent[name], 300)}")
        else:
            lines += _host(clean(name), _report(name, reports[name]), top)
    return "\n".join(line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…" for line in lines)


def _report(name: str, value: object) -> Document:
    if not isinstance(value, dict) or "drift" not in value:
        raise DriftError(f"{name}: this is no report of role docker_drift")
    return value


def _host(name: str, report: Document, top: int) -> list[str]:
    drift = report["drift"]
    found = entries(drift)
    left = {one["path"]: str(one["why"]) for one in report.get("left") or []}
    left = left or {
        one["path"]: one["why"] for one in plan(drift, SEVERITIES, [entry["role"] for entry in found])["left"]
    }
    lines = [f"{name}: {_amount(found)} {_since(drift)}{_aside(drift)}", *_unread(drift)]
    for entry in found[:top]:
        lines.append(f"  {entry['severity']:<9}{clean(entry['path'])}: {_what(entry)}")
        if why := left.get(entry["path"]):
            lines.append(f"           {clean(why)}")
    if len(found) > top:
        lines.append(f"  ... and {len(found) - top:,} more")
    return lines + _mended(report.get("remediation") or {}, top)


def _amount(found: t.Sequence[Document]) -> str:
    counts = [(severity, sum(entry["severity"] == severity for entry in found)) for severity in SEVERITIES]
    return ", ".join(f"{count:,} {severity}" for severity, count in counts if count) or "no drift"


def _since(drift: Document) -> str:
    recorded = (drift.get("baseline") or {}).get("recorded") or {}
    if not recorded:
        return "(no baseline)"
    return f"since the baseline of {clean(str(recorded.get('at')))} by {clean(str(recorded.get('by')))}"


def _aside(drift: Document) -> str:
    return f"; {drift['ignored']:,} ignored" if drift.get("ignored") else ""


def _unread(drift: Document) -> list[str]:
    unknown = [clean(str(path)) for path in drift.get("unknown") or []]
    silent = [f"  the engine does not answer: {clean(str(drift['engine_error']))}"] if drift.get("engine_error") else []
    return silent + ([f"  could not read: {', '.join(unknown)}"] if unknown else [])


def _what(entry: Document) -> str:
    """The change in words; containers choose some of the values."""
    kind = clean(str(entry["kind"])).replace("_", " ")
    if entry["kind"] == "changed":
        return f"{kind}, {_value(entry.get('before'))} → {_value(entry.get('after'))}"
    value = entry.get("before") if entry["kind"] == "removed" else entry.get("after")
    return kind if value is None else f"{kind}, {_value(value)}"


def _value(value: object) -> str:
    return clean(json.dumps(value, sort_keys=True, ensure_ascii=False), _VALUE)


def _mended(remediation: Document, top: int) -> list[str]:
    mended = [clean(str(path)) for path in remediation.get("mended") or []]
    lines = [f"  mended: {len(mended):,} {'entry' if len(mended) == 1 else 'entries'}"] if mended else []
    lines += [f"           {path}" for path in mended[:top]]
    return lines + [f"  failed: {clean(str(why), 300)}" for why in remediation.get("failed") or []]
