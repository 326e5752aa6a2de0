# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the daemon is reached: real TLS ports with real certificates, users' own daemons, honest and hostile."""

from __future__ import annotations

import re
import shlex
import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests.support import adhoc

Json = dict[str, t.Any]
Said = dict[tuple[str, str], Json]  # rule and subject's name -> finding

MODULE = "bulkhead.docker.docker_audit"
DROP_IN = "/etc/systemd/system/docker.service.d/reach.conf"
TLS = "/srv/reach"

# one authority, a foreign one, certificates of ours that are good, run out within days, and were replaced
MAKE = f"""
set -e
mkdir -p {TLS}; cd {TLS}
key="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 $key -subj /CN=authority -days 400 -keyout ca.key -out ca.pem 2>/dev/null
for one in good short foreign; do
  openssl req $key -subj /CN=$one -keyout $one.key -out $one.csr 2>/dev/null
  printf 'subjectAltName=DNS:%s,IP:127.0.0.1\\n' "$(hostname)" >names
  days=400; [ $one != short ] || days=3
  by="-CA ca.pem -CAkey ca.key -CAcreateserial"
  openssl x509 -req -in $one.csr $by -days $days -extfile names -out $one.pem 2>/dev/null
done
"""

LISTEN = """
set -e
mkdir -p $(dirname {path})
printf '[Service]\\nExecStart=\\nExecStart=/usr/sbin/dockerd -H fd:// {options}\\n' >{path}
systemctl daemon-reload; systemctl reset-failed docker.service; systemctl restart docker.service
"""

VERIFY = f"--tlsverify --tlscacert={TLS}/ca.pem --tlscert={TLS}/{{0}}.pem --tlskey={TLS}/{{0}}.key"


@pytest.fixture(scope="module")
def name(host: t.Any) -> str:
    return str(host.backend.get_hostname())


@pytest.fixture(scope="module", autouse=True)
def lab(host: t.Any) -> t.Iterator[None]:
    run(host, MAKE)
    yield
    host.run("bash -c %s", f"rm -rf {TLS} {DROP_IN}; systemctl daemon-reload; systemctl reset-failed docker.service")
    run(host, "systemctl restart docker.service")


def run(host: t.Any, script: str) -> str:
    done = host.run("bash -c %s", script)
    assert done.rc == 0, f"{done.stdout}\n{done.stderr}"
    return str(done.stdout)


def listen(host: t.Any, options: str) -> None:
    run(host, LISTEN.format(options=options, path=DROP_IN))


def audit(name: str, **options: t.Any) -> tuple[Said, Json]:
    every = ["pass", "fail", "error", "unknown", "not_applicable"]
    document = adhoc(MODULE, name, {"subjects": ["daemon"], "verdicts": every, **options})["audit"]
    return {(found["rule"], found["subject"]["name"]): found for found in document["findings"]}, document


def verdicts(said: Said, subject: str, *rules: str) -> list[str]:
    return [said[rule, subject]["verdict"] for rule in rules]


TLS_RULES = (
    "daemon-tls",
    "daemon-tls-certificate-expiry",
    "daemon-tls-served-certificate",
    "daemon-tls-certificate-names",
    "daemon-tls-key-strength",
    "daemon-tls-client-ca",
)
PORT = "-H tcp://127.0.0.1:2376"


def test_a_port_that_verifies(host: t.Any, name: str) -> None:
    listen(host, f"{PORT} {VERIFY.format('good')}")
    said, _document = audit(name)
    assert verdicts(said, name, *TLS_RULES) == ["pass"] * 6
    refused = host.run("curl --silent --show-error --insecure https://127.0.0.1:2376/_ping")
    assert refused.rc != 0, "the other witness"


def test_a_certificate_that_runs_out(host: t.Any, name: str) -> None:
    listen(host, f"{PORT} {VERIFY.format('short')}")
    said, _document = audit(name)
    assert verdicts(said, name, *TLS_RULES) == ["pass", "fail", "pass", "pass", "pass", "pass"]
    observed = said["daemon-tls-certificate-expiry", name]["evidence"]["observed"]
    assert [(one["where"], one["days_left"]) for one in observed] == [
        ("served on 127.0.0.1:2376", 2),
        (f"{TLS}/short.pem", 2),
    ]
    assert verdicts(audit(name, policy={"certificate_days": 2})[0], name, "daemon-tls-certificate-expiry") == ["pass"]


