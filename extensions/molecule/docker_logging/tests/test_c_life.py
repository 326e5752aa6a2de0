# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's life after Molecule's converge: the audit's view, tampering, another protocol, undoing; in this order.

None of it depends on the engine.
"""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests import support
from ansible_collections.bulkhead.docker.tests.log_site import Site, until

pytestmark = pytest.mark.debian(12)

CONFIG = "/etc/bulkhead.docker/logging/rsyslog.conf"
PROGRAM = "/usr/local/lib/bulkhead.docker/docker_events.py"
KEY = "/etc/bulkhead.docker/logging/tls/key.pem"
SHIPPER, RECORDER = "bulkhead-docker-logs", "bulkhead-docker-events"
RULES = ["daemon-logs-off-host", "daemon-log-blocking", "daemon-log-limits", "host-engine-events", "host-log-shipping*"]
TRACES = f"""
find /etc/bulkhead.docker /usr/local/lib/bulkhead.docker /etc/systemd/system /etc/systemd/journald.conf.d \
  -printf '%p %m %u %g %T@\n' 2>/dev/null | sort
getent passwd {SHIPPER} {RECORDER}
systemctl show --property=MainPID {SHIPPER} {RECORDER} docker
"""


def red(site: Site) -> dict[str, t.Any]:
    """Rules about logs that the audit finds broken, and why."""
    options = {"select": RULES, "subjects": ["host", "daemon"], "verdicts": ["fail", "error", "unknown"]}
    document = support.adhoc("bulkhead.docker.docker_audit", site.name, options)["audit"]
    return {finding["rule"]: finding["evidence"] for finding in document["findings"]}


def traces(site: Site) -> str:
    return str(site.host.run(TRACES).stdout)


def test_the_audit_sees_what_is_there_and_what_is_not(site: Site) -> None:
    assert red(site) == {}
    site.host.check_output(
        f"systemctl stop {SHIPPER} {RECORDER}; sed -i 's/authMode=.name./authMode=\"anon\"/' {CONFIG}"
    )
    broken = {"host-engine-events", "host-log-shipping", "host-log-shipping-tls", "daemon-logs-off-host"}
    assert set(red(site)) == broken


def test_tampering_shows_exactly(site: Site) -> None:
    site.host.check_output(f"chmod 0644 {KEY}; echo '# more' >> {PROGRAM}")
    before = traces(site)
    run = support.role("docker_logging", site.name, site.variables, "--check", "--diff")
    assert run.rc == 0, run.output
    assert traces(site) == before
    assert run.changed == [
        "Events | Install the program",
        "Events | Run it",
        "Shipping | Install certificate and key",
        "Shipping | Say what goes where",
        "Shipping | Run it",
    ]
    configured = next(one for one in run.results if one["task"] == "Shipping | Say what goes where")
    (difference,) = configured["diff"]
    assert difference["before"].replace('authMode="anon"', 'authMode="name"') == difference["after"]
    assert "PRIVATE KEY" not in run.output


def test_it_is_mended_by_a_run_that_also_changes_the_protocol(site: Site) -> None:
    address, _colon, port = site.variables["docker_logging_collector"].rpartition(":")
    site.variables["docker_logging_protocol"] = "syslog"
    site.variables["docker_logging_collector"] = f"{address}:{int(port) + 4000}"
    run = support.role("docker_logging", site.name, site.variables, "--diff")
    assert run.rc == 0, run.output
    assert "PRIVATE KEY" not in run.output
    assert site.host.file(KEY).mode == 0o600
    assert "anon" not in site.host.file(CONFIG).content_string
    container = site.say("canary-syslog")
    assert until(lambda: site.of_containers("canary-syslog"))
    assert site.record("canary-syslog")["container"]["id"] == container
    assert red(site) == {}


def test_by_syslog_too_a_collector_with_a_wrong_name_gets_nothing(site: Site) -> None:
    site.service("stop")
    site.service("start", "wrong")
    site.say("canary-wrong-syslog")
    journal = f"journalctl --unit {SHIPPER} --since -3min --output cat"
    said = until(lambda: "peer name not authorized" in site.host.check_output(journal))
    site.service("stop", "wrong")
    site.service("start")
    assert said, site.host.check_output(journal)
    assert until(lambda: site.of_containers("canary-wrong-syslog"))
    assert site.arrived("canary", "wrong") == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"docker_logging_driver": "fluentd"}, "docker_logging_accept_blocking: true takes the risk"),
        ({"docker_logging_driver": "local"}, "since that is where logs are taken from"),
        ({"docker_logging_collector_name": ""}, "the DNS name in its certificate"),
    ],
)
def test_refused_before_anything_is_touched(site: Site, options: dict[str, t.Any], said: str) -> None:
    before = traces(site)
    run = support.role("docker_logging", site.name, {**site.variables, **options})
    assert run.rc != 0
    assert said in run.output
    assert traces(site) == before


def test_a_second_run_changes_nothing(site: Site) -> None:
    before = traces(site)
    run = support.role("docker_logging", site.name, site.variables)
    assert (run.rc, run.changed) == (0, [])
    assert traces(site) == before


def test_undone_nothing_of_it_is_left(site: Site) -> None:
    run = support.role("docker_logging", site.name, {})
    assert run.rc == 0, run.output
    left = (
        "ls -d /etc/bulkhead.docker/logging /var/lib/bulkhead-docker-* /etc/systemd/journald.conf.d/*bulkhead* "
        + PROGRAM
    )
    assert site.host.run(left).stdout == ""
    assert site.host.run("systemctl list-unit-files --no-legend 'bulkhead-docker-*'").stdout == ""
    assert not site.host.user(SHIPPER).exists and not site.host.user(RECORDER).exists
    assert site.host.run("systemctl is-active docker systemd-journald").rc == 0


def test_check_on_a_bare_host_says_all_and_writes_nothing(site: Site) -> None:
    before = traces(site)
    run = support.role("docker_logging", site.name, site.variables, "--check", "--diff")
    assert run.rc == 0, run.output
    assert traces(site) == before
    wanted = {"Journal | Bound it", "Events | Describe the service", "Shipping | Say what goes where"}
    assert wanted <= set(run.changed)


@pytest.fixture(scope="module", autouse=True)
def as_before(site: Site) -> t.Iterator[None]:
    yield
    site.collector.run(f"systemctl stop wrong@{site.name}; systemctl start right@{site.name}")
