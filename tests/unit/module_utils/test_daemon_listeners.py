# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses as people write them, and hosts as dockerd reads them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_listeners import (
    endpoint,
    is_remote,
    is_wildcard,
    local,
    normalise,
    remote,
)

ADDRESSES = {
    "10.0.0.5": "tcp://10.0.0.5:2376",
    " 10.0.0.5:2377 ": "tcp://10.0.0.5:2377",
    "tcp://10.0.0.5": "tcp://10.0.0.5:2376",
    "tcp://10.0.0.5:2376": "tcp://10.0.0.5:2376",
    "2001:DB8::5": "tcp://[2001:db8::5]:2376",
    "[2001:db8::5]": "tcp://[2001:db8::5]:2376",
    "tcp://[2001:db8::5]:99": "tcp://[2001:db8::5]:99",
    "docker1.example.org": "tcp://docker1.example.org:2376",
    "docker1:02376": "tcp://docker1:2376",
    "0.0.0.0": "tcp://0.0.0.0:2376",  # noqa: S104 written, not bound to
    "::": "tcp://[::]:2376",
}


@pytest.mark.parametrize(("given", "expected"), ADDRESSES.items())
def test_normalised(given: str, expected: str) -> None:
    assert normalise(given) == expected
    assert normalise(expected) == expected
    assert is_remote(expected)
    assert endpoint(expected)[1] == int(expected.rpartition(":")[2])


@pytest.mark.parametrize(
    "given",
    ["", "tcp://", ":2376", "unix:///run/x.sock", "fd://", "http://10.0.0.5", "ssh://h", "10.0.0.5:0", "10.0.0.5:65536",
     "10.0.0.5:x", "10.0.0.5:", "10.0.0.500", "10.0.0", "[::1", "[::1]x", "[::1]:", "a b", "-x", "10.0.0.5/24",
     "tcp://10.0.0.5:2376/path", "*"],
)  # fmt: skip
def test_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"port must|neither an IP|not a TCP"):
        normalise(given)


@pytest.mark.parametrize("host", ["unix:///run/docker.sock", "fd://", " fd://", "fd://docker.socket", "", 5, None])
def test_of_this_host(host: t.Any) -> None:
    assert not is_remote(host)


@pytest.mark.parametrize(
    "host", ["tcp://127.0.0.1:2375", " tcp://:2375", "127.0.0.1:2375", ":2375", "docker1", "TCP://x"]
)
def test_whatever_else_dockerd_takes_for_tcp(host: str) -> None:
    assert is_remote(host)


def test_what_is_no_list_of_hosts_has_none() -> None:
    assert (remote(None), remote("tcp://x"), remote(["fd://", "x"])) == ([], [], ["x"])


@pytest.mark.parametrize(
    ("host", "expected"),
    [("tcp://0.0.0.0:2376", True), ("tcp://[::]:2376", True), ("tcp://:2376", True), ("tcp://10.0.0.5:2376", False),
     ("tcp://[::1]:2376", False), ("tcp://docker1:2376", False)],
)  # fmt: skip
def test_wildcards(host: str, expected: bool) -> None:
    assert is_wildcard(host) is expected


@pytest.mark.parametrize(
    ("by_flags", "by_file", "expected"),
    [
        (["fd://"], None, ["fd://"]),
        (["unix:///a", "tcp://0.0.0.0:2375"], ["fd://"], ["unix:///a"]),
        (None, ["unix:///b", "127.0.0.1:2375"], ["unix:///b"]),
        (["tcp://0.0.0.0:2375"], None, ["unix:///var/run/docker.sock"]),
        (None, None, ["unix:///var/run/docker.sock"]),
    ],
)
def test_local_sockets_stay(by_flags: t.Any, by_file: t.Any, expected: list[str]) -> None:
    assert local(by_flags, by_file) == expected
