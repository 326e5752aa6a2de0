# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each known breaking step: a host that it concerns, and the same host one thing different, that it does not."""

from __future__ import annotations

import dataclasses
import re
import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils import versions
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_check import Context
from ansible_collections.bulkhead.docker.plugins.module_utils.upgrade import steps
from ansible_collections.bulkhead.docker.plugins.module_utils.upgrade.steps import Situation

LIVE = {"LiveRestoreEnabled": True}
README = Path(__file__).resolve().parents[4] / "roles" / "docker_engine" / "README.md"


def step(before: str, after: str, upgrade: str = "upgrade", **more: t.Any) -> Situation:
    target = versions.parse(after) or ()
    context = dataclasses.replace(more.pop("context", Context()), version=target)
    return Situation(versions.parse(before) or (), target, upgrade, context, **more)


#: name -> (situations that it concerns, situations that it does not)
CASES: dict[str, tuple[list[Situation], list[Situation]]] = {
    "foreign-packages": (
        [step("", "28.5.2", "install", foreign=("docker.io",)), Situation(foreign=("docker.io",))],
        [step("", "28.5.2", "install")],
    ),
    "settings": (
        [
            step("28.5.2", "29.0.0", config={"api-cors-header": "*"}),
            step("20.10.24", "23.0.0", config={"graph": "/data"}),
            step("20.10.24", "23.0.0", config={"cluster-store": "consul://x"}),
            step("29.9.0", "29.10.0", config={"insecure-registries": []}),
            step("", "28.5.2", "install", config={"content-trust": {"mode": "enforced"}}),
            step("20.10.24", "23.0.0", context=Context(flags={"graph": "/data"}, unit="docker.service")),
        ],
        [
            step("28.5.2", "29.0.0", config={"live-restore": True}),
            step("20.10.24", "20.10.25", config={"graph": "/data"}),
            step("29.8.0", "29.9.0", config={"insecure-registries": []}),
            Situation(before=(28, 5), after=(28, 5), config={"content-trust": {}}),
        ],
    ),
    "settings-unreadable": (
        [step("28.5.2", "29.0.0", config_error="line 1, column 2")],
        [step("28.5.2", "29.0.0"), Situation(config_error="line 1, column 2")],
    ),
    "storage-driver": (
        [
            step("20.10.24", "24.0.0", info={"Driver": "aufs"}),
            step("23.0.0", "24.0.0", info={"Driver": "overlay"}),
            step("24.0.9", "25.0.0", info={"Driver": "devicemapper"}),
            step("", "28.5.2", "install", config={"storage-driver": "devicemapper"}),
        ],
        [
            step("20.10.24", "23.0.6", info={"Driver": "aufs"}),
            step("23.0.0", "24.0.9", info={"Driver": "devicemapper"}),
            step("20.10.24", "29.0.0", info={"Driver": "overlay2"}),
        ],
    ),
    "containers-stop": (
        [
            step("28.5.1", "28.5.2", containers=("web",)),
            step("28.5.2", "28.5.1", "downgrade", containers=("web",)),
            step("28.5.2", "28.5.2", "restart", containers=("web",)),
        ],
        [
            step("28.5.1", "28.5.2"),
            step("28.5.1", "28.5.2", containers=("web",), info=LIVE),
            step("28.5.2", "28.5.2", "", containers=("web",)),
        ],
    ),
    "downgrade": ([step("28.5.2", "28.5.1", "downgrade")], [step("28.5.1", "28.5.2")]),
    "xt-addrtype": (
        [step("", "29.0.0", "install", distribution="almalinux", release=10)],
        [
            step("", "29.0.0", "install", distribution="almalinux", release=9),
            step("", "29.0.0", "install", distribution="fedora", release=43),
            step("", "29.0.0", "install", distribution="rhel", release=10, packages=("kernel-modules-extra",)),
            step("", "29.0.0", "install", distribution="rhel", release=10, config={"firewall-backend": "nftables"}),
            Situation(distribution="rhel", release=10),
        ],
    ),
    "live-restore-release": (
        [step("28.5.1", "29.0.0", info=LIVE, containers=("web",))],
        [step("28.5.1", "28.5.2", info=LIVE, containers=("web",)), step("28.5.1", "29.0.0", info=LIVE)],
    ),
    "way-back": (
        [step("28.5.1", "28.5.2", no_way_back=("docker-ce 5:28.5.1-1",))],
        [step("28.5.1", "28.5.2")],
    ),
    "ip6tables": (
        [step("26.1.5", "27.0.0"), step("20.10.24", "28.5.2")],
        [
            step("27.0.0", "27.1.0"),
            step("26.1.5", "27.0.0", config={"ip6tables": False}),
            step("", "28.0.0", "install"),
        ],
    ),
    "raw-drops": (
        [step("27.5.1", "28.0.0"), step("27.5.1", "28.0.0", loopback=("web 127.0.0.1:80",))],
        [step("28.0.0", "28.5.2"), step("", "28.0.0", "install")],
    ),
    "api-floor": (
        [step("28.5.2", "29.0.0"), step("28.5.2", "29.3.0", api_clients=("traefik",))],
        [step("29.0.0", "29.3.0"), step("28.5.2", "29.0.0", config={"min-api-version": "1.24"})],
    ),
    "image-store": (
        [step("", "29.0.0", "install"), step("28.5.2", "29.0.0")],
        [step("28.5.2", "29.0.0", data=True), step("", "28.5.2", "install"), step("29.0.0", "29.1.0")],
    ),
    "nofile": (
        [step("28.5.2", "29.0.0")],
        [step("28.5.2", "29.0.0", config={"default-ulimits": {"nofile": {}}}), step("28.5.1", "28.5.2")],
    ),
    "content-trust": ([step("28.5.2", "29.1.0")], [step("29.0.0", "29.1.0")]),
    "insecure-loopback": (
        [step("29.9.0", "29.10.0", config={"insecure-registries": ["registry.invalid"]})],
        [step("29.9.0", "29.10.0"), step("29.9.0", "29.9.1", config={"insecure-registries": ["registry.invalid"]})],
    ),
}


