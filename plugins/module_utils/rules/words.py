# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What many rules say alike."""

from __future__ import annotations

import typing as t

Cis = t.Mapping[str, tuple[str, ...]]


def cis(older: str, newer: str = "") -> Cis:
    """The control's number in both versions of the benchmark; 1.8 counts section 2 on from 2.7 by one."""
    return {"1.6": (older,), "1.8": (newer or older,)}


def recreate(run: str, compose: str, more: str = "") -> str:
    """What to change where the container is defined, in the words of the two usual tools."""
    return f"Recreate the container with `docker run {run}` (Compose: `{compose}`).{more and ' ' + more}"


def drop(run: str, compose: str, more: str = "") -> str:
    """What to take out where the container is defined."""
    return f"Recreate the container without `{run}` (Compose: without `{compose}`).{more and ' ' + more}"


def configure(setting: str, more: str = "", profile: str = "strict") -> str:
    """What to give the role that writes daemon.json."""
    chosen = f"`docker_daemon_profile: {profile}`, or " if profile else ""
    return f"Role docker_daemon with {chosen}`docker_daemon_config: {{{setting}}}`.{more and ' ' + more}"
