# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Merging with ownership: what is given back is what was there, whoever did what in between."""

from __future__ import annotations

import json
import random
import typing as t

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_json import (
    BrokenFileError,
    Config,
    Cut,
    Ownership,
    differing,
    digest,
    digests,
    dump_ownership,
    exclusive,
    load_ownership,
    merge,
    parse,
    render,
    settle,
)

KEYS = ("icc", "labels", "runtimes", "debug", "log-opts")
VALUES: tuple[t.Any, ...] = (True, False, 0, 1, "", [], ["a"], {}, {"a": 1}, {"b": {"c": []}})


def some(chance: random.Random, nulls: bool = False) -> Config:
    values = (*VALUES, None) if nulls else VALUES
    return {key: chance.choice(values) for key in chance.sample(KEYS, chance.randint(0, len(KEYS)))}


@pytest.fixture(params=range(200))
def chance(request: pytest.FixtureRequest) -> random.Random:
    return random.Random(request.param)  # noqa: S311 reproducible cases, no cryptography


def test_giving_everything_back_restores_the_file(chance: random.Random) -> None:
    file = original = some(chance)
    owned: Ownership = {}
    for _dummy in range(chance.randint(1, 5)):
        merged = merge(file, owned, some(chance, nulls=True))
        file, owned = merged.content, load_ownership(json.loads(json.dumps(dump_ownership(merged.owned))))
    merged = merge(file, owned, {})
    assert differing(merged.content, original) == []
    assert (merged.owned, merged.warnings) == ({}, ())


def test_a_second_merge_changes_nothing(chance: random.Random) -> None:
    once = merge(some(chance), {}, wanted := some(chance, nulls=True))
    assert merge(once.content, once.owned, wanted) == once


def test_merging_grants_the_wish_and_nothing_else(chance: random.Random) -> None:
    file, wanted = some(chance), some(chance, nulls=True)
    merged = merge(file, {}, wanted).content
    assert set(differing(file, merged)) <= set(wanted)
    for key, value in wanted.items():
        assert merged.get(key) == value
    kept = [key for key in file if key in merged]
    assert [key for key in merged if key in kept] == kept, "the order of what was there stays"


def test_exclusive_is_exactly_the_wish_and_can_be_undone(chance: random.Random) -> None:
    file, wanted = some(chance), some(chance)
    merged = merge(file, {}, exclusive(file, {}, wanted))
    assert differing(merged.content, wanted) == []
    again = merge(merged.content, merged.owned, exclusive(merged.content, merged.owned, wanted))
    assert again == merged
    assert differing(merge(merged.content, merged.owned, {}).content, file) == []


def test_a_value_that_somebody_else_put_since_is_left_to_them() -> None:
    merged = merge({"icc": True}, {}, {"icc": False, "debug": None})
    theirs = {**merged.content, "icc": True, "debug": True}
    released = merge(theirs, merged.owned, {})
    assert released.content == theirs
    assert len(released.warnings) == 2


def test_a_tampered_key_still_goes_back_to_the_first_value() -> None:
    merged = merge({"icc": True}, {}, {"icc": False})
    mended = merge({"icc": "tampered"}, merged.owned, {"icc": False})
    assert merge(mended.content, mended.owned, {}).content == {"icc": True}


def test_a_run_cut_short_loses_no_key_and_claims_none(chance: random.Random) -> None:
    """The file is the old or the new one; both times the next run, and then giving back, come out right."""
    first = merge(original := some(chance), {}, some(chance, nulls=True))
    second = merge(first.content, first.owned, wanted := some(chance, nulls=True))
    cut = Cut(second.owned, {key: digest(second.content, key) for key in {**first.owned, **second.owned}}, {})
    for file in (first.content, second.content):
        owned = settle(first.owned, cut, file)
        resumed = merge(file, owned, wanted)
        assert differing(resumed.content, second.content) == []
        assert differing(merge(resumed.content, resumed.owned, {}).content, original) == []


def test_a_run_cut_short_during_its_reload() -> None:
    """The file holds what nobody asked for: the default, said aloud for a key that goes away."""
    passing = digests({"debug": False})
    before = merge({}, {}, {"debug": True})
    after = merge(before.content, before.owned, {})
    owned = settle(before.owned, Cut(after.owned, {"debug": ""}, passing), {"debug": False})
    assert merge({"debug": False}, owned, {}).content == {}

    claimed = merge({"debug": True}, {}, {"debug": None})
    owned = settle({}, Cut(claimed.owned, {"debug": ""}, passing), {"debug": False})
    assert merge({"debug": False}, owned, {}).content == {"debug": True}


@pytest.mark.parametrize("text", ["", " \n", "{}", "\ufeff{}"])
def test_empty_files(text: str) -> None:
    assert parse(text) == {}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"a" 1}', "line 1, column 6"),
        ('{\n"a": 1,\n}', "line "),
        ("[]", "a JSON object"),
        ("nonsense", "line 1, column 1"),
    ],
)
def test_broken_files_say_where(text: str, where: str) -> None:
    with pytest.raises(BrokenFileError, match=where):
        parse(text)


def test_meaning_not_text() -> None:
    file = '{"b": {"y": 1, "x": [1, 2]}, "a": true}'
    assert differing(parse(file), parse(render({"a": True, "b": {"x": [1, 2], "y": 1}}))) == []
    assert differing({"a": True, "b": 1}, {"a": 1, "c": []}) == ["a", "b", "c"]
