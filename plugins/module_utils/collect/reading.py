# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what a user of the host may have put there: it may be anything, and nothing of it may hold the audit up."""

from __future__ import annotations

import os
import stat

MOST = 1_000_000  # bytes; no configuration is larger


def regular(path: str, follow: bool = True) -> str:
    """The text of a regular file. Raises OSError; ``follow``: whether the last part of its path may be a link."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    with os.fdopen(os.open(path, flags), encoding="utf-8", errors="replace") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise OSError("not a regular file")
        if found.st_size > MOST:
            raise OSError("too large for a configuration")
        return file.read(MOST)


def names(directory: str) -> list[str]:
    """What a directory holds, in order; nothing when there is none, or it may not be read."""
    try:
        return sorted(os.listdir(directory))  # noqa: PTH208 (names alone are wanted, and pathlib costs three times as much)
    except OSError:
        return []
