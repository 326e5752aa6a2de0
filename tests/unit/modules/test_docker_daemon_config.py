# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module from its arguments to its result, over an engine that no unit of this machine runs."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import files, survey
from ansible_collections.bulkhead.docker.plugins.modules import docker_daemon_config
from ansible_collections.bulkhead.docker.tests.fake_engine import serving

RETURN = yaml.safe_load(docker_daemon_config.RETURN)
Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture(name="run")
def run_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> t.Iterator[Run]:
    state = tmp_path / "state"
    monkeypatch.setattr(docker_daemon_config, "Store", lambda path, _directory: files.Store(path, state))

    def run(**options: t.Any) -> dict[str, t.Any]:
        here = {"docker_host": f"unix://{tmp_path}/s", "service": "none.service", "dockerd": "/none"}
        with patch_module_args({**here, "path": str(tmp_path / "daemon.json"), **options}), pytest.raises(SystemExit):
            docker_daemon_config.main()
        result: dict[str, t.Any] = json.loads(capsys.readouterr().out)
        return result

    with serving(tmp_path / "s", {}) as engine:
        engine.answers.update({"/_ping": "OK", "/images/json": [], "/volumes": {"Volumes": []}})
        yield run


@pytest.mark.parametrize("check_mode", [False, True])
def test_the_result_is_what_the_documentation_says(run: Run, tmp_path: Path, check_mode: bool) -> None:
    result = run(config={"icc": False}, _ansible_check_mode=check_mode)
    assert set(result) - {"changed", "invocation", "diff"} == set(RETURN) - {"journal", "undone"}
    assert set(result["changes"][0]) == set(RETURN["changes"]["contains"])
    assert set(result["engine"]) == set(RETURN["engine"]["contains"])
    assert (tmp_path / "daemon.json").exists() is not check_mode
    assert (tmp_path / "state").exists() is not check_mode
    assert "outside of systemd" in result["restart_reason"]


def test_a_file_behind_a_symlink_stays_there(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon is told one path, its file lies at another: both mean the same file, and the link survives."""
    link, target = tmp_path / "daemon.json", tmp_path / "managed.json"
    link.symlink_to(target)
    monkeypatch.setattr(survey, "command_line", lambda _pid: ("/usr/bin/dockerd", f"--config-file={link}"))
    assert run(config={"icc": False})["changed"]
    assert link.is_symlink()
    assert json.loads(target.read_text()) == {"icc": False}


@pytest.mark.parametrize("place", ["loop", "loop/daemon.json"])
def test_a_symlink_to_nowhere_is_an_error_and_no_traceback(run: Run, tmp_path: Path, place: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    result = run(config={"icc": False}, path=str(tmp_path / place))
    assert result["failed"] and "symbolic links" in result["msg"]


def test_a_daemon_that_no_unit_runs_tells_its_file_and_flags_itself(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def running(*argv: str) -> None:
        monkeypatch.setattr(survey, "command_line", lambda _pid: argv)

    running("dockerd", "--config-file=/var/snap/docker/1/config/daemon.json")
    assert "the running dockerd reads /var/snap/docker/1/config/daemon.json" in run(config={"icc": False})["msg"]
    running("/usr/bin/dockerd", "--config-file", str(tmp_path / "daemon.json"), "--icc=false")
    refused = run(config={"icc": False})["msg"]
    assert "icc is also set by the command line of the running dockerd (--icc=false)" in refused
    running("socket-proxy", "--config-file=/elsewhere")
    assert run(config={"icc": False})["changed"]


@pytest.mark.parametrize("place", ["data/swarm", "data/231072.231072/swarm"], ids=["plain", "remapped"])
def test_a_swarm_node_is_known_by_its_data_when_the_engine_is_down(run: Run, tmp_path: Path, place: str) -> None:
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / "docker-state.json").touch()
    (tmp_path / "daemon.json").write_text(json.dumps({"data-root": str(tmp_path / "data")}))
    down = {"docker_host": "unix:///none", "engine_version": "28.5.2"}
    assert "Swarm node" in run(config={"live-restore": True}, **down)["msg"]
    (tmp_path / place / "docker-state.json").unlink()
    assert run(config={"live-restore": True}, **down)["changed"]


def test_a_timeout_that_is_none_is_refused_before_anything_is_touched(run: Run, tmp_path: Path) -> None:
    assert run(config={"icc": False}, timeout=0)["msg"] == "timeout must be at least 1 second, not 0"
    assert not (tmp_path / "daemon.json").exists()


def test_what_is_refused_says_that_nothing_was_done(run: Run, tmp_path: Path) -> None:
    result = run(listen=["10.0.0.5:0"])
    assert (result["msg"], result["undone"]) == ("listen: 10.0.0.5:0: the port must be a number from 1 to 65535", True)
    assert "no unit of systemd was found" in run(listen=["10.0.0.5"])["msg"]
    assert not (tmp_path / "daemon.json").exists()


def test_secrets_are_in_no_output(run: Run) -> None:
    secret = {"proxies": {"https-proxy": "http://user:c4n4ry-1@proxy:3128"}, "log-opts": {"splunk-token": "c4n4ry-2"}}
    assert "c4n4ry" not in json.dumps(run(config={**secret, "log-driver": "splunk"}, _ansible_diff=True))
    assert "c4n4ry" not in json.dumps(run(config={"proxies": secret}, _ansible_diff=True)), "nor when it is refused"
