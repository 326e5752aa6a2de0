# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The roads to the socket: what sudo gives, what would change, what is told."""

from __future__ import annotations

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.socket_access import (
    Plan,
    Roads,
    engine_grants,
    notes,
    plan,
)

ROADS = Roads(members=["alice", "bob"], primary=["legacy"], acl=["user:eve"], sudo=["%ops: /usr/bin/docker"])


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        (None, Plan(["alice", "bob"], [], [], [])),
        (["bob", "alice", "bob"], Plan(["alice", "bob"], [], [], ["user:eve"])),
        (["carol"], Plan(["carol"], ["carol"], ["alice", "bob"], ["user:eve"])),
        ([], Plan([], [], ["alice", "bob"], ["user:eve"])),
    ],
)
def test_plan(members: list[str] | None, expected: Plan) -> None:
    assert plan(ROADS, members) == expected
    assert expected.changed is bool(expected.gained or expected.lost or expected.acl)


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("/usr/bin/docker", True),
        ("/usr/bin/docker run *", True),
        ("/usr/local/bin/nerdctl", True),
        ("/usr/bin/bash", False),
        ("ALL", False),
    ],
)
def test_sudo_rules_that_name_an_engine(command: str, found: bool) -> None:
    assert engine_grants([{"who": "%ops", "commands": [command]}]) == ([f"%ops: {command}"] if found else [])


def test_notes_tell_what_the_change_does_not_close() -> None:
    told = notes(ROADS, plan(ROADS, ["bob"]), {"alice": [7, 8]}, "alice")
    assert [
        words
        for words in ("legacy has", "%ops", "alice keeps", "alice, whom Ansible")
        if not any(words in note for note in told)
    ] == []
    assert not any("ACL" in note for note in told), "it is removed"


def test_notes_tell_an_entry_that_stays() -> None:
    assert "ACL entry of the socket: user:eve" in notes(ROADS, plan(ROADS, None), {}, "")


def test_a_primary_group_that_is_meant_is_not_told() -> None:
    assert not any("legacy" in note for note in notes(ROADS, plan(ROADS, ["legacy"]), {}, ""))
