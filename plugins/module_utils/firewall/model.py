# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From policy and sight to rules that belong to no program yet; iptables.py and nftables.py write them down. Pure.

Nothing here lets a packet in that Docker, or another firewall of the host, would not: what is not denied goes on to
them.
Four chains. ``forward`` and ``input`` see everything that containers send and get, and everything that the host gets
(userland proxies publish ports there, and the daemon listens there). ``published`` decides by the original destination,
before Docker translated it; ``egress`` by the bridge, or the container's address, that a packet comes from.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import typing as t
from dataclasses import dataclass, field

from ansible_collections.bulkhead.docker.plugins.module_utils.firewall.policy import (
    ADMIN,
    ANYWHERE,
    METADATA,
    Allow,
    Egress,
    Network,
    Policy,
    Ports,
    Published,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall.sight import Container, Sight

FORWARD, INPUT, PUBLISHED, EGRESS = CHAINS = ("forward", "input", "published", "egress")
#: Verdicts: on to the chain before; on to Docker's rules; allowed by name (the accept mark); silence; an answer.
RETURN, PASS, ALLOW, DROP, REJECT, JUMP, GOTO = ("return", "pass", "allow", "drop", "reject", "jump", "goto")
_NEIGHBOURS = (133, 134, 135, 136)  # ICMPv6 without which there is no IPv6 on a link


@dataclass(frozen=True)
class Rule:
    chain: str
    words: str
    verdict: str
    target: str = ""  # of jump and goto
    family: int = 0  # 0: as the networks say; without them both
    inside: str = ""  # interface it comes in by
    outside: str = ""  # interface it leaves by
    source: Network | None = None
    destination: Network | None = None
    ports: Ports | None = None  # of the destination
    original: Ports | None = None  # of the destination, before Docker translated it
    original_address: Network | None = None
    established: bool = False
    translated: bool = False
    icmpv6: int = 0

    @property
    def families(self) -> tuple[int, ...]:
        versions: set[int] = {one.version for one in (self.source, self.destination, self.original_address) if one}
        versions |= {self.family} - {0}
        return (4, 6) if not versions else tuple(versions) if len(versions) == 1 else ()


@dataclass(frozen=True)
class Surroundings:
    """What is looked up outside of the engine."""

    name_servers: tuple[str, ...] = ()
    addresses: t.Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of domains


@dataclass(frozen=True)
class Source:
    """Where a packet of these containers comes from."""

    interface: str
    address: Network | None = None


Entries = t.Sequence[tuple[Egress, t.Sequence[Source]]]


def rules(policy: Policy, sight: Sight, around: Surroundings) -> list[Rule]:
    """All rules, in their order within each chain."""
    found = [
        *_forward(policy, sight),
        *_input(policy, sight),
        *_published(policy, sight),
        *_egress(policy, sight, around),
    ]
    return [rule for rule in dict.fromkeys(found) if rule.families]


def _forward(policy: Policy, sight: Sight) -> t.Iterator[Rule]:
    yield Rule(FORWARD, "what was let through before", PASS, established=True)
    yield Rule(FORWARD, "to published ports", JUMP, PUBLISHED, translated=True)
    yield from _from_containers(FORWARD, sight)
    yield Rule(FORWARD, "published, and allowed", PASS, translated=True)
    for bridge in sight.bridges:
        for family in (4, 6):
            if family in bridge.routed:
                yield Rule(
                    FORWARD, f"network {bridge.name} is routed", JUMP, PUBLISHED, family, outside=bridge.interface
                )
            elif policy.direct_closed:
                words = f"network {bridge.name}: around the published ports"
                yield Rule(FORWARD, words, DROP, family=family, outside=bridge.interface)


def _input(policy: Policy, sight: Sight) -> t.Iterator[Rule]:
    yield Rule(INPUT, "the host itself", PASS, inside="lo")
    yield Rule(INPUT, "what was let through before", PASS, established=True)
    if policy.api_sources:
        port = Ports("tcp", policy.api_port, policy.api_port)
        for source in policy.api_sources:
            yield Rule(INPUT, "the Docker API from a management network", PASS, source=source, ports=port)
        yield Rule(INPUT, "the Docker API from elsewhere", DROP, ports=port)
    yield Rule(INPUT, "ports that a proxy publishes", JUMP, PUBLISHED)
    yield from _from_containers(INPUT, sight)


def _from_containers(chain: str, sight: Sight) -> t.Iterator[Rule]:
    for bridge in sight.bridges:
        yield Rule(chain, f"from network {bridge.name}", GOTO, EGRESS, inside=bridge.interface)


def _published(policy: Policy, sight: Sight) -> t.Iterator[Rule]:
    loopback = ipaddress.ip_network("127.0.0.0/8")
    yield Rule(PUBLISHED, "published to the host alone", DROP, original_address=loopback, translated=True)
    for entry in policy.published:
        for rule in _entry(entry):
            for source in entry.sources:
                yield Rule(
                    **{**rule, "words": f"published {rule['original']} open to {source}"}, verdict=RETURN, source=source
                )
    for entry in policy.published:
        for rule in _entry(entry):
            yield Rule(**{**rule, "words": f"published {rule['original']} closed to others"}, verdict=DROP)
    if policy.published_closed:
        for bridge in sight.bridges:
            words = f"network {bridge.name}: published ports that the policy does not name"
            yield Rule(PUBLISHED, words, DROP, outside=bridge.interface)
        for name in sight.published:
            number, _slash, protocol = name.partition("/")
            port = Ports(protocol, int(number), int(number))
            yield Rule(PUBLISHED, f"published {port}, which the policy does not name", DROP, original=port)


def _entry(entry: Published) -> t.Iterator[dict[str, t.Any]]:
    for port in entry.ports:
        for address in entry.addresses or (None,):
            yield {"chain": PUBLISHED, "original": port, "original_address": address}


def _egress(policy: Policy, sight: Sight, around: Surroundings) -> t.Iterator[Rule]:
    for kind in _NEIGHBOURS:
        yield Rule(EGRESS, "neighbours and routers of IPv6", PASS, family=6, icmpv6=kind)
    for bridge in sight.bridges:
        yield Rule(EGRESS, f"within network {bridge.name}", PASS, inside=bridge.interface, outside=bridge.interface)
    entries = [(entry, sources(entry, sight)) for entry in policy.egress]
    yield from _name_servers(policy, around, entries)
    yield from _denied(policy, entries)
    for entry, froms in entries:
        for allow in entry.allow:
            looked_up = [_one(text) for name in allow.domains for text in around.addresses.get(name, ())]
            yield from _allowed(entry, froms, allow, [*allow.networks, *looked_up])
    for entry, froms in entries:
        for source in froms if entry.deny_rest else ():
            yield Rule(EGRESS, f"{entry}: nothing else", REJECT, **_from(source))


def _denied(policy: Policy, entries: Entries) -> t.Iterator[Rule]:
    """What nobody may reach; before it those who may, by name. A domain's address does not count as named."""
    denied = {METADATA: policy.metadata, ADMIN: policy.admin}
    for entry, froms in entries:
        for allow in entry.allow:
            named = [network for word in allow.words for network in denied[word]]
            within = [one for one in allow.networks if _within(one, (*policy.metadata, *policy.admin))]
            yield from _allowed(entry, froms, allow, [*named, *within])
    for words_, networks in (("a metadata endpoint", policy.metadata), ("an admin network", policy.admin)):
        for network in networks:
            yield Rule(EGRESS, f"{network} is {words_}", REJECT, destination=network)


def _name_servers(policy: Policy, around: Surroundings, entries: Entries) -> t.Iterator[Rule]:
    servers = [*policy.name_servers, *([] if policy.name_servers else map(_one, around.name_servers))]
    asked = [(server, Ports(protocol, 53, 53)) for server in servers for protocol in ("udp", "tcp")]
    for entry, froms in entries:
        for source in froms if not entry.dns else ():
            for server, port in asked:
                words = f"{entry}: no name server"
                yield Rule(EGRESS, words, REJECT, **_from(source), destination=server, ports=port)
    for server, port in asked:
        yield Rule(EGRESS, f"name server {server}", ALLOW, destination=server, ports=port)


def _allowed(
    entry: Egress, froms: t.Sequence[Source], allow: Allow, destinations: t.Sequence[Network]
) -> t.Iterator[Rule]:
    for source in froms:
        for network in destinations:
            for port in allow.ports or (None,):
                words = f"{entry}: may reach {_shown(network)}{f' port {port}' if port else ''}"
                destination = None if network in ANYWHERE else network
                yield Rule(
                    EGRESS, words, ALLOW, family=network.version, **_from(source), destination=destination, ports=port
                )


def _shown(network: Network) -> str:
    return "everything" if network in ANYWHERE else str(network)


def _from(source: Source) -> dict[str, t.Any]:
    return {"inside": source.interface, "source": source.address}


def _one(text: str) -> Network:
    return ipaddress.ip_network(text)


def _within(network: Network, others: t.Sequence[Network]) -> bool:
    """More specific than a denied one, so named on purpose; what merely contains it does not mean it."""
    return any(network.version == other.version and network.subnet_of(other) for other in others)  # type: ignore[arg-type]


def sources(entry: Egress, sight: Sight) -> tuple[Source, ...]:
    """The bridges or addresses that an entry is about, as of now."""
    if entry.whole:
        found = [Source(one.interface) for one in sight.bridges if _matches(one.name, entry.networks)]
    else:
        found = [
            Source(end.interface, _one(address))
            for container in sight.containers
            if selected(entry, container)
            for end in container.endpoints
            if end.interface and _matches(end.network, entry.networks or ("*",))
            for address in end.addresses
        ]
    return tuple(dict.fromkeys(found))


def selected(entry: Egress, container: Container) -> bool:
    return _matches(container.name, entry.containers) or any(_labelled(container, label) for label in entry.labels)


def _labelled(container: Container, label: str) -> bool:
    name, equals, value = label.partition("=")
    return name in container.labels and (not equals or container.labels[name] == value)


def _matches(name: str, globs: t.Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, glob) for glob in globs)


def words(found: t.Sequence[Rule]) -> list[str]:
    """The rules in words, each said once."""
    return list(dict.fromkeys(rule.words for rule in found if rule.verdict not in (JUMP, GOTO, PASS)))


def notes(policy: Policy, sight: Sight, around: Surroundings) -> list[str]:
    """What the rules do not cover, and what the policy names that is not there."""
    found = [f"container {one.name} is not covered: {one.uncovered}" for one in sight.containers if one.uncovered]
    for number, entry in enumerate(policy.egress):
        if not sources(entry, sight):
            found.append(f"egress[{number}] ({entry}): nothing there with an address on a bridge now")
    found += [f"{name} has no address that is known" for name in policy.domains if not around.addresses.get(name)]
    return found
