# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's audit trail: whether the kernel records who changes what decides about the engine.

Asked of the kernel, not of /etc/audit: rules lie there that were never loaded. One rule for each control, so that each
can be waived alone.
"""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.model import Rule
from ansible_collections.bulkhead.docker.plugins.module_utils.rules.words import Cis, cis

_rule = functools.partial(Rule, subject="host", lever="host", severity="medium", role="docker_auditd")

_UNKNOWN = " without a record nobody knows when, or who."
_PROGRAM = "Whoever puts another program in its place is root on the host, and in all containers;" + _UNKNOWN
_SETTING = "Whoever changes it decides what the engine allows from its next start on;" + _UNKNOWN
_SOCKET = "Whoever moves it away, or widens its mode, sits between the engine and its clients;" + _UNKNOWN
_STATE = "What is taken out of it, or put into it, past the engine leaves no trace in the engine's own log."


class Kind(t.NamedTuple):
    """One kind of thing to watch."""

    id: str
    watched: str  # its key under `watches`
    title: str
    threat: str
    cis: Cis
    unless: str


_KINDS: t.Final = (
    Kind("dockerd", "dockerd", "dockerd", _PROGRAM, cis("1.1.3"), "there is no dockerd"),
    Kind(
        "containerd-state", "containerd_state", "/run/containerd", _STATE, cis("1.1.4"), "there is no /run/containerd"
    ),
    Kind("data-root", "data_root", "the engine's data root", _STATE, cis("1.1.5"), "there is no data root"),
    Kind("directory", "directory", "/etc/docker", _SETTING, cis("1.1.6"), "there is no /etc/docker"),
    Kind(
        "service-unit",
        "service_unit",
        "the engine's service unit",
        _SETTING,
        cis("1.1.7"),
        "no service of systemd runs the engine",
    ),
    Kind(
        "containerd-socket",
        "containerd_socket",
        "containerd's socket",
        _SOCKET,
        cis("1.1.8"),
        "there is no such socket",
    ),
    Kind(
        "socket-unit",
        "socket_unit",
        "the engine's socket unit",
        _SETTING,
        {"1.6": ("1.1.9",)},
        "no socket unit belongs to the engine",
    ),
    Kind(
        "api-socket",
        "api_socket",
        "the engine's socket",
        _SOCKET,
        {"1.8": ("1.1.9",)},
        "the engine listens on no socket",
    ),
    Kind("defaults", "defaults", "/etc/default/docker", _SETTING, cis("1.1.10"), "there is no such file"),
    Kind("config", "config", "daemon.json", _SETTING, cis("1.1.11"), "there is no such file"),
    Kind(
        "containerd-config",
        "containerd_config",
        "containerd's configuration",
        _SETTING,
        cis("1.1.12"),
        "containerd has no directory for one",
    ),
    Kind("sysconfig", "sysconfig", "/etc/sysconfig/docker", _SETTING, cis("1.1.13"), "there is no such file"),
    Kind("containerd", "containerd", "containerd", _PROGRAM, cis("1.1.14"), "there is no such program"),
    Kind("containerd-shim", "containerd_shim", "containerd-shim", _PROGRAM, cis("1.1.15"), "this containerd has none"),
    Kind(
        "containerd-shim-v1",
        "containerd_shim_v1",
        "containerd-shim-runc-v1",
        _PROGRAM,
        cis("1.1.16"),
        "this containerd has none",
    ),
    Kind(
        "containerd-shim-v2",
        "containerd_shim_v2",
        "containerd-shim-runc-v2",
        _PROGRAM,
        cis("1.1.17"),
        "this containerd has none",
    ),
    Kind("runc", "runc", "runc", _PROGRAM, cis("1.1.18"), "there is no such program"),
    Kind(
        "containerd-unit",
        "containerd_unit",
        "containerd's service unit",
        _SETTING,
        {},
        "no service of systemd runs containerd",
    ),
    Kind("units", "units", "/etc/systemd/system", _SETTING, {}, "there is no systemd"),
)


def _watched(kind: Kind) -> Rule:
    return _rule(
        id=f"watch-{kind.id}",
        title=f"The kernel records changes of {kind.title}",
        threat=kind.threat,
        applies_when=f"!(confinement.container) && watches.{kind.watched} != `[]`",
        unless=f"{kind.unless}, or this host is itself a container, whose kernel audits for the machine",
        needs=(f"watches.{kind.watched}",),
        offenders=f"watches.{kind.watched}[?because].{{path: path, because: because}}",
        expected="a rule in the kernel for writing and for attributes, of all users and of programs of each word size",
        source="the kernel's audit rules, as `auditctl -l` lists them",
        remedy="Role docker_auditd. Where it waits for a reboot (immutable mode), reboot.",
        cis=kind.cis,
    )


RULES: t.Final[tuple[Rule, ...]] = tuple(_watched(kind) for kind in _KINDS)
