# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that somebody tampered with, or that are swapped under fire. On one engine, after test_traffic.py."""

from __future__ import annotations

import json
import subprocess
import typing as t

import pytest
import world
from ansible_collections.bulkhead.docker.tests.support import adhoc

UNIT = "bulkhead-docker-firewall"

#: Sends as fast as it can, from the network of a container; prints how often each of the three was answered.
UNDER_FIRE = """
import json, socket, sys, time
denied, allowed, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
def answered(address, patience):
    try:
        with socket.create_connection((address, 443), patience) as link:
            link.settimeout(3)
            return bool(link.recv(1))
    except OSError:
        return False
kept = socket.create_connection((allowed, 443), 3)
kept.settimeout(10)
kept.recv(100)
count = {"tries": 0, "leaks": 0, "allowed": 0, "refused": 0, "kept": 0}
end = time.monotonic() + seconds
while time.monotonic() < end:
    for _ in range(10):
        count["tries"] += 1
        count["leaks"] += answered(denied, 0.05)
    count["allowed" if answered(allowed, 5) else "refused"] += 1
    kept.sendall(b"x")
    count["kept"] += kept.recv(1) == b"x"
print(json.dumps(count))
"""
#: Swaps the rules for others that deny the same, again and again, as the units would.
SWAP = """
set -e
file=/etc/bulkhead.docker/firewall.json
cp $file /tmp/policy.json
for round in 1 2 3 4 5 6 7 8; do
  python3 - $round <<'PYTHON'
import json, sys
with open("/tmp/policy.json") as file:
    policy = json.load(file)
policy["published"].append({"ports": [str(5000 + int(sys.argv[1]))], "sources": ["any"]})
with open("/etc/bulkhead.docker/firewall.json", "w") as file:
    json.dump(policy, file)
PYTHON
  bulkhead-docker-firewall follow
done
cp /tmp/policy.json $file
bulkhead-docker-firewall follow
"""


@pytest.fixture(scope="module")
def name(host: t.Any) -> str:
    """A host that has the policy."""
    found = str(host.backend.get_hostname())
    world.apply(found)
    return found


def test_what_is_tampered_with_is_shown_and_mended(name: str) -> None:
    world.inside(name, ["systemctl", "stop", f"{UNIT}-watch", f"{UNIT}-refresh.timer"])
    rules = world.ours(name)
    gone = '-A BULKHEAD-EGRESS -d 169.254.169.254/32 -m comment --comment "169.254.169.254/32 is a metadata endpoint"'
    gone += " -j REJECT --reject-with icmp-admin-prohibited"
    world.inside(name, ["sh", "-c", f"iptables -D {gone[3:]}"])
    world.inside(name, ["ip6tables", "-I", "BULKHEAD-PUBLISHED", "1", "-j", "RETURN"])
    check = world.apply(name, "--check", "--diff")
    result = check.results[0] if "diff" in check.results[0] else check.of("docker_firewall")
    shown = {part["after_header"]: part for part in result["diff"]}
    assert set(shown) == {"iptables", "ip6tables"}
    before, after = (shown["iptables"][when].splitlines() for when in ("before", "after"))
    assert [line for line in after if line not in before] == [gone]
    surplus = set(shown["ip6tables"]["before"].splitlines()) - set(shown["ip6tables"]["after"].splitlines())
    assert surplus == {"-A BULKHEAD-PUBLISHED -j RETURN"}
    assert world.apply(name).changed
    assert world.ours(name) == rules
    assert world.apply(name).changed == []


AUDIT = {
    "select": ["firewall-*"],
    "verdicts": ["fail", "pass", "unknown", "error", "not_applicable"],
    "policy": {"management_networks": ["10.66.0.0/16"], "limited_networks": ["strict"], "open_ports": ["80/tcp"]},
}


def verdicts(name: str) -> dict[str, str]:
    found = adhoc("bulkhead.docker.docker_audit", name, AUDIT)["audit"]["findings"]
    return {finding["rule"]: finding["verdict"] for finding in found}


def test_the_audit_sees_what_is_broken(name: str) -> None:
    """And what the role cannot cover."""
    good = dict.fromkeys(("rules", "metadata", "admin-networks", "egress", "published", "api"), "pass")
    expected = {f"firewall-{rule}": verdict for rule, verdict in {**good, "uncovered": "fail"}.items()}
    assert verdicts(name) == expected
    world.inside(name, ["systemctl", "stop", f"{UNIT}-watch", f"{UNIT}-refresh.timer"])
    for program in ("iptables", "ip6tables"):
        for chain in ("BULKHEAD-EGRESS", "BULKHEAD-PUBLISHED"):
            world.inside(name, [program, "-F", chain])
    red = dict.fromkeys(("rules", "metadata", "admin-networks", "egress", "published"), "fail")
    assert verdicts(name) == {**expected, **{f"firewall-{rule}": verdict for rule, verdict in red.items()}}
    assert world.apply(name).changed
    assert verdicts(name) == expected


def test_nothing_slips_through_while_rules_are_swapped(name: str) -> None:
    way = world.network_of(name, "strict")
    fire = [
        subprocess.Popen(
            ["docker", "exec", name, *way, "python3", "-c", UNDER_FIRE, denied, allowed, "10"],
            stdout=subprocess.PIPE, text=True,
        )
        for denied, allowed in (("10.66.0.5", "10.77.0.5"), ("fd66::5", "fd77::5"))
    ]  # fmt: skip
    world.inside(name, ["sh", "-c", SWAP])
    for one in fire:
        count = json.loads(one.communicate(timeout=120)[0])
        assert count["leaks"] == 0 and count["refused"] == 0, count
        assert count["tries"] >= 50 and count["allowed"] == count["kept"] > 0, count


def test_bad_input_is_refused_before_anything_is_touched(name: str) -> None:
    rules = world.ours(name)
    wrong = [{"networks": ["strict"], "allow": [{"to": ["*.example.com"]}]}]
    run = world.role("docker_firewall", name, {**world.POLICY, "docker_firewall_egress": wrong})
    assert run.rc != 0 and "egress[0].allow[0].to: '*.example.com'" in run.failure
    assert world.ours(name) == rules
