# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docker_engine_preflight and docker_engine_verify from arguments to result, over a fake engine and fake apt."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import typing as t
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.control import Daemon
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.unit import Unit
from ansible_collections.bulkhead.docker.plugins.module_utils.upgrade import preflight, verify
from ansible_collections.bulkhead.docker.plugins.modules import docker_engine_preflight, docker_engine_verify
from ansible_collections.bulkhead.docker.tests.fake_engine import Engine, inspected, serving

NEW, OLD = "5:29.1.0-1", "5:28.5.2-1"
PREFLIGHT, VERIFY = docker_engine_preflight, docker_engine_verify


def policy(name: str, installed: str, *offered: str) -> str:
    versions = dict.fromkeys([*offered, installed]) if installed else dict.fromkeys(offered)
    lines = [f"{name}:", f"  Installed: {installed or '(none)'}", f"  Candidate: {offered[0]}", "  Version table:"]
    for version in versions:
        lines.append(f" {'***' if version == installed else '   '} {version} 500")
        lines += [f"        500 file:/srv {version}"] if version in offered else []
        lines += ["        100 /var/lib/dpkg/status"] if version == installed else []
    return "\n".join(lines)


class Host:
    """What the modules find here; ``call`` runs one of them."""

    def __init__(self, path: Path, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self.engine = engine
        self.capsys = capsys

    def program(self, name: str, output: str) -> None:
        (self.path / f"{name}.out").write_text(output)
        script = self.path / "bin" / name
        script.write_text(f"#!/bin/sh\ncat '{self.path}/{name}.out'\n")
        script.chmod(0o755)

    def packages(self, **packages: tuple[str, str, tuple[str, ...]]) -> None:
        """Name (with _ for -) -> installed version, its state wanted by dpkg, versions on offer."""
        named = {name.replace("_", "-"): package for name, package in packages.items()}
        rows = [f"{name}\t{one[0]}\t{one[1]}\tinstalled" for name, one in named.items() if one[0]]
        self.program("dpkg-query", "\n".join(rows))
        self.program("apt-cache", "\n".join(policy(name, one[0], *one[2]) for name, one in named.items()))

    def call(self, module: ModuleType, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
        here: dict[str, t.Any] = {"docker_host": f"unix://{self.path}/s", "service": "none.service"}
        if module is PREFLIGHT:
            here["path"] = str(self.path / "daemon.json")
        with patch_module_args({**here, **options, "_ansible_check_mode": check_mode}), pytest.raises(SystemExit):
            module.main()
        result: dict[str, t.Any] = json.loads(self.capsys.readouterr().out)
        return result


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> t.Iterator[Host]:
    """Docker 28.5.2 with live-restore, a container ``web`` and docker-ce held; 29.1.0 is on offer."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    with serving(tmp_path / "s", {"web": inspected("web")}) as engine:
        engine.answers.update({"/_ping": "OK", "/images/json": []})
        engine.answers["/info"] = {**engine.answers["/info"], "LiveRestoreEnabled": True, "Driver": "overlay2"}
        found = Host(tmp_path, engine, capsys)
        found.packages(docker_ce=(OLD, "hold", (NEW,)), containerd_io=("1.7-1", "install", ("2.1-1",)))
        yield found


ASKED: dict[str, t.Any] = {"engine": ["docker-ce"], "others": ["containerd-io"], "upgrade": True}


@pytest.mark.parametrize("module", [PREFLIGHT, VERIFY])
def test_the_result_is_what_the_documentation_says(host: Host, module: ModuleType) -> None:
    documented = yaml.safe_load(module.RETURN)
    if module is PREFLIGHT:
        result = host.call(module, **ASKED)
        assert set(result["plan"]) == set(documented["plan"]["contains"])
        assert set(result["findings"][0]) == set(documented["findings"]["contains"])
        assert set(result) == {*documented, "changed"}
    else:
        assert set(host.call(module)) - set(documented) == {"changed", "failed", "msg"}


def test_a_plan_for_an_upgrade(host: Host) -> None:
    result = host.call(PREFLIGHT, **ASKED)
    plan = result["plan"]
    assert result["changed"] is False
    assert (result["installed"], result["held"]) == ({"docker-ce": OLD, "containerd-io": "1.7-1"}, ["docker-ce"])
    assert (plan["action"], plan["version"]) == ("upgrade", "29.1.0")
    assert plan["specs"] == [f"docker-ce={NEW}", "containerd-io=2.1-1"]
    assert plan["back"].endswith(f"docker-ce={OLD} containerd-io=1.7-1")
    assert plan["summary"][0] == f"docker-ce {OLD} -> {NEW}"
    assert (plan["running"], plan["live"]) == (True, True)
    assert [one["name"] for one in plan["containers"]] == ["web"]
    names = [finding["name"] for finding in result["findings"]]
    assert {"api-floor", "nofile", "way-back", "live-restore-release"} <= set(names)
    assert any(note.startswith("way-back:") and f"docker-ce {OLD}" in note for note in result["notes"])


def test_without_a_request_nothing_moves(host: Host) -> None:
    result = host.call(PREFLIGHT, **{**ASKED, "upgrade": False})
    assert (result["plan"]["action"], result["plan"]["specs"], result["findings"]) == ("none", [], [])


def test_an_upgrade_that_was_not_finished_is(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The packages are new, the process is the old program: that is one restart away, and judged like an upgrade."""
    host.packages(docker_ce=(OLD, "install", (OLD,)), containerd_io=("1.7-1", "install", ("1.7-1",)))
    monkeypatch.setattr(preflight, "outdated", lambda _unit: True)
    plan = host.call(PREFLIGHT, **ASKED)["plan"]
    assert (plan["action"], plan["specs"], plan["version"], len(plan["containers"])) == ("restart", [], "28.5.2", 1)
    assert host.call(PREFLIGHT, **{**ASKED, "upgrade": False})["plan"]["action"] == "none"
    host.engine.answers["/info"]["LiveRestoreEnabled"] = False
    assert "containers-stop" in host.call(PREFLIGHT, **ASKED)["msg"]


def test_containers_that_would_stop_are_named_until_accepted(host: Host) -> None:
    host.engine.answers["/info"]["LiveRestoreEnabled"] = False
    refused = host.call(PREFLIGHT, **ASKED)
    assert refused["failed"] and "containers-stop" in refused["msg"] and "(web)" in refused["msg"]
    assert "Nothing was changed" in refused["msg"]
    accepted = host.call(PREFLIGHT, **ASKED, accept=["containers-stop"])
    assert [one["accepted"] for one in accepted["findings"] if one["name"] == "containers-stop"] == [True]


def test_settings_that_the_new_engine_refuses(host: Host) -> None:
    (host.path / "daemon.json").write_text('{"api-cors-header": "*"}')
    assert "api-cors-header" in host.call(PREFLIGHT, **ASKED)["msg"]
    (host.path / "daemon.json").write_text("{")
    assert "settings-unreadable" in host.call(PREFLIGHT, **ASKED)["msg"]


def test_who_holds_the_socket_and_listens_on_loopback_is_named(host: Host) -> None:
    host.engine.answers["/containers/json"] = [
        {
            "Id": "web",
            "Names": ["/web"],
            "Mounts": [{"Source": "/var/run/docker.sock"}],
            "Ports": [{"IP": "127.0.0.1", "PublicPort": 80, "PrivatePort": 8080, "Type": "tcp"}],
        }
    ]
    host.engine.answers["/version"] = {"Version": "27.5.1"}
    seen = {finding["name"]: finding["seen"] for finding in host.call(PREFLIGHT, **ASKED)["findings"]}
    assert (seen["api-floor"], seen["raw-drops"]) == (["web"], ["web 127.0.0.1:80"])


def test_packages_in_the_way_are_named(host: Host) -> None:
    host.program("dpkg-query", "podman-docker\t5.4-1\tinstall\tinstalled\n")
    message = host.call(PREFLIGHT, **ASKED, foreign=["podman-docker"], accept=["containers-stop"])["msg"]
    assert message.startswith("foreign-packages: ") and "(podman-docker)" in message


def test_what_is_not_installed_is_not_adopted(host: Host) -> None:
    host.program("dpkg-query", "")
    assert host.call(PREFLIGHT, **ASKED, adopt=True)["plan"]["action"] == "none"
    assert host.call(PREFLIGHT, **{**ASKED, "upgrade": False})["plan"]["specs"] == [
        f"docker-ce={NEW}",
        "containerd-io=2.1-1",
    ]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"accept": ["containers_stop"]}, "containers_stop is not the name of a step; there are api-floor, "),
        ({"version": "newest"}, "'newest' is no version"),
        ({"docker_host": "tcp://192.0.2.1:2375"}, "must be a unix socket"),
    ],
)
def test_a_wrong_request_is_refused(host: Host, wrong: dict[str, t.Any], words: str) -> None:
    assert words in host.call(PREFLIGHT, **{**ASKED, **wrong})["msg"]


