# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of this scenario share: vantage points, probes, and what the kernel and Docker have."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import time
import typing as t
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml
from ansible_collections.bulkhead.docker.tests.support import Run, role

HERE = Path(__file__).parent
TABLE: dict[str, t.Any] = yaml.safe_load((HERE / "probes.yml").read_text())
POLICY: dict[str, t.Any] = yaml.safe_load((HERE / "policy.yml").read_text())
PEER = "bulkhead-peer"
SOURCES = {"allowed": {"v4": "10.99.0.10", "v6": "fd99::10"}, "stranger": {"v4": "10.99.0.20", "v6": "fd99::20"}}
PROBES = [(probe, family) for probe in TABLE["probes"] for family in ("v4", "v6")]


def title(probe: dict[str, t.Any], family: str) -> str:
    return f"{probe['from']}-to-{probe['to']}-{probe['port']}-{family}"


def inside(host: str, argv: Sequence[str], text: str = "") -> str:
    """The output of a program on a host of the lab."""
    command = ["docker", "exec", "--interactive", host, *argv]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def network_of(host: str, container: str) -> list[str]:
    """What runs a program in the network of a container."""
    pid = inside(host, ["docker", "inspect", "--format", "{{.State.Pid}}", container]).strip()
    return ["nsenter", f"--net=/proc/{pid}/ns/net"]


def address(host: str, name: str, family: str) -> str:
    if name in TABLE["addresses"]:
        return str(TABLE["addresses"][name][family])
    number = host[-2:]
    if name == "host":
        return f"10.99.0.{number}" if family == "v4" else f"fd99::{number}"
    key = "IPAddress" if family == "v4" else "GlobalIPv6Address"
    form = "{{range .NetworkSettings.Networks}}{{.%s}}{{end}}" % key  # noqa: UP031 (braces are the template's)
    return inside(host, ["docker", "inspect", "--format", form, name]).strip()


def _ask(host: str, vantage: str, probes: list[dict[str, t.Any]]) -> list[bool]:
    program = ["python3", "-c", (HERE / "probe.py").read_text()]
    if vantage in SOURCES:
        return list(json.loads(inside(PEER, program, json.dumps(probes))))
    way = [] if vantage == "host" else network_of(host, vantage)
    return list(json.loads(inside(host, [*way, *program], json.dumps(probes))))


def look(host: str) -> dict[str, bool]:
    """All probes, from all vantage points at once: title -> whether there was an answer."""
    groups: dict[str, list[tuple[str, dict[str, t.Any]]]] = {}
    for probe, family in PROBES:
        wanted = {
            "kind": "dns" if "dns" in probe else "tcp",
            "name": probe.get("dns"),
            "address": address(host, probe["to"], family),
            "port": probe["port"],
            "source": SOURCES.get(probe["from"], {}).get(family),
        }
        groups.setdefault(probe["from"], []).append((title(probe, family), wanted))
    with ThreadPoolExecutor(len(groups)) as pool:
        found = pool.map(lambda item: _ask(host, item[0], [probe for _title, probe in item[1]]), groups.items())
    titles = [name for group in groups.values() for name, _probe in group]
    return dict(zip(titles, [seen for answers in found for seen in answers], strict=True))


def saved(host: str) -> dict[str, str]:
    """iptables-save and ip6tables-save of all tables, without counters."""
    found = {}
    for name in ("iptables", "ip6tables"):
        text = inside(host, [f"{name}-save"])
        lines = [re.sub(r" \[\d+:\d+\]$", "", line) for line in text.splitlines() if not line.startswith("#")]
        found[name] = "\n".join(lines)
    return found


def foreign(host: str) -> dict[str, str]:
    """Checksums of all rules that are not ours; of DOCKER-USER, too, but for the jump to ours."""
    return {
        name: hashlib.sha256(
            "\n".join(line for line in text.splitlines() if "BULKHEAD-" not in line).encode()
        ).hexdigest()
        for name, text in saved(host).items()
    }


def ours(host: str) -> list[str]:
    return [
        f"{name}: {line}" for name, text in saved(host).items() for line in text.splitlines() if "BULKHEAD-" in line
    ]


def files(host: str) -> list[str]:
    """What the role puts on a host."""
    places = "/etc/systemd/system/bulkhead-docker-firewall* /usr/local/*/bulkhead* /etc/bulkhead.docker/firewall.json"
    return inside(host, ["sh", "-c", f"ls -d {places} 2>/dev/null; nft list tables | grep bulkhead; true"]).split()


def apply(host: str, *options: str, **variables: t.Any) -> Run:
    run = role("docker_firewall", host, {**POLICY, **variables}, *options)
    assert run.rc == 0, run.output
    return run


def leaks(name: str) -> list[str]:
    """Probes that see something else than the table says."""
    seen = look(name)
    return [title(probe, family) for probe, family in PROBES if seen[title(probe, family)] is not probe["after"]]


def reopened(name: str) -> list[str]:
    """Probes that are answered although the table says that they are denied."""
    seen = look(name)
    titles = [title(probe, family) for probe, family in PROBES if not probe["after"]]
    return [one for one in titles if seen[one]]


def until(look: t.Callable[[], t.Any], wanted: t.Any, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while (seen := look()) != wanted:
        if time.monotonic() > end:
            assert seen == wanted, f"{seen} instead of {wanted}"
        time.sleep(0.5)
