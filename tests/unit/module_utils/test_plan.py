# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done about a change, for each state of a host and each policy."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.plan import (
    Change,
    Decision,
    Situation,
    decide,
    moves_data,
)


def change(key: str, after: t.Any = True, **more: t.Any) -> Change:
    return Change(key, None, after, "config", **more)


RESTART, RELOAD, LIVE, BRIDGE = change("userland-proxy"), change("debug"), change("live-restore"), change("icc")
EMPTY = Situation("running")
BUSY = Situation("running", ("web",))
KEPT = Situation("running", ("web",), live_now=True, live_after=True)
COMING = Situation("running", ("web",), live_after=True)
GOING = Situation("running", ("web",), live_now=True)

TABLE: list[tuple[list[Change], Situation, str, str, bool, bool]] = [
    # changes, situation, policy -> action, reload first, pending
    ([], BUSY, "always", "none", False, False),
    ([change("icc", running=True)], BUSY, "always", "none", False, False),
    ([RELOAD], BUSY, "never", "reload", True, False),
    ([RELOAD, RESTART], EMPTY, "auto", "restart", False, False),
    ([RESTART], BUSY, "auto", "none", False, True),
    ([RELOAD, RESTART], BUSY, "auto", "reload", True, True),
    ([RESTART], BUSY, "always", "restart", False, False),
    ([RESTART], EMPTY, "never", "none", False, True),
    ([RESTART], KEPT, "auto", "restart", False, False),
    ([RESTART, LIVE], COMING, "auto", "restart", True, False),
    ([RESTART], COMING, "auto", "none", False, True),
    ([RESTART, LIVE], GOING, "auto", "reload", True, True),
    ([RESTART, LIVE], GOING, "always", "restart", True, False),
    ([change("live-restore", missed=True)], BUSY, "auto", "none", False, True),
    ([RESTART], Situation("running", ("web",), True, True, moves_data=True), "auto", "none", False, True),
    ([BRIDGE], KEPT, "always", "none", False, True),
    ([BRIDGE, RESTART], KEPT, "auto", "restart", False, True),
    ([BRIDGE, RELOAD], KEPT, "auto", "reload", True, True),
    ([BRIDGE], EMPTY, "auto", "restart", False, False),
    ([RESTART], Situation("stopped"), "always", "none", False, False),
    ([RESTART], Situation("absent"), "always", "none", False, False),
    ([RELOAD], Situation("failed"), "auto", "start", False, False),
    ([RELOAD], Situation("failed"), "never", "none", False, True),
    ([RELOAD], Situation("hung"), "auto", "none", False, True),
    ([RELOAD], Situation("hung"), "always", "restart", False, False),
    ([RELOAD], Situation("running", controllable=False), "always", "none", False, True),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "situation", "policy", "action", "reload", "pending"), TABLE)
def test_decide(
    changes: list[Change], situation: Situation, policy: str, action: str, reload: bool, pending: bool
) -> None:
    decision = decide(changes, situation, policy)
    assert (decision.action, decision.reload, bool(decision.pending)) == (action, reload, pending)


def test_a_pending_restart_names_what_it_would_stop() -> None:
    many = Situation("running", tuple(f"c{number:02}" for number in range(12)))
    assert "c00, c01" in decide([RESTART], many, "auto").pending
    assert "and 2 more" in decide([RESTART], many, "auto").pending


def test_never_never_restarts() -> None:
    for changes, situation, *_dummy in TABLE:
        decision: Decision = decide(changes, situation, "never")
        assert not (decision.restart or decision.start)


def test_a_key_that_we_do_not_know_needs_a_restart() -> None:
    assert change("brand-new").effect == "restart"
    assert change("no-new-privileges").recreate
    assert not change("no-new-privileges", running=True).recreate


@pytest.mark.parametrize(
    ("key", "before", "after", "moves"),
    [
        ("icc", None, False, False),
        ("data-root", None, "/srv/docker", True),
        ("data-root", "/srv/docker", None, True),
        ("data-root", None, "/var/lib/docker/", False),
        ("userns-remap", None, "default", True),
        ("userns-remap", None, "", False),
        ("storage-driver", None, "overlay2", False),
        ("storage-driver", None, "btrfs", True),
        ("storage-driver", "overlay2", None, False),
        ("features", None, {"containerd-snapshotter": True}, True),
        ("features", {"containerd-snapshotter": True}, {"cdi": True}, True),
        ("features", None, {"cdi": True}, False),
    ],
)
def test_moves_data(key: str, before: t.Any, after: t.Any, moves: bool) -> None:
    assert moves_data(Change(key, before, after, "config"), {"Driver": "overlay2"}) is moves


@pytest.mark.parametrize(
    ("before", "after", "moves"),
    [
        (None, {"containerd-snapshotter": False}, True),
        (None, {"containerd-snapshotter": True}, False),
        ({"cdi": True}, {"cdi": False}, False),
        ({"containerd-snapshotter": True}, None, True),
    ],
)
def test_an_engine_that_uses_the_containerd_store_unasked(before: t.Any, after: t.Any, moves: bool) -> None:
    """As engine 29 does where it is installed anew."""
    info = {"Driver": "overlayfs", "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}
    assert moves_data(Change("features", before, after, "config"), info) is moves
