# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of drift."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.bulkhead.docker.plugins.filter.drift_table import drift_table
from ansible_collections.bulkhead.docker.tests.unit.conftest import HOSTILE

RECORDED = {"source": "/x", "recorded": {"at": "2026-11-22T09:00:00Z", "by": "alice", "reason": ""}, "approvals": 0}


def entry(path: str, **more: t.Any) -> dict[str, t.Any]:
    common = {
        "kind": "changed",
        "before": False,
        "after": True,
        "severity": "high",
        "lever": "host",
        "role": "docker_daemon",
    }
    return {"path": path, **common, **more}


def report(*entries: dict[str, t.Any], **more: t.Any) -> dict[str, t.Any]:
    drift = {"baseline": RECORDED, "entries": list(entries), "unknown": [], "ignored": 0}
    return {"drift": {**drift, **more.pop("drift", {})}, "remediation": None, "left": [], **more}


def test_a_host_as_it_should_be() -> None:
    assert drift_table({"web1": report()}) == "web1: no drift since the baseline of 2026-11-22T09:00:00Z by alice"


def test_the_worst_come_first_each_with_what_mends_it() -> None:
    found = [
        entry("daemon.configured.icc"),
        entry(
            "containers.evil",
            kind="added",
            before=None,
            after="sha256:0",
            severity="critical",
            lever="recreate",
            role=None,
        ),
        entry("files.x", kind="removed", before="0600", after=None, severity="low"),
    ]
    left = [{"path": "files.x", "severity": "low", "why": "docker_drift_remediate_severities leaves low out"}]
    text = drift_table(
        {"web1": report(*found, left=left, drift={"unknown": ["sudo"], "ignored": 2, "engine_error": "timed out"})},
        top=3,
    )
    assert text.splitlines() == [
        "web1: 1 critical, 1 high, 1 low since the baseline of 2026-11-22T09:00:00Z by alice; 2 ignored",
        "  the engine does not answer: timed out",
        "  could not read: sudo",
        '  critical containers.evil: added, "sha256:0"',
        "  high     daemon.configured.icc: changed, false → true",
        '  low      files.x: removed, "0600"',
        "           docker_drift_remediate_severities leaves low out",
    ]
    assert "  ... and 2 more" in drift_table({"web1": report(*found)}, top=1)
    assert "           run role docker_daemon" in drift_table({"web1": report(*found)})


def test_what_was_done() -> None:
    done = {"mended": ["daemon.configured.icc"], "failed": ["docker_tls: no such file"]}
    lines = drift_table({"web1": report(remediation=done)}).splitlines()
    assert lines[1:] == ["  mended: 1 entry", "           daemon.configured.icc", "  failed: docker_tls: no such file"]
    two = {"mended": ["a", "b"], "failed": []}
    assert "  mended: 2 entries" in drift_table({"web1": report(remediation=two)})


def test_hosts_without_a_result_are_named() -> None:
    text = drift_table({"web2": report()}, unreachable={"web1": "no route to host"})
    assert text.startswith("web1: no result: no route to host\n\nweb2: no drift")


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_drives_the_terminal(text: str) -> None:
    bad = entry(f"containers.{text}", before=text, after=[text, {text: text}], kind="changed")
    odd = report(
        bad,
        left=[{"path": f"containers.{text}", "severity": "high", "why": text}],
        remediation={"mended": [text], "failed": [text]},
    )
    lines = drift_table({f"web{text}": odd}, unreachable={f"db{text}": text}).split("\n")
    assert len(lines) in (7, 8)
    assert all(len(line) <= 100 and (line.replace("→", "").replace("…", "").isprintable()) for line in lines)


@pytest.mark.parametrize("value", [None, [], {"web1": {}}, {"web1": {"drift": {}}}])
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(AnsibleFilterError, match="drift_table: "):
        drift_table(value)
    with pytest.raises(AnsibleFilterError, match="top must be a number"):
        drift_table({}, top=-1)