def names(situation: Situation) -> set[str]:
    return {finding.name for finding in steps.judge(situation, ())}


def test_every_step_has_its_cases() -> None:
    assert set(CASES) == steps.NAMES == {step.name for step in steps.STEPS}


@pytest.mark.parametrize(("name", "situation"), [(name, one) for name in CASES for one in CASES[name][0]])
def test_a_step_is_told_where_it_matters(name: str, situation: Situation) -> None:
    assert name in names(situation)


@pytest.mark.parametrize(("name", "situation"), [(name, one) for name in CASES for one in CASES[name][1]])
def test_a_step_is_not_told_where_it_does_not(name: str, situation: Situation) -> None:
    assert name not in names(situation)


def test_an_adopted_engine_at_rest_has_no_findings() -> None:
    assert steps.judge(Situation(before=(28, 5, 2), after=(28, 5, 2), containers=("web",)), ()) == []


def test_what_blocks_stops_unless_it_is_accepted_by_name() -> None:
    situation = step("28.5.2", "28.5.1", "downgrade", containers=("web",))
    assert [finding.name for finding in steps.judge(situation, ()) if finding.stops] == ["containers-stop", "downgrade"]
    assert [finding.name for finding in steps.judge(situation, ["downgrade"]) if finding.stops] == ["containers-stop"]


def test_packages_in_the_way_cannot_be_accepted() -> None:
    (finding,) = steps.judge(Situation(foreign=("docker.io",)), ["foreign-packages"])
    assert finding.stops


def test_what_is_seen_is_in_the_sentence() -> None:
    (finding,) = steps.judge(step("28.5.1", "28.5.2", containers=("db", "web")), ())
    assert steps.sentence(finding).startswith("containers-stop: live-restore is off")
    assert steps.sentence(finding).endswith("(db, web)")


def test_secrets_of_settings_stay_out() -> None:
    config = {"http-proxy": "http://user:s3cret@proxy.invalid", "log-opts": {"splunk-token": 7}}
    assert "s3cret" not in str(steps.judge(step("28.5.2", "29.0.0", config=config), ()))


def test_the_readme_lists_them_all() -> None:
    table = re.findall(r"^\| `([a-z0-9-]+)` \|", README.read_text(), re.M)
    assert [name for name in table if not name.startswith("docker_")] == [step.name for step in steps.STEPS]
