# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The packet filters that decide about containers, as the kernel has them: no file says what is in force.

``iptables`` and ``ip6tables``: the lines of their table filter; ``nftables``: our table; null where they could not be
read. ``managed``: whether role docker_firewall has a policy here; ``pending``: of its rules, the programs whose
rules in the kernel are not what it wants.
"""

from __future__ import annotations

import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.firewall import nftables
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall.apply import ApplyError
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall.host import Firewall
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall.policy import PolicyError
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall.program import feed, run, stored

_SECONDS = 10.0


def describe(socket_path: str, euid: int) -> dict[str, t.Any] | None:
    """Null without root, as the kernel then tells nothing."""
    if euid:
        return None
    table = run(["nft", "list", "table", nftables.FAMILY, nftables.NAME], _SECONDS)
    return {
        "iptables": _saved("iptables-save"),
        "ip6tables": _saved("ip6tables-save"),
        "nftables": "" if table.rc else table.out,
        **_ours(socket_path),
    }


def _saved(program: str) -> list[str] | None:
    done = run([program, "-t", "filter"], _SECONDS)
    return None if done.rc else [line for line in done.out.splitlines() if line[:1] in (":", "-")]


def _ours(socket_path: str) -> dict[str, t.Any]:
    try:
        policy = stored()
        if policy is None:
            return {"managed": False, "pending": []}
        plan = Firewall(run, feed, f"unix://{socket_path}").plan(policy, {})
    except (ApplyError, PolicyError, OSError) as error:
        return {"managed": True, "pending": [str(error)]}
    return {"managed": True, "pending": plan.pending}
