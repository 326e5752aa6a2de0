# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fingerprints of an ASCII-armored OpenPGP key: enough to pin one, and no more. Pure.

apt and dnf verify signatures; what they verify them with is checked here, on the controller, where neither gpg nor a
managed host is needed. Whatever is not plainly a file of public keys is an error: apt might read more in it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator

_ARMOR = re.compile(
    r"^-----BEGIN PGP PUBLIC KEY BLOCK-----[ \t]*\r?\n(?P<body>.*?)^-----END PGP PUBLIC KEY BLOCK-----[ \t]*\r?$",
    re.S | re.M,
)
_HEADER = re.compile(r"\w+: .*")
_KEY, _SUBKEY = 6, 14
_BESIDE_KEYS = frozenset({2, 10, 12, 13, 17, 21, _SUBKEY})  # signatures, markers, trust, names, attributes, padding


class KeyFileError(Exception):
    """Not a file of public keys that everyone reads alike."""


def fingerprints(text: str) -> list[str]:
    """Of every primary key in the file, in capitals without blanks."""
    rest = _ARMOR.sub("", text)
    if "-----BEGIN" in rest or "-----END" in rest:
        raise KeyFileError("it holds an armored block that is no complete PGP PUBLIC KEY BLOCK")
    found = [
        _fingerprint(body)
        for block in _ARMOR.finditer(text)
        for tag, body in _packets(_dearmor(block.group("body")))
        if tag == _KEY
    ]
    if not found:
        raise KeyFileError("it holds no ASCII-armored PGP PUBLIC KEY BLOCK")
    return found


def normalise(fingerprint: str) -> str:
    """As people copy it: in groups, in small letters, with 0x before it."""
    bare = "".join(fingerprint.split()).upper().removeprefix("0X")
    if not re.fullmatch(r"[0-9A-F]{40}|[0-9A-F]{64}", bare):
        raise KeyFileError(f"{fingerprint!r} is no complete fingerprint of 40 (or 64) hexadecimal digits")
    return bare


def _dearmor(body: str) -> bytes:
    lines = [line.strip() for line in body.splitlines()]
    while lines and (not lines[0] or _HEADER.fullmatch(lines[0])):
        lines.pop(0)
    data = "".join(line for line in lines if not (line.startswith("=") and len(line) == 5))  # less the checksum
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise KeyFileError(f"its armor is damaged: {error}") from None


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        tag, start, length = _head(data, at)
        at = start + length
        if at > len(data):
            raise KeyFileError("it is cut off")
        if tag not in _BESIDE_KEYS and tag != _KEY:
            raise KeyFileError(f"it holds a packet (type {tag}) that has no place among public keys")
        yield tag, data[start:at]


def _head(data: bytes, at: int) -> tuple[int, int, int]:
    """(type, where the content starts, its length) of the packet at this place; old and new format."""
    first = data[at]
    if not first & 0x80:
        raise KeyFileError("it is no OpenPGP data")
    if not first & 0x40:
        size = {0: 1, 1: 2, 2: 4}.get(first & 3)
        if size is None:
            raise KeyFileError("it holds a packet of unknown length")
        return (first >> 2) & 15, at + 1 + size, _number(data, at + 1, size)
    one = _number(data, at + 1, 1)
    if one < 192:
        return first & 63, at + 2, one
    if one < 224:
        return first & 63, at + 3, ((one - 192) << 8) + _number(data, at + 2, 1) + 192
    if one < 255:
        raise KeyFileError("it holds a packet in pieces")
    return first & 63, at + 6, _number(data, at + 2, 4)


def _number(data: bytes, at: int, size: int) -> int:
    raw = data[at : at + size]
    if len(raw) != size:
        raise KeyFileError("it is cut off")
    return int.from_bytes(raw, "big")


def _fingerprint(body: bytes) -> str:
    version = body[0] if body else 0
    if version == 4:
        framed = b"\x99" + len(body).to_bytes(2, "big") + body
        return hashlib.sha1(framed, usedforsecurity=False).hexdigest().upper()
    if version == 6:
        return hashlib.sha256(b"\x9b" + len(body).to_bytes(4, "big") + body).hexdigest().upper()
    raise KeyFileError(f"it holds a key of version {version}, which nothing should trust any more")