def test_replaced_on_disk_and_not_restarted(host: t.Any, name: str) -> None:
    listen(host, f"{PORT} {VERIFY.format('good')}")
    run(host, f"cd {TLS} && cp --preserve good.pem kept.pem && cp foreign.pem good.pem")
    said, _document = audit(name)
    (stale,) = said["daemon-tls-served-certificate", name]["evidence"]["observed"]
    served = host.check_output(
        "openssl s_client -connect 127.0.0.1:2376 </dev/null 2>/dev/null | openssl x509 -noout -fingerprint -sha256"
    )
    assert served.partition("=")[2].replace(":", "").lower() == stale["fingerprint"]
    run(host, f"cd {TLS} && cp --preserve kept.pem good.pem")
    assert verdicts(audit(name)[0], name, "daemon-tls-served-certificate") == ["pass"]


def test_plain_http_beside_tls(host: t.Any, name: str) -> None:
    """A port with `tls=false` is what settings can hide: the daemon has them for all ports, or for none."""
    listen(host, "-H tcp://127.0.0.1:2375 --tls=false")
    said, _document = audit(name)
    assert verdicts(said, name, *TLS_RULES) == ["fail"] + ["not_applicable"] * 5
    (plain,) = said["daemon-tls", name]["evidence"]["observed"]
    assert (plain["protocol"], plain["verified"], plain["source"]) == ("http", False, "answer")
    assert host.check_output("curl --silent http://127.0.0.1:2375/_ping") == "OK"


def test_no_port_is_asked_where_there_is_none(host: t.Any, name: str) -> None:
    run(host, f"rm {DROP_IN}; systemctl daemon-reload; systemctl reset-failed docker; systemctl restart docker")
    said, _document = audit(name)
    assert verdicts(said, name, *TLS_RULES) == ["pass"] + ["not_applicable"] * 5
    assert host.run("journalctl --unit docker --since -5s --grep 'TLS handshake'").rc != 0


SCRIPT = "/usr/share/docker.io/contrib/dockerd-rootless.sh"
ROOTLESS = """
set -e
id {user} >/dev/null 2>&1 || useradd --create-home --shell /bin/bash {user}
loginctl enable-linger {user}
uid=$(id -u {user}); export XDG_RUNTIME_DIR=/run/user/$uid
until [ -S $XDG_RUNTIME_DIR/bus ]; do sleep 0.1; done
install -d -o {user} -g {user} /home/{user}/.config /home/{user}/.config/systemd /home/{user}/.config/systemd/user
cat >/home/{user}/.config/systemd/user/docker.service <<UNIT
[Service]
Type=notify
NotifyAccess=all
Environment=PATH=/usr/sbin:/usr/bin
ExecStart={script} {options}
UNIT
runuser --user {user} -- systemctl --user daemon-reload
runuser --user {user} -- systemctl --user restart docker.service
"""


def rootless(host: t.Any, user: str, options: str = "") -> None:
    run(host, ROOTLESS.format(user=user, options=options, script=SCRIPT))


def as_user(host: t.Any, user: str, command: str) -> str:
    script = f"export DOCKER_HOST=unix:///run/user/$(id -u)/docker.sock; {command}"
    return run(host, f"runuser --user {user} -- bash -c {shlex.quote(script)}")


@pytest.fixture(scope="module")
def alice(host: t.Any, lab: None) -> None:
    rootless(host, "alice")
    run(host, "docker save --output /srv/tiny.tar tiny:1; chmod 0644 /srv/tiny.tar")
    as_user(host, "alice", "docker load --input /srv/tiny.tar")
    as_user(host, "alice", "docker run --detach --name web --env ALICE_PASSWORD=wrong-horse tiny:1")


def test_a_users_daemon_is_judged_by_rules_of_its_own(host: t.Any, name: str, alice: None) -> None:
    said, document = audit(name, subjects=["daemon", "container"])
    hers = f"alice@{name}"
    assert document["counts"]["error"] == 0
    assert verdicts(said, hers, "daemon-rootless", "daemon-rootless-socket", "daemon-rootless-ids") == ["pass"] * 3
    assert verdicts(said, name, "daemon-rootless", "daemon-rootless-socket") == ["fail", "not_applicable"]
    assert verdicts(said, hers, "daemon-userland-proxy", "daemon-live-restore") == ["not_applicable"] * 2
    assert [subject for rule, subject in said if rule == "container-privileged" and "/" in subject] == ["alice/web"]
    process = said["container-non-root", "alice/web"]
    assert process["verdict"] == "pass", process["evidence"]
    pid = as_user(host, "alice", "docker inspect --format '{{.State.Pid}}' web").strip()
    assert host.check_output(f"stat --format %U /proc/{pid}") == "alice", "the other witness"
    assert not [key for key, found in said.items() if key[1].startswith("alice") and found["verdict"] == "unknown"]


