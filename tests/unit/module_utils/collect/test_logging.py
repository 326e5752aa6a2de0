# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.collect import logging

RELP = """
action(type="omrelp" target="logs.example" port="2514"   # a comment ) with "a quote
  tls="on" tls.authMode="name" tls.permittedPeer=["logs.example", "logs2.example"])
"""
SYSLOG = """
if ($msg contains "(#") then action(type="omfwd" Target="192.0.2.1" protocol="tcp" StreamDriver="gtls"
  StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="logs.example,other.example")
"""
LEGACY = """
$ActionSendStreamDriverMode 1
$ActionSendStreamDriverAuthMode x509/name
$ActionSendStreamDriverPermittedPeer logs.example
*.*  @@(o)192.0.2.1:6514;RSYSLOG_ForwardFormat
"""


def forward(target: str, tls: bool, auth: str, *peer: str) -> dict[str, t.Any]:
    return {"target": target, "tls": tls, "auth": auth, "peer": list(peer)}


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ("", []),
        (RELP, [forward("logs.example", True, "name", "logs.example", "logs2.example")]),
        (SYSLOG, [forward("192.0.2.1", True, "x509/name", "logs.example", "other.example")]),
        (LEGACY, [forward("192.0.2.1:6514", True, "x509/name", "logs.example")]),
        ("*.* @192.0.2.1", [forward("192.0.2.1", False, "")]),
        ('action(type="omfwd" target="192.0.2.1" protocol="udp")', [forward("192.0.2.1", False, "")]),
        ('ACTION (TYPE="OMFWD" TARGET="192.0.2.1")', [forward("192.0.2.1", False, "")]),
        ('# *.* @@192.0.2.1:514\n#action(type="omfwd" target="192.0.2.1")', []),
        ('*.* @@127.0.0.1:514\n*.* @[::1]:514\naction(type="omfwd" target="localhost")', []),
        ("auth,authpriv.* /var/log/auth.log\nmail.* -/var/log/mail.log", []),
        ('action(type="omfile" file="/var/log/a@@b")', []),
        ('action(type="omfwd"', []),
    ],
)
def test_what_a_configuration_sends(config: str, wanted: list[dict[str, t.Any]]) -> None:
    assert logging.forwards(config) == wanted


def test_what_waits_too_long_is_counted_but_for_the_newest(tmp_path: Path) -> None:
    for name, age in (("collector.00000001", 2000), ("collector.00000002", 100), ("collector.00000003", 1)):
        (tmp_path / name).write_text("x" * 10)
        os.utime(tmp_path / name, (10_000 - age, 10_000 - age))
    (tmp_path / "collector.qi").write_text("x")
    os.utime(tmp_path / "collector.qi", (1, 1))
    assert logging._stale(str(tmp_path), 10_000) == 10
    assert logging._stale(str(tmp_path), 20_000) == 20
    assert logging._stale(str(tmp_path / "none"), 0) == 0
    (tmp_path / "collector.segq").mkdir()
    (tmp_path / "collector.segq" / "00000004.seg").write_text("x")
    assert logging._stale(str(tmp_path), 20_000) == 30


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (None, None),
        ('{"at": 90, "connected": true, "behind": 2.6}', {"age": 10, "connected": True, "behind": 3}),
        *((one, {"age": None, "connected": None, "behind": None}) for one in ("", "[]", '{"at": "x"}', "{")),
    ],
)
def test_the_pulse_of_the_recorder(tmp_path: Path, text: str | None, wanted: dict[str, t.Any] | None) -> None:
    path = tmp_path / "pulse.json"
    if text is not None:
        path.write_text(text)
    assert logging._pulse(str(path), 100) == wanted


def test_without_root_nothing_is_known() -> None:
    assert logging.describe(root=False) is None
