# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``select`` and ``skip`` mean."""

from __future__ import annotations

import dataclasses

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils import selection
from ansible_collections.bulkhead.docker.plugins.module_utils.model import Rule

BASE = Rule("", "", "t", "x", "", "bad", "e", "s", "r", "host")


def rule(name: str, subject: str, severity: str, old: str, new: str) -> Rule:
    return dataclasses.replace(BASE, id=name, subject=subject, severity=severity, cis={"1.6": (old,), "1.8": (new,)})


RULES = [
    rule("daemon-icc", "daemon", "medium", "2.1", "2.2"),
    rule("daemon-debug", "daemon", "low", "2.17", "2.18"),
    rule("container-privileged", "container", "critical", "5.4", "5.5"),
    rule("container-memory", "container", "low", "5.10", "5.11"),
    dataclasses.replace(rule("container-new", "container", "high", "", ""), cis={}),
]


@pytest.mark.parametrize(
    ("select", "skip", "ids"),
    [
        ([], [], ["daemon-icc", "daemon-debug", "container-privileged", "container-memory", "container-new"]),
        (["daemon-icc"], [], ["daemon-icc"]),
        (["container-*"], [], ["container-privileged", "container-memory", "container-new"]),
        (["subject:daemon"], [], ["daemon-icc", "daemon-debug"]),
        (["severity:low"], [], ["daemon-debug", "container-memory"]),
        (["severity:medium+"], [], ["daemon-icc", "container-privileged", "container-new"]),
        (["cis:5.*"], [], ["container-privileged", "container-memory"]),
        (["cis-1.6:5.4"], [], ["container-privileged"]),
        (["cis-1.8:2.18", "severity:critical"], [], ["daemon-debug", "container-privileged"]),
        ([], ["subject:container"], ["daemon-icc", "daemon-debug"]),
        (["subject:daemon"], ["daemon-debug"], ["daemon-icc"]),
    ],
)
def test_selectors(select: list[str], skip: list[str], ids: list[str]) -> None:
    assert [one.id for one in selection.chosen(RULES, select, skip)] == ids


@pytest.mark.parametrize(
    ("select", "skip", "said"),
    [
        (["daemon-icx"], [], "select: no rule answers to 'daemon-icx'"),
        (["other-privileged"], [], "did you mean container-privileged"),
        ([], ["cis:9.9"], "skip: no rule answers to 'cis:9.9'"),
        (["cis-1.6:5.5"], [], "no rule answers"),
        (["severity:bad"], [], "must end with one of critical, high"),
        (["subject:image"], [], "must end with one of host, daemon, container"),
        (["cis-1.7:5.4"], [], "before the colon may stand subject, severity, cis, cis-1.6, cis-1.8"),
        (["tag:x"], [], "begins with 'tag'"),
    ],
)
def test_a_selector_that_cannot_be_meant_is_named(select: list[str], skip: list[str], said: str) -> None:
    with pytest.raises(selection.SelectionError, match=said):
        selection.chosen(RULES, select, skip)
