# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit of a real host: judged by the engine's command line and the kernel; what it leaves behind; how it fails."""

from __future__ import annotations

import html
import html.parser
import json
import re
import stat
import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.tests.support import ROOT, Run, adhoc, play, role

Json = dict[str, t.Any]

MODULE = "bulkhead.docker.docker_audit"
BUILD = ROOT / "build" / "docker_audit"
PACKAGES = "/usr/lib/python3/dist-packages"
FIELDS = {"schema", "tool", "host", "engine", "collected_at", "seconds", "counts", "findings"}
FINDING = {
    *("rule", "subject", "verdict", "severity", "title", "threat", "remedy", "lever", "role", "evidence", "cis"),
    "waiver",
}

# one line for each running container: what the kernel says of its first process
KERNEL = r"""
for name in $(docker ps --format '{{.Names}}'); do
  p=/proc/$(docker inspect --format '{{.State.Pid}}' $name)
  same() { [ "$(readlink $p/ns/$1)" = "$(readlink /proc/1/ns/$1)" ] && echo 1 || echo 0; }
  awk -v name=$name -v net=$(same net) -v pid=$(same pid) '{ v[$1] = $2 }
    END { print name, v["Uid:"], v["NoNewPrivs:"], v["Seccomp:"], v["CapBnd:"], net, pid }' $p/status
done
"""

# regular files of the host that are newer than the mark; what the engine and the logs write by themselves aside
WRITTEN = (
    "find / -xdev -newer /run/mark -type f -not -path '/proc/*' -not -path '/sys/*' -not -path '/run/*' "
    "-not -path '/var/lib/docker/*' -not -path '/var/lib/containerd/*' -not -path '/var/log/*'"
)


@pytest.fixture(scope="module")
def name(host: t.Any) -> str:
    return str(host.backend.get_hostname())


@pytest.fixture(scope="module")
def converged(name: str) -> Json:
    document: Json = json.loads((BUILD / "converge" / f"{name}.json").read_text())
    return document


def verdicts(document: Json, rule: str) -> dict[str, str]:
    """Subject's name to verdict."""
    return {f["subject"]["name"]: f["verdict"] for f in document["findings"] if f["rule"] == rule}


def failing(document: Json, rule: str) -> set[str]:
    return {name for name, verdict in verdicts(document, rule).items() if verdict == "fail"}


def inspected(host: t.Any) -> dict[str, Json]:
    containers: list[Json] = json.loads(host.check_output("docker inspect $(docker ps --all --quiet)"))
    return {one["Name"].lstrip("/"): one for one in containers}


def test_the_result_is_of_schema_1(converged: Json) -> None:
    assert set(converged) == FIELDS
    assert converged["schema"] == 1
    assert {field for finding in converged["findings"] for field in finding} == FINDING
    assert all(finding.keys() == FINDING for finding in converged["findings"])
    assert sum(converged["counts"].values()) == len(converged["findings"])
    assert (converged["counts"]["error"], converged["counts"]["unknown"]) == (0, 0)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", converged["collected_at"])


def test_the_engine_is_the_one_that_runs(host: t.Any, converged: Json) -> None:
    version, api = host.check_output("docker version --format '{{.Server.Version}} {{.Server.APIVersion}}'").split()
    assert (converged["engine"]["version"], converged["engine"]["api_version"]) == (version, api)
    assert converged["engine"]["containers"] == len(inspected(host))


def test_verdicts_on_containers_agree_with_inspect(host: t.Any, converged: Json) -> None:
    seen = {name: (one["HostConfig"], one["Mounts"]) for name, one in inspected(host).items()}
    witnesses: dict[str, set[str]] = {
        "container-privileged": {name for name, (of, _mounts) in seen.items() if of["Privileged"]},
        "container-read-only": {name for name, (of, _mounts) in seen.items() if not of["ReadonlyRootfs"]},
        "container-memory-limit": {name for name, (of, _mounts) in seen.items() if not of["Memory"]},
        "container-pids-limit": {name for name, (of, _mounts) in seen.items() if (of["PidsLimit"] or 0) <= 0},
        "container-engine-socket": {
            name for name, (_of, mounts) in seen.items() if any("docker.sock" in mount["Source"] for mount in mounts)
        },
    }
    for rule, names in witnesses.items():
        assert 0 < len(names) < len(seen), rule
        assert failing(converged, rule) == names, rule


