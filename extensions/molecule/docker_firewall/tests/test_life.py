# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of the rules: tampered with, flushed, restarted, swapped under fire, taken away. On one engine."""

from __future__ import annotations

import json
import re
import subprocess
import time
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


def until(condition: t.Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.5)


def sorted_foreign(name: str) -> list[str]:
    """Docker writes its rules in another order when it starts again."""
    return sorted(line for text in world.saved(name).values() for line in text.splitlines() if "BULKHEAD-" not in line)


def shape(name: str) -> list[str]:
    """Our rules without addresses of containers, which they get anew at a boot."""
    return sorted(re.sub(r"-s (10|fd)\d\d?[.:]\S+", "-s CONTAINER", line) for line in world.ours(name))


def leaks(name: str) -> list[str]:
    """Probes that see something else than the table says."""
    seen = world.look(name)
    return [
        world.title(probe, family)
        for probe, family in world.PROBES
        if seen[world.title(probe, family)] is not probe["after"]
    ]


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


@pytest.mark.parametrize(
    "flush",
    [
        "systemctl restart docker",
        "printf 'table inet other { }\\n' >/tmp/other.nft; nft -f /tmp/other.nft",
        "iptables -D DOCKER-USER -j BULKHEAD-FORWARD; iptables -F BULKHEAD-FORWARD; ip6tables -F BULKHEAD-EGRESS",
        "iptables-save | grep -v BULKHEAD | iptables-restore",
    ],
    ids=["docker", "nft-file", "flushed", "restored-without"],
)
def test_they_outlive(name: str, flush: str) -> None:
    rules, foreign = world.ours(name), sorted_foreign(name)
    world.inside(name, ["sh", "-c", f"systemctl reset-failed docker; {flush}"])
    until(lambda: world.ours(name) == rules)
    until(lambda: sorted_foreign(name) == foreign)


def test_an_engine_that_was_stopped_stays_so(name: str) -> None:
    """Its socket would start it for whoever asks. The rules stay, too."""
    rules = world.ours(name)
    world.inside(name, ["systemctl", "stop", "docker.service"])
    world.inside(name, ["bulkhead-docker-firewall", "apply"])
    time.sleep(7)  # longer than the watch waits until it asks again
    state = "systemctl is-active docker.service; true"
    assert world.inside(name, ["sh", "-c", state]).strip() == "inactive"
    assert world.ours(name) == rules
    world.inside(name, ["sh", "-c", "systemctl reset-failed docker; systemctl start docker"])
    until(lambda: world.ours(name) == rules)


def test_a_new_network_of_that_name_is_closed_at_once(name: str) -> None:
    """Containers of a network that is made anew have another bridge."""
    world.inside(name, ["sh", "-c", "docker network disconnect strict strict && docker network rm strict"])
    number = name[-2:]
    world.inside(name, ["docker", "network", "create", "--subnet", f"10.{number}.2.0/24",
                        "--ipv6", "--subnet", f"fd{number}:2::/64", "strict"])  # fmt: skip
    world.inside(name, ["docker", "network", "connect", "strict", "strict"])
    until(lambda: leaks(name) == [], 90)


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


def test_they_are_there_after_a_boot(name: str) -> None:
    rules = shape(name)
    subprocess.run(["docker", "restart", name], check=True, capture_output=True)
    until(lambda: "running" in subprocess.run(
        ["docker", "exec", name, "docker", "inspect", "--format", "{{.State.Status}}", "web"],
        capture_output=True, text=True, check=False).stdout)  # fmt: skip
    until(lambda: shape(name) == rules)
    journal = world.inside(name, ["journalctl", "--boot", "--output=short-monotonic", "--unit=bulkhead-docker-firewall",
                                  "--unit=docker", "--grep=Finished|Started|Starting"])  # fmt: skip
    order = [line.split("systemd[1]: ")[-1] for line in journal.splitlines()]
    finished = next(number for number, line in enumerate(order) if "Finished bulkhead-docker-firewall.service" in line)
    assert finished < next(number for number, line in enumerate(order) if "Starting docker.service" in line)


def test_the_nftables_rendering_does_the_same(name: str) -> None:
    """Beside Docker's iptables rules, as no engine here has the nftables backend; for that see test_nftables.py."""
    subprocess.run(["docker", "exec", name, "systemd-run", "--unit=api", "python3", "-m", "http.server", "2376",
                    "--bind", "::"], check=False, capture_output=True)  # fmt: skip
    assert world.apply(name, docker_firewall_backend="nftables").changed
    assert world.ours(name) == []
    assert world.apply(name, docker_firewall_backend="nftables").changed == []
    assert leaks(name) == []


def test_undone_it_leaves_nothing(name: str) -> None:
    foreign = world.foreign(name)
    run = world.role("docker_firewall", name, {})
    assert run.rc == 0 and run.changed
    assert world.ours(name) == [] and world.foreign(name) == foreign
    assert world.files(name) == []
    assert world.role("docker_firewall", name, {}).changed == []
