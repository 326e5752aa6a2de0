# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From policy and sight to rules, and how iptables and nftables have them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall import iptables, model, nftables, policy, sight

NETWORKS: list[dict[str, t.Any]] = [
    {"Name": "bridge", "Id": "a" * 64, "Driver": "bridge", "Options": {"com.docker.network.bridge.name": "docker0"}},
    {"Name": "app", "Id": "b" * 64, "Driver": "bridge"},
    {
        "Name": "routed",
        "Id": "c" * 64,
        "Driver": "bridge",
        "Options": {"com.docker.network.bridge.gateway_mode_ipv6": "routed"},
    },
    {"Name": "mac", "Id": "d" * 64, "Driver": "macvlan"},
    {"Name": "host", "Id": "e" * 64, "Driver": "host"},
]


def container(name: str, networks: dict[str, tuple[str, str]], mode: str = "app", **more: t.Any) -> dict[str, t.Any]:
    attached = {net: {"IPAddress": four, "GlobalIPv6Address": six} for net, (four, six) in networks.items()}
    return {
        "Names": [f"/{name}"],
        "HostConfig": {"NetworkMode": mode},
        "NetworkSettings": {"Networks": attached},
        **more,
    }


CONTAINERS = [
    container("web-1", {"app": ("10.1.0.2", "fd00:1::2"), "bridge": ("172.17.0.2", "")}, Labels={"tier": "front"},
              Ports=[{"PublicPort": 8080, "PrivatePort": 80, "Type": "tcp"}]),
    container("db", {"app": ("10.1.0.3", "")}),
    container("metrics", {"host": ("", "")}, mode="host"),
    container("edge", {"mac": ("192.0.2.9", "")}, mode="mac"),
]  # fmt: skip
SIGHT = sight.see({}, NETWORKS, CONTAINERS)
AROUND = model.Surroundings(("10.53.0.1",), {"api.example.com": ("198.51.100.7", "2001:db8::7")})


def rules(given: dict[str, t.Any]) -> list[model.Rule]:
    return model.rules(policy.parse(given), SIGHT, AROUND)


def lines(given: dict[str, t.Any], family: int = 4) -> list[str]:
    """Without the comments."""
    found = iptables.lines(rules(given), family)
    return [line.partition(" -m comment")[0] + " " + line.rpartition('" ')[2] for line in found if line[0] == "-"]


def test_what_is_seen_of_the_engine() -> None:
    assert {one.name: (one.interface, one.routed) for one in SIGHT.bridges} == {
        "bridge": ("docker0", ()), "app": ("br-bbbbbbbbbbbb", ()), "routed": ("br-cccccccccccc", (6,)),
    }  # fmt: skip
    assert {one.name: one.uncovered for one in SIGHT.containers if one.uncovered} == {
        "metrics": "it is in the host's network", "edge": "network mac is a macvlan network",
    }  # fmt: skip
    assert SIGHT.published == ("8080/tcp",)
    assert sight.decode(sight.encode(SIGHT)) == SIGHT
    assert sight.see({"FirewallBackend": {"Driver": "nftables+firewalld"}}, [], []).backend == "nftables"


def test_name_servers_are_those_that_containers_ask() -> None:
    text = "# x\nnameserver 127.0.0.53\nnameserver 10.53.0.1\nnameserver fe80::1%eth0\nnameserver nonsense\nsearch x\n"
    assert sight.name_servers(text) == ("10.53.0.1", "fe80::1")


def test_published_ports_are_matched_before_translation() -> None:
    given = {"published": [{"ports": ["8000-8010"], "sources": ["192.0.2.0/24"]}], "published_default": "closed"}
    found = [line for line in lines(given) if line.startswith("-A BULKHEAD-PUBLISHED")]
    allowed = "-A BULKHEAD-PUBLISHED -s 192.0.2.0/24 -p tcp -m conntrack --ctorigdstport 8000:8010 -j RETURN"
    closed = "-A BULKHEAD-PUBLISHED -p tcp -m conntrack --ctorigdstport 8000:8010 -j DROP"
    assert found.index(allowed) < found.index(closed)
    assert "-A BULKHEAD-PUBLISHED -o docker0 -j DROP" in found
    assert "-A BULKHEAD-PUBLISHED -p tcp -m conntrack --ctorigdstport 8080 -j DROP" in found


def test_a_source_of_one_version_of_ip_closes_the_other() -> None:
    found = lines({"published": [{"ports": ["80"], "sources": ["192.0.2.0/24"]}]}, 6)
    assert [line for line in found if "--ctorigdstport 80 " in line] == [
        "-A BULKHEAD-PUBLISHED -p tcp -m conntrack --ctorigdstport 80 -j DROP"
    ]


