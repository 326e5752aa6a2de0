# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What it costs where nothing is to be done: tasks and seconds, beside those of `ansible -m ping` on the same host."""

from __future__ import annotations

import time
import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests import support

pytestmark = pytest.mark.debian(13)

#: What Ansible does by itself where it runs: no word goes to the host.
HERE = ("assert", "debug", "fail", "include_role", "include_tasks", "include_vars", "meta", "set_fact", "set_stats")
HARDEN, CHECK = 60, 12


def cost(results: list[dict[str, t.Any]]) -> tuple[int, int]:
    """Tasks that ran, and those of them that went to the host."""
    ran = [one for one in results if not one.get("skipped")]
    sent = [one for one in ran if one["action"].rpartition(".")[2] not in (*HERE, "validate_argument_spec")]
    return len(ran), len(sent)


def test_what_it_costs(hardened: t.Any) -> None:
    start = time.monotonic()
    support.adhoc("ansible.builtin.ping", hardened.name, {})
    ping = time.monotonic() - start
    checked, report = hardened.check()
    check = time.monotonic() - start - ping
    again = hardened.play("harden", docker_rootless_users=[])  # left as they are: each would be one more engine
    harden = time.monotonic() - start - ping - check
    rows = [
        ("ansible -m ping", ping, (1, 1)),
        ("drift", check, cost(checked.results)),
        ("harden", harden, cost(again.results)),
    ]
    lines = [f"{name:<16}{seconds:7.1f} s{ran:5} tasks{sent:5} to the host" for name, seconds, (ran, sent) in rows]
    figures = "\n".join(lines) + "\n"
    (support.ROOT / "build" / "docker_drift" / "steady.txt").write_text(figures)
    print(figures)
    assert (checked.rc, checked.changed, report["drift"]["entries"]) == (0, [], []), checked.output
    assert (again.rc, again.changed) == (0, []), again.output
    assert len(checked.results) <= CHECK, figures  # those that were skipped, too
    assert cost(again.results)[1] <= HARDEN, figures
