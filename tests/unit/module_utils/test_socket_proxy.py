# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Consumers of the socket proxy, compiled from the role's own data: what matches, what is refused, what is told."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.bulkhead.docker.plugins.module_utils.socket_proxy import ProxyError, consumers, meets

ROOT = Path(__file__).resolve().parents[3]
DATA = yaml.safe_load((ROOT / "roles/docker_socket/vars/main.yml").read_text())
PRESETS, DANGERS = DATA["__docker_socket_presets"], DATA["__docker_socket_dangers"]


def compiled(**proxy: t.Any) -> dict[str, t.Any]:
    (result,) = consumers([{"name": "app", **proxy}], PRESETS, DANGERS)
    return result


def allowed(consumer: dict[str, t.Any], method: str, target: str) -> bool:
    return any(method in rule["methods"] and re.search(rule["url"], target) for rule in consumer["rules"])


def rule(path: str, *methods: str, **more: t.Any) -> dict[str, t.Any]:
    return {"methods": list(methods or ("GET",)), "path": path, **more}


@pytest.mark.parametrize(
    "target",
    ["/containers/web/json", "/v1.41/containers/web/json", "/containers/a.b_c-d/json", "/containers/web/json?size=1"],
)
def test_a_template_matches_every_plain_spelling(target: str) -> None:
    assert allowed(compiled(allow=[rule("/containers/{id}/json")]), "GET", target)


@pytest.mark.parametrize(
    "target",
    [
        "/containers/web/json/",
        "/containers/web/json\n",
        "/containers//json",
        "/containers/../json",
        "/containers/.web/json",
        "/containers/a/b/json",
        "/containers/a%2fb/json",
        "/containers/web/jsonx",
        "/x/containers/web/json",
        "/v2.0/containers/web/json",
        "/v1.41.2/containers/web/json",
        "http://docker/containers/web/json",
        "/containers/web/json#x",
        "/containers/web/json?a#x",
        "/containers/web/json? x",
    ],
)
def test_and_nothing_else(target: str) -> None:
    pattern = compiled(allow=[rule("/containers/{id}/json")])["rules"][0]["url"]
    assert not re.fullmatch(pattern[:-1], target), target


@pytest.mark.parametrize("name", ["app", "team/app", "registry:5000/team/app:1", "app@sha256:00", "sha256:00"])
def test_an_image_may_hold_slashes(name: str) -> None:
    consumer = compiled(allow=[rule("/images/{image}/json")])
    assert allowed(consumer, "GET", f"/images/{name}/json")
    assert not allowed(consumer, "GET", f"/images/{name}/../json")


@pytest.mark.parametrize(
    ("query", "target", "verdict"),
    [
        (None, "/events?anything=1&more", True),
        ([], "/events", True),
        ([], "/events?", True),
        ([], "/events?a=1", False),
        (["a", "b"], "/events", True),
        (["a", "b"], "/events?b=%7B%7D&a=1", True),
        (["a", "b"], "/events?a=1&c=1", False),
        (["a", "b"], "/events?a=1;c=1", False),
        (["a", "b"], "/events?%61=1", False),
        (["a.b"], "/events?axb=1", False),
    ],
)
def test_query(query: list[str] | None, target: str, verdict: bool) -> None:
    assert allowed(compiled(allow=[rule("/events", query=query)]), "GET", target) is verdict


def test_methods_are_exact() -> None:
    consumer = compiled(allow=[rule("/_ping", "GET")])
    assert allowed(consumer, "GET", "/_ping")
    assert not allowed(consumer, "HEAD", "/_ping")


