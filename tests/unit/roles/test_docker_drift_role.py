# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role and the playbook as ansible-playbook runs them, over a module and roles that only note the call."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.drift.plan import ROLES

ROOT = Path(__file__).resolve().parents[3]

#: Each call answers with the next document of the file that ``docker_host`` names, the last one again and again.
MODULE = """
import json, pathlib
from ansible.module_utils.basic import AnsibleModule
types = dict(baseline="dict", approve="list", images="list", ignore="list", timeout="int", rootless="bool",
             journal="bool")
words = ("state", "path", "approved_by", "reason", "docker_host")
spec = {**{name: {"type": type} for name, type in types.items()}, **dict.fromkeys(words, {})}
module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
file = pathlib.Path(module.params["docker_host"])
calls = file.with_suffix(".calls")
calls.open("a").write(json.dumps(module.params) + "\\n")
answers = json.loads(file.read_text())
answer = answers[min(len(calls.read_text().splitlines()), len(answers)) - 1]
if isinstance(answer, str):
    module.fail_json(msg=answer)
module.exit_json(changed=module.params["state"] != "compared", drift=answer, baseline={"z": 1, "a": {"b": 2}})
"""
#: A role that notes its name, and fails where a file says so.
TASKS = """
- name: Note it
  ansible.builtin.command:
    argv: [sh, -c, 'echo {name} >>{where}.roles; ! grep -qx {name} {where}.bad 2>/dev/null']
"""


def entry(
    path: str, role: str | None = "docker_daemon", lever: str = "host", severity: str = "high"
) -> dict[str, t.Any]:
    common = {"kind": "changed", "before": False, "after": True, "remedy": "", "first_seen": "2026-11-22T12:00:00Z"}
    return {"path": path, "role": role, "lever": lever, "severity": severity, **common}


def drift(*entries: dict[str, t.Any], second: int = 0) -> dict[str, t.Any]:
    recorded = {"at": "2026-11-22T09:00:00Z", "by": "alice", "reason": ""}
    return {
        "schema": 1,
        "checked_at": f"2026-11-22T13:00:{second:02}Z",
        "baseline": {"source": "/x", "recorded": recorded, "approvals": 0},
        "counts": {
            name: sum(one["severity"] == name for one in entries)
            for name in ("critical", "high", "medium", "low", "info")
        },
        "unknown": [],
        "ignored": 0,
        "entries": list(entries),
    }


