# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemon.json as a value with several owners: reading it, merging our keys into it, giving them back. Pure.

A key is owned once we were asked for it. What stood there before is recorded, so that giving the key back restores it;
a digest of what we wrote tells our own value from one that somebody else put there since.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

Config = dict[str, t.Any]

ABSENT = ""  # the digest of a key that is not there


class BrokenFileError(Exception):
    """The file is not what the daemon could read; the message says where."""


def parse(text: str) -> Config:
    """What the daemon reads. An empty file is an empty configuration, to dockerd too."""
    if not text.strip().lstrip("\ufeff"):
        return {}
    try:
        content = json.loads(text.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        raise BrokenFileError(f"line {error.lineno}, column {error.colno}: {error.msg}") from None
    if not isinstance(content, dict):
        raise BrokenFileError(f"line 1, column 1: a JSON object is expected, not a {type(content).__name__}")
    return content


def render(content: Config) -> str:
    return json.dumps(content, indent=4, ensure_ascii=False) + "\n"


def digest(content: Mapping[str, t.Any], key: str) -> str:
    """Of a value's meaning: the order of members and white space do not count, types do."""
    if key not in content:
        return ABSENT
    return hashlib.sha256(json.dumps(content[key], sort_keys=True).encode()).hexdigest()


def digests(content: Mapping[str, t.Any]) -> dict[str, str]:
    return {key: digest(content, key) for key in content}


def differing(before: Mapping[str, t.Any], after: Mapping[str, t.Any]) -> list[str]:
    """The keys whose meaning differs, in the order in which a reader meets them."""
    return [key for key in {**before, **after} if digest(before, key) != digest(after, key)]


@dataclass(frozen=True)
class Owned:
    """What stood under a key before it was ours, and the digest of what we put there."""

    existed: bool
    value: t.Any
    wrote: str


Ownership = dict[str, Owned]


def dump_ownership(owned: Ownership) -> dict[str, t.Any]:
    return {key: asdict(entry) for key, entry in owned.items()}


def load_ownership(raw: Mapping[str, Mapping[str, t.Any]]) -> Ownership:
    return {key: Owned(bool(e["existed"]), e.get("value"), str(e["wrote"])) for key, e in raw.items()}


@dataclass(frozen=True)
class Merged:
    """The file as it should be, who owns what then, and what a person should know."""

    content: Config
    owned: Ownership
    warnings: tuple[str, ...] = ()


def merge(content: Config, owned: Ownership, wanted: Config) -> Merged:
    """Put ``wanted`` into the file (null: the key must be absent) and give back owned keys that it no longer names."""
    result = dict(content)
    claims: Ownership = {}
    for key, value in wanted.items():
        before = owned.get(key) or Owned(key in content, content.get(key), ABSENT)
        _put(result, key, value is not None, value)
        claims[key] = Owned(before.existed, before.value, digest(result, key))
    warnings = []
    for key, entry in owned.items():
        if key in wanted:
            continue
        if digest(content, key) == entry.wrote:
            _put(result, key, entry.existed, entry.value)
        else:
            warnings.append(f"{key} was changed by somebody else since it was set here: it is left as it is")
    return Merged(result, claims, tuple(warnings))


def exclusive(content: Config, owned: Ownership, wanted: Config) -> Config:
    """The wish that makes the file exactly ``wanted``: every other key must be absent."""
    return {**dict.fromkeys([*content, *owned]), **wanted}


@dataclass(frozen=True)
class Cut:
    """A write that was begun: if the run dies, the next one tells from the file, key by key, how far it came.

    ``wrote`` holds the digests that the run was going to leave in the file, ``passing`` those it leaves there for the
    moment of a reload.
    """

    owned: Ownership
    wrote: dict[str, str]
    passing: dict[str, str]


def settle(before: Ownership, cut: Cut, content: Config) -> Ownership:
    """Who owns what after a run that was cut short."""
    settled: Ownership = {}
    for key in {**before, **cut.owned}:
        now = digest(content, key)
        if key in cut.passing and now == cut.passing[key]:
            settled[key] = replace({**before, **cut.owned}[key], wrote=now)
            continue
        side = cut.owned if now == cut.wrote.get(key, ABSENT) else before
        if key in side:
            settled[key] = side[key]
    return settled


def _put(content: Config, key: str, present: bool, value: t.Any) -> None:
    if present:
        content[key] = value
    else:
        content.pop(key, None)
