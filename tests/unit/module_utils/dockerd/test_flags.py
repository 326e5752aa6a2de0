# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dockerd's command line, in every spelling that the daemon understands."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_keys import KEYS
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_types import KINDS
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import flags

TABLE: list[tuple[str, dict[str, t.Any]]] = [
    ("", {}),
    ("-H fd:// --containerd=/run/c.sock", {"hosts": ["fd://"], "containerd": "/run/c.sock"}),
    ("-Hfd:// -H=unix:///a --host tcp://b", {"hosts": ["fd://", "unix:///a", "tcp://b"]}),
    ("--icc=false --iptables", {"icc": False, "iptables": True}),
    ("--debug false", {"debug": True}),  # a switch takes no separate value, and dockerd has no arguments
    ("-D -lwarn", {"debug": True, "log-level": "warn"}),
    ("-Dl warn", {"debug": True, "log-level": "warn"}),
    ("-D=false -l=warn", {"debug": False, "log-level": "warn"}),
    ("--log-level warn --log-level error", {"log-level": "error"}),
    ("--mtu 1400 --shutdown-timeout=20", {"mtu": 1400, "shutdown-timeout": 20}),
    ("--label a=b --label c=d", {"labels": ["a=b", "c=d"]}),
    ("--dns 192.0.2.1,192.0.2.2 --dns 192.0.2.3", {"dns": ["192.0.2.1", "192.0.2.2", "192.0.2.3"]}),
    ("--log-opt max-size=1m --log-opt tag={{.Name}}", {"log-opts": {"max-size": "1m", "tag": "{{.Name}}"}}),
    ("--feature cdi --feature buildkit=false", {"features": {"cdi": True, "buildkit": False}}),
    ("--default-ulimit nofile=1:2", {"default-ulimits": {"nofile": {"Name": "nofile", "Soft": 1, "Hard": 2}}}),
    ("--default-ulimit nproc=5", {"default-ulimits": {"nproc": {"Name": "nproc", "Soft": 5, "Hard": 5}}}),
    ("--add-runtime kata=/usr/bin/kata", {"runtimes": {"kata": {"path": "/usr/bin/kata"}}}),
    ("--default-address-pool base=198.18.0.0/15,size=24",
     {"default-address-pools": [{"base": "198.18.0.0/15", "size": 24}]}),
    ("--default-network-opt bridge=x=1 --default-network-opt bridge=y=2",
     {"default-network-opts": {"bridge": {"x": "1", "y": "2"}}}),
    ("--http-proxy http://p --no-proxy a,b", {"proxies": {"http-proxy": "http://p", "no-proxy": "a,b"}}),
    ("--host-gateway-ip 192.0.2.1", {"host-gateway-ips": ["192.0.2.1"]}),
    ("--config-file /x --validate -v --unheard-of value -- --debug", {}),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), TABLE)
def test_settings(line: str, expected: dict[str, t.Any]) -> None:
    assert flags.settings(["/usr/bin/dockerd", *line.split()]) == expected
    assert flags.settings(line.split()) == expected


@pytest.mark.parametrize(("line", "expected"), TABLE)
def test_settings_have_the_types_of_the_file(line: str, expected: dict[str, t.Any]) -> None:
    for key, value in flags.settings(line.split()).items():
        assert KINDS[KEYS[key].kind][1](value), key


@pytest.mark.parametrize(
    ("line", "path"),
    [("--config-file /a", "/a"), ("--config-file=/a --config-file=/b", "/b"), ("-D", None)],
)
def test_config_file(line: str, path: str | None) -> None:
    assert flags.config_file(line.split()) == path


def test_spellings_are_what_was_typed() -> None:
    line = "-H fd:// --containerd=/run/c.sock -Dl warn --http-proxy http://p"
    assert flags.spellings(line.split()) == {
        "hosts": "-H fd://",
        "containerd": "--containerd=/run/c.sock",
        "debug": "-D",
        "log-level": "-Dl warn",
        "proxies": "--http-proxy http://p",
    }
