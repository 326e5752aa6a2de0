# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What packet filters leave open to containers, and to others."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.model import Rule
from ansible_collections.bulkhead.docker.plugins.module_utils.rules.words import cis

_LIVE = "rules of the kernel (iptables-save, ip6tables-save, nft list table)"
_OURS = "rootless != `true`"
_USERS = "the engine is a user's, whose containers send as that user's processes do"
_rule = functools.partial(Rule, subject="host", lever="host", source=_LIVE, role="docker_firewall")

RULES: t.Final[tuple[Rule, ...]] = (
    _rule(
        id="firewall-rules",
        title="The kernel has the rules of the firewall's policy, for IPv4 and IPv6",
        threat="A rule that was taken out, or never came back after another tool flushed it, protects nobody, and the"
        " file that names it still looks right.",
        severity="high",
        applies_when=f"{_OURS} && (firewall == null || firewall.managed)",
        unless=f"role docker_firewall has no policy on this host, or {_USERS}",
        needs=("firewall",),
        offenders="firewall.pending",
        expected="what the policy in /etc/bulkhead.docker/firewall.json makes of the networks and containers there are",
        remedy="`systemctl status 'bulkhead-docker-firewall*'` says why they are not refreshed;"
        " `bulkhead-docker-firewall apply`, or role docker_firewall, brings them back.",
    ),
    _rule(
        id="firewall-metadata",
        title="Containers do not reach the cloud's metadata endpoints",
        threat="Whoever gets a container to send one request gets the credentials of the machine, and with them what"
        " the machine may do in the cloud.",
        severity="high",
        applies_when=f"{_OURS} && policy.metadata_endpoints",
        unless=f"the policy names no `metadata_endpoints`, or {_USERS}",
        needs=("firewall",),
        offenders="firewall.metadata",
        expected="a rule that denies each of `metadata_endpoints` of the policy to all containers",
        remedy="Role docker_firewall denies them, but to containers that it is told need them. On a host outside of"
        " clouds set `metadata_endpoints` of the policy to [].",
    ),
    _rule(
        id="firewall-admin-networks",
        title="Containers do not reach the networks from which hosts are administered",
        threat="From a container that was broken into, hypervisors, switches and consoles are one step away.",
        severity="high",
        applies_when=f"{_OURS} && policy.management_networks",
        unless=f"the policy names no `management_networks`, or {_USERS}",
        needs=("firewall",),
        offenders="firewall.admin",
        expected="a rule that denies each of `management_networks` of the policy to all containers",
        remedy="Role docker_firewall with `docker_firewall_admin_networks`.",
    ),
    _rule(
        id="firewall-egress",
        title="Networks of containers reach only what they need",
        threat="A container that was broken into fetches its tools, and takes data out, over any connection it likes.",
        severity="medium",
        applies_when=f"{_OURS} && policy.limited_networks",
        unless=f"the policy names no `limited_networks`, or {_USERS}",
        needs=("firewall",),
        offenders="firewall.egress",
        expected="for each network of `limited_networks` of the policy that containers use, a rule that denies what"
        " none before it allows",
        remedy="Role docker_firewall with an entry of `docker_firewall_egress` for each of these networks.",
    ),
    _rule(
        id="firewall-published",
        title="Ports that are published on all addresses are meant for everybody",
        threat="Docker's rules come before the host's own firewall: a database that was published for a neighbour is"
        " open to the world, though the firewall seems to close it.",
        severity="medium",
        applies_when=_OURS,
        unless=_USERS,
        needs=("firewall",),
        offenders="firewall.published",
        expected="a rule by the port of the host that limits its sources, or the port in `open_ports` of the policy",
        remedy="Role docker_firewall with `docker_firewall_published`; or publish it on one address of the host.",
        cis=cis("5.13"),
    ),
    _rule(
        id="firewall-api",
        title="The port of the Docker API is open to management networks only",
        threat="Everybody may try the API: one certificate that was lost, or one flaw in TLS, is root on the host.",
        severity="high",
        applies_when=_OURS,
        unless=_USERS,
        needs=("firewall",),
        offenders="firewall.api",
        expected="a rule for input that denies the port to all but some, or a policy of DROP",
        remedy="Role docker_firewall with `docker_firewall_api_sources` (or `docker_tls_management_networks`).",
    ),
    _rule(
        id="firewall-uncovered",
        title="No container sends past the firewall",
        threat="In the host's network, in macvlan and in ipvlan networks no rule about containers sees what they send:"
        " they reach metadata endpoints and administrators' networks.",
        severity="medium",
        applies_when=f"{_OURS} && (firewall == null || firewall.managed)",
        unless=f"role docker_firewall has no policy on this host, or {_USERS}",
        needs=("firewall",),
        offenders="firewall.uncovered",
        expected="all running containers on bridge networks",
        remedy="Give the container a bridge network and publish its ports; where it needs the host's, filter by its"
        " control group on the host, and waive this for it: role docker_firewall covers bridges.",
    ),
)
