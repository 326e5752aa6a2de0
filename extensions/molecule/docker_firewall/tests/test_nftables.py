# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table for the nftables backend beside tables like Docker 29's, which no engine here makes.

A stand-in for what that engine loads (tables docker-bridges, which drop what they do not know and accept its mark), in
namespaces of their own: a router between two containers' networks and the world. The rules are ours, rendered for it.
"""

from __future__ import annotations

import json
import subprocess
import typing as t

import pytest
import world
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall import model, nftables, policy, sight

WORLD = """
set -e
for one in router one two world; do ip netns add fw-$one; ip -n fw-$one link set lo up; done
for one in one two world; do
  ip link add fw-$one netns fw-router type veth peer name eth0 netns fw-$one
  ip -n fw-router link set fw-$one up
  ip -n fw-$one link set eth0 up
done
number=1
for one in one two world; do
  ip -n fw-router address add 10.200.$number.1/24 dev fw-$one
  ip -n fw-router address add fd20:$number::1/64 dev fw-$one nodad
  ip -n fw-$one address add 10.200.$number.2/24 dev eth0
  ip -n fw-$one address add fd20:$number::2/64 dev eth0 nodad
  ip -n fw-$one route add default via 10.200.$number.1
  ip -n fw-$one route add default via fd20:$number::1
  number=$((number + 1))
done
for address in 169.254.169.254/32 10.200.66.5/32 10.200.3.3/24 fd00:ec2::254/128 fd20:66::5/128 fd20:3::3/64; do
  ip -n fw-world address add $address dev eth0 nodad
done
for net in 169.254.169.254 10.200.66.0/24; do ip -n fw-router route add $net via 10.200.3.2; done
for net in fd00:ec2::254 fd20:66::/64; do ip -n fw-router route add $net via fd20:3::2; done
ip netns exec fw-router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
for one in one two world router; do
  systemd-run --quiet --unit=fw-$one ip netns exec fw-$one python3 /root/peer.py