# verify


class Systemd:
    """A unit whose state a test sets, in place of systemctl."""

    def __init__(self) -> None:
        self.active = "active"
        self.exists = True
        self.pid = os.getpid()
        self.restarted: list[str] = []

    def unit(self, _run: object, name: str) -> Unit:
        load = "loaded" if self.exists else "not-found"
        return Unit(name, {"LoadState": load, "ActiveState": self.active, "MainPID": str(self.pid)})


@pytest.fixture
def systemd(monkeypatch: pytest.MonkeyPatch) -> Systemd:
    fake = Systemd()
    monkeypatch.setattr(verify, "read_unit", fake.unit)
    monkeypatch.setattr(Daemon, "restart", lambda self: fake.restarted.append(self.service))
    monkeypatch.setattr(Daemon, "journal", lambda _self: "failed to start daemon: no reason\n")
    return fake


@pytest.fixture
def plan(host: Host) -> dict[str, t.Any]:
    """As made before the upgrade; the engine is the new one now."""
    made: dict[str, t.Any] = host.call(PREFLIGHT, **ASKED)["plan"]
    host.engine.answers["/version"] = {"Version": "29.1.0"}
    return made


def test_an_engine_that_is_as_planned_is_left_alone(host: Host, systemd: Systemd, plan: dict[str, t.Any]) -> None:
    result = host.call(VERIFY, plan=plan)
    assert (result["changed"], result["reason"], result["version"]) == (False, "", "29.1.0")
    assert systemd.restarted == []


