# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What names, networks and clients may look like, and when which certificate is made anew."""

from __future__ import annotations

import dataclasses
import typing as t
from datetime import datetime, timedelta, timezone

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.tls.issue import Days, Terms, due, site
from ansible_collections.bulkhead.docker.plugins.module_utils.tls.options import (
    OptionError,
    check_clients,
    networks,
    server_names,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=timezone.utc)
TERMS = Terms("ECC", 0, 30, NOW)
DAYS = Days(ca=3650, server=365, clients=(365,), renew=30, overlap=7)
Info = dict[str, t.Any]


def at(days: float) -> str:
    return (NOW + timedelta(days=days)).strftime("%Y%m%d%H%M%SZ")


def leaf(issuer: str = "A", ends: float = 365, **more: t.Any) -> Info:
    names = ["DNS:localhost", "IP:127.0.0.1"]
    key = {"public_key_type": "ECC", "public_key_data": {"curve": "secp256r1"}}
    return {"not_after": at(ends), "authority_key_identifier": issuer, "subject_alt_name": names, **key, **more}


def ca(name: str = "A", begins: float = -100, ends: float = 3550) -> Info:
    return {"subject_key_identifier": name, "not_before": at(begins - 1), "not_after": at(ends)}


@pytest.mark.parametrize(
    ("listen", "names"),
    [
        (["tcp://192.0.2.1:2376"], ["IP:192.0.2.1"]),
        (["192.0.2.1"], ["IP:192.0.2.1"]),
        (["tcp://Docker1.Example.org:2376"], ["DNS:docker1.example.org"]),
        (["tcp://[2001:DB8::0001]:2376", "2001:db8::1"], ["IP:2001:db8::1"]),
        (["tcp://0.0.0.0:2376", "tcp://[::]:2376"], []),
    ],
)
def test_certificate_is_for_where_the_daemon_listens(listen: list[str], names: list[str]) -> None:
    assert set(server_names(listen, [], [])) == {*names, "DNS:localhost", "IP:127.0.0.1"}


def test_certificate_is_for_what_the_host_is_called() -> None:
    found = server_names([], ["*.example.org", "10.0.0.1"], ["web_1", "10.0.0.2", "no name", "unix:///x"])
    assert set(found) == {
        *("DNS:*.example.org", "DNS:localhost", "DNS:web_1"),
        *("IP:10.0.0.1", "IP:10.0.0.2", "IP:127.0.0.1"),
    }


@pytest.mark.parametrize(
    "listen",
    ["unix:///run/x.sock", "fd://", "tcp://", "tcp://:2376", "tcp://10.0.0.1:0", "10.0.0.1:70000", "a b", "http://x"],
)
def test_what_cannot_be_listened_on_is_refused(listen: str) -> None:
    with pytest.raises(OptionError, match="docker_tls_listen"):
        server_names([listen], [], [])


def test_wanted_name_that_is_none_is_refused() -> None:
    with pytest.raises(OptionError, match="docker_tls_server_names: 'a b'"):
        server_names([], ["a b"], [])


def test_networks_are_each_there_once() -> None:
    assert networks(["10.0.0.0/8", "2001:DB8::/32", "10.0.0.0/8", "192.0.2.7"]) == [
        *("10.0.0.0/8", "2001:db8::/32", "192.0.2.7/32")
    ]


@pytest.mark.parametrize("cidr", ["10.0.0.1/8", "10.0.0.0/33", "any", ""])
def test_what_is_no_network_is_refused(cidr: str) -> None:
    with pytest.raises(OptionError, match="docker_tls_management_networks"):
        networks(["10.0.0.0/8", cidr])


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a b", "ca", "server", "clients", "x" * 65])
def test_name_that_cannot_be_a_clients_is_refused(name: str) -> None:
    with pytest.raises(OptionError, match="docker_tls_clients"):
        check_clients([{"name": name}], [])


def test_clients_are_named_once_and_renewed_by_name() -> None:
    check_clients([{"name": "alice"}, {"name": "ci@build.example"}], ["alice", "ca", "server", "clients"])
    with pytest.raises(OptionError, match="more than once"):
        check_clients([{"name": "alice"}, {"name": "alice", "state": "revoked"}], [])
    with pytest.raises(OptionError, match="docker_tls_renew: 'mallory'"):
        check_clients([{"name": "alice"}], ["mallory"])


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        (leaf(), ""),
        (leaf(ends=30.1), ""),
        (leaf(ends=30), "it expires on 2026-12-22"),
        (leaf(ends=-1), "it expires on 2026-11-21"),
        (leaf(issuer="B"), "another authority"),
        (leaf(public_key_type="RSA", public_key_data={"size": 3072}), "another type"),
        (leaf(subject_alt_name=["DNS:localhost"]), "it must be valid for DNS:localhost, IP:127.0.0.1"),
        (None, "there is none"),
        ({}, "there is none"),
    ],
)
def test_why_a_certificate_is_due(info: Info | None, reason: str) -> None:
    reasons = due(info, "A", TERMS, ["IP:127.0.0.1", "DNS:localhost"])
    assert [part for part in reasons if reason in part] == reasons
    assert bool(reasons) is bool(reason)


