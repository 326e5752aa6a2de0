# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the command line has to do with a change: the sockets it names, and whether the daemon has to take up another.

Its change is one of the changes, under the name that systemd has for it.
"""

from __future__ import annotations

from collections.abc import Collection

from ansible_collections.bulkhead.docker.plugins.module_utils import daemon_check, daemon_listeners, plan
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_json import Config, Ownership
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import flags
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.files import State
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.survey import Survey

EXEC = "ExecStart"


def hosts(listen: Collection[str], host: Survey, content: Config, owned: Ownership) -> tuple[list[str], list[str]]:
    """``hosts`` that open these addresses beside the sockets that the daemon has without us; and notes about it."""
    by_flags = flags.settings(host.command.argv).get("hosts")
    by_file = owned["hosts"].value if "hosts" in owned else content.get("hosts")
    now = [*(flags.settings(host.argv).get("hosts") or []), *(content.get("hosts") or [])]
    notes = [
        f"{address} is every address of this host: name the one that the managers of this host reach it by"
        for address in listen
        if daemon_listeners.is_wildcard(address)
    ]
    notes += [
        f"{address}, which the daemon listened on before, is not in listen: it is closed"
        for address in daemon_listeners.remote(now)
        if address not in listen
    ]
    return [*daemon_listeners.local(by_flags, by_file), *listen], notes


def laid_open(before: Survey, content: Config, after: Survey, merged: Config) -> list[str]:
    """What giving something back would expose that is not exposed now. Not even an undo may do that."""

    def exposed(settings: Config, host: Survey) -> list[str]:
        return [problem.message for problem in daemon_check.conflicts(settings, host.context) if problem.exposes]

    if exposed(content, before.under(content)):
        return []
    return [f"giving back what was there before is refused: {message}" for message in exposed(merged, after)]


def change(host: Survey, state: State, keys: Collection[str], drop_in: str) -> list[plan.Change]:
    """The command line, when our drop-in changes, or when the daemon has still to take up an earlier change of it."""
    command = host.command
    wanted = command.without(command.said(keys))
    up = host.status in (plan.RUNNING, plan.HUNG)
    runs = up and host.argv[1:] == wanted[1:]
    owed = EXEC in state.pending and (state.daemon == host.daemon or host.status == plan.FAILED)
    stuck = up and bool(command.said(keys) & set(flags.spellings(host.argv)))
    if drop_in == command.ours and (runs or not (owed or stuck)):
        return []
    return [
        plan.Change(
            EXEC, " ".join(host.argv or command.argv), " ".join(wanted), "config" if drop_in else "release", runs
        )
    ]