done
"""
UNDO = """
for one in one two world router; do systemctl stop fw-$one; ip netns delete fw-$one; done 2>/dev/null; true
"""
DOCKER = """
table {family} docker-bridges {{
  chain nat {{ type nat hook prerouting priority dstnat; policy accept;
    iifname "fw-world" tcp dport 8080 dnat to {one}:80
    iifname "fw-world" tcp dport 8081 dnat to {one}:443
  }}
  chain forward {{ type filter hook forward priority filter; policy accept;
    meta mark & 0x00010000 == 0x00010000 accept
    ct state established,related accept
    iifname "fw-one" oifname "fw-two" drop
    iifname "fw-two" oifname "fw-one" drop
    oifname "fw-one" ct status dnat accept
    oifname {{ "fw-one", "fw-two" }} drop
  }}
}}
"""
SIGHT = sight.Sight("nftables", (sight.Bridge("one", "fw-one"), sight.Bridge("two", "fw-two")))
POLICY = {
    "published": [{"ports": ["8080"], "sources": ["10.200.3.2", "fd20:3::2"]}],
    "published_default": "closed",
    "metadata": ["169.254.169.254", "fd00:ec2::254"],
    "admin_networks": ["10.200.66.0/24", "fd20:66::/64"],
    "api_port": 443,
    "api_sources": ["10.200.3.2", "fd20:3::2"],
    "accept_mark": "0x10000/0x10000",
    "egress": [
        {"networks": ["one"],
         "allow": [{"to": ["10.200.3.2", "fd20:3::2", "10.200.2.2", "fd20:2::2"], "ports": ["80"]}]},
    ],
}  # fmt: skip
#: from, to (v4, v6), port, without our table, with it
PROBES = [
    ("world", ("10.200.3.1", "fd20:3::1"), 8080, True, True),  # published, from an allowed source
    ("other", ("10.200.3.1", "fd20:3::1"), 8080, True, False),  # published, from another
    ("world", ("10.200.3.1", "fd20:3::1"), 8081, True, False),  # published, and not named
    ("world", ("10.200.1.2", "fd20:1::2"), 80, False, False),  # directly: Docker drops it
    ("world", ("10.200.3.1", "fd20:3::1"), 443, True, True),  # the API, from an allowed source
    ("other", ("10.200.3.1", "fd20:3::1"), 443, True, False),  # the API, from another
    ("one", ("10.200.3.2", "fd20:3::2"), 80, True, True),  # allowed
    ("one", ("10.200.3.2", "fd20:3::2"), 443, True, False),  # not this port
    ("one", ("10.200.3.3", "fd20:3::3"), 80, True, False),  # not this address
    ("one", ("169.254.169.254", "fd00:ec2::254"), 80, True, False),
    ("two", ("169.254.169.254", "fd00:ec2::254"), 80, True, False),
    ("two", ("10.200.66.5", "fd20:66::5"), 443, True, False),
    ("two", ("10.200.3.3", "fd20:3::3"), 443, True, True),  # nothing is said about this network
    ("one", ("10.200.2.2", "fd20:2::2"), 80, False, True),  # another network: Docker drops it but for the mark
    ("two", ("10.200.1.2", "fd20:1::2"), 80, False, False),  # no mark
    ("one", ("10.200.1.1", "fd20:1::1"), 80, True, False),  # the host itself
]
SOURCES = {"world": ("10.200.3.2", "fd20:3::2"), "other": ("10.200.3.3", "fd20:3::3")}


def text() -> str:
    wanted = policy.parse(POLICY)
    rules = model.rules(wanted, SIGHT, model.Surroundings())
    return nftables.transaction(nftables.table(rules, wanted.accept_mark))


def load(host: str, rules: str) -> None:
    world.inside(host, ["ip", "netns", "exec", "fw-router", "nft", "--file", "-"], rules)


def look(host: str) -> list[tuple[bool, bool]]:
    """Of each probe, over IPv4 and IPv6, whether there was an answer."""
    seen: dict[tuple[int, int], bool] = {}
    for vantage in {probe[0] for probe in PROBES}:
        wanted = {
            (number, family): {"kind": "tcp", "address": probe[1][family], "port": probe[2],
                               "source": SOURCES.get(vantage, ("", ""))[family]}
            for number, probe in enumerate(PROBES) for family in (0, 1) if probe[0] == vantage
        }  # fmt: skip
        namespace = "fw-world" if vantage in SOURCES else f"fw-{vantage}"
        program = ["ip", "netns", "exec", namespace, "python3", "-c", (world.HERE / "probe.py").read_text()]
        answers = json.loads(world.inside(host, program, json.dumps(list(wanted.values()))))
        seen.update(zip(wanted, answers, strict=True))
    return [(seen[number, 0], seen[number, 1]) for number in range(len(PROBES))]


@pytest.fixture(scope="module")
def router(host: t.Any) -> t.Iterator[str]:
    name = str(host.backend.get_hostname())
    peer = (world.HERE / "peer.py").read_text().replace("for address in NAME_SERVERS", "for address in ()")
    world.inside(name, ["tee", "/root/peer.py"], peer)
    world.inside(name, ["sh", "-c", UNDO + WORLD])
    load(name, DOCKER.format(family="ip", one="10.200.1.2") + DOCKER.format(family="ip6", one="[fd20:1::2]"))
    yield name
    world.inside(name, ["sh", "-c", UNDO])


def test_it_denies_what_the_policy_does_and_marks_what_it_allows(router: str) -> None:
    before = look(router)
    load(router, text())
    after = look(router)
    assert before == [(probe[3], probe[3]) for probe in PROBES]
    assert after == [(probe[4], probe[4]) for probe in PROBES]


def test_it_is_replaced_whole_and_dockers_tables_stay(router: str) -> None:
    listing = ["ip", "netns", "exec", "fw-router", "nft", "list", "table"]
    docker = [world.inside(router, [*listing, family, "docker-bridges"]) for family in ("ip", "ip6")]
    load(router, text())
    first = world.inside(router, [*listing, "inet", "bulkhead_docker"])
    load(router, text())
    assert world.inside(router, [*listing, "inet", "bulkhead_docker"]) == first
    assert [world.inside(router, [*listing, family, "docker-bridges"]) for family in ("ip", "ip6")] == docker


def test_a_rule_that_is_refused_leaves_the_table_of_before(router: str) -> None:
    listing = ["ip", "netns", "exec", "fw-router", "nft", "list", "ruleset"]
    before = world.inside(router, listing)
    with pytest.raises(subprocess.CalledProcessError):
        load(router, text() + "table inet bulkhead_docker { chain egress { nonsense } }")
    assert world.inside(router, listing) == before