def test_verdicts_on_containers_agree_with_the_kernel(host: t.Any, converged: Json) -> None:
    rows = [line.split() for line in host.check_output(KERNEL).splitlines()]
    assert {row[0] for row in rows} == {"careful", "careless", "hostile", "secretive"}
    witnesses = {
        "container-non-root": {row[0] for row in rows if row[1] == "0"},
        "container-no-new-privileges": {row[0] for row in rows if row[2] == "0"},
        "container-seccomp": {row[0] for row in rows if row[3] == "0"},
        "container-capabilities-dropped": {row[0] for row in rows if int(row[4], 16)},
        "container-host-network": {row[0] for row in rows if row[5] == "1"},
        "container-host-pid": {row[0] for row in rows if row[6] == "1"},
    }
    for rule, names in witnesses.items():
        assert 0 < len(names) < len(rows), rule
        assert failing(converged, rule) - {"shipped"} == names, f"{rule}: {rows}"


def test_verdicts_on_the_daemon_agree_with_info(host: t.Any, converged: Json) -> None:
    info = json.loads(host.check_output("docker info --format '{{json .}}'"))
    good = {
        "daemon-live-restore": info["LiveRestoreEnabled"],
        "daemon-experimental": not info["ExperimentalBuild"],
        "daemon-log-level": not info["Debug"],
        "daemon-userns-remap": any("userns" in option for option in info["SecurityOptions"]),
        "daemon-swarm": info["Swarm"]["LocalNodeState"] == "inactive",
    }
    found = {rule: set(verdicts(converged, rule).values()) for rule in good}
    assert found == {rule: {"pass" if value else "fail"} for rule, value in good.items()}


class Page(html.parser.HTMLParser):
    """Whatever in a page could run or fetch something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.active: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "object", "embed", "img", "link", "base", "form"):
            self.active.append(tag)
        self.active += [f"{name}={value}" for name, value in attrs if name.startswith("on") or name == "src"]
        self.active += [str(value) for name, value in attrs if name == "href" and not str(value).startswith("#")]


def test_the_report_is_private_and_inert(name: str) -> None:
    report = BUILD / "converge"
    assert stat.S_IMODE(report.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in report.iterdir()} == {0o600}
    page = (report / "report.html").read_text()
    assert name in page
    assert Page(page).active == []
    assert "/etc/bulkhead-&lt;script&gt;alert(1)&lt;script&gt;" in page, "the trap was in it"


def test_what_containers_call_things_is_never_run(converged: Json) -> None:
    (mounts,) = [
        finding["evidence"]["observed"]
        for finding in converged["findings"]
        if (finding["rule"], finding["subject"]["name"]) == ("container-sensitive-mounts", "hostile")
    ]
    assert "{{ lookup('pipe','id') }}" in json.dumps(mounts)
    for path in (BUILD / "converge").iterdir():
        assert "uid=" not in path.read_text(), "a template was rendered"


def test_the_module_alone(name: str, converged: Json) -> None:
    audit = adhoc(MODULE, name, {})["audit"]
    assert audit["counts"] == converged["counts"]
    bad = [f for f in converged["findings"] if f["verdict"] not in ("pass", "not_applicable")]
    assert audit["findings"] == bad


SITE_RULE = {
    "id": "site-owner-label",
    "subject": "container",
    "title": "Each container says whose it is",
    "threat": "Nobody knows whom to call.",
    "severity": "low",
    "offenders": "!(inspect.Config.Labels.owner) && 'no label owner'",
    "expected": "a label owner",
    "source": "docker inspect, Config.Labels",
    "remedy": "Add the label.",
    "lever": "recreate",
}


def module(task: str, **more: t.Any) -> Json:
    options = more.pop("options", {})
    return {"name": task, MODULE: options, "ignore_errors": True, **more}


def command(*argv: str) -> Json:
    return {"name": " ".join(argv), "ansible.builtin.command": {"argv": list(argv)}, "changed_when": False}


def moved(package: str, task: Json) -> list[Json]:
    """A task while a library is not there."""
    path = f"{PACKAGES}/{package}"
    return [command("mv", path, f"{path}.hidden"), task, command("mv", f"{path}.hidden", path)]


TASKS: list[Json] = [
    module(
        "selection",
        options={"select": ["severity:critical"], "skip": ["daemon-*", "subject:host"], "verdicts": ["pass", "fail"]},
    ),
    module("own rule", options={"select": ["site-*"], "rules": [SITE_RULE]}),
    module("unknown rule", options={"select": ["container-privilegd"]}),
    module("outsider", remote_user="outsider"),
    module("insider", remote_user="insider", options={"verdicts": ["pass", "fail", "unknown", "error"]}),
    *moved("docker", module("without docker")),
    *moved("jmespath", module("without jmespath")),
    command("systemctl", "stop", "docker.socket", "docker.service"),
    module("engine stopped"),
    command("systemctl", "start", "docker.service"),
]


@pytest.fixture(scope="module")
def said(host: t.Any, name: str) -> t.Iterator[dict[str, Json]]:
    """What the module answers in each of many situations, by the name of the task."""
    run = play(name, TASKS)
    for package in ("docker", "jmespath"):
        host.run(f"[ ! -e {PACKAGES}/{package}.hidden ] || mv {PACKAGES}/{package}.hidden {PACKAGES}/{package}")
    host.run("systemctl reset-failed docker.service; systemctl start docker.service")
    yield {result["task"]: result for result in run.results}


def test_selection(said: dict[str, Json]) -> None:
    findings = said["selection"]["audit"]["findings"]
    assert {finding["severity"] for finding in findings} == {"critical"}
    assert {finding["subject"]["kind"] for finding in findings} == {"container"}
    assert {finding["verdict"] for finding in findings} == {"pass", "fail"}


def test_a_rule_of_ones_own(said: dict[str, Json]) -> None:
    assert said["own rule"]["audit"]["counts"]["fail"] == len(said["own rule"]["audit"]["findings"]) == 5
    assert said["own rule"]["audit"]["findings"][0]["evidence"]["observed"] == "no label owner"


@pytest.mark.parametrize(
    ("situation", "words"),
    [
        ("unknown rule", ["container-privilegd"]),
        ("outsider", ["permission denied at unix:///var/run/docker.sock", "become"]),
        ("without docker", ["docker is missing", "apt install python3-docker"]),
        ("without jmespath", ["jmespath is missing", "apt install python3-jmespath"]),
        ("engine stopped", ["unix:///var/run/docker.sock is not running", "systemctl start docker"]),
    ],
)
def test_trouble_is_told_with_its_remedy(said: dict[str, Json], situation: str, words: list[str]) -> None:
    assert said[situation]["failed"] is True
    assert [word for word in words if word not in said[situation]["msg"]] == []
    assert "Traceback" not in json.dumps(said[situation])


def test_without_root_nothing_is_guessed(said: dict[str, Json], converged: Json) -> None:
    """The group docker sees the engine, not its processes: some verdicts are unknown, all others are root's."""
    as_root = {(f["rule"], f["subject"]["name"]): f["verdict"] for f in converged["findings"]}
    as_insider = {(f["rule"], f["subject"]["name"]): f for f in said["insider"]["audit"]["findings"]}
    unknown = {key for key, finding in as_insider.items() if finding["verdict"] == "unknown"}
    assert ("container-no-new-privileges", "careless") in as_insider
    assert len(unknown) > 3
    assert all(as_insider[key]["evidence"]["reason"] for key in unknown)
    judged = {key: finding["verdict"] for key, finding in as_insider.items() if key not in unknown}
    assert {key: verdict for key, verdict in judged.items() if verdict != as_root[key]} == {}


