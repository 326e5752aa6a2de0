# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine would not take, told before anything is written: unknown keys, versions, types, conflicts. Pure."""

from __future__ import annotations

import difflib
import re
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_json import Config
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_keys import KEYS, Key
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_listeners import remote
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_secrets import mask
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_types import KINDS, SIZE, mistyped
from ansible_collections.bulkhead.docker.plugins.module_utils.versions import parse as parse_version


@dataclass(frozen=True)
class Context:
    """What a configuration is judged against."""

    version: tuple[int, ...] = ()  # empty: unknown
    swarm: bool = False
    flags: Mapping[str, t.Any] = field(default_factory=dict)  # what the command line sets, in daemon.json's words
    spellings: Mapping[str, str] = field(default_factory=dict)  # key -> how the command line says it
    unit: str = "the unit"
    unit_files: str = ""
    cgroup_driver: str = ""
    rootless: bool = False

    def at_least(self, version: str) -> bool:
        return bool(self.version) and self.version >= (parse_version(version) or ())


@dataclass(frozen=True)
class Problem:
    """One reason why the engine would not start or would be open to all; ``keys`` are those that bring it about."""

    keys: frozenset[str]
    message: str
    exposes: bool = False  # the engine would start, and be open to all


def check(wanted: Config, merged: Config, context: Context) -> list[Problem]:
    """Everything wrong with the keys we are asked for, then with how they meet the rest of the file and the unit."""
    problems: list[Problem] = []
    for key, value in wanted.items():
        if value is None:
            continue  # a key that must be absent may be one that this engine never knew
        message = (
            unknown(key)
            or gate(KEYS[key], context)
            or mistyped(KEYS[key], value)
            or duplicate(key, context)
            or misplaced(key, value, context)
        )
        if message:
            problems.append(Problem(frozenset({key}), message))
    return problems + conflicts(merged, context)


def unknown(key: str) -> str:
    if key in KEYS:
        return ""
    close = difflib.get_close_matches(key.replace("_", "-").lower(), KEYS, n=1)
    return f"{key} is not a key of daemon.json" + (f": did you mean {close[0]}?" if close else "")


def gate(row: Key, context: Context) -> str:
    """Why this engine does not take the key."""
    version = ".".join(str(number) for number in context.version)
    if row.until == "0":
        return f"{row.name} is not a key that any engine from 20.10 on takes: {row.hint}"
    if not context.version:
        return ""
    if row.until and context.at_least(row.until):
        return f"{row.name} is refused since engine {row.until}, and this is {version}: {row.hint}"
    if not context.at_least(row.since):
        return f"{row.name} needs engine {row.since} or newer, and this is {version}: leave it out here"
    return ""


def inert(wanted: Config, context: Context) -> list[str]:
    """Keys that the engine takes and ignores."""
    rows = [KEYS[key] for key, value in wanted.items() if key in KEYS and value is not None]
    return [
        f"{row.name} has no effect since engine {row.inert}"
        for row in rows
        if row.inert and context.at_least(row.inert)
    ]


def duplicate(key: str, context: Context) -> str:
    """The daemon refuses a key that is also a flag, even with the same value; runtimes alone are merged."""
    if key not in context.spellings or key == "runtimes":
        return ""
    return (
        f"{key} is also set by the command line of {context.unit} ({mask(context.spellings[key], key)}), and the "
        f"daemon does not start when both say it: remove the flag ({context.unit_files or context.unit}), leave the "
        "key out, or let the file have the say (override_flags)"
    )


#: What a rootless engine cannot do: key -> (offends, why).
_ROOTLESS: dict[str, tuple[t.Callable[[t.Any, Context], bool], str]] = {
    "hosts": (
        lambda _value, _context: True,
        "a rootless engine listens inside its own network, so an address in hosts opens nothing, and its clients look "
        "for the user's socket: reach it over SSH (DOCKER_HOST=ssh://user@host)",
    ),
    "userns-remap": (
        lambda value, _context: value != "",
        "userns-remap does not work in a rootless engine, whose containers are remapped already: it would not start",
    ),
    "live-restore": (
        lambda value, _context: value is True,
        "live-restore does nothing in a rootless engine: its containers live in namespaces that end with it",
    ),
    "userland-proxy": (
        lambda value, context: value is False and not context.at_least("28.0"),
        "userland-proxy: false cuts a rootless engine before 28.0 off: its proxy is what publishes ports on the host",
    ),
}


def misplaced(key: str, value: t.Any, context: Context) -> str:
    """Why a rootless engine does not do what the key says."""
    if not context.rootless or key not in _ROOTLESS:
        return ""
    offends, reason = _ROOTLESS[key]
    return reason if offends(value, context) else ""


# conflicts: between keys, with the node's role and with the engine's version


@dataclass(frozen=True)
class Conflict:
    """``offends`` gets the effective settings (file and flags together)."""

    keys: tuple[str, ...]
    offends: t.Callable[[Config, Context], bool]
    message: str
    exposes: bool = False


def _tcp_without_verification(config: Config, _context: Context) -> bool:
    return bool(remote(config.get("hosts"))) and config.get("tlsverify") is not True


