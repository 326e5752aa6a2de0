# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets wherever people put them, and in the role's own variable: none gets out, however verbose Ansible is."""

from __future__ import annotations

import dataclasses
import json
import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.tests.support import ROOT, Run, play

Json = dict[str, t.Any]

CANARY = "c4n4ry-51d0"  # as in prepare.yml
FILE = "/etc/docker/daemon.json"
STATE = "/var/lib/bulkhead.docker"
IN_CONTAINERS = (
    *("env", "plain-env", "label", "label-url", "health", "health-option", "argument", "next-argument"),
    "log-option",
)
# all that a module could write to, but for what prepare.yml wrote, the engine's own state, and logs (see the journal)
HOLDERS = (
    "find /etc /root /home /srv /tmp /var/tmp /var/cache /var/lib/bulkhead.docker /run -xdev -type f "
    "-not -path '/etc/systemd/*' -not -path '/run/docker/*' -not -path '/run/containerd/*' "
    "-not -path '/run/log/*' "
    "-not -name 'runc-process*' "
    f"-exec grep -qF {CANARY} {{}} ';' -printf '%m %u %p\\n'"
)
ENVIRONMENT = "tr '\\0' '\\n' </proc/$(systemctl show docker.service --property=MainPID --value)/environ"
SECRET = {
    "labels": [f"api-token={CANARY}-variable"],
    "log-driver": "splunk",
    "log-opts": {"splunk-url": "https://192.0.2.1:8088", "splunk-token": f"{CANARY}-variable-log-option"},
}
PROXIES = {"proxies": {"https-proxy": f"http://proxy:{CANARY}-variable-proxy@192.0.2.1:3128"}}


@dataclasses.dataclass(frozen=True)
class Seen:
    """All that was to be seen anywhere, of three runs: in check mode, for real, and taking it back."""

    runs: tuple[Run, Run, Run]
    file: str  # daemon.json while it held the variable's secrets
    modes: str  # of all files that held a secret then
    journal: str
    out: Path


def include(role: str, **variables: t.Any) -> Json:
    """A role whose failure does not end the play."""
    task = {"name": f"bulkhead.docker.{role}", "apply": {"ignore_errors": True}}
    return {"name": role, "ansible.builtin.include_role": task, "vars": variables}


def configure(config: Json) -> Json:
    return include("docker_daemon", docker_daemon_profile="none", docker_daemon_config=config)


@pytest.fixture(scope="module")
def seen(host: t.Any) -> t.Iterator[Seen]:
    name = str(host.backend.get_hostname())
    out = ROOT / "build" / "docker_audit" / name / "canary"
    out.mkdir(parents=True, exist_ok=True)
    modern = int(host.check_output("docker version --format '{{.Server.Version}}'").partition(".")[0]) >= 23
    config = {**SECRET, **(PROXIES if modern else {})}
    audit = include("docker_audit", docker_audit_report_dir=str(out / "report"), docker_audit_fail_on="info")
    refused = configure({**config, "no-such-key": f"https://user:{CANARY}-variable-refused@192.0.2.1/"})
    before = host.check_output("cat %s", FILE)
    since = host.check_output("systemctl reset-failed docker.service docker.socket; date +%s")
    env = {"ANSIBLE_LOG_PATH": str(out / "ansible.log"), "ANSIBLE_LOCAL_TEMP": str(out / "tmp")}
    check = play(name, [audit, configure(config)], "--check", "-vvv", "--diff", env=env)
    real = play(name, [refused, configure(config), audit], "-vvv", "--diff", env=env)
    file, modes = host.check_output("cat %s", FILE), host.run(HOLDERS).stdout
    undo = play(name, [configure({})], "-vvv", "--diff", env=env)
    journal = host.check_output("journalctl --since @%s --no-pager --output=cat", since)
    yield Seen((check, real, undo), file, modes, journal, out)
    host.check_output("rm -rf %s; printf %%s %s >%s", STATE, before, FILE)
    host.check_output("systemctl reset-failed docker.service; systemctl restart docker.service")


def test_every_secret_was_where_it_is_looked_for(host: t.Any, seen: Seen) -> None:
    containers = host.check_output("docker inspect $(docker ps --all --quiet)")
    assert [place for place in IN_CONTAINERS if f"{CANARY}-{place}" not in containers] == []
    assert f"{CANARY}-unit" in host.check_output(ENVIRONMENT)
    assert f"{CANARY}-variable-log-option" in seen.file


def test_the_runs_did_what_they_should(seen: Seen) -> None:
    expected = ("findings at or above info", "no-such-key")
    for run in seen.runs:
        failures = [str(result["msg"]) for result in run.results if result.get("failed")]
        assert [text for text in failures if not any(words in text for words in expected)] == []
    check, real, undo = ([r for r in run.results if r["action"].endswith("docker_daemon_config")] for run in seen.runs)
    assert [result.get("daemon_action") for result in (*check, *real, *undo)] == ["restart", None, "restart", "restart"]


def test_no_secret_in_any_output(seen: Seen) -> None:
    for run in seen.runs:
        assert "splunk-url" in run.output
        assert lines(run.output) == []


def test_no_secret_in_any_file_of_the_controller(seen: Seen) -> None:
    files = [path for path in seen.out.rglob("*") if path.is_file()]
    assert {"ansible.log", "report.html"} <= {path.name for path in files}
    assert [path for path in files if CANARY in path.read_text()] == []


def test_no_secret_in_the_journal(seen: Seen) -> None:
    assert "Invoked with" in seen.journal, "Ansible logs there"
    assert lines(seen.journal) == []


def test_on_the_host_only_what_root_alone_may_read_holds_it(seen: Seen) -> None:
    holders = [line.split() for line in seen.modes.splitlines()]
    assert FILE in [path for _mode, _owner, path in holders]
    assert {(mode, owner) for mode, owner, _path in holders} == {("600", "root")}
    assert [path for _mode, _owner, path in holders if path != FILE and not path.startswith(f"{STATE}/")] == []


def test_undone(host: t.Any, seen: Seen) -> None:
    assert CANARY + "-variable" not in host.check_output("cat %s", FILE)
    assert json.loads(host.check_output("docker info --format '{{json .}}'"))["LoggingDriver"] == "json-file"


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if CANARY in line]
