# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access lists as the kernel hands them out; those of the first test were made by setfacl."""

from __future__ import annotations

import struct

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.posix_acl import Writers, writers

# setfacl --modify user:1000:rw,group:1001:r on a file of mode 0660
MADE = "0200000001000600ffffffff02000600e803000004000600ffffffff08000400e903000010000600ffffffff20000000ffffffff"


def acl(*entries: tuple[int, int, int]) -> str:
    return (struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)).hex()


@pytest.mark.parametrize(
    ("mode", "listed", "expected"),
    [
        (0o660, "", Writers(True, False)),
        (0o644, "", Writers(False, False)),
        (0o602, "", Writers(False, True)),
        (0o660, MADE, Writers(True, False, (1000,), ())),
        (0o660, acl((2, 6, 1000), (4, 6, 0xFFFFFFFF), (16, 4, 0xFFFFFFFF)), Writers(False, False)),
        (0o660, acl((4, 4, 0xFFFFFFFF), (8, 6, 27), (16, 7, 0xFFFFFFFF)), Writers(False, False, (), (27,))),
    ],
)
def test_writers(mode: int, listed: str, expected: Writers) -> None:
    assert writers(mode, listed) == expected


@pytest.mark.parametrize("listed", ["zz", "00", "03000000", "0200000001", "0200000001000600ffffff"])
def test_what_is_no_list_is_refused(listed: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        writers(0o660, listed)
