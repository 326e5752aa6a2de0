# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role and the playbook as ansible-playbook runs them, over a module that answers from a file."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.modules.docker_audit import OPTIONS

Document = dict[str, t.Any]
Result = t.Callable[[str], Document]

ROOT = Path(__file__).resolve().parents[3]

#: Takes the options of the real module; ``docker_host`` is the file to answer with.
MODULE = """
import json, pathlib
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule(argument_spec=json.loads({spec!r}), supports_check_mode=True)
answer = pathlib.Path(module.params["docker_host"])
if not answer.exists():
    module.fail_json(msg="python3-docker is missing")
module.exit_json(audit=json.loads(answer.read_text()))
"""


class Site:
    """A place to call ansible-playbook from, with an inventory and a collection whose audit module is replaced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.hosts: dict[str, dict[str, t.Any]] = {}
        plugins = path / "ansible_collections" / "bulkhead" / "docker" / "plugins"
        (plugins / "modules").mkdir(parents=True)
        (plugins / "modules" / "docker_audit.py").write_text(MODULE.format(spec=json.dumps(OPTIONS)))
        for name in ("plugins/filter", "plugins/module_utils", "roles", "playbooks", "meta", "galaxy.yml"):
            (plugins.parent / name).symlink_to(ROOT / name)

    def host(self, name: str, answer: Document | None, **variables: t.Any) -> None:
        file = self.path / f"answer{len(self.hosts)}.json"
        if answer is not None:
            file.write_text(json.dumps(answer))
        self.hosts[name] = {"docker_audit_docker_host": str(file), **variables}

    def audit(self, *options: str) -> subprocess.CompletedProcess[str]:
        here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "ansible_become": False}
        inventory = self.path / "hosts.json"
        inventory.write_text(json.dumps({"all": {"hosts": self.hosts, "vars": here}}))
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")},
            "ANSIBLE_COLLECTIONS_PATH": str(self.path),
            "ANSIBLE_LOCAL_TEMP": str(self.path / "tmp"),
            "ANSIBLE_REMOTE_TEMP": str(self.path / "tmp"),
            "ANSIBLE_NOCOLOR": "1",
            "PWD": str(self.path),
        }
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        command = [program, "bulkhead.docker.audit", "-i", str(inventory), *options]
        return subprocess.run(
            command, cwd=self.path, env=environment, check=False, capture_output=True, text=True, timeout=120
        )


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


def recap(run: subprocess.CompletedProcess[str]) -> dict[str, dict[str, int]]:
    """Counts of each host in the last lines of the output."""
    lines = run.stdout.split("PLAY RECAP")[1].splitlines()[1:]
    return {
        line.split(":")[0].strip(): {name: int(count) for name, count in re.findall(r"(\w+)=(\d+)", line)}
        for line in lines
        if ":" in line
    }


def test_every_host_is_in_the_report_and_hosts_without_result_fail(site: Site, result: Result) -> None:
    site.host("web1", result("bad"))
    site.host("/srv/image", result("unprivileged"))
    site.host("broken", None)
    site.host("lost", None, ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=1)
    run = site.audit("--check", "--diff")
    assert run.returncode == 2, run.stdout + run.stderr
    report = site.path / "bulkhead-report"
    assert sorted(path.name for path in report.iterdir()) == ["%2Fsrv%2Fimage.json", "report.html", "web1.json"]
    assert mode(report) == "0o700"
    assert {mode(path) for path in report.iterdir()} == {"0o600"}
    assert json.loads((report / "web1.json").read_text()) == result("bad")
    page = (report / "report.html").read_text()
    assert "<h1><bdi>4 Docker hosts</bdi></h1>" in page
    assert "python3-docker is missing" in page
    assert page.count("<strong>No result</strong>") == 2
    counts = recap(run)
    assert [counts[name]["failed"] for name in ("web1", "/srv/image", "broken", "lost")] == [0, 0, 1, 1]
    assert {count["changed"] for count in counts.values()} == {0}
    assert "No audit result: python3-docker is missing" in run.stdout


def test_before_after_and_threshold(site: Site, result: Result) -> None:
    site.host("web1", result("bad"))
    first = site.audit("-e", "docker_audit_report_dir=reports/one", "-e", "docker_audit_fail_on=critical")
    assert first.returncode == 2
    assert "5 findings at or above critical: " in first.stdout
    assert (site.path / "reports" / "one" / "report.html").exists()

    site.host("web1", result("good"))
    later = ("-e", "docker_audit_report_dir=reports/two", "-e", "docker_audit_before=reports/one")
    second = site.audit(*later, "-e", "docker_audit_fail_on=critical")
    assert second.returncode == 0, second.stdout + second.stderr
    assert "all                         44       8" in second.stdout
    assert "Before and now" in (site.path / "reports" / "two" / "report.html").read_text()
    assert site.audit(*later, "-e", "docker_audit_fail_on=high").returncode == 2
    assert recap(second)["web1"]["changed"] == 0


def test_a_directory_that_exists_keeps_its_mode(site: Site, result: Result) -> None:
    site.host("web1", result("good"))
    shared = site.path / "shared"
    shared.mkdir(mode=0o755)
    assert site.audit("-e", f"docker_audit_report_dir={shared}").returncode == 0
    assert mode(shared) == "0o755"
    assert mode(shared / "report.html") == "0o600"


@pytest.mark.parametrize("before", ["bulkhead-report", "./bulkhead-report/", "nowhere"])
def test_a_result_that_cannot_be_compared_with_is_refused(site: Site, result: Result, before: str) -> None:
    site.host("web1", result("good"))
    (site.path / "bulkhead-report").mkdir()
    run = site.audit("-e", f"docker_audit_before={before}")
    assert run.returncode == 2
    assert (
        f"docker_audit_before is {before}: it must be a directory that an earlier run wrote" in run.stdout + run.stderr
    )
    assert list((site.path / "bulkhead-report").iterdir()) == []


def test_templates_in_names_are_never_rendered(site: Site, result: Result) -> None:
    traps = [site.path / f"trap{number}" for number in range(2)]
    name = f"{{{{ lookup('pipe', 'touch {traps[0]}') }}}}"
    document = result("bad")
    (finding,) = (f for f in document["findings"] if (f["rule"], f["verdict"]) == ("container-privileged", "fail"))
    finding["subject"]["name"] = name
    finding["evidence"]["observed"] = [
        f"{{% set x = lookup('pipe', 'touch {traps[1]}') %}}",
        "{{ 7 * 6 }}",
    ]
    site.host("web1", document)
    assert site.audit("-e", "docker_audit_fail_on=none", "-vvv").returncode == 0
    run = site.audit(
        "-e", "docker_audit_report_dir=two", "-e", "docker_audit_before=bulkhead-report", "-e", "docker_audit_top=50"
    )
    assert run.returncode == 0
    assert [trap.exists() for trap in traps] == [False, False]
    assert json.loads((site.path / "two" / "web1.json").read_text()) == document
    assert "{{ 7 * 6 }}" in (site.path / "two" / "report.html").read_text()
    assert "{{ lookup('pipe'" in run.stdout
