# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets in over TLS, from a second host, and what happens to them while certificates are renewed and revoked."""

from __future__ import annotations

import json
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.tests import pki
from ansible_collections.bulkhead.docker.tests.tls_site import Site, docker_cp, record, result

GAP = 20.0  # seconds that the API may be away while the daemon restarts; a busy machine with three of them needs some
SDK = """
import docker, sys
ca, cert, key = (f"{sys.argv[2]}/{file}.pem" for file in ("ca", "cert", "key"))
tls = docker.tls.TLSConfig(client_cert=(cert, key), ca_cert=ca)
api = docker.DockerClient(base_url=f"https://{sys.argv[1]}:2376", tls=tls)
print([container.name for container in api.containers.list()])
"""


def test_files_are_as_private_as_they_must_be(site: Site) -> None:
    shown = site.host.check_output("cd /etc/docker/tls && stat -c '%n %a %U:%G' . *")
    assert shown.splitlines() == [
        ". 755 root:root",
        "ca.pem 444 root:root",
        "server-cert.pem 444 root:root",
        "server-key.pem 400 root:root",
    ]
    modes = {str(path.relative_to(site.directory)): path.stat().st_mode & 0o777 for path in site.directory.rglob("*")}
    assert {mode for name, mode in modes.items() if name.endswith("key.pem")} == {0o600}
    assert [modes[name] for name in ("ca", "clients/alice", "clients/bob")] == [0o700] * 3
    assert site.host.run("find / -xdev -name '*ca-key*' -not -path '/proc/*'").stdout == "", (
        "it stays on the controller"
    )


def test_docker_command_line_gets_in(site: Site) -> None:
    environment = f"DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=/root/{site.name}/alice DOCKER_HOST=tcp://{site.address}:2376"
    assert site.client.check_output(f"{environment} docker ps --format '{{{{.Names}}}}'") == "survivor"


def test_docker_sdk_gets_in(site: Site) -> None:
    shown = site.client.check_output("python3 -c %s %s %s", SDK, site.address, f"/root/{site.name}/alice")
    assert shown == "['survivor']"


def test_certificate_is_for_the_host_and_its_purpose(site: Site) -> None:
    text = site.host.check_output("openssl x509 -noout -text -in /etc/docker/tls/server-cert.pem")
    for part in (
        f"IP Address:{site.address}",
        f"DNS:{site.name}",
        "TLS Web Server Authentication",
        "NIST CURVE: P-256",
    ):
        assert part in text
    alice = site.client.check_output(f"openssl x509 -noout -text -in /root/{site.name}/alice/cert.pem")
    assert "TLS Web Client Authentication" in alice and "CN = alice" in alice.replace("CN=", "CN = ")


def wrong(kind: str, own: pki.Authority) -> pki.Pair:
    namesake = own.cert.subject.rfc4514_string().partition("=")[2]
    pairs: dict[str, t.Callable[[], pki.Pair]] = {
        "foreign": lambda: pki.Authority("Foreign").sign("alice", pki.CLIENT),
        "namesake": lambda: pki.Authority(namesake).sign("alice", pki.CLIENT),
        "expired": lambda: own.sign("alice", pki.CLIENT, days=(-3, -1)),
        "early": lambda: own.sign("alice", pki.CLIENT, days=(1, 3)),
        "server": lambda: own.sign("alice", pki.SERVER),
    }
    return pairs[kind]()


@pytest.mark.parametrize("kind", ["foreign", "namesake", "expired", "early", "server"])
def test_wrong_client_certificate_is_refused(site: Site, kind: str) -> None:
    own = site.authority()
    site.put("good", own.pem, *own.sign("good", pki.CLIENT))
    assert site.may("good"), "what is wrong below is nothing but the certificate"
    site.put("wrong", own.pem, *wrong(kind, own))
    answer = site.curl("wrong")
    assert (answer.stdout, answer.rc != 0) == ("", True), answer.stdout
    assert "alert" in answer.stderr, answer.stderr


def test_client_without_certificate_is_refused(site: Site) -> None:
    answer = site.curl("alice", f"--cacert /root/{site.name}/alice/ca.pem")
    assert answer.stdout == "" and "alert" in answer.stderr, answer.stderr