@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ({"name": "a b"}, "name 'a b'"),
        ({"name": "../x"}, "name '../x'"),
        ({"name": ""}, "name ''"),
        ({"preset": "all"}, "preset 'all' does not exist"),
        ({}, "nothing is allowed"),
        ({"allow": [rule("containers/json")]}, "path 'containers/json'"),
        ({"allow": [rule("/containers/.*")]}, "path '/containers/.*'"),
        ({"allow": [rule("/a'\n    http-request allow")]}, "path"),
        ({"allow": [rule("/a//b")]}, "path '/a//b'"),
        ({"allow": [rule("/{id}/json")]}, "begin with a plain segment"),
        ({"allow": [rule("/v1.41/info")]}, "leave out the version"),
        ({"allow": [rule("/info", "PATCH")]}, "methods ['PATCH']"),
        ({"allow": [{"path": "/info", "methods": []}]}, "methods []"),
        ({"allow": [rule("/info", query=["a|b"])]}, "query 'a|b'"),
        ({"preset": "traefik", "listen": "0.0.0.0:2375"}, "listen '0.0.0.0:2375'"),
        ({"preset": "traefik", "listen": "[::]:2375"}, "gateway of an internal Docker network"),
        ({"preset": "traefik", "listen": "8.8.8.8:2375"}, "gateway of an internal Docker network"),
        ({"preset": "traefik", "listen": "127.0.0.1:2375"}, "for the host itself use unix"),
        ({"preset": "traefik", "listen": "172.18.0.1"}, "must be unix, ADDRESS:PORT"),
        ({"preset": "traefik", "listen": "172.18.0.1:80"}, "port from 1024"),
        ({"preset": "traefik", "listen": "host:2375"}, "must be unix, ADDRESS:PORT"),
        ({"preset": "traefik", "group": "0"}, "group '0'"),
        ({"preset": "traefik", "group": "a b"}, "group 'a b'"),
        ({"preset": "traefik", "mode": "0666"}, "mode '0666'"),
        ({"preset": "traefik", "mode": "432"}, "mode '432'"),
        ({"preset": "watchtower"}, "POST /containers/create is root on this host"),
        ({"allow": [rule("/containers/{id}", "POST")]}, "/containers/{id} is root on this host"),
        ({"allow": [rule("/containers/web/archive", "PUT")]}, "is root on this host"),
        ({"allow": [rule("/containers/{id}/attach", "POST")], "accept_root": True}, "raw streams are not carried"),
        ({"allow": [rule("/exec/deadbeef/start", "POST")], "accept_root": True}, "raw streams are not carried"),
        ({"allow": [rule("/containers/{image}", "POST")], "accept_root": True}, "raw streams are not carried"),
    ],
)
def test_refused_with_the_option_and_the_value(proxy: dict[str, t.Any], said: str) -> None:
    with pytest.raises(ProxyError, match=re.escape(said)) as error:
        compiled(**proxy)
    assert "docker_socket_proxies" in str(error.value)


@pytest.mark.parametrize("key", ["name", "listen"])
def test_each_consumer_has_its_own(key: str) -> None:
    proxies = [{"name": name, "preset": "traefik", "listen": "172.18.0.1:2375"} for name in ("a", "b")]
    proxies[1][key] = proxies[0][key]
    proxies[1].setdefault("listen", "unix")
    with pytest.raises(ProxyError, match="is used twice"):
        consumers(proxies, PRESETS, DANGERS)


def test_what_a_preset_gives_away_is_told() -> None:
    assert compiled(preset="prometheus")["notes"] == []
    assert "environment" in compiled(preset="traefik")["notes"][0]
    assert any("mount all of the host" in note for note in compiled(preset="watchtower", accept_root=True)["notes"])
    assert any("reads all files" in note for note in compiled(allow=[rule("/containers/{id}/export")])["notes"])


@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_says_why_in_vain(preset: str) -> None:
    assert [entry for entry in PRESETS[preset] if not re.fullmatch(r"[ -~]+", entry["why"])] == []


@pytest.mark.parametrize("preset", sorted(set(PRESETS) - {"none", "watchtower"}))
def test_presets_only_read(preset: str) -> None:
    assert {method for entry in PRESETS[preset] for method in entry["methods"]} <= {"GET", "HEAD"}


def test_listen_on_a_network() -> None:
    consumer = compiled(preset="prometheus", listen="[fd00::1]:2375")
    assert (consumer["address"], consumer["port"]) == ("fd00::1", 2375)


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        ("containers/{id}/json", "containers/web/json", True),
        ("containers/{id}", "containers/{id}/json", False),
        ("{image}/a/get", "{image}/get", True),
        ("images/{image}/json", "images/{image}/get", False),
        ("images/{image}", "images/a/b/get", True),
        ("exec/x/start", "exec/{id}/start", True),
    ],
)
def test_templates_meet(one: str, other: str, verdict: bool) -> None:
    assert meets(one.split("/"), other.split("/")) is verdict
    assert meets(other.split("/"), one.split("/")) is verdict