def test_a_routed_network_is_reached_by_published_ports_and_others_are_not_reached_directly() -> None:
    found = [line for line in lines({}, 6) if " -o br-" in line and "FORWARD" in line]
    assert found == [
        "-A BULKHEAD-FORWARD -o br-bbbbbbbbbbbb -j DROP",
        "-A BULKHEAD-FORWARD -o br-cccccccccccc -j BULKHEAD-PUBLISHED",
    ]
    assert not [line for line in lines({"direct": "open"}) if "-A BULKHEAD-FORWARD -o" in line]


EGRESS = {
    "metadata": ["169.254.169.254", "fd00:ec2::254"],
    "admin_networks": ["10.66.0.0/16"],
    "egress": [
        {"networks": ["app"], "allow": [{"to": ["any"], "ports": ["443"]}, {"to": ["api.example.com"]}]},
        {"labels": ["tier=front"], "dns": False, "allow": [{"to": ["metadata", "10.66.1.0/24"]}]},
    ],
}


def test_the_order_of_egress() -> None:
    """Exemptions by name, denials, what else is allowed, nothing else."""
    found = [line for line in lines(EGRESS) if line.startswith("-A BULKHEAD-EGRESS")]
    wanted = [
        "-A BULKHEAD-EGRESS -s 10.1.0.2/32 -d 10.53.0.1/32 -i br-bbbbbbbbbbbb -p udp -m udp --dport 53"
        " -j REJECT --reject-with icmp-admin-prohibited",
        "-A BULKHEAD-EGRESS -d 10.53.0.1/32 -p udp -m udp --dport 53 -j RETURN",
        "-A BULKHEAD-EGRESS -s 10.1.0.2/32 -d 169.254.169.254/32 -i br-bbbbbbbbbbbb -j RETURN",
        "-A BULKHEAD-EGRESS -s 172.17.0.2/32 -d 10.66.1.0/24 -i docker0 -j RETURN",
        "-A BULKHEAD-EGRESS -d 169.254.169.254/32 -j REJECT --reject-with icmp-admin-prohibited",
        "-A BULKHEAD-EGRESS -d 10.66.0.0/16 -j REJECT --reject-with icmp-admin-prohibited",
        "-A BULKHEAD-EGRESS -i br-bbbbbbbbbbbb -p tcp -m tcp --dport 443 -j RETURN",
        "-A BULKHEAD-EGRESS -d 198.51.100.7/32 -i br-bbbbbbbbbbbb -j RETURN",
        "-A BULKHEAD-EGRESS -i br-bbbbbbbbbbbb -j REJECT --reject-with icmp-admin-prohibited",
        "-A BULKHEAD-EGRESS -s 172.17.0.2/32 -i docker0 -j REJECT --reject-with icmp-admin-prohibited",
    ]
    assert [line for line in found if line in wanted] == wanted


def test_a_domain_that_points_to_an_administrator_is_no_exemption() -> None:
    around = model.Surroundings((), {"api.example.com": ("10.66.0.9",)})
    found = model.rules(policy.parse(EGRESS), SIGHT, around)
    place = {str(rule.destination): number for number, rule in enumerate(found) if rule.destination}
    assert place["10.66.0.0/16"] < place["10.66.0.9/32"]


def test_ipv6_needs_its_neighbours() -> None:
    found = lines(EGRESS, 6)
    closed = found.index("-A BULKHEAD-EGRESS -i br-bbbbbbbbbbbb -j REJECT --reject-with icmp6-adm-prohibited")
    for kind in (133, 134, 135, 136):
        assert found.index(f"-A BULKHEAD-EGRESS -p ipv6-icmp -m icmp6 --icmpv6-type {kind} -j RETURN") < closed


def test_the_api_is_for_its_sources_and_all_when_there_are_none() -> None:
    found = lines({"api_sources": ["10.66.0.0/16"]})
    allowed = "-A BULKHEAD-INPUT -s 10.66.0.0/16 -p tcp -m tcp --dport 2376 -j RETURN"
    assert found.index(allowed) < found.index("-A BULKHEAD-INPUT -p tcp -m tcp --dport 2376 -j DROP")
    assert not [line for line in lines({}) if "2376" in line]


def test_notes_say_what_is_not_covered() -> None:
    given = policy.parse({"egress": [{"networks": ["nowhere"], "allow": [{"to": ["gone.example.com"]}]}]})
    assert model.notes(given, SIGHT, AROUND) == [
        "container edge is not covered: network mac is a macvlan network",
        "container metrics is not covered: it is in the host's network",
        "egress[0] (network nowhere): nothing there with an address on a bridge now",
        "gone.example.com has no address that is known",
    ]


