# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module from its arguments to its result, over a fake engine on a real socket."""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.bulkhead.docker.plugins.module_utils import libraries, model
from ansible_collections.bulkhead.docker.plugins.module_utils.evaluate import Verdict
from ansible_collections.bulkhead.docker.plugins.module_utils.model import Subject
from ansible_collections.bulkhead.docker.plugins.module_utils.rules.catalogue import RULES
from ansible_collections.bulkhead.docker.plugins.modules import docker_audit
from ansible_collections.bulkhead.docker.tests.fake_engine import INFO, inspected, serving

DOCUMENTATION = yaml.safe_load(docker_audit.DOCUMENTATION)
RETURN = yaml.safe_load(docker_audit.RETURN)
RULE = {
    "id": "site-everything",
    "subject": "container",
    "title": "Nothing is anything",
    "threat": "None.",
    "severity": "info",
    "offenders": "@",
    "expected": "nothing",
    "source": "everywhere",
    "remedy": "none",
    "lever": "recreate",
}
WAIVER = {
    "rule": "container-*",
    "hosts": ["host"],
    "containers": ["a"],
    "reason": "old",
    "owner": "me",
    "expires": f"{datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=1)}",
}


class Ended(t.NamedTuple):
    result: dict[str, t.Any]
    output: str


@pytest.fixture(name="run")
def run_module(capsys: pytest.CaptureFixture[str]) -> t.Callable[..., Ended]:
    def run(**options: t.Any) -> Ended:
        with patch_module_args(options), pytest.raises(SystemExit):
            docker_audit.main()
        output = capsys.readouterr().out
        return Ended(json.loads(output), output)

    return run


Run = t.Callable[..., Ended]


@pytest.mark.parametrize("check_mode", [False, True])
def test_the_result_is_what_the_documentation_says(run: Run, tmp_path: Path, check_mode: bool) -> None:
    with serving(tmp_path / "s", {"b": inspected("b"), "a": inspected("a"), "hung": None}):
        ended = run(
            docker_host=f"unix://{tmp_path}/s", timeout=1, verdicts=list(model.VERDICTS), _ansible_check_mode=check_mode
        )
    audit = ended.result["audit"]
    assert ended.result["changed"] is False
    assert set(audit) == set(RETURN["audit"]["contains"])
    assert all(set(found) == set(RETURN["audit"]["contains"]["findings"]["contains"]) for found in audit["findings"])
    for part in ("tool", "host", "engine", "seconds", "counts"):
        assert set(audit[part]) == set(RETURN["audit"]["contains"][part]["sample"]), part
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", audit["collected_at"])
    assert sum(audit["counts"].values()) == len(audit["findings"])
    assert [found["subject"]["name"] for found in audit["findings"] if found["verdict"] == "error"] == ["hung"]


def test_the_documented_finding_is_one_of_a_rule() -> None:
    contains = RETURN["audit"]["contains"]["findings"]["contains"]
    sample = {name: field["sample"] for name, field in contains.items()}
    (rule,) = [rule for rule in RULES if rule.id == sample["rule"]]
    subject = Subject(**sample["subject"])
    told = dataclasses.asdict(Verdict(rule, subject, "fail", sample["evidence"]).finding())
    assert json.loads(json.dumps(told)) == sample
    assert (sample["evidence"]["expected"], sample["evidence"]["source"]) == (rule.expected, rule.source)


def test_the_same_state_gives_the_same_findings_worst_first(run: Run, tmp_path: Path) -> None:
    with serving(tmp_path / "s", {name: inspected(name) for name in "bca"}):
        first, second = (run(docker_host=f"unix://{tmp_path}/s").result["audit"]["findings"] for _dummy in range(2))
    assert first == second
    keys = [(model.SEVERITIES.index(one["severity"]), one["rule"], one["subject"]["name"]) for one in first]
    assert keys == sorted(keys)


def test_verdicts_choose_what_is_returned_not_what_is_counted(run: Run, tmp_path: Path) -> None:
    with serving(tmp_path / "s", {"a": inspected("a")}):
        default = run(docker_host=f"unix://{tmp_path}/s").result["audit"]
        passes = run(docker_host=f"unix://{tmp_path}/s", verdicts=["pass"]).result["audit"]
    assert default["counts"] == passes["counts"]
    assert {one["verdict"] for one in default["findings"]} <= {"fail", "error", "unknown", "waived"}
    assert {one["verdict"] for one in passes["findings"]} == {"pass"}


def test_subjects_and_selectors(run: Run, tmp_path: Path) -> None:
    with serving(tmp_path / "s", {"a": inspected("a")}) as fake:
        one = run(docker_host=f"unix://{tmp_path}/s", subjects=["daemon"], verdicts=list(model.VERDICTS))
        assert not any(path.endswith("/a/json") for path in fake.asked)
        two = run(docker_host=f"unix://{tmp_path}/s", select=["cis:5.4"], verdicts=list(model.VERDICTS))
    assert {found["subject"]["kind"] for found in one.result["audit"]["findings"]} == {"daemon"}
    ids = [set(found["cis"]["1.6"]) | set(found["cis"]["1.8"]) for found in two.result["audit"]["findings"]]
    assert ids
    assert all("5.4" in one for one in ids)