@pytest.mark.parametrize("check_mode", [False, True])
def test_an_engine_of_a_replaced_program_is_restarted(
    host: Host, systemd: Systemd, plan: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch, check_mode: bool
) -> None:
    monkeypatch.setattr(verify, "outdated", lambda _unit: True)
    result = host.call(VERIFY, check_mode, plan=plan)
    assert result["changed"] and result["reason"] == "it runs a program that has been replaced"
    assert systemd.restarted == ([] if check_mode else ["none.service"])


@pytest.mark.parametrize(("running", "start", "restarted"), [(True, False, 1), (False, True, 1), (False, False, 0)])
def test_a_stopped_engine_is_started_only_if_it_ran_or_is_to(
    host: Host, systemd: Systemd, running: bool, start: bool, restarted: int
) -> None:
    systemd.active = "inactive"
    host.call(VERIFY, plan={"running": running}, start=start)
    assert len(systemd.restarted) == restarted


def test_another_version_than_planned_is_a_failure(host: Host, systemd: Systemd, plan: dict[str, t.Any]) -> None:
    host.engine.answers["/version"] = {"Version": "28.5.2"}
    result = host.call(VERIFY, plan=plan)
    assert result["failed"] and "says that it is 28.5.2, not 29.1.0" in result["msg"]
    assert result["journal"] == ["failed to start daemon: no reason"]


def test_a_lost_container_is_a_failure(
    host: Host, systemd: Systemd, plan: dict[str, t.Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.control._SETTLE", 0.1)
    host.engine.answers["/containers/json"] = []
    assert "container web is not running" in host.call(VERIFY, plan=plan, timeout=1)["msg"]


def test_no_answer_and_no_unit_are_failures(host: Host, systemd: Systemd) -> None:
    host.engine.answers["/_ping"] = 500
    assert "did not answer within 1 seconds" in host.call(VERIFY, timeout=1)["msg"]
    systemd.exists = False
    assert "there is no none.service" in host.call(VERIFY)["msg"]
    assert "at least 1" in host.call(VERIFY, timeout=0)["msg"]


def test_a_program_that_was_replaced_is_seen(tmp_path: Path) -> None:
    program = tmp_path / "sleep"
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([program, "60"]) as process:
        unit = Unit("x", {"MainPID": str(process.pid)})
        before = verify.outdated(unit)
        program.unlink()
        after = verify.outdated(unit)
        process.kill()
    assert (before, after) == (False, True)
    assert verify.outdated(Unit("x", {"MainPID": "0"})) is False
