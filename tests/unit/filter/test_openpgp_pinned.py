# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key files: the expected keys and no other. Keys are made here, packet by packet; the scenario asks gpg about one."""

from __future__ import annotations

import base64
import hashlib

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.bulkhead.docker.plugins.filter.openpgp_pinned import openpgp_pinned
from ansible_collections.bulkhead.docker.plugins.module_utils import openpgp


def packet(tag: int, body: bytes, form: str = "new") -> bytes:
    if form == "old":
        return bytes([0x80 | tag << 2 | 1]) + len(body).to_bytes(2, "big") + body
    if len(body) < 192:
        return bytes([0xC0 | tag, len(body)]) + body
    if form == "long":
        return bytes([0xC0 | tag, 255]) + len(body).to_bytes(4, "big") + body
    size = len(body) - 192
    return bytes([0xC0 | tag, (size >> 8) + 192, size & 255]) + body


def armored(data: bytes, kind: str = "PUBLIC KEY") -> str:
    text = base64.encodebytes(data).decode()
    return f"-----BEGIN PGP {kind} BLOCK-----\n\n{text}=abcd\n-----END PGP {kind} BLOCK-----\n"


def body(seed: int, size: int = 300) -> bytes:
    return b"\x04" + bytes((seed + number) % 256 for number in range(size))


def print_of(key: bytes) -> str:
    return hashlib.sha1(b"\x99" + len(key).to_bytes(2, "big") + key, usedforsecurity=False).hexdigest().upper()


MINE, OTHER = body(1), body(2)
USER, SIGNATURE, SUBKEY = packet(13, b"me"), packet(2, bytes(200)), packet(14, body(3))
FILE = armored(packet(6, MINE) + USER + SIGNATURE + SUBKEY + SIGNATURE)


@pytest.mark.parametrize("form", ["new", "old", "long"])
@pytest.mark.parametrize("size", [40, 300, 8000])
def test_every_form_of_packet_is_read(form: str, size: int) -> None:
    key = body(7, size)
    assert openpgp.fingerprints(armored(packet(6, key, form) + USER)) == [print_of(key)]


def test_the_text_comes_back_unchanged_however_the_fingerprint_is_written() -> None:
    grouped = " ".join(print_of(MINE)[at : at + 4] for at in range(0, 40, 4)).lower()
    for text in (FILE, "a comment\n" + FILE, FILE.replace("\n\n", "\nVersion: x\nComment: y\n\n", 1)):
        assert openpgp_pinned(text, [grouped]) is text
        assert openpgp_pinned(text, ["0x" + print_of(MINE)]) is text


@pytest.mark.parametrize(
    "text",
    [
        armored(packet(6, OTHER) + USER),
        armored(packet(6, MINE) + USER + packet(6, OTHER) + USER),
        FILE + armored(packet(6, OTHER) + USER),
    ],
    ids=["another key", "one more in the block", "one more block"],
)
def test_a_key_that_is_not_expected_is_named(text: str) -> None:
    with pytest.raises(
        AnsibleFilterError, match=rf"holds the key {print_of(OTHER)}, and only {print_of(MINE)} is trusted"
    ):
        openpgp_pinned(text, [print_of(MINE)])


def test_a_subkey_is_no_key() -> None:
    with pytest.raises(AnsibleFilterError, match="PUBLIC KEY BLOCK"):
        openpgp_pinned(armored(SUBKEY), [print_of(body(3))])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no ASCII-armored"),
        ("<html>not found</html>", "no ASCII-armored"),
        (FILE + FILE.partition("-----END")[0], "no complete"),
        (FILE + armored(packet(6, OTHER), "PRIVATE KEY"), "no complete"),
        (FILE.replace("-----END PGP PUBLIC KEY BLOCK-----", " -----END PGP PUBLIC KEY BLOCK-----"), "no complete"),
        (armored(packet(6, MINE)[:-1]), "cut off"),
        (armored(b"\xc6"), "cut off"),
        (armored(packet(6, MINE) + packet(11, b"literal")), "type 11"),
        (armored(bytes([0xC6, 0xE1]) + MINE), "in pieces"),
        (armored(bytes([0x80 | 6 << 2 | 3]) + MINE), "unknown length"),
        (armored(b"plain text"), "no OpenPGP data"),
        (armored(packet(6, b"\x03" + MINE[1:])), "version 3"),
        (FILE.replace("\n\n", "\n\n!!!!", 1), "damaged"),
    ],
)
def test_what_might_be_read_in_two_ways_is_refused(text: str, words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=words):
        openpgp_pinned(text, [print_of(MINE)])


@pytest.mark.parametrize("fingerprint", ["", "8D81803C0EBFCD88", "zz" * 20, print_of(MINE) + "0"])
def test_half_a_fingerprint_pins_nothing(fingerprint: str) -> None:
    with pytest.raises(AnsibleFilterError, match="no complete fingerprint"):
        openpgp_pinned(FILE, [fingerprint])


def test_nothing_expected_trusts_nothing() -> None:
    with pytest.raises(AnsibleFilterError, match="only none is trusted"):
        openpgp_pinned(FILE, [])


def test_only_text_is_a_key() -> None:
    with pytest.raises(AnsibleFilterError, match="must be text"):
        openpgp_pinned(None, [print_of(MINE)])
