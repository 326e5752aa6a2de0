# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of containers on their way to the collector, which is there, is away, or is another one."""

from __future__ import annotations

import re
import time
import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests.log_site import Site, until

LINES = 10_000
#: With pauses, so that the collector goes while the container still writes.
CHATTY = (
    f"i=0; while [ $i -lt {LINES} ]; do echo number-$i-; i=$((i+1)); [ $((i%500)) -gt 0 ] || sleep 1; done; sleep 9999"
)


def test_a_line_arrives_with_container_and_image(site: Site) -> None:
    odd = 'hällo "quoted" \\ back{{ x }}'
    container = site.say(f"canary-one {odd}", "--name canary-one --label token=label-secret")
    record = site.record("canary-one")
    image = site.host.check_output("docker inspect --format '{{.Image}}' canary-one")
    assert record == {
        "unit": "docker.service",
        "container": {"id": container, "name": "canary-one"},
        "image": {"name": "tiny:1", "id": image},
        "message": f"canary-one {odd}",
    }


def test_what_is_no_utf8_and_what_moves_the_cursor_is_harmless(site: Site) -> None:
    site.host.check_output("docker run --detach --network none tiny:1 printf 'canary-odd \\377 \\033[31m end\\n'")
    assert re.fullmatch(r"canary-odd . #033\[31m end", site.record("canary-odd")["message"])


def test_a_forged_line_does_not_pass_for_a_containers(site: Site) -> None:
    """Anyone may send fields to journald; which unit they come from it knows itself."""
    send = (
        "import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.sendto("
        "b'MESSAGE=canary-forged\\nCONTAINER_ID_FULL=0\\nUNIT=docker.service\\n', '/run/systemd/journal/socket')"
    )
    site.host.check_output("setpriv --reuid nobody --clear-groups python3 -c %s", send)
    assert until(lambda: site.host.run("journalctl --output cat --grep '^canary-forged'").rc == 0)
    site.say("canary-after-it")
    assert until(lambda: site.arrived("canary-after-it"))
    assert site.arrived("canary-forged") == []


def test_only_root_reads_the_key(site: Site) -> None:
    key = site.host.file("/etc/bulkhead.docker/logging/tls/key.pem")
    assert (key.user, key.mode & 0o077) == ("root", 0)
    lines = site.variables["docker_logging_key"].splitlines()[1:-1]
    shown = site.host.check_output("cat /etc/bulkhead.docker/logging/rsyslog.conf; systemctl cat bulkhead-docker-logs")
    assert [line for line in lines if line in shown] == []
    exposure = site.host.check_output("systemd-analyze security bulkhead-docker-logs --no-pager | tail -n 1")
    assert float(re.search(r"[0-9]+\.[0-9]", exposure)[0]) < 2  # type: ignore[index]  # always a figure


#: Sends bytes to a collector, and reads what it answers until it says nothing more, or lets go.
SEND = """
import contextlib, socket, ssl, sys
address, port, text, authority, *mine = sys.argv[1:]
context = ssl.create_default_context(cafile=authority)
context.check_hostname = False
context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the tests' authority is a plain one
if mine:
    context.load_cert_chain(*mine)
with socket.create_connection((address, int(port)), 20) as plain, context.wrap_socket(plain) as link:
    with contextlib.suppress(OSError):  # with TLS 1.3 the refusal comes after the handshake
        link.sendall(text.encode())
        link.settimeout(5)
        while link.recv(4096):
            pass
"""


def test_a_client_without_certificate_is_refused(site: Site) -> None:
    """The same bytes, with and without: of those that arrive, the reason is the certificate."""
    address, _colon, port = site.variables["docker_logging_collector"].rpartition(":")
    tls = "/etc/bulkhead.docker/logging/tls"
    for protocol, at in (("relp", int(port)), ("syslog", int(port) + 4000)):
        for kind, mine in (("without", ""), ("with", f"{tls}/cert.pem {tls}/key.pem")):
            text = f"<14>1 - h x - - - canary-{protocol}-{kind}"
            offer = "relp_version=0\nrelp_software=test\ncommands=syslog"
            relp = f"1 open {len(offer)} {offer}\n2 syslog {len(text)} {text}\n"
            sent = relp if protocol == "relp" else f"{len(text)} {text}"
            site.host.check_output(f"python3 -c %s {address} {at} %s {tls}/ca.pem {mine}", SEND, sent)
        assert until(lambda p=protocol: site.arrived(f"canary-{p}-with")), protocol  # type: ignore[misc]  # bound
        assert site.arrived(f"canary-{protocol}-without") == [], protocol


def test_a_collector_with_a_wrong_name_gets_nothing(site: Site) -> None:
    """With relp rsyslog gives up, says so, and goes on when it is started again; test_c_life has the other protocol."""
    site.service("stop")
    site.service("start", "wrong")
    site.say("canary-wrong-name")
    journal = "journalctl --unit bulkhead-docker-logs --since -5min --output cat"
    refused = until(lambda: "no permited name found" in site.host.check_output(journal))
    time.sleep(5)
    site.service("stop", "wrong")
    site.service("start")
    assert refused, site.host.check_output(journal)
    wrong = site.collector.file(f"/srv/site/wrong-{site.name}.log")
    assert not wrong.exists or wrong.size == 0
    site.host.check_output("systemctl restart bulkhead-docker-logs")
    site.say("canary-right-name")
    assert until(lambda: site.of_containers("canary-right-name"))


def test_no_line_is_lost_and_nobody_waits_while_the_collector_is_away(site: Site) -> None:
    site.host.check_output("docker run --detach --name chatty --network none tiny:1 sh -c %s", CHATTY)
    assert until(lambda: site.arrived("number-500-"))
    site.service("stop")
    queue = "find /var/lib/bulkhead-docker-logs -type f -size +100k"
    assert until(lambda: site.host.check_output(queue)), "they wait on disk"
    last = f"docker logs --tail 1 chatty | grep --fixed-strings number-{LINES - 1}-"
    assert until(lambda: site.host.run(last).rc == 0, 120), "the container wrote all it had to say"
    assert len(site.arrived("number-")) < LINES, "and not all of it was taken away"
    assert _seconds(site.host, "docker exec chatty echo here") < 20
    assert _seconds(site.host, "docker stop --time 2 chatty") < 30
    assert site.host.check_output("docker inspect --format '{{.State.Running}}' chatty") == "false"
    site.service("start")
    until(lambda: len(_numbers(site)) == LINES, 120)
    assert _numbers(site) == {str(number) for number in range(LINES)}


def _numbers(site: Site) -> set[str]:
    count = f"grep --text --only-matching 'number-[0-9]*-' /srv/site/right-{site.name}.log | cut -d- -f2 | sort -u"
    return set(site.collector.run(count).stdout.split())


def _seconds(host: t.Any, command: str) -> float:
    begin = time.monotonic()
    host.check_output(command)
    return time.monotonic() - begin


@pytest.fixture(scope="module", autouse=True)
def as_before(site: Site) -> t.Iterator[None]:
    yield
    site.collector.run(f"systemctl stop wrong@{site.name}; systemctl start right@{site.name}")
    site.host.run("docker ps --all --quiet | xargs -r docker rm --force")
