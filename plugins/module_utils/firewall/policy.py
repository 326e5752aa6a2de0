# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The firewall's policy, in Docker's words: read from plain data, checked, and refused by name. Pure."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass

Network = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
Json = t.Mapping[str, t.Any]

#: Words that stand for networks.
ANY, METADATA, ADMIN = "any", "metadata", "admin"
ANYWHERE: tuple[Network, ...] = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))
PROTOCOLS = ("tcp", "udp", "sctp")
_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
_DOMAIN = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})+", re.IGNORECASE)
_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/([a-z]+))?")
_MARK = re.compile(r"0x[0-9a-fA-F]{1,8}|[1-9]\d{0,9}")
_GLOB = re.compile(r"[A-Za-z0-9_.*?\[\]!-]+")


class PolicyError(Exception):
    """What was asked for makes no sense; the message names the option, the value and what to do."""


@dataclass(frozen=True)
class Ports:
    """One port or a range of them."""

    protocol: str
    first: int
    last: int

    def __str__(self) -> str:
        span = f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"
        return f"{span}/{self.protocol}"


@dataclass(frozen=True)
class Published:
    """Who may reach these ports of the host."""

    ports: tuple[Ports, ...]
    sources: tuple[Network, ...]
    addresses: tuple[Network, ...]  # of the host; empty: all


@dataclass(frozen=True)
class Allow:
    """Destinations, and the ports there; no ports: all of every protocol."""

    networks: tuple[Network, ...]
    words: tuple[str, ...]  # metadata, admin
    domains: tuple[str, ...]
    ports: tuple[Ports, ...]


@dataclass(frozen=True)
class Egress:
    """Who may reach what. Without containers and labels, everything in these networks is meant."""

    networks: tuple[str, ...]
    containers: tuple[str, ...]
    labels: tuple[str, ...]
    allow: tuple[Allow, ...]
    deny_rest: bool
    dns: bool

    @property
    def whole(self) -> bool:
        return not self.containers and not self.labels

    def __str__(self) -> str:
        parts = {"network": self.networks, "container": self.containers, "label": self.labels}
        return ", ".join(f"{kind} {' or '.join(names)}" for kind, names in parts.items() if names)


@dataclass(frozen=True)
class Policy:
    """All of it."""

    backend: str
    published: tuple[Published, ...]
    published_closed: bool
    direct_closed: bool
    egress: tuple[Egress, ...]
    metadata: tuple[Network, ...]
    admin: tuple[Network, ...]
    api_port: int
    api_sources: tuple[Network, ...]
    name_servers: tuple[Network, ...]
    accept_mark: int
    domain_keep: int

    @property
    def domains(self) -> tuple[str, ...]:
        found = (name for entry in self.egress for allow in entry.allow for name in allow.domains)
        return tuple(dict.fromkeys(found))


def network(value: t.Any, where: str) -> Network:
    try:
        return ipaddress.ip_network(value if isinstance(value, str) else repr(value))
    except ValueError as error:
        raise PolicyError(
            f"{where}: {value!r} is no network such as 192.0.2.0/24, 2001:db8::/32 or 192.0.2.7 ({error})"
        ) from error


def networks(values: t.Any, where: str, *, anywhere: bool = False) -> tuple[Network, ...]:
    found: list[Network] = []
    for value in _list(values, where):
        found += ANYWHERE if anywhere and value == ANY else (network(value, where),)
    return tuple(dict.fromkeys(found))


def ports(value: t.Any, where: str) -> Ports:
    """``443``, ``443/tcp``, ``8000-8010/udp``."""
    found = _PORT.fullmatch(str(value))
    if not found or (found[3] or "tcp") not in PROTOCOLS:
        raise PolicyError(f"{where}: {value!r} is no port: write 443/tcp, 53/udp or 8000-8010/tcp")
    first, last = int(found[1]), int(found[2] or found[1])
    if not 1 <= first <= last <= 65535:
        raise PolicyError(f"{where}: {value!r}: ports are 1 to 65535, the lower one first")
    return Ports(found[3] or "tcp", first, last)


def _list(values: t.Any, where: str) -> t.Sequence[t.Any]:
    if not isinstance(values, (list, tuple)):
        raise PolicyError(f"{where} must be a list, not {values!r}")
    return values


def _entry(raw: t.Any, where: str, known: t.Sequence[str], needed: t.Sequence[str] = ()) -> Json:
    if not isinstance(raw, dict):
        raise PolicyError(f"{where} must be a mapping with {', '.join(known)}, not {raw!r}")
    unknown = [key for key in raw if key not in known]
    if unknown:
        raise PolicyError(f"{where}: {unknown[0]!r} is not known here; there are {', '.join(known)}")
    absent = [key for key in needed if raw.get(key) is None]
    if absent:
        raise PolicyError(f"{where}: {absent[0]} is missing")
    return {key: value for key, value in raw.items() if value is not None}


def _published(raw: t.Any, where: str) -> Published:
    entry = _entry(raw, where, ("ports", "sources", "addresses"), ("ports", "sources"))
    wanted = tuple(ports(one, f"{where}.ports") for one in _list(entry["ports"], f"{where}.ports"))
    if not wanted:
        raise PolicyError(f"{where}.ports is empty: name the published ports that it is about")
    return Published(
        wanted,
        networks(entry["sources"], f"{where}.sources", anywhere=True),
        networks(entry.get("addresses", []), f"{where}.addresses"),
    )


