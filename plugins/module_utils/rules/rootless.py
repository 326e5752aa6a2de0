# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Daemons without root: what keeps one user's containers from another's."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.model import Rule

_rule = functools.partial(
    Rule,
    subject="daemon",
    lever="host",
    role="docker_rootless",
    applies_when="rootless",
    unless="the daemon is run by root",
)

RULES: t.Final[tuple[Rule, ...]] = (
    _rule(
        id="daemon-rootless-socket",
        title="A rootless daemon's socket is open to its user alone",
        threat="Whoever reaches the socket is that user: reads their files, uses their keys, runs programs as them.",
        severity="high",
        needs=("owner.open_sockets",),
        offenders="owner.open_sockets",
        expected="a socket that no other user can write to or put another in place of, as under /run/user/UID",
        source="owner and mode of the socket and of each directory above it",
        remedy="Let the daemon listen where it does by itself (`$XDG_RUNTIME_DIR/docker.sock`): remove `-H` from the"
        " user's unit and `hosts` from ~/.config/docker/daemon.json; role docker_rootless sets it up so.",
    ),
    _rule(
        id="daemon-rootless-ids",
        title="The ids of a rootless daemon's containers are nobody else's",
        threat="A container of one user owns files and processes of another: ids that two share are no border.",
        severity="high",
        needs=("owner.shared_ids",),
        offenders="owner.shared_ids",
        expected="uid and gid maps that overlap with no other user's subordinate ids and with no account",
        source="/proc/PID/uid_map and gid_map of dockerd; /etc/subuid, /etc/subgid, /etc/passwd, /etc/group",
        remedy="Give each user a range of its own in /etc/subuid and /etc/subgid (role docker_rootless does), and"
        " restart the user's daemon; files that its containers wrote keep their old owners.",
    ),
)
