# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook as AWX runs it: ansible-runner over a private data directory, and what its events hand back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.bulkhead.docker.tests import support

pytestmark = pytest.mark.debian(12)

RUNNER = Path(sys.executable).with_name("ansible-runner")


class Template:
    """A job template: what is in the project, the inventory, and the variables of the survey."""

    def __init__(self, path: Path, host: str) -> None:
        self.path, self.jobs = path, 0
        for name in ("project", "inventory", "env"):
            (path / name).mkdir(parents=True)
        (path / "project" / "drift.yml").write_text("- import_playbook: bulkhead.docker.drift\n")
        inventory = yaml.safe_load((support.INVENTORY / "hosts.yml").read_text())["docker_hosts"]
        hosts = {"all": {"hosts": {host: inventory["hosts"][host]}, "vars": inventory["vars"]}}
        (path / "inventory" / "hosts.json").write_text(json.dumps(hosts))
        (path / "env" / "envvars").write_text(json.dumps({"ANSIBLE_INJECT_FACT_VARS": "False"}))

    def launch(self, **survey: t.Any) -> tuple[str, int, dict[str, t.Any]]:
        """Status, exit code and artifacts, from where AWX has them."""
        self.jobs += 1
        (self.path / "env" / "extravars").write_text(json.dumps(survey))
        job = str(self.jobs)
        environment = {name: value for name, value in os.environ.items() if name != "PWD"}
        subprocess.run(
            [RUNNER, "run", self.path, "--playbook", "drift.yml", "--ident", job, "--quiet"],
            check=False, capture_output=True, env=environment,
        )  # fmt: skip
        kept = self.path / "artifacts" / job
        events = [json.loads(path.read_text()) for path in (kept / "job_events").glob("*.json")]
        (stats,) = [one["event_data"] for one in events if one["event"] == "playbook_on_stats"]
        return (kept / "status").read_text(), int((kept / "rc").read_text()), stats["artifact_data"]


@pytest.fixture(scope="module")
def template(hardened: t.Any) -> Template:
    path = support.ROOT / "build" / "docker_drift" / "awx"
    shutil.rmtree(path, ignore_errors=True)
    return Template(path, hardened.name)


def test_a_job_hands_on_numbers(template: Template, hardened: t.Any) -> None:
    counts = dict.fromkeys(("critical", "high", "medium", "low", "info"), 0)
    said = {"docker_drift": {hardened.name: {"mode": "detect", "counts": counts, "mended": 0, "ok": True}}}
    assert template.launch(docker_drift_mode="detect") == ("successful", 0, said)
    report = template.path / "project" / "bulkhead-report" / "drift" / f"{hardened.name}.json"
    assert json.loads(report.read_text())["drift"]["entries"] == []


def test_a_workflow_finds_mends_and_proves(template: Template, hardened: t.Any) -> None:
    hardened.host.check_output("chmod 0666 /etc/docker/daemon.json")
    status, code, found = template.launch(docker_drift_mode="fail", docker_drift_fail_on="high")
    assert (status, code, found["docker_drift"][hardened.name]["ok"]) == ("failed", 2, False)
    status, code, mended = template.launch(docker_drift_mode="remediate")
    assert (status, code, mended["docker_drift"][hardened.name]["mended"]) == ("successful", 0, 1)
    assert template.launch(docker_drift_mode="fail", docker_drift_fail_on="info")[:2] == ("successful", 0)


def test_the_survey_approves_by_text(template: Template, hardened: t.Any) -> None:
    hardened.host.check_output("docker run --detach --name extra tiny:1")
    survey = {
        "docker_drift_mode": "detect",
        "docker_drift_baseline_state": "approved",
        "docker_drift_approve": "containers.extra,networks.none",
        "docker_drift_approved_by": "alice",
        "docker_drift_reason": "OPS-1",
    }
    assert template.launch(**survey)[:2] == ("successful", 0)
    hardened.host.check_output("docker rm --force extra")
    assert template.launch(docker_drift_mode="fail")[:2] == ("failed", 2)
    assert template.launch(**survey)[:2] == ("successful", 0)
    assert template.launch(docker_drift_mode="fail")[:2] == ("successful", 0)