def _allow(raw: t.Any, where: str) -> Allow:
    entry = _entry(raw, where, ("to", "ports"), ("to",))
    to = _list(entry["to"], f"{where}.to")
    if not to:
        raise PolicyError(f"{where}.to is empty: name networks, domains, or the words any, metadata, admin")
    plain: list[Network] = []
    words: list[str] = []
    domains: list[str] = []
    for one in to:
        if one == ANY:
            plain += ANYWHERE
        elif one in (METADATA, ADMIN):
            words.append(one)
        elif isinstance(one, str) and _DOMAIN.fullmatch(one) and not one.rpartition(".")[2].isdigit():
            domains.append(one.lower())
        elif isinstance(one, str) and "*" in one:
            raise PolicyError(f"{where}.to: {one!r}: a pattern has no addresses to look up; name each domain")
        else:
            plain.append(network(one, f"{where}.to"))
    wanted = tuple(ports(one, f"{where}.ports") for one in _list(entry.get("ports", []), f"{where}.ports"))
    return Allow(tuple(dict.fromkeys(plain)), tuple(words), tuple(domains), wanted)


def _names(values: t.Any, where: str) -> tuple[str, ...]:
    for one in _list(values, where):
        if not isinstance(one, str) or not _GLOB.fullmatch(one):
            raise PolicyError(f"{where}: {one!r} is no name, nor a pattern of names such as web-*")
    return tuple(values)


def _egress(raw: t.Any, where: str) -> Egress:
    entry = _entry(raw, where, ("networks", "containers", "labels", "allow", "default", "dns"))
    labels = _list(entry.get("labels", []), f"{where}.labels")
    for one in labels:
        if not isinstance(one, str) or not one.partition("=")[0]:
            raise PolicyError(f"{where}.labels: {one!r} is no label: write tier or tier=front")
    found = Egress(
        _names(entry.get("networks", []), f"{where}.networks"),
        _names(entry.get("containers", []), f"{where}.containers"),
        tuple(labels),
        tuple(
            _allow(one, f"{where}.allow[{number}]")
            for number, one in enumerate(_list(entry.get("allow", []), f"{where}.allow"))
        ),
        _choice(entry.get("default", "deny"), ("allow", "deny"), f"{where}.default") == "deny",
        _boolean(entry.get("dns", True), f"{where}.dns"),
    )
    if not (found.networks or found.containers or found.labels):
        raise PolicyError(f"{where}: say whose traffic it is about: networks, containers or labels")
    return found


def _choice(value: t.Any, choices: t.Sequence[str], where: str) -> str:
    if value not in choices:
        raise PolicyError(f"{where} must be {' or '.join(choices)}, not {value!r}")
    return str(value)


def _boolean(value: t.Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise PolicyError(f"{where} must be true or false, not {value!r}")
    return value


def _number(value: t.Any, least: int, most: int, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise PolicyError(f"{where} must be {least} to {most}, not {value!r}")
    return value


def _mark(value: t.Any, where: str) -> int:
    if value in ("", None):
        return 0
    text = str(value).partition("/")[0]
    if not _MARK.fullmatch(text) or int(text, 0) > 0xFFFFFFFF:
        raise PolicyError(f"{where} must be a mark such as 0x10000, as bridge-accept-fwmark of the daemon has it")
    return int(text, 0)


#: Key -> what it is when nothing is said.
DEFAULTS: dict[str, t.Any] = {
    "backend": "auto",
    "published": [],
    "published_default": "open",
    "direct": "closed",
    "egress": [],
    "metadata": [],
    "admin_networks": [],
    "api_port": 2376,
    "api_sources": [],
    "name_servers": [],
    "accept_mark": "",
    "domain_keep": 3600,
}


def parse(raw: Json) -> Policy:
    """The policy, or PolicyError."""
    given = {**DEFAULTS, **_entry(raw, "the policy", tuple(DEFAULTS))}
    return Policy(
        backend=_choice(given["backend"], ("auto", "iptables", "nftables"), "backend"),
        published=tuple(
            _published(one, f"published[{number}]") for number, one in enumerate(_list(given["published"], "published"))
        ),
        published_closed=_choice(given["published_default"], ("open", "closed"), "published_default") == "closed",
        direct_closed=_choice(given["direct"], ("open", "closed"), "direct") == "closed",
        egress=tuple(_egress(one, f"egress[{number}]") for number, one in enumerate(_list(given["egress"], "egress"))),
        metadata=networks(given["metadata"], "metadata"),
        admin=networks(given["admin_networks"], "admin_networks"),
        api_port=_number(given["api_port"], 1, 65535, "api_port"),
        api_sources=networks(given["api_sources"], "api_sources"),
        name_servers=networks(given["name_servers"], "name_servers"),
        accept_mark=_mark(given["accept_mark"], "accept_mark"),
        domain_keep=_number(given["domain_keep"], 0, 604800, "domain_keep"),
    )