def test_rsa_of_another_size_is_due() -> None:
    info = leaf(public_key_type="RSA", public_key_data={"size": 3072})
    assert due(info, "A", dataclasses.replace(TERMS, key_type="RSA", key_bits=3072)) == []
    assert due(info, "A", dataclasses.replace(TERMS, key_type="RSA", key_bits=4096)) == ["its key is of another type"]


def decide(bundle: list[Info], issued: dict[str, Info], *clients: str, **options: t.Any) -> dict[str, t.Any]:
    listed = [
        {"name": name.strip("!"), "state": "revoked" if "!" in name else "present", "days": 365} for name in clients
    ]
    return site(bundle, issued, listed, options.get("renew", ()), TERMS, options.get("days", DAYS))


def test_all_is_well() -> None:
    plan = decide([ca()], {"alice": leaf()}, "alice")
    assert plan == {"new": [], "keep": [0], "rewrite": False, "clients": [], "revoked": [], "unlisted": []}


def test_first_run_makes_all() -> None:
    plan = decide([], {}, "alice", "bob")
    assert (plan["new"], plan["rewrite"]) == (["there is none"], True)
    assert [client["name"] for client in plan["clients"]] == ["alice", "bob"]


def test_revocation_makes_a_new_authority_at_once_and_only_once() -> None:
    issued = {"alice": leaf(), "bob": leaf()}
    plan = decide([ca(), ca("O", -3000, 600)], issued, "alice", "bob!")
    assert (plan["new"], plan["keep"]) == (["bob is revoked"], [])
    assert [client["name"] for client in plan["clients"]] == ["alice"]
    after = decide([ca("B", 0)], {**issued, "alice": leaf("B")}, "alice", "bob!")
    assert (after["rewrite"], after["clients"], after["revoked"]) == (False, [], ["bob"])


def test_client_that_an_old_authority_still_vouches_for_is_revoked_too() -> None:
    assert decide([ca("B", 0), ca()], {"bob": leaf("A")}, "bob!")["new"] == ["bob is revoked"]


def test_authority_asked_for_is_followed_for_a_while() -> None:
    plan = decide([ca()], {"alice": leaf()}, "alice", renew=["ca"])
    assert (plan["new"], plan["keep"]) == (["it was asked for"], [0])
    assert plan["clients"][0]["reasons"] == ["there is a new authority"]
    assert decide([ca()], {}, renew=["ca"], days=dataclasses.replace(DAYS, overlap=0))["keep"] == []


@pytest.mark.parametrize(("followed", "keep"), [(-1, [0, 1]), (-6.9, [0, 1]), (-7.1, [0])])
def test_old_authority_is_dropped_after_the_overlap(followed: float, keep: list[int]) -> None:
    plan = decide([ca("B", followed), ca()], {})
    assert (plan["new"], plan["keep"], plan["rewrite"]) == ([], keep, len(keep) == 1)


def test_authority_outlives_what_it_signs() -> None:
    assert decide([ca(ends=364)], {})["new"] == ["the old one ends on 2027-11-21, before what it would sign"]
    assert decide([ca(ends=366)], {})["new"] == []


def test_clients_are_renewed_by_name_or_all() -> None:
    issued = {"alice": leaf(), "bob": leaf()}
    assert [one["name"] for one in decide([ca()], issued, "alice", "bob", renew=["bob"])["clients"]] == ["bob"]
    assert len(decide([ca()], issued, "alice", "bob", renew=["clients"])["clients"]) == 2


def test_who_is_no_longer_listed_but_can_come_in_is_named() -> None:
    assert decide([ca()], {"alice": leaf(), "gone": leaf(), "old": leaf("Z")}, "alice")["unlisted"] == ["gone"]


@pytest.mark.parametrize(
    ("change", "option"),
    [
        ({"renew": 365}, "docker_tls_renew_days"),
        ({"renew": -1}, "docker_tls_renew_days"),
        ({"ca": 365}, "docker_tls_ca_days"),
    ],
)
def test_lives_that_contradict_each_other_are_refused(change: dict[str, t.Any], option: str) -> None:
    with pytest.raises(OptionError, match=option):
        dataclasses.replace(DAYS, **change).check()
