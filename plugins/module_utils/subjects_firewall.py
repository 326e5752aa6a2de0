# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules see of the packet filters: which ways they leave open, by the kernel's rules, whoever made them."""

from __future__ import annotations

import fnmatch
import ipaddress
import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.collect.facts import Facts
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_shape import (
    Json,
    at,
    mapping,
    mappings,
    text,
    texts,
)

#: What a denial needs, as iptables-save and nft show it.
_IPTABLES = {
    "source": r"(?:^| )-s (\S+)",
    "destination": r" -d (\S+)",
    "inside": r" -i (\S+)",
    "outside": r" -o (\S+)",
    "port": r" --dport (\d+)(?: |$)",
    "original": r" --ctorigdstport (\S+)",
}
_NFTABLES = {
    "source": r"ip6? saddr (\S+)",
    "destination": r"(?<!original )ip6? daddr (\S+)",
    "inside": r'iifname "([^"]+)"',
    "outside": r'oifname "([^"]+)"',
    "port": r"tcp dport (\d+)(?: |$)",
    "original": r"ct original proto-dst (\S+)",
}
_DENIES = re.compile(r" -j (?:DROP|REJECT)\b|\b(?:drop|reject)\b")
_ELSEWHERE = ("INPUT", "OUTPUT")
_SWARM = (2377, 7946)  # what managers and nodes listen on for each other
Denial = t.Mapping[str, str]


def firewall(facts: Facts, host: Json, policy: Json) -> dict[str, t.Any] | None:
    """Null where the kernel's rules could not be read."""
    raw = host.get("firewall")
    if not isinstance(raw, dict) or not isinstance(raw.get("iptables"), list):
        return None
    denials = _denials(raw)
    return {
        "managed": raw.get("managed"),
        "pending": texts(raw, "pending"),
        "metadata": _open(texts(policy, "metadata_endpoints"), denials),
        "admin": _open(texts(policy, "management_networks"), denials),
        "egress": _unlimited(facts, denials, texts(policy, "limited_networks")),
        "published": _published(facts, denials, texts(policy, "open_ports")),
        "api": _api(facts.daemon, raw, denials),
        "uncovered": _uncovered(facts),
    }


def _denials(raw: Json) -> list[Denial]:
    found: list[Denial] = [
        {"chain": line.split()[1], **_parts(line, _IPTABLES)}
        for name in ("iptables", "ip6tables")
        for line in texts(raw, name)
        if line.startswith("-A ") and _DENIES.search(line)
    ]
    chain = ""
    for line in text(raw, "nftables").splitlines():
        words = line.split()
        chain = words[1] if words[:1] == ["chain"] else chain
        if _DENIES.search(line.partition(" comment ")[0]):
            found.append({"chain": "INPUT" if chain == "input" else f"nft {chain}", **_parts(line, _NFTABLES)})
    return found


def _parts(line: str, patterns: t.Mapping[str, str]) -> dict[str, str]:
    plain = re.sub(r'comment "[^"]*"', "", line)
    return {key: match[1] for key, pattern in patterns.items() if (match := re.search(pattern, plain))}


def _open(wanted: t.Sequence[str], denials: t.Sequence[Denial]) -> list[str]:
    """Of these networks, those that no rule denies to all containers."""
    denied = [
        _network(one["destination"])
        for one in denials
        if set(one) == {"chain", "destination"} and one["chain"] not in _ELSEWHERE
    ]
    return [one for one in wanted if not any(_covers(other, _network(one)) for other in denied)]


def _network(value: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(value, strict=False)
    except ValueError:
        return None


def _covers(outer: t.Any, inner: t.Any) -> bool:
    return bool(outer and inner and outer.version == inner.version and inner.subnet_of(outer))


def _bridges(facts: Facts) -> dict[str, str]:
    """Interface by network, of those that have one here."""
    found = {}
    for one in facts.networks:
        if text(one, "Driver") == "bridge" and not one.get("Internal"):
            own = text(one, "Options", "com.docker.network.bridge.name")
            found[text(one, "Name")] = own or f"br-{text(one, 'Id')[:12]}"
    return found


def _unlimited(facts: Facts, denials: t.Sequence[Denial], globs: t.Sequence[str]) -> list[str]:
    """Of these networks, those with containers of which no rule denies what it was not told to allow."""
    closed = {one["inside"] for one in denials if set(one) == {"chain", "inside"}}
    used = {name for one in _inspected(facts) for name in mapping(one, "NetworkSettings", "Networks")}
    return sorted(
        name
        for name, interface in _bridges(facts).items()
        if name in used and interface not in closed and any(fnmatch.fnmatchcase(name, glob) for glob in globs)
    )


def _published(facts: Facts, denials: t.Sequence[Denial], allowed: t.Sequence[str]) -> list[str]:
    """Ports published on all addresses that no rule limits, and that the policy does not want open."""
    limited = {one["original"] for one in denials if set(one) == {"chain", "original"}}
    closed = {
        one["outside"] for one in denials if set(one) == {"chain", "outside"} and "PUBLISHED" in one["chain"].upper()
    }
    interfaces = _bridges(facts)
    found = set()
    for one in _inspected(facts):
        own = {interfaces.get(name) for name in mapping(one, "NetworkSettings", "Networks")}
        for name, bindings in mapping(one, "NetworkSettings", "Ports").items():
            for binding in bindings if isinstance(bindings, list) else ():
                port, protocol = text(binding, "HostPort"), name.rpartition("/")[2]
                everywhere = text(binding, "HostIp") in ("", "0.0.0.0", "::")  # noqa: S104 (it is what we look for)
                if everywhere and port not in limited and not own & closed and f"{port}/{protocol}" not in allowed:
                    found.add(f"{port}/{protocol}")
    return sorted(found)


def _api(daemon: Json, raw: Json, denials: t.Sequence[Denial]) -> list[int]:
    """Ports on which the daemon listens to other machines, and that no rule limits."""
    dropping = any(line.startswith(":INPUT DROP") for line in texts(raw, "iptables"))
    closed = {one["port"] for one in denials if set(one) == {"chain", "port"}}
    ports = {
        one["port"]
        for one in mappings(daemon, "listeners")
        if text(one, "proto") == "tcp"
        and not text(one, "address").startswith("127.")
        and text(one, "address") != "::1"
        and one.get("port") not in _SWARM
    }
    return sorted(port for port in ports if isinstance(port, int) and str(port) not in closed and not dropping)


def _uncovered(facts: Facts) -> list[dict[str, str]]:
    """Containers whose traffic passes no rules about bridges."""
    drivers = {text(one, "Name"): text(one, "Driver") for one in facts.networks}
    found = []
    for one in facts.containers:
        inspect = mapping(one, "inspect")
        if not at(inspect, "State", "Running"):
            continue
        if text(inspect, "HostConfig", "NetworkMode") == "host":
            found.append({"container": text(one, "name"), "network": "host"})
        found += [
            {"container": text(one, "name"), "network": f"{name} ({drivers.get(name)})"}
            for name in mapping(inspect, "NetworkSettings", "Networks")
            if drivers.get(name) in ("macvlan", "ipvlan")
        ]
    return found


def _inspected(facts: Facts) -> list[Json]:
    return [inspect for one in facts.containers if at(inspect := mapping(one, "inspect"), "State", "Running")]
