# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which process the daemon is, what configures it, where it listens."""

from __future__ import annotations

import ipaddress
import json
import os
import socket
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.collect import daemon
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import unit

EVERYWHERE = str(ipaddress.IPv4Address(0))

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0947 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1
   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 112 1
   2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 999 1
   3: 0100007F:0947 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 113 1
"""
UNIX = """\
Num       RefCount Protocol Flags    Type St Inode Path
0000: 00000002 00000000 00010000 0001 01 114 /run/docker.sock
0000: 00000002 00000000 00010000 0001 01 115 /run/a path with blanks.sock
0000: 00000003 00000000 00000000 0001 03 116 /run/connected.sock
0000: 00000002 00000000 00010000 0001 01 998 /run/other.sock
0000: 00000002 00000000 00010000 0001 01 117
"""


def test_tcp_listeners_of_this_process_only() -> None:
    found = daemon._tcp_listeners(TCP, {"111", "112", "113"})
    assert [(one["address"], one["port"]) for one in found] == [("127.0.0.1", 2375), (EVERYWHERE, 8080)]


def test_unix_listeners_of_this_process_only() -> None:
    found = daemon._unix_listeners(UNIX, {"114", "115", "116", "117"})
    assert [one["path"] for one in found] == ["/run/docker.sock", "/run/a path with blanks.sock"]


@pytest.mark.parametrize(
    ("local", "address", "port"),
    [
        ("0100007F:0947", "127.0.0.1", 2375),
        ("00000000000000000000000000000000:0948", "::", 2376),
        ("00000000000000000000000001000000:0948", "::1", 2376),
        ("B80D0120000000000000000001000000:0050", "2001:db8::1", 80),
    ],
)
def test_addresses(local: str, address: str, port: int) -> None:
    assert daemon._address(local) == {"address": address, "port": port}


def test_the_sockets_of_a_real_process(tmp_path: Path) -> None:
    path = str(tmp_path / "x.sock")
    with socket.socket(socket.AF_UNIX) as unix, socket.create_server(("127.0.0.1", 0)) as tcp:
        unix.bind(path)
        unix.listen()
        found = daemon.listening(os.getpid())
    assert found is not None
    assert path in [one["path"] for one in found]
    assert tcp.fileno() == -1
    assert any(one["proto"] == "tcp" and one["address"] == "127.0.0.1" for one in found)


@pytest.mark.parametrize(
    ("content", "exists", "error", "values"),
    [
        (None, False, "", {}),
        ("", True, "", {}),
        ('{"icc": false}', True, "", {"icc": False}),
        ("{icc: false}", True, "not valid JSON", None),
        ("[]", True, "not a JSON object", None),
    ],
)
def test_the_configuration_file(
    tmp_path: Path, content: str | None, exists: bool, error: str, values: dict[str, object] | None
) -> None:
    path = tmp_path / "daemon.json"
    if content is not None:
        path.write_text(content)
    found, changed = daemon.read_config(str(path), os.getpid())
    assert (found["exists"], found["values"], error in found["error"]) == (exists, values, True)
    assert bool(found["error"]) == bool(error)
    assert (changed is not None) == exists


def test_secrets_of_the_configuration_file_are_not_read_out(tmp_path: Path) -> None:
    path = tmp_path / "daemon.json"
    proxies = {"http-proxy": "http://user:canary@proxy:3128", "https-proxy": "http://canary@proxy"}
    path.write_text(
        json.dumps({"proxies": proxies, "log-opts": {"splunk-token": "canary"}, "labels": ["token=canary"]})
    )
    found, _dummy = daemon.read_config(str(path), os.getpid())
    assert "canary" not in json.dumps(found)
    assert set(found["values"]) == {"proxies", "log-opts", "labels"}


def test_a_configuration_file_that_never_ends_is_not_read(tmp_path: Path) -> None:
    """A rootless engine's file is its owner's to make, and root reads it."""
    pipe, link, large = tmp_path / "pipe", tmp_path / "link", tmp_path / "large"
    os.mkfifo(pipe)
    link.symlink_to("/dev/zero")
    large.write_text(" " * 2_000_000)
    for path, words in ((pipe, "not a regular file"), (link, "not a regular file"), (large, "too large")):
        found, changed = daemon.read_config(str(path), os.getpid())
        assert (found["exists"], found["values"], changed) == (None, None, None)
        assert words in found["error"]


def test_a_rootless_daemon_reads_its_owners_file(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = "HOME=/home/dev\0XDG_RUNTIME_DIR=/run/user/1000\0"
    monkeypatch.setattr(daemon, "text", lambda _path: environment)
    assert daemon.default_config(0, 1) == "/etc/docker/daemon.json"
    assert daemon.default_config(1000, 1) == "/home/dev/.config/docker/daemon.json"
    assert daemon.environment_names(1) == ["HOME", "XDG_RUNTIME_DIR"]
    environment += "XDG_CONFIG_HOME=/srv/config\0"
    assert daemon.default_config(1000, 1) == "/srv/config/docker/daemon.json"


ROOTFUL = [{"proto": "unix", "path": "/run/docker.sock"}, {"proto": "tcp", "path": None}]
ROOTLESS = [{"proto": "unix", "path": "/run/user/1000/docker.sock"}]
HOST = {10: ROOTFUL, 20: ROOTLESS}


@pytest.mark.parametrize(
    ("path", "peer", "listeners", "pid"),
    [
        ("/run/docker.sock", 1, HOST, 10),
        ("/run/user/1000/docker.sock", 20, HOST, 20),
        ("/run/elsewhere.sock", 20, HOST, 20),
        ("/run/elsewhere.sock", 1, HOST, None),
        ("/run/docker.sock", 1, {10: ROOTFUL, 11: ROOTFUL}, 10),  # a child of 10, about to become another program
        (
            "/run/docker.sock",
            1,
            {10: None, 20: None},
            10,
        ),  # no root: systemd's socket, and only 10 was started with fd://
        ("/run/docker.sock", 99, {10: None, 20: None}, None),
        ("/run/docker.sock", 1, {}, None),
    ],
)
def test_which_of_several_daemons_answers(
    path: str,
    peer: int,
    listeners: dict[int, list[dict[str, str]] | None],
    pid: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = {10: "dockerd\n", 11: "dockerd\n", 20: "dockerd\n", 30: "docker-proxy\n", 40: "vi\n"}
    argv = {10: ("dockerd", "-H", "fd://"), 20: ("dockerd",)}
    monkeypatch.setattr(daemon, "status", lambda one: {"PPid": "10" if one == 11 else "1"})
    monkeypatch.setattr(daemon, "pids", lambda: [one for one in names if one > 20 or one in listeners])
    monkeypatch.setattr(daemon, "text", lambda file: names[int(file.split("/")[2])])
    monkeypatch.setattr(daemon, "listening", listeners.get)
    monkeypatch.setattr(unit, "command_line", lambda one: argv[one])
    assert daemon.find(path, peer)[0] == pid


def test_published_ports_are_not_the_daemons_listeners() -> None:
    listener = {"proto": "tcp", "address": EVERYWHERE, "port": 8080}
    assert daemon._is_published(listener, {(EVERYWHERE, 8080)})
    assert not daemon._is_published(listener, {("127.0.0.1", 8080), (EVERYWHERE, 80)})