@pytest.fixture(scope="module")
def reports(name: str) -> tuple[Path, Path]:
    return BUILD / name / "before", BUILD / name / "after"


@pytest.fixture(scope="module")
def checked(host: t.Any, name: str, reports: tuple[Path, Path]) -> tuple[Run, str]:
    """The role in check mode with a threshold, and what was written on the host meanwhile."""
    host.check_output("sleep 1.1; touch /run/mark; sleep 0.1")
    variables = {"docker_audit_report_dir": str(reports[0]), "docker_audit_fail_on": "high"}
    return role("docker_audit", name, variables, "--check"), str(host.check_output(WRITTEN))


def test_check_mode_audits_and_writes_nothing_on_the_host(checked: tuple[Run, str], reports: tuple[Path, Path]) -> None:
    run, written = checked
    assert run.changed == []
    assert run.of("docker_audit")["audit"]["counts"]["fail"] > 0
    assert (reports[0] / "report.html").exists()
    assert written == ""


def test_a_threshold_fails_the_host_and_names_the_rules(checked: tuple[Run, str]) -> None:
    run, _written = checked
    assert run.rc == 2
    assert re.match(r"\d+ findings at or above high: ", run.failure)
    assert "container-privileged" in run.failure
    assert "container-read-only" not in run.failure


def fixed(report: Path) -> list[str]:
    """What the page lists as fixed, as text."""
    section = re.search(r"<summary>Fixed .*?</details>", (report / "report.html").read_text(), re.DOTALL)
    rows = re.findall(r"<li>(.*?)</li>", section[0], re.DOTALL) if section else []
    return [" ".join(html.unescape(re.sub(r"<[^>]+>", "", row)).split()) for row in rows]


def test_before_and_after(host: t.Any, name: str, checked: tuple[Run, str], reports: tuple[Path, Path]) -> None:
    before, after = reports
    host.check_output("docker update --pids-limit 32 hostile")
    variables = {"docker_audit_report_dir": str(after), "docker_audit_before": str(before)}
    run = role("docker_audit", name, variables)
    host.check_output("docker update --pids-limit=-1 hostile")
    assert run.rc == 0, run.output
    assert run.changed == []
    assert fixed(after) == ["The number of processes is limited hostile"]
    assert fixed(before) == []