def test_jumps_are_in_dockers_chain_where_docker_has_one() -> None:
    assert iptables.jumps("-A FORWARD -j DOCKER-USER") == [
        "-I DOCKER-USER -j BULKHEAD-FORWARD", "-I INPUT -j BULKHEAD-INPUT",
    ]  # fmt: skip
    assert iptables.jumps(":DOCKER-USER - [0:0]") == ["-I FORWARD -j BULKHEAD-FORWARD", "-I INPUT -j BULKHEAD-INPUT"]


SAVED = """*filter
:FORWARD DROP [7:9]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A DOCKER-USER -s 192.0.2.1/32 -j DROP
"""


def test_a_transaction_touches_only_ours() -> None:
    goal = iptables.wanted(rules({}), 4, SAVED)
    text = iptables.transaction(SAVED, goal).splitlines()
    assert text[0] == "*filter" and text[-1] == "COMMIT"
    touched = [line for line in text if "BULKHEAD-" not in line]
    assert touched == ["*filter", "COMMIT"]
    assert text[-2].startswith("-I INPUT") and not [line for line in text if line.startswith("-F")]


def test_a_jump_that_is_not_first_or_twice_is_put_right() -> None:
    goal = iptables.wanted(rules({}), 4, SAVED)
    for wrong in ("-A DOCKER-USER -j BULKHEAD-FORWARD", "-A FORWARD -j BULKHEAD-FORWARD"):
        saved = f"{SAVED}{wrong}\n"
        text = iptables.transaction(saved, goal).splitlines()
        assert f"-D {wrong[3:]}" in text and "-I DOCKER-USER -j BULKHEAD-FORWARD" in text
        assert iptables.ours(saved) != goal


def test_what_the_kernel_shows_is_what_was_wanted() -> None:
    """And then no jump is touched."""
    goal = iptables.wanted(rules(EGRESS), 4, SAVED)
    chains = [line for line in goal if line[0] == ":"]
    body = [line for line in goal if line.startswith("-A ")]
    saved = "\n".join(["*filter", *chains, "-A FORWARD -j DOCKER-USER", "-A INPUT -j BULKHEAD-INPUT",
                       "-A DOCKER-USER -j BULKHEAD-FORWARD", *body])  # fmt: skip
    assert iptables.ours(saved) == goal
    assert not [line for line in iptables.transaction(saved, goal).splitlines() if line[:2] in ("-D", "-I")]


def test_nothing_is_left_of_what_is_not_wanted() -> None:
    saved = f"{SAVED}:BULKHEAD-EGRESS - [0:0]\n-A DOCKER-USER -j BULKHEAD-FORWARD\n-A BULKHEAD-EGRESS -j DROP\n"
    text = iptables.transaction(saved, [])
    assert text.splitlines() == [
        "*filter", ":BULKHEAD-EGRESS - [0:0]", "-D DOCKER-USER -j BULKHEAD-FORWARD", "-X BULKHEAD-EGRESS", "COMMIT",
    ]  # fmt: skip


def test_no_name_gets_out_of_its_comment() -> None:
    rule = model.Rule(model.EGRESS, 'x" -j ACCEPT\n; drop $(x)', model.DROP)
    (line,) = [line for line in iptables.lines([rule], 4) if line[0] == "-"]
    assert line == '-A BULKHEAD-EGRESS -m comment --comment "x_ -j ACCEPT__ drop __x_" -j DROP'
    assert 'comment "x_ -j ACCEPT__ drop __x_"' in nftables.table([rule], 0)


def test_the_table_of_nftables() -> None:
    text = nftables.table(rules({**EGRESS, "published": [{"ports": ["80"], "sources": ["any"]}]}), 0x10000)
    assert "type filter hook forward priority filter - 10; policy accept;" in text
    assert "ip daddr 169.254.169.254 reject with icmpx admin-prohibited" in text
    assert "meta l4proto tcp ct original proto-dst 80" in text
    assert 'iifname "br-bbbbbbbbbbbb" ip daddr 198.51.100.7 meta mark set meta mark | 0x00010000 accept' in text
    assert "mark" not in nftables.table(rules(EGRESS), 0)
    assert nftables.transaction(text).startswith("table inet bulkhead_docker\ndelete table inet bulkhead_docker\n")


@pytest.mark.parametrize("family", [4, 6])
def test_every_rule_is_written_down(family: int) -> None:
    found = [rule for rule in rules(EGRESS) if family in rule.families]
    assert len([line for line in iptables.lines(found, family) if line[0] == "-"]) == len(found)
