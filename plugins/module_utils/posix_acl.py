# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""POSIX access control lists, as the kernel keeps them in ``system.posix_acl_access``: who may write. Pure."""

from __future__ import annotations

import struct
import typing as t

_VERSION = 2
_USER, _OWNING_GROUP, _GROUP, _MASK = 0x02, 0x04, 0x08, 0x10
_WRITE = 2
_NOBODY = 0xFFFFFFFF  # the id of entries that name none


class Writers(t.NamedTuple):
    """Who may write, besides the owner and root."""

    group: bool  # the owning group
    everyone: bool
    users: tuple[int, ...] = ()  # that the list names
    groups: tuple[int, ...] = ()


def writers(mode: int, acl: str) -> Writers:
    """Of a file with this mode and list (in hexadecimal, empty: none). Raises ValueError."""
    everyone = bool(mode & 0o002)
    if not acl:
        return Writers(bool(mode & 0o020), everyone)
    entries = _entries(bytes.fromhex(acl))
    mask = next((permissions for tag, permissions, _id in entries if tag == _MASK), 7)
    allowed = [(tag, one) for tag, permissions, one in entries if permissions & mask & _WRITE]
    return Writers(
        any(tag == _OWNING_GROUP for tag, _id in allowed),
        everyone,
        tuple(one for tag, one in allowed if tag == _USER and one != _NOBODY),
        tuple(one for tag, one in allowed if tag == _GROUP and one != _NOBODY),
    )


def _entries(raw: bytes) -> list[tuple[int, int, int]]:
    """Tag, permissions, id."""
    if len(raw) < 4 or (len(raw) - 4) % 8 or struct.unpack_from("<I", raw)[0] != _VERSION:
        raise ValueError("not an access control list")
    return list(struct.iter_unpack("<HHI", raw[4:]))