def _not_a_slice(config: Config, context: Context) -> bool:
    options = config.get("exec-opts") or []
    chosen = [str(option).partition("=")[2] for option in options if str(option).startswith("native.cgroupdriver=")]
    driver = chosen[-1] if chosen else context.cgroup_driver
    parent = config.get("cgroup-parent")
    return driver == "systemd" and bool(parent) and not str(parent).endswith(".slice")


_COUNT = re.compile(r"[1-9]\d*")


def _bad_rotation(config: Config, _context: Context) -> bool:
    """The daemon starts with these, but no container does."""
    options = config.get("log-opts") or {}
    size, count = str(options.get("max-size", "1m")), str(options.get("max-file", "1"))
    return not SIZE.fullmatch(size) or not _COUNT.fullmatch(count)


_ROTATION = frozenset({"max-size", "max-file", "compress"})
_UNROTATED = frozenset({"journald", "syslog", "gelf", "fluentd", "awslogs", "splunk", "gcplogs", "none"})

CONFLICTS: tuple[Conflict, ...] = (
    Conflict(
        ("hosts", "tlsverify"),
        _tcp_without_verification,
        "hosts opens the API on TCP without tlsverify: whoever reaches the port is root on this host. Set tlsverify "
        "with tlscacert, tlscert and tlskey, or reach the engine over SSH",
        exposes=True,
    ),
    Conflict(
        ("icc", "iptables"),
        lambda c, _: c.get("icc") is False and c.get("iptables") is False,
        "icc: false is enforced by firewall rules, and iptables: false forbids them: the daemon refuses to start",
    ),
    Conflict(
        ("icc", "ip6tables", "ipv6"),
        lambda c, _: c.get("icc") is False and c.get("ipv6") is True and c.get("ip6tables") is False,
        "icc: false with ipv6: true needs ip6tables: the daemon refuses to start",
    ),
    Conflict(
        ("userns-remap", "features"),
        lambda c, x: bool(c.get("userns-remap"))
        and x.at_least("29.0")
        and (c.get("features") or {}).get("containerd-snapshotter") is True,
        "userns-remap does not work with the containerd image store (features.containerd-snapshotter: true): "
        "the daemon refuses to start",
    ),
    Conflict(
        ("live-restore",),
        lambda c, x: c.get("live-restore") is True and x.swarm,
        "live-restore does not work on a Swarm node: the daemon would not start. Leave it out here",
    ),
    Conflict(
        ("firewall-backend",),
        lambda c, x: c.get("firewall-backend") == "nftables"
        and x.swarm
        and not (x.at_least("29.6") and (c.get("features") or {}).get("swarm-nftables") is True),
        "firewall-backend: nftables does not work on a Swarm node: the daemon would not start",
    ),
    Conflict(
        ("cgroup-parent", "exec-opts"),
        _not_a_slice,
        "cgroup-parent must end in .slice under the systemd cgroup driver: the daemon would not start",
    ),
    Conflict(
        ("host-gateway-ip", "host-gateway-ips"),
        lambda c, _: "host-gateway-ip" in c and "host-gateway-ips" in c,
        "host-gateway-ip and host-gateway-ips exclude each other: keep the second",
    ),
    Conflict(
        ("insecure-registries",),
        lambda c, x: c.get("insecure-registries") == [] and x.at_least("29.10"),
        "insecure-registries: [] takes away the implicit trust in loopback registries since engine 29.10. Set it to "
        "null, so that the key is absent",
    ),
    Conflict(
        ("seccomp-profile",),
        lambda c, x: c.get("seccomp-profile") == "unconfined" and bool(x.version) and not x.at_least("23.0"),
        "seccomp-profile: unconfined is known from engine 23.0 on; an older one looks for a file of that name",
    ),
    Conflict(
        ("log-opts", "log-driver"),
        lambda c, _: bool(set(c.get("log-opts") or {}) & _ROTATION) and c.get("log-driver", "json-file") in _UNROTATED,
        "log-opts holds options of the json-file or local driver (max-size, max-file, compress), which the chosen "
        "log-driver does not take: the daemon would not start",
    ),
    Conflict(
        ("log-opts",),
        _bad_rotation,
        "log-opts: max-size must be a size such as '10m' and max-file a number from 1, or no container starts",
    ),
)  # fmt: skip


def conflicts(merged: Config, context: Context) -> list[Problem]:
    settings = {**context.flags, **merged}
    # a value of the wrong type is told of elsewhere, and none of the rules expects one
    effective = {key: value for key, value in settings.items() if key in KEYS and KINDS[KEYS[key].kind][1](value)}
    return [
        Problem(frozenset(rule.keys), rule.message + _by_flags(rule, context), rule.exposes)
        for rule in CONFLICTS
        if rule.offends(effective, context)
    ]


def _by_flags(rule: Conflict, context: Context) -> str:
    """Which flags have a part in it, and where they stand."""
    said = [mask(context.spellings[key], key) for key in rule.keys if key in context.spellings]
    return f" ({context.unit} says {', '.join(said)}: see {context.unit_files or 'what starts it'})" if said else ""
