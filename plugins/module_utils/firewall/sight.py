# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the engine the firewall needs to see: its bridges, its containers' addresses, its published ports. Pure."""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import asdict, dataclass

Json = t.Mapping[str, t.Any]
_GATEWAY_MODE = "com.docker.network.bridge.gateway_mode_ipv"
_ROUTED = ("routed", "nat-unprotected")


@dataclass(frozen=True)
class Bridge:
    """A network of the engine that has a bridge on this host."""

    name: str
    interface: str
    routed: tuple[int, ...] = ()  # IP versions whose containers are reached by their own addresses


@dataclass(frozen=True)
class Endpoint:
    network: str
    interface: str  # empty where the network has no bridge
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Container:
    name: str
    labels: dict[str, str]
    endpoints: tuple[Endpoint, ...]
    uncovered: str  # why its traffic does not pass our rules; empty: it does


@dataclass(frozen=True)
class Sight:
    """One look at the engine."""

    backend: str = "iptables"
    bridges: tuple[Bridge, ...] = ()
    containers: tuple[Container, ...] = ()
    published: tuple[str, ...] = ()  # 8080/tcp

    @property
    def interfaces(self) -> tuple[str, ...]:
        return tuple(bridge.interface for bridge in self.bridges)


def see(info: Json, networks: t.Sequence[Json], containers: t.Sequence[Json]) -> Sight:
    """From GET /info, /networks and /containers/json."""
    bridges = {str(one["Name"]): _bridge(one) for one in networks if one.get("Driver") == "bridge"}
    drivers = {str(one["Name"]): str(one.get("Driver")) for one in networks}
    driver = str((info.get("FirewallBackend") or {}).get("Driver") or "iptables").partition("+")[0]
    found = tuple(sorted((_container(one, bridges, drivers) for one in containers), key=lambda one: one.name))
    ports = {
        f"{port['PublicPort']}/{port.get('Type', 'tcp')}"
        for one in containers
        for port in one.get("Ports") or []
        if port.get("PublicPort")
    }
    return Sight(
        "nftables" if driver == "nftables" else "iptables",
        tuple(sorted(bridges.values(), key=lambda one: one.name)),
        found,
        tuple(sorted(ports)),
    )


def _bridge(raw: Json) -> Bridge:
    options = raw.get("Options") or {}
    interface = str(options.get("com.docker.network.bridge.name") or f"br-{str(raw['Id'])[:12]}")
    routed = tuple(version for version in (4, 6) if options.get(f"{_GATEWAY_MODE}{version}") in _ROUTED)
    return Bridge(str(raw["Name"]), interface, routed)


def _container(raw: Json, bridges: t.Mapping[str, Bridge], drivers: t.Mapping[str, str]) -> Container:
    mode = str((raw.get("HostConfig") or {}).get("NetworkMode") or "")
    attached = (raw.get("NetworkSettings") or {}).get("Networks") or {}
    endpoints, without = [], []
    for name, one in sorted(attached.items()):
        addresses = tuple(str(one[key]) for key in ("IPAddress", "GlobalIPv6Address") if one.get(key))
        endpoints.append(Endpoint(name, bridges[name].interface if name in bridges else "", addresses))
        if drivers.get(name) in ("macvlan", "ipvlan", "overlay"):
            without.append(f"network {name} is a {drivers[name]} network")
    uncovered = "it is in the host's network" if mode == "host" else ", ".join(without)
    names = raw.get("Names") or [raw.get("Id", "")]
    return Container(str(names[0]).lstrip("/"), dict(raw.get("Labels") or {}), tuple(endpoints), uncovered)


def encode(sight: Sight) -> dict[str, t.Any]:
    return asdict(sight)


def decode(raw: Json) -> Sight:
    return Sight(
        raw["backend"],
        tuple(Bridge(one["name"], one["interface"], tuple(one["routed"])) for one in raw["bridges"]),
        tuple(
            Container(
                one["name"],
                dict(one["labels"]),
                tuple(Endpoint(end["network"], end["interface"], tuple(end["addresses"])) for end in one["endpoints"]),
                one["uncovered"],
            )
            for one in raw["containers"]
        ),
        tuple(raw["published"]),
    )


def name_servers(resolv_conf: str) -> tuple[str, ...]:
    """The servers that containers ask: what the engine takes from this file, too, so none of the host's loopback."""
    found = []
    for line in resolv_conf.splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            try:
                address = ipaddress.ip_address(words[1].partition("%")[0])
            except ValueError:
                continue
            if not address.is_loopback:
                found.append(str(address))
    return tuple(dict.fromkeys(found))
