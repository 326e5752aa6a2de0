# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engine versions and ranges of them."""

from __future__ import annotations

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils import versions


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("28.5.2", (28, 5, 2)),
        ("20.10.24+dfsg1", (20, 10, 24)),
        ("29.0.0-rc.1", (29, 0, 0)),
        ("v1.51", (1, 51)),
        ("dev", None),
        ("", None),
        (None, None),
        (28, None),
    ],
)
def test_the_leading_numbers_count(text: object, parsed: tuple[int, ...] | None) -> None:
    assert versions.parse(text) == parsed


@pytest.mark.parametrize(
    ("version", "version_range", "inside"),
    [
        ((20, 10, 24), ">=20.10,<29", True),
        ((20, 9), ">=20.10", False),
        ((29, 0, 0), "<29", False),
        ((28, 5, 2), "<29", True),
        ((28,), "", True),
    ],
)
def test_a_range_holds_its_first_version_and_not_its_last(
    version: tuple[int, ...], version_range: str, inside: bool
) -> None:
    assert versions.within(version, version_range) is inside


@pytest.mark.parametrize("bad", ["20.10", "==28", ">=a", ">=20,", "~>28"])
def test_other_comparisons_are_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="not a version range"):
        versions.bounds(bad)
