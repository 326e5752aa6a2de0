# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key table, and what it refuses."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils import versions
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_check import (
    CONFLICTS,
    Context,
    check,
    conflicts,
    inert,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_keys import KEYS, NESTED_FLAGS, Key
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_types import KINDS, mistyped
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.evidence import JUDGES

ENGINES = ("20.10.24", "23.0.0", "24.0.9", "25.0.6", "26.1.5", "27.3.1", "28.5.2", "29.0.0", "29.7.2", "29.10.0")


def context(version: str = "28.5.2", **more: t.Any) -> Context:
    return Context(version=versions.parse(version) or (), **more)


def messages(config: dict[str, t.Any], at: Context) -> list[str]:
    return [problem.message for problem in check(config, config, at)]


@pytest.mark.parametrize("row", KEYS.values(), ids=lambda row: row.name)
def test_row_is_coherent(row: Key) -> None:
    assert row.kind in KINDS
    assert row.effect in ("reload", "restart")
    assert row.reset is None or (row.effect == "reload" and not mistyped(row, row.reset))
    assert not row.until or row.hint, "a refused key says what to use instead"
    assert not (row.moves_data and row.effect == "reload")
    assert not (row.bridge and row.effect == "reload")
    since, until = versions.parse(row.since), versions.parse(row.until)
    assert since and (until is None or row.until == "0" or since < until)
    assert not (row.since == "20.10" and row.until == "20.10")


def test_what_stands_beside_the_table_names_its_keys() -> None:
    named = {
        *JUDGES,
        *(outer for outer, _dummy in NESTED_FLAGS.values()),
        *(key for rule in CONFLICTS for key in rule.keys),
    }
    assert named <= set(KEYS)


@pytest.mark.parametrize("version", ENGINES)
@pytest.mark.parametrize("row", KEYS.values(), ids=lambda row: row.name)
def test_gate(row: Key, version: str) -> None:
    """By the rows alone, told in another way: the number line."""
    number = versions.parse(version) or ()
    accepted = number >= (versions.parse(row.since) or ()) and not (
        row.until and number >= (versions.parse(row.until) or ())
    )
    refused = [message for message in messages({row.name: None}, context(version)) if message]
    assert refused == [], "a key that must be absent is never refused"
    found = [m for m in messages({row.name: object()}, context(version)) if "engine" in m and "must be" not in m]
    assert bool(found) is not accepted


GOOD: dict[str, list[t.Any]] = {
    "bool": [True, False],
    "int": [0, 5],
    "str": ["", "x"],
    "path": ["/x"],
    "ip": ["192.0.2.1", "2001:db8::1"],
    "ips": [[], ["192.0.2.1"]],
    "network": ["192.0.2.0/24", "2001:db8::/64"],
    "interface": ["192.0.2.1/24"],
    "strings": [[], ["a"]],
    "urls": [["https://mirror.example"]],
    "string_map": [{}, {"max-size": "10m"}],
    "bool_map": [{"cdi": True}],
    "map_of_maps": [{"bridge": {"a": "b"}}],
    "object": [{}],
    "objects": [{"kata": {"path": "/k"}}],
    "ulimits": [
        {"nofile": {"Name": "nofile", "Soft": 1, "Hard": 2}},
        {"core": {"Name": "core", "Soft": 0, "Hard": -1}},
    ],
    "pools": [[{"base": "198.18.0.0/15", "size": 24}]],
    "size": ["64M", "1g", "67108864", "0.5 GiB"],
    "proxies": [{"http-proxy": "http://p"}],
    "api_version": ["1.44"],
}
BAD: dict[str, list[t.Any]] = {
    "bool": ["false", 0, None],
    "int": ["1", True, 1.5, -1],
    "str": [1, ["x"], True],
    "path": ["x", "", 1],
    "ip": ["localhost", 1, ""],
    "ips": ["192.0.2.1", ["x"]],
    "network": ["192.0.2.1", "x/24"],
    "interface": ["192.0.2.1", "192.0.2.1/99"],
    "strings": ["a", [1]],
    "urls": [["mirror.example"], [1]],
    "string_map": [{"max-file": 3}, {"compress": True}, []],
    "bool_map": [{"cdi": "true"}],
    "map_of_maps": [{"bridge": {"a": 1}}, {"bridge": "x"}],
    "object": [[], "x"],
    "objects": [{"kata": "/k"}],
    "ulimits": [
        {"nofile": {"Name": "nproc", "Soft": 1, "Hard": 2}},
        {"nofile": {"Name": "nofile", "Soft": 3, "Hard": 2}},
        {"nofile": {"Name": "nofile", "Soft": "1", "Hard": 2}},
        {"nofile": "1:2"},
    ],
    "pools": [[{"base": "198.18.0.0", "size": 24}], [{"base": "198.18.0.0/15"}], {}],
    "size": [64, "many"],
    "proxies": [{"ftp-proxy": "x"}, {"http-proxy": 1}],
    "api_version": ["1", 1.44, "v1.44"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_kind(kind: str) -> None:
    test = KINDS[kind][1]
    assert [value for value in GOOD[kind] if not test(value)] == []
    assert [value for value in BAD[kind] if test(value)] == []


def test_a_choice() -> None:
    assert "host, private" in mistyped(KEYS["default-cgroupns-mode"], "shared")


REFUSALS: list[tuple[dict[str, t.Any], Context, str]] = [
    ({"no-new-privilege": True}, context(), "did you mean no-new-privileges?"),
    ({"insecure_registries": []}, context(), "did you mean insecure-registries?"),
    ({"zzz": 1}, context(), "zzz is not a key of daemon.json"),
    ({"content-trust": {}}, context(), "Enterprise"),
    ({"http-proxy": "http://p"}, context(), "inside proxies"),
    ({"oom-score-adjust": -500}, context("26.1.5"), "refused since engine 26.0"),
    ({"api-cors-header": "*"}, context(), "reverse proxy"),
    ({"hosts": ["tcp://0.0.0.0:2375"]}, context(), "without tlsverify"),
    ({"hosts": ["tcp://127.0.0.1:2375"], "tls": True}, context(), "without tlsverify"),
    ({"icc": False, "iptables": False}, context(), "firewall rules"),
    ({"icc": False, "ipv6": True, "ip6tables": False}, context(), "ip6tables"),
    ({"icc": False}, context(flags={"iptables": False}), "firewall rules"),
    ({"userns-remap": "default", "features": {"containerd-snapshotter": True}}, context("29.0.0"), "image store"),
    ({"live-restore": True}, context(swarm=True), "Swarm"),
    ({"firewall-backend": "nftables"}, context("29.0.0", swarm=True), "Swarm"),
    ({"cgroup-parent": "/docker"}, context(cgroup_driver="systemd"), ".slice"),
    ({"cgroup-parent": "/docker", "exec-opts": ["native.cgroupdriver=systemd"]}, context(), ".slice"),
    ({"host-gateway-ip": "192.0.2.1", "host-gateway-ips": ["192.0.2.1"]}, context(), "exclude each other"),
    ({"insecure-registries": []}, context("29.10.0"), "loopback"),
    ({"seccomp-profile": "unconfined"}, context("20.10.24"), "23.0"),
    ({"log-driver": "journald", "log-opts": {"max-size": "10m"}}, context(), "does not take"),
    ({"log-opts": {"max-size": "banana"}}, context(), "no container starts"),
    ({"debug": True}, context(spellings={"debug": "-D"}, unit="x.service", unit_files="/etc/x"), "x.service (-D)"),
    ({"debug": "no"}, context(), "(str)"),
]  # fmt: skip


@pytest.mark.parametrize(("config", "at", "words"), REFUSALS, ids=lambda value: value if isinstance(value, str) else "")
def test_refused(config: dict[str, t.Any], at: Context, words: str) -> None:
    assert any(words in message for message in messages(config, at))


ACCEPTED: list[tuple[dict[str, t.Any], Context]] = [
    ({"hosts": ["fd://", "tcp://0.0.0.0:2376"], "tlsverify": True}, context()),
    ({"insecure-registries": []}, context("29.7.2")),
    ({"cgroup-parent": "docker.slice"}, context(cgroup_driver="systemd")),
    ({"cgroup-parent": "/docker"}, context(cgroup_driver="cgroupfs")),
    ({"userns-remap": "default", "features": {"containerd-snapshotter": False}}, context("29.0.0")),
    ({"firewall-backend": "nftables", "features": {"swarm-nftables": True}}, context("29.6.0", swarm=True)),
    ({"log-opts": {"max-size": "10m", "max-file": "3"}}, context()),
    ({"log-driver": "local", "log-opts": {"max-size": "10m"}}, context()),
    ({"runtimes": {"a": {"path": "/b"}}}, context(spellings={"runtimes": "--add-runtime c=/d"})),
    ({"live-restore": True}, context()),
    ({"zzz": None, "content-trust": None}, context()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("config", "at"), ACCEPTED, ids=lambda value: str(value)[:60] if isinstance(value, dict) else ""
)
def test_accepted(config: dict[str, t.Any], at: Context) -> None:
    assert messages(config, at) == []


def test_every_conflict_has_a_case() -> None:
    hit = {problem.message for config, at, _dummy in REFUSALS for problem in conflicts(config, at)}
    assert hit == {rule.message for rule in CONFLICTS}


def test_inert_keys_are_named() -> None:
    assert inert({"allow-nondistributable-artifacts": []}, context()) != []
    assert inert({"allow-nondistributable-artifacts": []}, context("27.0.0")) == []


def test_secrets_do_not_get_into_a_message() -> None:
    for config in ({"proxies": {"http-proxy": ["http://user:c4n4ry@p"]}}, {"labels": "token=c4n4ry-1234"}):
        assert "c4n4ry" not in "".join(messages(config, context()))