def test_waivers_over_the_engine_and_without_them(run: Run, tmp_path: Path) -> None:
    given = [WAIVER, {**WAIVER, "containers": ["b"], "expires": "2020-01-01"}, {**WAIVER, "containers": ["gone"]}]
    with serving(tmp_path / "s", {name: inspected(name) for name in "ab"}):
        plain, waived, ignored = (
            run(docker_host=f"unix://{tmp_path}/s", **more).result["audit"]
            for more in ({}, {"waivers": given}, {"waivers": given, "ignore_waivers": True})
        )
    assert (ignored["counts"], ignored["findings"]) == (plain["counts"], plain["findings"])
    found = {name: [one for one in waived["findings"] if one["subject"]["name"] == name] for name in ("a", "b", "host")}
    failures = [one for one in plain["findings"] if one["subject"]["name"] == "a" and one["verdict"] == "fail"]
    (fields,) = {json.dumps(one["waiver"]) for one in found["a"] if one["verdict"] == "waived"}
    assert json.loads(fields) == {**WAIVER, "images": [], "ticket": None, "compensating_control": None}
    assert [one["evidence"] for one in found["a"] if one["waiver"]] == [one["evidence"] for one in failures]
    assert "fail" not in {one["verdict"] for one in found["a"]}
    assert not any(one["waiver"] for one in [*found["b"], *found["host"]])
    said = {one["rule"]: one["evidence"]["observed"] for one in found["host"] if one["rule"].startswith("waiver-")}
    assert [one["containers"] for one in said["waiver-expired"]] == [["b"]]
    assert [one["containers"] for one in said["waiver-unused"]] == [["gone"]]
    counts = plain["counts"]
    moved = {"fail": counts["fail"] - len(failures) + 2, "waived": len(failures)}
    assert waived["counts"] == {**counts, **moved}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"select": ["nonsense"]}, "select: no rule answers to 'nonsense'"),
        ({"skip": ["severity:worst"]}, "skip: 'severity:worst' must end with"),
        ({"policy": {"allowed_caps": []}}, "'allowed_caps' is not a setting"),
        ({"rules": [{**RULE, "offenders": "a..b"}]}, r"rules\[0\] \(site-everything\): offenders: .* at position 2"),
        ({"rules": [{**RULE, "severity": "bad"}]}, "value of severity must be one of"),
        ({"rules": [{**RULE, "extra": 1}]}, "Unsupported parameters"),
        ({"rules": [{**RULE, "id": "waiver-expired"}]}, "the id is taken by another rule"),
        ({"waivers": [WAIVER, {**WAIVER, "owner": ""}]}, r"waivers\[1\] \(container-\*\): owner is empty"),
        ({"waivers": [{**WAIVER, "rule": "nothing"}]}, r"waivers\[0\] \(nothing\): rule: no rule answers to"),
        ({"waivers": [{**WAIVER, "expires": "9999-01-01"}]}, r"waivers\[0\] .* more than 365 days ahead"),
        ({"waivers": [{**WAIVER, "expires": "9999-01-01"}], "ignore_waivers": True}, "more than 365 days ahead"),
        ({"waiver_max_days": 0}, "waiver_max_days must be at least 1"),
        ({"waivers": [WAIVER], "policy": {"unwaivable": ["subject:container"]}}, "lets nobody waive it"),
        ({"policy": {"unwaivable": ["nothing"]}}, "policy: unwaivable: no rule answers to"),
        ({"timeout": 0}, "timeout must be at least 1 second"),
        ({"docker_host": "ssh://x"}, "docker_host 'ssh://x' is not supported"),
    ],
)
def test_bad_options_fail_before_anything_is_asked(
    run: Run, tmp_path: Path, options: dict[str, t.Any], said: str
) -> None:
    with serving(tmp_path / "s", {}) as fake:
        ended = run(**{"docker_host": f"unix://{tmp_path}/s", **options})
    assert ended.result["failed"] is True
    assert re.search(said, ended.result["msg"]), ended.result["msg"]
    assert fake.asked == []


def test_a_missing_library_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "ensure", lambda: "this module needs docker: apt install python3-docker")
    assert run().result["msg"] == "this module needs docker: apt install python3-docker"


def test_not_even_a_rule_that_shows_everything_shows_a_secret(run: Run, tmp_path: Path) -> None:
    web = inspected(
        "web",
        Env=["DB_PASSWORD=canary", "PLAIN=canary"],
        Labels={"token": "canary"},
        Cmd=["--password=canary", "postgres://u:canary@db"],
        Healthcheck={"Test": ["CMD", "curl", "-u", "--password", "canary"]},
    )
    web["HostConfig"]["LogConfig"] = {"Type": "splunk", "Config": {"splunk-token": "canary", "tag": "x"}}
    with serving(tmp_path / "s", {"web": web}) as fake:
        fake.answers["/info"] = {**INFO, "HttpProxy": "http://u:canary@proxy", "Labels": ["token=canary"]}
        daemon = {**RULE, "id": "site-daemon", "subject": "daemon"}
        ended = run(docker_host=f"unix://{tmp_path}/s", rules=[RULE, daemon], verdicts=list(model.VERDICTS))
    shown = {found["rule"] for found in ended.result["audit"]["findings"] if found["rule"].startswith("site-")}
    assert shown == {"site-everything", "site-daemon"}
    assert "DB_PASSWORD" in ended.output
    assert "canary" not in ended.output


def test_options_are_documented_as_they_are() -> None:
    _same(docker_audit.OPTIONS, DOCUMENTATION["options"])


def _same(spec: dict[str, t.Any], documented: dict[str, t.Any]) -> None:
    assert set(spec) == set(documented)
    for name, option in spec.items():
        for key in ("type", "elements", "choices", "default", "required"):
            assert option.get(key) == documented[name].get(key), f"{name}.{key}"
        if "options" in option:
            _same(option["options"], documented[name]["suboptions"])