class Site:
    """A place to call ansible-playbook from, with hosts that answer from files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hosts: dict[str, dict[str, t.Any]] = {}
        own = path / "ansible_collections" / "bulkhead" / "docker"
        (own / "plugins" / "modules").mkdir(parents=True)
        (own / "plugins" / "modules" / "docker_baseline.py").write_text(MODULE)
        for name in ("plugins/filter", "plugins/module_utils", "playbooks", "meta", "galaxy.yml"):
            (own / name).symlink_to(ROOT / name)
        for role in ROLES:
            (own / "roles" / role / "tasks").mkdir(parents=True)
            tasks = TASKS.format(name=role, where="{{ docker_drift_docker_host }}")
            (own / "roles" / role / "tasks" / "main.yml").write_text(tasks)
        (own / "roles" / "docker_drift").symlink_to(ROOT / "roles" / "docker_drift")

    def host(self, name: str, *answers: dict[str, t.Any] | str, bad: str = "") -> None:
        file = self.path / f"{name}.json"
        file.write_text(json.dumps(answers))
        (self.path / f"{name}.json.bad").write_text(bad)
        self.hosts[name] = {"docker_drift_docker_host": str(file)}

    def drift(self, *options: str, **variables: t.Any) -> subprocess.CompletedProcess[str]:
        here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False}
        inventory = self.path / "hosts.json"
        inventory.write_text(json.dumps({"all": {"hosts": self.hosts, "vars": here}}))
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "ANSIBLE_COLLECTIONS_PATH": str(self.path),
            "ANSIBLE_LOCAL_TEMP": str(self.path / "tmp"),
            "ANSIBLE_REMOTE_TEMP": str(self.path / "tmp"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_SHOW_CUSTOM_STATS": "1",
            "PWD": str(self.path),
        }
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        command = [program, "bulkhead.docker.drift", "-i", str(inventory), "-e", json.dumps(variables), *options]
        return subprocess.run(
            command, cwd=self.path, env=environment, check=False, capture_output=True, text=True, timeout=120
        )

    def calls(self, name: str) -> list[dict[str, t.Any]]:
        return [json.loads(line) for line in (self.path / f"{name}.calls").read_text().splitlines()]

    def roles(self, name: str) -> list[str]:
        noted = self.path / f"{name}.json.roles"
        return noted.read_text().split() if noted.exists() else []

    def report(self, name: str) -> dict[str, t.Any]:
        file = self.path / "bulkhead-report" / "drift" / f"{name}.json"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        document: dict[str, t.Any] = json.loads(file.read_text())
        return document


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_detecting_is_one_call_and_changes_nothing(site: Site) -> None:
    site.host("web1", drift(entry("daemon.icc")))
    site.host("web2", drift())
    run = site.drift("-v")
    assert run.returncode == 0, run.stdout + run.stderr
    (call,) = site.calls("web1")
    assert (call["state"], call["journal"], call["baseline"], call["approve"]) == ("compared", True, None, ["*"])
    assert (site.roles("web1"), site.report("web1")["remediation"]) == ([], None)
    assert site.report("web1")["left"] == [{"path": "daemon.icc", "severity": "high", "why": "run role docker_daemon"}]
    assert "daemon.icc: changed, false → true" in run.stdout
    assert "changed=1" not in run.stdout


@pytest.mark.parametrize(("fail_on", "status"), [("critical", 0), ("high", 2), ("info", 2)])
def test_a_pipeline_gets_a_status(site: Site, fail_on: str, status: int) -> None:
    site.host("web1", drift(entry("daemon.icc")))
    run = site.drift(docker_drift_mode="fail", docker_drift_fail_on=fail_on)
    assert run.returncode == status
    assert ("1 entries of drift at or above" in run.stdout + run.stderr) == bool(status)


@pytest.mark.parametrize(("mode", "baseline"), [("detect", "host"), ("remediate", "host"), ("fail", "controller")])
def test_without_a_baseline_it_says_how_to_record_one(site: Site, mode: str, baseline: str) -> None:
    site.host("web1", "no baseline to compare with: there is none at /x; record one")
    run = site.drift(docker_drift_mode=mode, docker_drift_baseline=baseline)
    assert run.returncode == 2
    said = run.stdout + run.stderr
    assert "web1 has no baseline " in said
    assert "-e docker_drift_baseline_state=present -e docker_drift_approved_by=YOUR_NAME --limit web1" in said


def test_hosts_without_a_result_fail_and_the_others_are_checked(site: Site) -> None:
    site.host("web1", "python3-docker is missing")
    site.host("web2", drift())
    site.hosts["lost"] = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
    run = site.drift()
    assert run.returncode == 2
    assert "web1: no result: python3-docker is missing" in run.stdout
    assert "lost: no result: " in run.stdout
    assert site.report("web2")["drift"]["entries"] == []


def test_only_what_mends_the_drift_runs_and_in_order(site: Site) -> None:
    found = [
        entry("a", "docker_firewall"),
        entry("b"),
        entry("c", None, "recreate"),
        entry("d", "docker_tls", severity="low"),
    ]
    site.host("web1", drift(*found), drift(*found[2:], second=5))
    run = site.drift(docker_drift_mode="remediate")
    assert run.returncode == 0, run.stdout + run.stderr
    assert site.roles("web1") == ["docker_daemon", "docker_firewall"]
    report = site.report("web1")
    done = {"attempts": 1, "roles": ["docker_daemon", "docker_firewall"], "mended": ["a", "b"], "failed": []}
    assert report["remediation"] == done
    assert [one["path"] for one in report["found"]] == ["a", "b", "c", "d"]
    assert {one["path"]: one["why"] for one in report["left"]} == {
        "c": "recreate the container, or approve it",
        "d": "docker_drift_remediate_severities leaves low out",
    }
    assert [call["journal"] for call in site.calls("web1")] == [True, None]


def test_it_gives_up_after_so_many_attempts(site: Site) -> None:
    site.host("web1", drift(entry("a")))
    run = site.drift(docker_drift_mode="remediate", docker_drift_attempts=3)
    assert run.returncode == 0, run.stdout + run.stderr
    assert site.roles("web1") == ["docker_daemon"] * 3
    assert site.report("web1")["left"][0]["why"] == "still there after 3 attempts of role docker_daemon"


def test_a_role_that_fails_is_told_of_and_stops_the_next_batch(site: Site) -> None:
    site.host("web1", drift(entry("a")), bad="docker_daemon")
    site.host("web2", drift(entry("a")))
    run = site.drift(docker_drift_mode="remediate")
    assert run.returncode == 2
    assert "Remediation failed: " in run.stdout + run.stderr
    report = site.report("web1")
    assert (report["remediation"]["attempts"], len(report["remediation"]["failed"])) == (2, 2)
    assert not (site.path / "web2.calls").exists()


def test_policy_may_leave_roles_out(site: Site) -> None:
    site.host("web1", drift(entry("a"), entry("b", "docker_host")))
    site.drift(docker_drift_mode="remediate", docker_drift_remediate_roles=["docker_host"], docker_drift_attempts=1)
    assert site.roles("web1") == ["docker_host"]
    refused = site.drift(docker_drift_mode="remediate", docker_drift_remediate_roles=["docker_drift"])
    assert (
        refused.returncode == 2
        and "docker_drift_remediate_roles may hold docker_host" in refused.stdout + refused.stderr
    )


def test_baselines_in_a_directory_of_the_controller(site: Site) -> None:
    site.host("web1", drift())
    here = {"docker_drift_baseline": "controller", "docker_drift_baseline_dir": "baselines"}
    run = site.drift(
        **here, docker_drift_baseline_state="present", docker_drift_approved_by="alice", docker_drift_reason="OPS-1"
    )
    assert run.returncode == 0, run.stdout + run.stderr
    kept = site.path / "baselines" / "web1.json"
    assert kept.read_text() == '{\n "a": {\n  "b": 2\n },\n "z": 1\n}\n'
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert site.drift(**here).returncode == 0
    first, second = site.calls("web1")
    assert (first["baseline"], first["approved_by"], first["reason"]) == ({}, "alice", "OPS-1")
    assert (second["baseline"], second["state"]) == ({"a": {"b": 2}, "z": 1}, "compared")


@pytest.mark.parametrize(
    "options",
    [
        {"docker_drift_baseline_state": "present"},
        {
            "docker_drift_baseline_state": "approved",
            "docker_drift_approved_by": "alice",
            "docker_drift_mode": "remediate",
        },
    ],
)
def test_what_contradicts_is_refused(site: Site, options: dict[str, str]) -> None:
    site.host("web1", drift())
    run = site.drift(**options)
    assert run.returncode == 2 and "says who answers for it" in run.stdout + run.stderr
    assert not (site.path / "web1.calls").exists()


def test_check_mode_mends_nothing_and_says_what_would_run(site: Site) -> None:
    site.host("web1", drift(entry("a")))
    run = site.drift("--check", docker_drift_mode="remediate")
    assert run.returncode == 0, run.stdout + run.stderr
    assert site.roles("web1") == []
    assert site.report("web1")["left"][0]["why"] == "run role docker_daemon"


def test_templates_in_names_are_never_rendered(site: Site) -> None:
    trap = site.path / "trap"
    name = f"containers.{{{{ lookup('pipe', 'touch {trap}') }}}}"
    site.host("web1", drift(entry(name, None, "recreate")))
    for mode in ("detect", "remediate", "fail"):
        site.drift("-vv", docker_drift_mode=mode)
    assert not trap.exists()
    assert site.report("web1")["left"][0]["path"] == name


def test_counts_are_handed_on(site: Site) -> None:
    site.host("web1", drift(entry("a")))
    site.host("web2", drift())
    run = site.drift()
    stats = run.stdout.partition("CUSTOM STATS")[2]
    assert '"web1"' in stats and '"web2"' in stats and '"ok": true' in stats
