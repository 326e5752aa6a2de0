# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules as iptables has them: the lines that iptables-save shows, and one transaction that makes them so. Pure."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.firewall import model
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall.model import Rule
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall.policy import Network, Ports

PREFIX = "BULKHEAD-"
_CHAINS = {name: PREFIX + name.upper() for name in model.CHAINS}
_ICMP = {4: "icmp-admin-prohibited", 6: "icmp6-adm-prohibited"}
_USER, _FORWARD, _INPUT = "DOCKER-USER", "FORWARD", "INPUT"
_UNFIT = re.compile(r"[^\w .:/,*=\[\]-]")


def lines(rules: t.Sequence[Rule], family: int) -> list[str]:
    """Our chains, as ``iptables-save`` would show them."""
    return [f":{name} - [0:0]" for name in _CHAINS.values()] + [
        _line(rule, family)
        for chain in model.CHAINS
        for rule in rules
        if rule.chain == chain and family in rule.families
    ]


def _line(rule: Rule, family: int) -> str:
    protocol = rule.ports or rule.original
    parts = [
        f"-A {_CHAINS[rule.chain]}",
        _address("-s", rule.source),
        _address("-d", rule.destination),
        f"-i {rule.inside}" if rule.inside else "",
        f"-o {rule.outside}" if rule.outside else "",
        f"-p {protocol.protocol}" if protocol else "-p ipv6-icmp" if rule.icmpv6 else "",
        f"-m {rule.ports.protocol} --dport {_span(rule.ports)}" if rule.ports else "",
        f"-m icmp6 --icmpv6-type {rule.icmpv6}" if rule.icmpv6 else "",
        _conntrack(rule),
        f'-m comment --comment "{_UNFIT.sub("_", rule.words)[:200]}"',
        _verdict(rule, family),
    ]
    return " ".join(part for part in parts if part)


def _address(flag: str, network: Network | None) -> str:
    return f"{flag} {network}" if network and network.prefixlen else ""


def _span(ports: Ports) -> str:
    return f"{ports.first}" if ports.first == ports.last else f"{ports.first}:{ports.last}"


def _conntrack(rule: Rule) -> str:
    state = "RELATED,ESTABLISHED" if rule.established else "DNAT" if rule.translated else ""
    parts = [f"--ctstate {state}" if state else ""]
    if rule.original_address:
        address = rule.original_address
        host = address.prefixlen == address.max_prefixlen
        parts.append(f"--ctorigdst {address.network_address if host else address}")
    if rule.original:
        parts.append(f"--ctorigdstport {_span(rule.original)}")
    found = " ".join(part for part in parts if part)
    return f"-m conntrack {found}" if found else ""


def _verdict(rule: Rule, family: int) -> str:
    if rule.verdict == model.REJECT:
        return f"-j REJECT --reject-with {_ICMP[family]}"
    if rule.verdict in (model.JUMP, model.GOTO):
        return f"{'-j' if rule.verdict == model.JUMP else '-g'} {_CHAINS[rule.target]}"
    return "-j DROP" if rule.verdict == model.DROP else "-j RETURN"


def ours(saved: str) -> list[str]:
    """Of what iptables-save shows: our chains, and the jumps to them; ``-I`` says that it is the chain's first rule."""
    found, jumps, seen = [], [], set()
    for line in saved.splitlines():
        if line.startswith(f":{PREFIX}"):
            found.append(f"{line.split()[0]} - [0:0]")
        elif line.startswith(f"-A {PREFIX}"):
            found.append(line)
        elif line.startswith("-A "):
            chain = line.split()[1]
            if f" {PREFIX}" in line:
                jumps.append(line if chain in seen else f"-I {line[3:]}")
            seen.add(chain)
    order = {f":{name}": place for place, name in enumerate(_CHAINS.values())}
    heads = sorted((line for line in found if line[0] == ":"), key=lambda line: order.get(line.split()[0], len(order)))
    bodies = sorted((line for line in found if line[0] == "-"), key=lambda line: order.get(f":{line.split()[1]}", 99))
    return heads + bodies + sorted(jumps)


def jumps(saved: str) -> list[str]:
    """Where our chains belong: in DOCKER-USER if Docker sends packets there, else before all of its rules."""
    through_docker = f"-A {_FORWARD} -j {_USER}" in saved.splitlines()
    wanted = {_USER if through_docker else _FORWARD: model.FORWARD, _INPUT: model.INPUT}
    return sorted(f"-I {chain} -j {_CHAINS[ours_]}" for chain, ours_ in wanted.items())


def wanted(rules: t.Sequence[Rule], family: int, saved: str) -> list[str]:
    """What ``ours`` should find; no rules: nothing."""
    return [*lines(rules, family), *jumps(saved)] if rules else []


def transaction(saved: str, goal: t.Sequence[str]) -> str:
    """For ``iptables-restore --noflush``: all or nothing, and between two packets. Only our chains are emptied."""
    there = ours(saved)
    chains = [line.split()[0][1:] for line in there if line[0] == ":"]
    old = sorted(line for line in there if line[:2] in ("-I", "-A") and not line.startswith(f"-A {PREFIX}"))
    new = sorted(line for line in goal if line.startswith("-I "))
    surplus = [name for name in chains if f":{name} - [0:0]" not in goal]
    return "\n".join(
        [
            "*filter",
            *(line for line in goal if line[0] == ":"),
            *(f":{name} - [0:0]" for name in surplus),
            *(f"-D {line[3:]}" for line in old if old != new),
            *(line for line in goal if line.startswith("-A ")),
            *(line for line in new if old != new),
            *(f"-X {name}" for name in surplus),
            "COMMIT",
            "",
        ]
    )
