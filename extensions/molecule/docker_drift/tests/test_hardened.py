# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all roles together leave behind, as curl, docker and the audit see it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests.support import ROOT, adhoc

PING = "curl --silent --show-error --max-time 10"
API = "https://127.0.0.1:2376/_ping"
PROXY = "docker --host unix:///run/bulkhead-docker-proxy/metrics/docker.sock"

#: What the roles mended, or opened without harm.
GREEN = {
    "access-daemon-users",
    "daemon-proxy-sockets",
    "daemon-rootless-ids",
    "daemon-rootless-socket",
    "daemon-tls",
    "daemon-tls-certificate-expiry",
    "daemon-tls-certificate-names",
    "daemon-tls-served-certificate",
    "file-api-socket-mode",
    "file-tls-key-mode",
}


def test_the_api_is_for_the_operator(host: t.Any) -> None:
    for file in ("ca.pem", "cert.pem", "key.pem"):
        text = (ROOT / "build" / "docker_drift" / "clients" / "operator" / file).read_text()
        host.check_output("umask 077; mkdir -p /root/operator; printf %s %s > %s", "%s", text, f"/root/operator/{file}")
    own = "--cacert /root/operator/ca.pem --cert /root/operator/cert.pem --key /root/operator/key.pem"
    assert host.check_output(f"{PING} {own} {API}") == "OK"
    assert host.run(f"{PING} --cacert /root/operator/ca.pem {API}").rc != 0


def test_the_proxy_passes_what_is_allowed(host: t.Any) -> None:
    assert "web" in host.check_output(f"{PROXY} ps --format '{{{{.Names}}}}'")
    assert "does not allow this request" in host.run(f"{PROXY} rm --force web").stderr


def test_the_users_engine_is_the_users(host: t.Any) -> None:
    uid = host.user("builder").uid
    asked = f"docker --host unix:///run/user/{uid}/docker.sock info --format '{{{{.SecurityOptions}}}}'"
    assert "rootless" in host.check_output(f"runuser --user builder -- {asked}")


@pytest.mark.debian(14)  # test_steady.py sees to another
def test_a_second_run_changes_nothing(hardened: t.Any) -> None:
    run = hardened.play("harden")
    assert (run.rc, run.changed) == (0, []), run.output


@pytest.fixture(scope="module")
def verdicts(host: t.Any) -> dict[str, set[str]]:
    options = {"subjects": ["host", "daemon"], "verdicts": ["pass", "fail", "error", "unknown"]}
    found: dict[str, set[str]] = {}
    for one in adhoc("bulkhead.docker.docker_audit", host.backend.get_hostname(), options)["audit"]["findings"]:
        found.setdefault(one["rule"], set()).add(one["verdict"])
    return found


@pytest.mark.parametrize("rule", sorted(GREEN))
def test_the_audit_is_green(verdicts: dict[str, set[str]], rule: str) -> None:
    assert verdicts[rule] == {"pass"}


def test_nothing_was_left_unjudged(verdicts: dict[str, set[str]]) -> None:
    assert {rule for rule, said in verdicts.items() if {"error", "unknown"} & said} == set()
