# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy: what is refused, and by which name."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall import policy

GOOD_EGRESS = {"networks": ["app"], "allow": [{"to": ["any"]}]}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"publishd": []}, "the policy: 'publishd' is not known here; there are backend, published"),
        ({"backend": "ufw"}, "backend must be auto or iptables or nftables, not 'ufw'"),
        ({"published": {}}, "published must be a list, not {}"),
        ({"published": ["80"]}, "published[0] must be a mapping with ports, sources, addresses, not '80'"),
        ({"published": [{"ports": ["80"]}]}, "published[0]: sources is missing"),
        ({"published": [{"ports": [], "sources": []}]}, "published[0].ports is empty"),
        ({"published": [{"ports": ["80/icmp"], "sources": []}]}, "published[0].ports: '80/icmp' is no port"),
        ({"published": [{"ports": ["0"], "sources": []}]}, "published[0].ports: '0': ports are 1 to 65535"),
        ({"published": [{"ports": ["90-80"], "sources": []}]}, "published[0].ports: '90-80': ports are"),
        ({"published": [{"ports": ["80"], "sources": ["10.0.0.1/8"]}]}, "published[0].sources: '10.0.0.1/8' is no"),
        ({"published": [{"ports": [80], "sources": [7]}]}, "published[0].sources: 7 is no network"),
        ({"published_default": "deny"}, "published_default must be open or closed, not 'deny'"),
        ({"egress": [{"allow": []}]}, "egress[0]: say whose traffic it is about"),
        ({"egress": [{"networks": ["a b"]}]}, "egress[0].networks: 'a b' is no name"),
        ({"egress": [{"labels": ["=x"]}]}, "egress[0].labels: '=x' is no label"),
        ({"egress": [{**GOOD_EGRESS, "default": "drop"}]}, "egress[0].default must be allow or deny, not 'drop'"),
        ({"egress": [{**GOOD_EGRESS, "dns": "no"}]}, "egress[0].dns must be true or false, not 'no'"),
        ({"egress": [{"networks": ["a"], "allow": [{"to": []}]}]}, "egress[0].allow[0].to is empty"),
        ({"egress": [{"networks": ["a"], "allow": [{"to": ["*.x.org"]}]}]}, "'*.x.org': a pattern has no addresses"),
        ({"egress": [{"networks": ["a"], "allow": [{"to": ["10.0.0.256"]}]}]}, "to: '10.0.0.256' is no network"),
        ({"metadata": ["here"]}, "metadata: 'here' is no network"),
        ({"api_port": True}, "api_port must be 1 to 65535, not True"),
        ({"accept_mark": "0x1_0"}, "accept_mark must be a mark such as 0x10000"),
        ({"domain_keep": -1}, "domain_keep must be 0 to 604800, not -1"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_by_name(given: dict[str, t.Any], said: str) -> None:
    with pytest.raises(policy.PolicyError) as raised:
        policy.parse(given)
    assert said in str(raised.value)


def test_nothing_said_is_a_policy_that_denies_nothing_but_ways_around() -> None:
    found = policy.parse({})
    assert (found.published, found.egress, found.metadata, found.api_sources) == ((), (), (), ())
    assert found.direct_closed and not found.published_closed


def test_destinations_are_told_apart() -> None:
    allow = {"to": ["any", "metadata", "10.0.0.0/8", "API.example.com", "2001:db8::1"], "ports": ["443", "53/udp"]}
    (entry,) = policy.parse({"egress": [{"labels": ["a=b"], "allow": [allow]}]}).egress
    (found,) = entry.allow
    assert [str(one) for one in found.networks] == ["0.0.0.0/0", "::/0", "10.0.0.0/8", "2001:db8::1/128"]
    assert (found.words, found.domains) == (("metadata",), ("api.example.com",))
    assert [str(one) for one in found.ports] == ["443/tcp", "53/udp"]
    assert entry.deny_rest and entry.dns and not entry.whole
