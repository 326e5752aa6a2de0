# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules as nftables has them: one table of our own, replaced whole in one transaction. Pure.

Its chains come before priority filter, so before those of Docker's own tables. An accept here only ends our table;
what Docker would drop nevertheless needs the mark that its daemon was told (``bridge-accept-fwmark``).
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.firewall import model
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall.model import Rule
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall.policy import Network, Ports

FAMILY, NAME = "inet", "bulkhead_docker"
_HOOKS = {model.FORWARD: "forward", model.INPUT: "input"}
_UNFIT = re.compile(r"[^\w .:/,*=\[\]-]")
_VERDICTS = {
    model.RETURN: "return",
    model.PASS: "accept",
    model.DROP: "drop",
    model.REJECT: "reject with icmpx admin-prohibited",
}


def table(rules: t.Sequence[Rule], mark: int) -> str:
    """As ``nft list table`` would show it, or nearly."""
    if not rules:
        return ""
    chains = [_chain(name, [rule for rule in rules if rule.chain == name], mark) for name in reversed(model.CHAINS)]
    return f"table {FAMILY} {NAME} {{\n" + "\n".join(chains) + "}\n"


def transaction(text: str) -> str:
    """For ``nft -f -``: away with the old table, if there is one, and in with the new."""
    return f"table {FAMILY} {NAME}\ndelete table {FAMILY} {NAME}\n{text}"


def _chain(name: str, rules: t.Sequence[Rule], mark: int) -> str:
    hook = [f"\t\ttype filter hook {_HOOKS[name]} priority filter - 10; policy accept;"] if name in _HOOKS else []
    lines = [f"\t\t{_line(rule, mark)}" for rule in rules]
    return "\n".join([f"\tchain {name} {{", *hook, *lines, "\t}", ""])


def _line(rule: Rule, mark: int) -> str:
    """The order is the one in which nft prints them, too."""
    parts = [
        f"meta nfproto ipv{rule.family}" if rule.family and not _networks(rule) and not rule.icmpv6 else "",
        f'iifname "{rule.inside}"' if rule.inside else "",
        f'oifname "{rule.outside}"' if rule.outside else "",
        _address("saddr", rule.source),
        _address("daddr", rule.destination),
        f"{rule.ports.protocol} dport {_span(rule.ports)}" if rule.ports else "",
        f"meta l4proto {rule.original.protocol}" if rule.original else "",
        f"icmpv6 type {rule.icmpv6}" if rule.icmpv6 else "",
        "ct state established,related" if rule.established else "",
        "ct status dnat" if rule.translated else "",
        _original(rule.original_address),
        f"ct original proto-dst {_span(rule.original)}" if rule.original else "",
        _verdict(rule, mark),
        f'comment "{_UNFIT.sub("_", rule.words)[:120]}"',
    ]
    return " ".join(part for part in parts if part)


def _networks(rule: Rule) -> list[Network]:
    return [one for one in (rule.source, rule.destination, rule.original_address) if one]


def _shown(network: Network) -> str:
    return str(network.network_address if network.prefixlen == network.max_prefixlen else network)


def _address(which: str, network: Network | None) -> str:
    if not network:
        return ""
    if not network.prefixlen:
        return f"meta nfproto ipv{network.version}"
    return f"{'ip' if network.version == 4 else 'ip6'} {which} {_shown(network)}"


def _original(network: Network | None) -> str:
    return f"ct original {'ip' if network.version == 4 else 'ip6'} daddr {_shown(network)}" if network else ""


def _span(ports: Ports) -> str:
    return f"{ports.first}" if ports.first == ports.last else f"{ports.first}-{ports.last}"


def _verdict(rule: Rule, mark: int) -> str:
    if rule.verdict in (model.JUMP, model.GOTO):
        return f"{rule.verdict} {rule.target}"
    if rule.verdict == model.ALLOW:
        return f"meta mark set meta mark | 0x{mark:08x} accept" if mark else "accept"
    return _VERDICTS[rule.verdict]
