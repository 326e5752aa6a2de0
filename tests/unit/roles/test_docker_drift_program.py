# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program by which a host checks itself, over an Ansible that answers from a file; how collections are packed."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import re
import stat
import sys
import tarfile
import time
import typing as t
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
FILES = ROOT / "roles" / "docker_drift" / "files"


def load(name: str) -> t.Any:
    spec = importlib.util.spec_from_file_location(name, FILES / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


program, pack = load("docker_drift"), load("pack")
COUNTS = {"critical": 0, "high": 2, "medium": 0, "low": 0, "info": 1}
#: Says how it was called, and writes the report that it is told to.
ANSIBLE = """#!{python}
import json, os, pathlib, sys
here = pathlib.Path({here!r})
(here / "called.json").write_text(json.dumps([sys.argv, dict(os.environ)]))
answer = here / "answer.json"
if answer.exists():
    (here / "drift").mkdir(exist_ok=True)
    (here / "drift" / (os.uname().nodename + ".json")).write_text(answer.read_text())
sys.exit(int((here / "status").read_text()))
"""


class Host:
    """A host whose directories are below a temporary one."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = path
        for name, value in {"CONFIG": "config.json", "STATE": ".", "RUNTIME": "run"}.items():
            monkeypatch.setattr(program, name, path / value)
        for name in ("ansible-playbook", "ansible-pull"):
            (path / name).write_text(ANSIBLE.format(python=sys.executable, here=str(path)))
            (path / name).chmod(0o755)
        monkeypatch.setattr(program, "PATH", f"{path}:{os.environ['PATH']}")
        self.configure()

    def configure(self, **more: t.Any) -> None:
        common = {
            "mode": "detect", "method": "copy", "python": "/usr/bin/python3", "collections_path": "/c", "max_age": 60,
            "timeout": 30, "textfile_dir": str(self.path), "remediate_roles": ["docker_daemon"], "pull_url": "file:///srv/site",
            "pull_checkout": "main", "pull_playbook": "drift.yml",
        }  # fmt: skip
        (self.path / "config.json").write_text(json.dumps({**common, **more}))

    def run(self, status: int = 0, answer: dict[str, t.Any] | None = None) -> int:
        (self.path / "status").write_text(str(status))
        (self.path / "answer.json").unlink(missing_ok=True)
        if answer is not None:
            (self.path / "answer.json").write_text(json.dumps(answer))
        return int(program.main(["run"]))

    def called(self) -> tuple[list[str], dict[str, str]]:
        argv, environment = json.loads((self.path / "called.json").read_text())
        return argv, environment

    def metrics(self, name: str = "bulkhead_docker_drift.prom") -> dict[str, float]:
        """As the node exporter reads them: each sample has its type before it."""
        file = self.path / name
        assert stat.S_IMODE(file.stat().st_mode) == 0o644
        found, known = {}, set()
        for line in file.read_text().splitlines():
            if words := re.fullmatch(r"# TYPE ([a-z_]+) (gauge|counter)", line):
                known.add(words[1])
                assert (words[2] == "counter") == words[1].endswith("_total")
            elif not line.startswith("# HELP "):
                words = re.fullmatch(r'(([a-z_]+)(?:\{severity="[a-z]+"\})?) (-?[0-9.]+)', line)
                assert words and words[2] in known, line
                found[words[1]] = float(words[3])
        return found


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def report(mended: int = 0) -> dict[str, t.Any]:
    return {"drift": {"counts": COUNTS}, "remediation": {"mended": ["x"] * mended} if mended else None}


def test_a_run_leaves_numbers(here: Host) -> None:
    assert here.run(answer=report(mended=3)) == 0
    assert here.run(answer=report(mended=1)) == 0
    told = here.metrics()
    assert told["bulkhead_docker_drift_remediated_total"] == 4
    assert told['bulkhead_docker_drift_entries{severity="high"}'] == 2
    assert told["bulkhead_docker_drift_last_run_success"] == 1
    assert told["bulkhead_docker_drift_last_run_timestamp_seconds"] == pytest.approx(time.time(), abs=60)
    assert stat.S_IMODE((here.path / "drift-runs.json").stat().st_mode) == 0o600
    assert [path.name for path in here.path.glob(".*")] == []


@pytest.mark.parametrize(("status", "answer"), [(2, report()), (4, None), (0, None)])
def test_a_run_that_fails_says_so_and_keeps_when_it_was_good(
    here: Host, status: int, answer: dict[str, t.Any] | None
) -> None:
    assert here.run(answer=report()) == 0
    good = here.metrics()["bulkhead_docker_drift_last_success_timestamp_seconds"]
    assert here.run(status, answer) == 1
    told = here.metrics()
    assert told["bulkhead_docker_drift_last_run_success"] == 0
    assert told["bulkhead_docker_drift_last_success_timestamp_seconds"] == good
    assert told['bulkhead_docker_drift_entries{severity="high"}'] == 2


def test_a_report_of_an_earlier_run_is_not_taken_for_this_ones(here: Host) -> None:
    assert here.run(answer=report(mended=1)) == 0
    assert here.run(0, None) == 1
    assert here.metrics()["bulkhead_docker_drift_remediated_total"] == 1


def test_a_damaged_memory_does_not_end_the_watch(here: Host) -> None:
    (here.path / "drift-runs.json").write_text('{"last_run": ')
    assert here.run(answer=report()) == 0


def test_a_run_that_takes_too_long_is_ended(here: Host) -> None:
    here.configure(timeout=0.2)
    (here.path / "ansible-playbook").write_text("#!/bin/sh\nexec sleep 60\n")
    start = time.monotonic()
    assert here.run() == 1
    assert time.monotonic() - start < 20


def test_one_at_a_time(here: Host, capsys: pytest.CaptureFixture[str]) -> None:
    (here.path / "run").mkdir()
    with (here.path / "run" / "lock").open("a") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert here.run(answer=report()) == 75
    assert not (here.path / "called.json").exists()
    assert "another run is on" in capsys.readouterr().err
    assert here.run(answer=report()) == 0


def test_how_ansible_is_called(here: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_CALLBACKS_ENABLED", "evil")
    here.run(answer=report())
    argv, environment = here.called()
    assert argv[-1] == "bulkhead.docker.drift"
    extra = json.loads(argv[-2])
    assert extra["docker_drift_mode"] == "detect" and extra["ansible_become"] is False
    assert "@/etc/bulkhead.docker/drift.yml" in argv
    assert environment["ANSIBLE_COLLECTIONS_PATH"] == "/c"
    assert "ANSIBLE_CALLBACKS_ENABLED" not in environment
    here.configure(method="pull")
    here.run(answer=report())
    argv, environment = here.called()
    assert Path(argv[0]).name == "ansible-pull" and "--verify-commit" in argv and argv[-1] == "drift.yml"
    assert environment["GIT_CONFIG_VALUE_0"] == "/etc/bulkhead.docker/drift-signers"


@pytest.mark.parametrize(("age", "stale"), [(0, 0), (59, 0), (61, 1)])
@pytest.mark.parametrize("ever", [True, False])
def test_the_alarm(here: Host, capsys: pytest.CaptureFixture[str], age: int, stale: int, ever: bool) -> None:
    """A host that never had a good run has as long, from when it was configured."""
    if ever:
        here.run(answer=report())
    begin = (
        json.loads((here.path / "drift-runs.json").read_text())["last_success"]
        if ever
        else program.CONFIG.stat().st_mtime
    )
    capsys.readouterr()
    assert program.alarm(json.loads(program.CONFIG.read_text()), begin + age) == stale
    assert here.metrics("bulkhead_docker_drift_alarm.prom") == {"bulkhead_docker_drift_stale": stale}
    said = capsys.readouterr().err
    assert ("ALERT" in said) == bool(stale)
    assert ("there was never a good run" in said) == bool(stale and not ever)


def test_the_journal_is_told_how_bad_it_is(
    here: Host, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "8:1")
    program.alarm(json.loads(program.CONFIG.read_text()), time.time() + 3600)
    assert capsys.readouterr().err.startswith("<1>bulkhead-docker-drift: ALERT: ")


def test_without_a_directory_for_metrics(here: Host) -> None:
    here.configure(textfile_dir="")
    assert here.run(answer=report()) == 0
    assert list(here.path.glob("*.prom")) == []


@pytest.mark.parametrize("words", [[], ["stop"], ["run", "now"]])
def test_wrong_words_explain(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(words) == 2
    assert "bulkhead-docker-drift alarm" in capsys.readouterr().err


def collection(root: Path) -> Path:
    for name in (
        "plugins/modules/one.py",
        "plugins/__pycache__/one.pyc",
        "tests/unit/two.py",
        ".git/config",
        "galaxy.yml",
        "roles/r/tasks/main.yml",
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (root / "plugins" / "modules" / "alias.py").symlink_to("one.py")
    return root


def test_the_same_collection_makes_the_same_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (1, 2):
        root = collection(tmp_path / str(number))
        os.utime(root / "galaxy.yml", (number, number))
        (root / "galaxy.yml").chmod(0o600 if number == 1 else 0o664)
        pack.main(str(tmp_path / f"{number}.tar.gz"), f"ns.name={root}")
    first, second = capsys.readouterr().out.split()
    assert first == second
    with tarfile.open(tmp_path / "1.tar.gz") as archive:
        entries = {entry.name.removeprefix("ansible_collections/ns/name/"): entry for entry in archive}
    assert sorted(entries) == [
        "galaxy.yml",
        "plugins/modules/alias.py",
        "plugins/modules/one.py",
        "roles/r/tasks/main.yml",
    ]
    assert all(entry.isfile() and (entry.mode, entry.uid) == (0o644, 0) for entry in entries.values())


def test_all_that_the_collection_needs_is_packed() -> None:
    variables = yaml.safe_load((ROOT / "roles" / "docker_drift" / "vars" / "main.yml").read_text())
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    assert variables["__docker_drift_collections"] == sorted({"bulkhead.docker", *galaxy["dependencies"]})
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
    assert runtime["requires_ansible"].startswith(f">={variables['__docker_drift_ansible_least']}")
