# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.report.markup import Html, join, tag
from ansible_collections.bulkhead.docker.plugins.module_utils.report.text import clean, listing, plural, readable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("web-1", "web-1"),
        ("café", "café"),
        ("שלום", "שלום"),
        ("a\nb\tc\r", r"a\nb\tc\r"),
        ("\x1b[31m", r"\u001b[31m"),
        ("\u202eexe.txt", r"\u202eexe.txt"),
        ("\ud800", r"\ud800"),
        ("\u2028", r"\u2028"),
    ],
)
def test_invisible_characters_are_spelt_out(text: str, shown: str) -> None:
    assert clean(text) == shown


def test_long_text_is_cut_and_says_so() -> None:
    assert clean("x" * 1234, limit=10) == "xxxxxxxxxx… (1,234 characters)"
    assert clean("x" * 10, limit=10) == "x" * 10


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (True, "true"),
        (None, "null"),
        (0, "0"),
        ("", "(empty)"),
        ([], "(none)"),
        ({}, "(empty)"),
        (["a", "b"], "a, b"),
        ({"mode": "0644", "owner": "root"}, "mode: 0644\nowner: root"),
        ([{"Source": "/etc", "RW": True}, {"Source": "/"}], "Source=/etc, RW=true\nSource=/"),
        ({"ports": [80, 443], "deep": {"a": {"b": [1]}}}, 'ports: 80, 443\ndeep: {"a": {"b": [1]}}'),
        (
            [{"source": "/run", "sockets": ["/run/docker.sock", "/run/podman.sock"], "rw": True}],
            "source=/run, sockets=[/run/docker.sock, /run/podman.sock], rw=true",
        ),
        ("one\ntwo", r"one\ntwo"),
    ],
)
def test_evidence_in_words(value: t.Any, shown: str) -> None:
    assert readable(value) == shown


def test_words() -> None:
    assert [plural(1, "host"), plural(0, "host"), plural(2000, "host")] == ["1 host", "0 hosts", "2,000 hosts"]
    assert [listing([]), listing(["a"]), listing(["a", "b"]), listing(["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


def test_markup_escapes_all_but_its_own() -> None:
    assert join(["<b>", None, [Html("<i>")]]) == "&lt;b&gt;<i>"
    assert tag("p", "a & b", class_='x" onclick="y') == '<p class="x&quot; onclick=&quot;y">a &amp; b</p>'
    assert tag("details", open=True) == "<details open></details>"
    assert tag("details", open=False, id=None) == "<details></details>"
    assert tag("rect", rx="2") == '<rect rx="2"/>'