def test_without_root_or_on_request_only_one_daemon_is_judged(host: t.Any, name: str, alice: None) -> None:
    uid = host.check_output("id -u alice")
    for options in ({"rootless": False}, {"docker_host": f"unix:///run/user/{uid}/docker.sock"}):
        said, _document = audit(name, **options)
        assert len({subject for _rule, subject in said}) == 1


def test_an_open_socket_and_shared_ids(host: t.Any, name: str, alice: None) -> None:
    granted = host.file("/etc/subuid").content_string
    first = re.search(r"^alice:(\d+):", granted, re.MULTILINE)
    assert first
    run(host, f"useradd --create-home bob; sed -i s/^bob:[0-9]*:/bob:{int(first[1]) + 1000}:/ /etc/subuid")
    rootless(host, "alice", "-H unix:///run/user/%U/docker.sock -H unix:///tmp/alice.sock")
    run(host, "chmod 0666 /tmp/alice.sock")
    try:
        said, _document = audit(name)
        shared = said["daemon-rootless-ids", f"alice@{name}"]
        assert shared["verdict"] == "fail"
        assert "bob" in str(shared["evidence"]["observed"])
        (opened,) = said["daemon-rootless-socket", f"alice@{name}"]["evidence"]["observed"]
        assert (opened["socket"], opened["open_to"]) == ("/tmp/alice.sock", ["everyone"])
    finally:
        run(host, f"printf %s {shlex.quote(granted)} >/etc/subuid; userdel --remove bob")
        rootless(host, "alice")


# a program of mallory's that calls itself dockerd: it listens, and then says nothing, or never stops
MALLORY = """
import ctypes, socket, sys, threading
ctypes.CDLL(None).prctl(15, b"dockerd", 0, 0, 0)
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen(64)
def talk(connection):
    connection.recv(65536)
    if sys.argv[2] == "endless":
        connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Type: application/json\\r\\n\\r\\n[")
        while True:
            connection.sendall(b'"' + b"x" * 1000000 + b'",')
while True:
    threading.Thread(target=talk, args=server.accept()[:1], daemon=True).start()
"""


@pytest.mark.parametrize("habit", ["silent", "endless"])
def test_a_hostile_daemon_is_one_error_and_hurts_nobody(host: t.Any, name: str, alice: None, habit: str) -> None:
    run(host, f"id mallory 2>/dev/null || useradd mallory; printf %s {shlex.quote(MALLORY)} >/srv/mallory.py")
    start = f"systemd-run --quiet --unit=mallory --uid=mallory python3 /srv/mallory.py /tmp/mallory.sock {habit}"
    run(host, f"rm -f /tmp/mallory.sock; {start}; until [ -S /tmp/mallory.sock ]; do sleep 0.1; done")
    try:
        said, document = audit(name, timeout=3)
    finally:
        run(host, "systemctl stop mallory; rm -f /tmp/mallory.sock")
    errors = {subject: found for (_rule, subject), found in said.items() if found["verdict"] == "error"}
    assert set(errors) == {f"mallory@{name}"}
    assert document["counts"]["error"] == 1
    assert document["seconds"]["collect"] < 30
    assert verdicts(said, f"alice@{name}", "daemon-rootless") == ["pass"]
    assert host.run("pgrep -u mallory").rc != 0, "nothing of the audit is left"


def test_a_host_with_users_daemons_alone(host: t.Any, name: str, alice: None) -> None:
    run(host, "systemctl stop docker.socket docker.service; rm -f /run/docker.sock")
    try:
        said, document = audit(name)
    finally:
        run(host, "systemctl reset-failed docker.service; systemctl start docker.socket docker.service")
    assert {subject for _rule, subject in said} == {f"alice@{name}"}
    assert (document["host"]["name"], document["counts"]["error"]) == (name, 0)
