# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the demo promises, read from what it left behind; run it first (make demo)."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

OUT = Path(__file__).resolve().parents[2] / "build" / "demo"

#: What the strict profile cannot mend on a host that has workloads, each for a reason its remedy tells.
NEEDS_MORE = {
    "daemon-icc",  # the default bridge keeps its settings while any container runs
    "daemon-settings-live",  # the same, seen from the file
    "daemon-authorization-plugin",
    "daemon-logs-off-host",
    "daemon-rootless",
    "daemon-userns-remap",
}

#: What the roles leave to a person by default, or what a lab host has not.
HOST_NEEDS_MORE = {
    "access-daemon-users",  # nobody is cut off unless docker_socket_users says who stays
    "access-registry-credentials",
    "host-containerd-version",  # the release's own, which upstream no longer maintains
    "host-data-mount-options",
    "host-engine-version",
    "host-hardening",
    "host-runc-version",
    "host-time-sync",  # its clock is the machine's
}

MENDED = {"file-config-mode", "firewall-metadata", "firewall-published", "host-engine-events"}


def findings(when: str, kind: str, verdict: str) -> list[dict[str, t.Any]]:
    audit = json.loads((OUT / when / "bulkhead-demo.json").read_text())
    return [f for f in audit["findings"] if f["subject"]["kind"] == kind and f["verdict"] == verdict]


def test_the_daemon_was_bad() -> None:
    failed = {finding["rule"] for finding in findings("before", "daemon", "fail")}
    assert failed > NEEDS_MORE - {"daemon-settings-live"}
    assert len(failed - NEEDS_MORE) >= 7


def test_the_daemon_is_good_but_for_what_needs_more() -> None:
    left = findings("after", "daemon", "fail")
    assert {finding["rule"] for finding in left} == NEEDS_MORE
    assert all(finding["remedy"] for finding in left)


def test_the_host_was_bad_and_is_good_but_for_what_needs_more() -> None:
    before, after = ({finding["rule"] for finding in findings(when, "host", "fail")} for when in ("before", "after"))
    assert before == HOST_NEEDS_MORE | MENDED
    assert after == HOST_NEEDS_MORE | {"firewall-uncovered"}, "node-agent is in the host's own network"


@pytest.mark.parametrize("verdict", ["error", "unknown"])
@pytest.mark.parametrize("kind", ["host", "daemon", "container"])
def test_nothing_was_left_unjudged(kind: str, verdict: str) -> None:
    assert findings("after", kind, verdict) == []


def test_careful_workloads_pass_and_careless_ones_do_not() -> None:
    failed = {finding["subject"]["name"] for finding in findings("after", "container", "fail")}
    assert failed == {"ci-runner", "node-agent", "legacy-shop"}


def test_no_workload_was_restarted() -> None:
    before = (OUT / "processes.before").read_text()
    assert len(before.splitlines()) == 5
    assert (OUT / "processes.after").read_text() == before


def test_no_secret_was_written() -> None:
    """The demo's workloads carry canaries in their environment."""
    written = [path for path in OUT.rglob("*") if path.is_file()]
    assert len(written) > 4
    assert [path for path in written if b"canary" in path.read_bytes()] == []
