# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engine versions: ``28.5.2``, ``20.10.24+dfsg1``, ``29.0.0-rc.1``."""

from __future__ import annotations

import re
import typing as t

_NUMBERS = re.compile(r"v?(\d+(?:\.\d+)*)")
_BOUND = re.compile(r"(>=|<)\s*(\d+(?:\.\d+)*)")


def parse(version: t.Any) -> tuple[int, ...] | None:
    """The leading numbers; None when there are none."""
    found = _NUMBERS.match(version) if isinstance(version, str) else None
    return tuple(int(number) for number in found.group(1).split(".")) if found else None


def bounds(version_range: str) -> list[tuple[str, tuple[int, ...]]]:
    """``>=20.10,<29`` as a list of bounds; only these two comparisons mean the same for short and long versions."""
    found = [_BOUND.fullmatch(bound.strip()) for bound in version_range.split(",")] if version_range else []
    if not all(found):
        raise ValueError(f"{version_range!r} is not a version range such as '>=20.10,<29'")
    return [(bound.group(1), parse(bound.group(2)) or ()) for bound in found if bound]


def within(version: tuple[int, ...], version_range: str) -> bool:
    """Whether a parsed version is inside the range; the empty range holds all."""
    return all(version >= limit if sign == ">=" else version < limit for sign, limit in bounds(version_range))