def test_client_notices_a_wrong_name_and_a_foreign_server(site: Site) -> None:
    where = f"/root/{site.name}/alice"
    files = f"--cert {where}/cert.pem --key {where}/key.pem"
    elsewhere = "https://elsewhere.example:2376/_ping"
    named = f"--resolve elsewhere.example:2376:{site.address} --cacert {where}/ca.pem {files}"
    assert "alternative certificate subject name" in site.curl("alice", named, elsewhere).stderr
    site.put("foreign", pki.Authority("Foreign").pem, "", "")
    foreign = site.curl("alice", f"--cacert /root/{site.name}/foreign/ca.pem {files}")
    assert foreign.stdout == "" and "certificate" in foreign.stderr


@pytest.mark.parametrize(
    ("version", "accepted"), [("tls1", False), ("tls1_1", False), ("tls1_2", True), ("tls1_3", True)]
)
def test_old_tls_is_refused(site: Site, version: str, accepted: bool) -> None:
    where = f"/root/{site.name}/alice"
    answer = site.client.run(
        f"echo | openssl s_client -{version} -cipher ALL:@SECLEVEL=0 -connect {site.address}:2376 "
        f"-CAfile {where}/ca.pem -cert {where}/cert.pem -key {where}/key.pem 2>&1"
    )
    assert ("Verify return code: 0 (ok)" in answer.stdout and answer.rc == 0) is accepted, answer.stdout
    assert accepted or "alert protocol version" in answer.stdout, "it is the server that refuses"


def test_plain_http_is_refused(site: Site) -> None:
    answer = site.curl("alice", "--write-out %{http_code}", f"http://{site.address}:2376/_ping")
    assert answer.stdout.endswith("400") and "HTTP request to an HTTPS server" in answer.stdout


def test_second_run_changes_nothing(site: Site) -> None:
    before = site.traces()
    run = site.apply()
    assert (run.rc, run.changed) == (0, []), run.output
    assert site.traces() == before


def test_rotation_under_a_client_that_polls(site: Site) -> None:
    docker_cp(Path(__file__).parent / "poll.py", "/root/poll.py")
    where, log, unit = f"/root/{site.name}/alice", f"/root/{site.name}/poll.log", f"poll-{site.name}"
    site.client.check_output(
        f"systemd-run --quiet --unit={unit} --property=StandardOutput=file:{log} "
        f"python3 /root/poll.py {site.address} {where} 300"
    )
    container, daemon, served = site.survivor(), site.daemon(), site.served()
    run = site.rotate()
    assert run.rc == 0, run.output
    time.sleep(1)
    site.client.check_output(f"systemctl stop {unit}")
    assert (result(run)["daemon_action"], result(run)["files"]) == ("restart", ["server-cert.pem", "server-key.pem"])
    assert site.survivor() == container, "the container never stopped"
    assert site.daemon() != daemon
    assert served != site.served() == site.on_disk()

    polls = [(float(when), said) for when, said in map(str.split, site.client.file(log).content_string.splitlines())]
    good = [when for when, said in polls if said == "ok"]
    gap = max(after - before for before, after in zip(good, good[1:]))
    failed = sorted({said for _when, said in polls if said != "ok"})
    record(f"gap-{site.name}", {"seconds": round(gap, 3), "polls": len(polls), "answered": len(good), "errors": failed})
    assert len(good) > 20 and polls[-1][1] == "ok"
    assert gap < GAP, f"the API was away for {gap:.1f} s"
    assert not {"SSLCertVerificationError", "odd"} & set(failed), (
        "no client ever saw a certificate that it does not trust"
    )


