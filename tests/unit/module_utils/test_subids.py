# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets which subordinate ids, and which ranges are nobody's alone."""

from __future__ import annotations

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.subids import (
    Account,
    Range,
    Table,
    free,
    limits,
    parse,
    plan,
    troubles,
)

ALICE, BOB = Account("alice", 1000), Account("bob", 1001)
MANY = 65536


def tables(uid: str = "", gid: str | None = None, accounts: dict[int, str] | None = None) -> list[Table]:
    return [
        Table("uid", parse(uid), accounts or {}),
        Table("gid", parse(uid if gid is None else gid), {}),
    ]


def test_malformed_lines_are_passed_over() -> None:
    text = "alice:100000:65536\n# a comment\nbob:x:1\n:5:5\nbob:5\nbob:5:0\n  carol:200000:1  \n"
    assert parse(text) == (Range("alice", 100000, 65536), Range("carol", 200000, 1))


def test_a_first_user_gets_the_first_ids_of_both_kinds() -> None:
    assert plan([ALICE], tables(), MANY).added == {"alice": {kind: Range("", 100000, MANY) for kind in ("uid", "gid")}}


def test_users_of_one_run_get_different_ids() -> None:
    added = plan([ALICE, BOB], tables(), MANY).added
    assert (added["alice"]["uid"].first, added["bob"]["uid"].first) == (100000, 165536)


@pytest.mark.parametrize("owner", ["alice", "1000"])
def test_what_a_user_has_is_kept(owner: str) -> None:
    assert plan([ALICE], tables(f"{owner}:300000:65536"), MANY) == ({}, [])


def test_several_ranges_count_together() -> None:
    assert plan([ALICE], tables("alice:100000:40000\nalice:200000:25536"), MANY).added == {}


def test_too_few_get_more() -> None:
    added = plan([ALICE], tables("alice:100000:1000"), MANY).added
    assert added["alice"]["uid"] == Range("", 101000, MANY)


def test_only_the_kind_that_is_missing_is_given() -> None:
    added = plan([ALICE], tables("alice:100000:65536", ""), MANY).added
    assert added == {"alice": {"gid": Range("", 165536, MANY)}}, "free in both tables, so that they can be made alike"


@pytest.mark.parametrize(
    ("theirs", "meets"),
    [
        ("bob:100000:65536", True),
        ("bob:165535:1", True),
        ("bob:165536:65536", False),
        ("bob:34464:65536", False),
        ("bob:34464:65537", True),
        ("1000:100000:65536", False),
        ("1001:150000:1", True),
    ],
)
def test_overlaps(theirs: str, meets: bool) -> None:
    found = troubles(ALICE, tables(f"alice:100000:65536\n{theirs}")[0])
    assert bool(found) == meets


def test_an_overlap_names_both_and_the_way_out() -> None:
    found = plan([ALICE], tables("alice:100000:65536\nbob:120000:10", ""), MANY)
    assert found.added == {}
    (message,) = found.problems
    assert "alice" in message and "those of bob (120000-120009)" in message
    assert "usermod --del-subuids 100000-165535 alice" in message


def test_an_account_within_the_range_is_an_overlap() -> None:
    (message,) = plan([ALICE], tables("alice:100000:65536", accounts={100500: "carol"}), MANY).problems
    assert "the uid 100500 of carol" in message


def test_one_users_trouble_leaves_all_untouched() -> None:
    found = plan([ALICE, BOB], tables("alice:100000:65536\ncarol:100000:65536"), MANY)
    assert (found.added, len(found.problems)) == ({}, 2)  # of either kind


@pytest.mark.parametrize(
    ("text", "accounts", "first"),
    [
        ("", {}, 100000),
        ("carol:100000:65536", {}, 165536),
        ("carol:165536:65536", {}, 100000),
        ("carol:165535:65536", {}, 231071),
        ("", {100000: "carol"}, 100001),
        ("carol:1:10\ndave:500:100000", {}, 100500),
    ],
)
def test_the_lowest_free_range(text: str, accounts: dict[int, str], first: int) -> None:
    found = free(tables(text, accounts=accounts), MANY)
    assert found is not None
    assert found.first == first


def test_no_ids_left() -> None:
    full = [Table(kind, (), {}, 100000, 150000) for kind in ("uid", "gid")]
    assert free(full, MANY) is None
    assert "SUB_UID_MAX" in plan([ALICE], full, MANY).problems[0]


def test_limits_come_from_login_defs() -> None:
    text = "# SUB_UID_MIN 1\nSUB_UID_MIN\t\t   200000\nSUB_GID_MAX 9\nUMASK 022\n"
    assert limits(text, "uid") == (200000, 600100000)
    assert limits(text, "gid") == (100000, 9)
