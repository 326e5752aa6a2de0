# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of files that do not work, by hand and by accident, under a daemon that must not be lost to them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests import pki
from ansible_collections.bulkhead.docker.tests.tls_site import Site, lines, result
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

ED448 = "openssl genpkey -algorithm ED448"


class Set(t.NamedTuple):
    ca: str
    cert: str
    key: str


@pytest.fixture(scope="module")
def own() -> pki.Authority:
    """An authority that the role knows nothing of: a PKI of the user's."""
    return pki.Authority("Supplied")


@pytest.fixture(scope="module")
def supplied(site: Site, own: pki.Authority) -> Set:
    """A set that works, installed; its client may come in."""
    site.put("carol", own.pem, *own.sign("carol", pki.CLIENT))
    good = Set(own.pem, *own.sign("server", pki.SERVER, [site.address]))
    variables = {"docker_tls_source": "supplied", "docker_tls_clients": [], "docker_tls_server_names": [site.address]}
    run = site.apply(
        **variables,
        docker_tls_supplied_ca=good.ca,
        docker_tls_supplied_cert=good.cert,
        docker_tls_supplied_key=good.key,
        secrets=lines(good.key),
    )
    assert run.rc == 0, run.output
    return good


@pytest.fixture(autouse=True)
def reached(site: Site, supplied: Set) -> t.Iterator[None]:
    """After every step the API is there for a good client, with what lies on disk."""
    yield
    assert site.may("carol")
    assert site.served() == site.on_disk()
    assert not site.host.file("/etc/docker/tls/.previous").exists


REASONS = {
    "mismatched": "the key does not belong to the certificate",
    "expired": "has expired",
    "early": "not yet valid",
    "foreign": "issuer certificate",
    "name": "mismatch",
    "client": "purpose",
    "encrypted": "the key is encrypted",
    "no PEM": "cert holds no certificate",
}


def broken(kind: str, own: pki.Authority, address: str) -> pki.Pair:
    def sign(**how: t.Any) -> pki.Pair:
        return own.sign("server", **{"purpose": pki.SERVER, "names": [address], **how})

    key = ec.generate_private_key(ec.SECP256R1())
    pairs: dict[str, t.Callable[[], pki.Pair]] = {
        "mismatched": lambda: pki.Pair(sign().cert, sign().key),
        "expired": lambda: sign(days=(-3, -1)),
        "early": lambda: sign(days=(1, 3)),
        "foreign": lambda: pki.Authority().sign("server", pki.SERVER, [address]),
        "name": lambda: sign(names=["192.0.2.99"]),
        "client": lambda: sign(purpose=pki.CLIENT),
        "encrypted": lambda: pki.Pair(sign(key=key).cert, pki.key_text(key, "hunter2")),
        "no PEM": lambda: pki.Pair("certificate", "key"),
    }
    return pairs[kind]()


@pytest.mark.debian(12, 14)  # the oldest and the newest OpenSSL
def test_broken_sets_are_refused_before_anything_is_touched(site: Site, own: pki.Authority) -> None:
    """All in one play, as each alone would be: none changes anything for the next."""
    pairs = {kind: broken(kind, own, site.address) for kind in REASONS}
    before = site.traces()
    run = site.install(*({"ca": own.pem, "names": [site.address], **pair._asdict()} for pair in pairs.values()))
    assert site.traces() == before
    assert len(run.results) == len(REASONS)
    for kind, refused in zip(REASONS, run.results):
        assert refused["failed"] and REASONS[kind] in refused["msg"], (kind, refused["msg"])
        assert "Nothing was changed" in refused["msg"]


def test_set_that_only_the_daemon_refuses_is_taken_back(site: Site, own: pki.Authority, supplied: Set) -> None:
    """A key for Ed448: OpenSSL serves with it, Go does not know it, so dockerd does not start."""
    text = site.host.check_output(ED448)
    cert = own.sign("server", pki.SERVER, [site.address], key=load_pem_private_key(text.encode(), None)).cert
    before, daemon = site.on_disk(), site.daemon()
    run = site.install({"ca": own.pem, "cert": cert, "key": text, "names": [site.address]})
    assert run.rc != 0
    assert "The previous certificate is back and the engine answers with it" in run.failure, run.failure
    assert "key" in run.failure.partition("The previous")[0], "it says why"
    assert site.on_disk() == before and site.daemon() != daemon


@pytest.mark.debian(12, 14)
def test_restart_that_was_not_allowed_is_done_by_the_next_run(site: Site, own: pki.Authority) -> None:
    pair = own.sign("server", pki.SERVER, [site.address])
    served = site.served()
    run = site.install({"ca": own.pem, "cert": pair.cert, "key": pair.key, "restart": "never"})
    assert (run.rc, result(run)["restart_pending"]) == (0, True), run.output
    assert site.served() == served != site.on_disk()
    assert result(site.install({"ca": own.pem}, check=True))["daemon_action"] == "restart"
    later = result(site.install({"ca": own.pem}))
    assert (later["changed"], later["files"], later["daemon_action"]) == (True, [], "restart")
    assert site.served() == site.on_disk() != served


def test_certificate_that_somebody_else_replaced_is_put_into_service(site: Site, own: pki.Authority) -> None:
    pair = own.sign("server", pki.SERVER, [site.address])
    for name, text in (("cert", pair.cert), ("key", pair.key)):
        site.host.check_output("printf %s %s > %s", "%s", text, f"/etc/docker/tls/server-{name}.pem")
    assert site.served() != site.on_disk()
    run = site.install({"ca": own.pem})
    assert "another certificate than the one on disk" in result(run)["daemon_reasons"][0]


def test_tampering_shows_exactly_and_is_mended(site: Site, supplied: Set) -> None:
    again = {"ca": supplied.ca, "cert": supplied.cert, "key": supplied.key}
    assert site.install(again).rc == 0
    site.host.check_output("chmod 0644 /etc/docker/tls/server-key.pem")
    (shown,) = result(site.install(again, check=True))["diff"]
    assert [name for name in shown["before"] if shown["before"][name] != shown["after"][name]] == ["server-key.pem"]
    assert (shown["before"]["server-key.pem"]["mode"], shown["after"]["server-key.pem"]["mode"]) == ("0644", "0400")
    daemon = site.daemon()
    assert result(site.install(again))["files"] == ["server-key.pem"]
    assert site.daemon() == daemon, "modes need no restart"
    assert result(site.install(again))["changed"] is False