@pytest.mark.debian(12, 14)  # the oldest and the newest engine
def test_revoked_client_is_shut_out_and_others_are_not(site: Site) -> None:
    assert site.may("alice") and site.may("bob")
    revoked = [{"name": "alice"}, {"name": "bob", "state": "revoked"}]
    run = site.apply(docker_tls_clients=revoked)
    assert run.rc == 0, run.output
    assert not site.may("bob")
    site.hand_out("alice")
    assert site.may("alice")
    site.put("bob", (site.directory / "ca" / "ca.pem").read_text(), *_old(site, "bob"))
    assert "alert" in site.curl("bob").stderr, "he is refused by the daemon, not only by his own old bundle"
    assert not (site.directory / "clients" / "bob").exists()
    again = site.apply(docker_tls_clients=revoked)
    assert (again.rc, again.changed) == (0, [])
    assert site.host.check_output("grep -c BEGIN /etc/docker/tls/ca.pem") == "1"


def _old(site: Site, name: str) -> list[str]:
    return [site.client.file(f"/root/{site.name}/{name}/{file}").content_string for file in ("cert.pem", "key.pem")]


@pytest.mark.debian(12, 14)  # the oldest and the newest engine
def test_new_authority_leaves_time_to_fetch_certificates(site: Site) -> None:
    clients = [{"name": "alice"}]
    run = site.apply(docker_tls_clients=clients, docker_tls_renew=["ca"], docker_tls_ca_passphrase="c4n4ry-passphrase")
    assert run.rc == 0, run.output
    assert "c4n4ry" not in run.output
    assert "ENCRYPTED" in (site.directory / "ca" / "ca-key.pem").read_text()
    site.put("old", (site.directory / "ca" / "ca.pem").read_text(), *_old(site, "alice"))
    site.hand_out("alice")
    assert site.may("alice") and site.may("old"), "both authorities are trusted for a while"

    ended = site.apply(
        docker_tls_clients=clients, docker_tls_ca_overlap_days=0, docker_tls_ca_passphrase="c4n4ry-passphrase"
    )
    assert (ended.rc, result(ended)["files"]) == (0, ["ca.pem"]), ended.output
    assert site.may("alice") and not site.may("old")


@pytest.mark.debian(12)
def test_nothing_is_done_where_nothing_is_asked_for(site: Site) -> None:
    before = site.traces()
    run = site.apply(docker_tls_listen=[], docker_tls_clients=[], docker_tls_renew=["server"])
    assert (run.rc, run.changed) == (0, [])
    assert site.traces() == before


@pytest.mark.debian(13)
def test_check_on_a_bare_host_tells_all_and_writes_nothing(site: Site) -> None:
    before = site.traces()
    bare = site.directory.with_name(f"{site.name}-bare")
    run = site.apply(
        "--check",
        docker_tls_dir="/etc/docker/other",
        docker_tls_ca_dir=str(bare),
        docker_tls_clients_dir=str(bare / "clients"),
    )
    assert run.rc == 0, run.output
    assert run.changed[0].endswith("Site | Keep the authority") and "Server | Install" in run.changed[-1]
    (shown,) = result(run)["diff"]
    assert [shown["before"], sorted(shown["after"])] == [
        dict.fromkeys(("ca.pem", "server-cert.pem", "server-key.pem")),
        ["ca.pem", "server-cert.pem", "server-key.pem"],
    ]
    assert site.traces() == before and not bare.exists()


@pytest.mark.debian(14)
def test_expiry_comes_near(site: Site) -> None:
    clients = {"docker_tls_clients": [{"name": "alice"}], "docker_tls_ca_passphrase": "c4n4ry-passphrase"}
    longer = {**clients, "docker_tls_renew_days": 366, "docker_tls_server_days": 400, "docker_tls_client_days": 400}
    near = site.apply(**longer)
    assert near.rc == 0, near.output
    assert "it expires on" in json.dumps(near.results)
    assert set(result(near)["files"]) == {"server-cert.pem", "server-key.pem"}
    site.hand_out("alice")
    assert site.may("alice") and site.served() == site.on_disk()
    assert site.apply("--check", **longer).changed == []


@pytest.mark.debian(13)
def test_wrong_option_is_refused_by_name(site: Site) -> None:
    before = site.traces()
    run = site.apply(docker_tls_management_networks=["10.0.0.0/8", "10.0.0.1/8"])
    assert run.rc != 0 and "docker_tls_management_networks: '10.0.0.1/8'" in run.failure, run.failure
    assert site.traces() == before
