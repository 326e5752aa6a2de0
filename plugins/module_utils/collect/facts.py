# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What collecting hands to the pure part: plain JSON, secrets already redacted."""

from __future__ import annotations

import dataclasses
import typing as t

Json = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Facts:
    """One host's Docker engine, as the engine, the kernel and the files describe it.

    ``containers`` entries: ``id``, ``name``, ``inspect`` (null when reading it failed), ``error`` (why, or ""),
    ``process`` (the kernel's view of the running container, or null), ``execs`` and ``secrets`` (the names, under
    ``env`` and ``labels``, and under ``args`` whether, values looked secret before they were redacted), ``proxy`` (of
    a known proxy of the engine's socket, see ``proxies.graded``).

    ``process``: ``pid``, ``uid`` (real, effective, saved, file system), ``uid_map`` (rows of inside, outside, count),
    ``cap_eff`` and ``cap_bnd`` (``CAP_X`` names), ``no_new_privs``, ``seccomp`` (0, 1, 2), ``apparmor``, ``selinux``
    (labels), ``commands`` (process names in its pid namespace, null when that is the host's), ``namespaces`` (net, pid,
    ipc, uts, user, cgroup: whether it is the host's). A value the kernel would not tell is null.

    ``daemon``: ``pid``, ``euid``, ``flags`` (parsed), ``environment`` (names), ``config`` (path, exists, error,
    values), ``listeners`` (real sockets: proto, address, port or path; under ``tls`` what a TCP port answers),
    ``certificates`` (see ``collect.tls.on_disk``), ``started_at`` and ``config_mtime`` (seconds since the epoch),
    ``owner`` (of a rootless one, see ``collect.owner``), ``root`` (whether we are root). Values that could not be read
    are null.

    ``host``: what of the host decides about the engine (see ``collect.host``); null when it is not to be judged, or
    when the engine may be on another machine.

    ``volumes``: for those that are a path of the host under another name, that path; null when they could not be read.
    """

    info: Json
    version: Json
    bridge: Json | None
    networks: t.Sequence[Json]
    containers: t.Sequence[Json]
    daemon: Json
    volumes: t.Mapping[str, str] | None = dataclasses.field(default_factory=dict)
    host: Json | None = None
    absent: bool = False  # there is no such engine: the facts are those of a user's, which speaks for the host


@dataclasses.dataclass(frozen=True)
class Tenant:
    """A daemon that a user of the host runs for themselves; ``error`` says why there are no facts."""

    name: str  # of the user
    facts: Facts | None
    error: str
