# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pure half of the change guard: requests, records, what the restorer writes, and the texts it is made of."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.guard import connection, record, restorer
from ansible_collections.bulkhead.docker.plugins.module_utils.guard.record import GuardError, Outcome, Plan, Record

NASTY = '/etc/it\'s; $(touch /tmp/pwned) "quoted" -rf'
RECORD = Record(
    "fw", Plan((NASTY, "/etc/absent"), (("echo", "a b", "$HOME", "';reboot"),)), (True, False), 60, ("1 2 3 4",)
)


@pytest.mark.parametrize("name", ["a", "Docker-TLS-2", "9", "x" * 64])
def test_good_names(name: str) -> None:
    assert record.check_name(name) == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "a.b", "a/b", "..", "a b", "ä", "x" * 65, "a\n"])
def test_bad_names(name: str) -> None:
    with pytest.raises(GuardError, match="letters, digits and hyphens"):
        record.check_name(name)


@pytest.mark.parametrize("timeout", [-1, 0, 4, 86401])
def test_bad_timeouts(timeout: int) -> None:
    with pytest.raises(GuardError, match=f"timeout must be 5 to 86400 seconds, not {timeout}"):
        record.check_timeout(timeout)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("etc/x", "must be an absolute path"),
        ("", "must be an absolute path"),
        ("/", "must be an absolute path"),
        ("//etc/x", "must be an absolute path"),
        ("/etc//x", "must be an absolute path"),
        ("/etc/./x", "must be an absolute path"),
        ("/etc/../x", "must be an absolute path"),
        ("/etc/x/", "must be an absolute path"),
        ("/etc/a\nb", "cannot be printed"),
        ("/proc/sys/x", "/proc holds no files of yours"),
        ("/sys", "/sys holds no files of yours"),
        ("/dev/null", "/dev holds no files of yours"),
        ("/var/lib/bulkhead.docker/guards/x/record", "holds no files of yours"),
    ],
)
def test_bad_paths(path: str, words: str) -> None:
    with pytest.raises(GuardError, match=words):
        record.check_path(path)


@pytest.mark.parametrize("path", ["/etc/x", "/devil/x", "/var/lib/bulkhead.docker/x.state", "/etc/a b"])
def test_good_paths(path: str) -> None:
    assert record.check_path(path) == path


def test_a_plan_needs_something_to_put_back() -> None:
    with pytest.raises(GuardError, match="nothing to put back"):
        record.plan([], [])
    assert record.plan(["/a", "/b", "/a"], [["x"]]) == Plan(("/a", "/b"), (("x",),))


@pytest.mark.parametrize(("argv", "words"), [([], "step 2 is empty"), ([""], "step 2 is empty"), (["a\0"], "NUL")])
def test_bad_steps(argv: list[str], words: str) -> None:
    with pytest.raises(GuardError, match=words):
        record.plan([], [["true"], argv])


def test_a_record_survives_its_file() -> None:
    assert record.decode(json.loads(json.dumps(record.encode(RECORD)))) == RECORD


@pytest.mark.parametrize("change", [{"version": 2}, {"plan": None}, {"saved": None}, {"connections": 1}])
def test_a_foreign_record_is_not_guessed_at(change: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        record.decode({**record.encode(RECORD), **change})


def test_every_connection_that_armed_it_counts_once() -> None:
    assert RECORD.over("") is RECORD
    assert RECORD.over("1 2 3 4") is RECORD
    assert RECORD.over("5 6 7 8").connections == ("1 2 3 4", "5 6 7 8")


@pytest.mark.parametrize(
    ("text", "outcome", "complete"),
    [
        ("", Outcome(), False),
        ("fired 10\nfile 0\nfile 0\nstep 0\nended 12\n", Outcome(10, 12, (0, 0), (0,)), True),
        ("fired 10\nfile 0\nfile 1\nstep 0\nended 12\n", Outcome(10, 12, (0, 1), (0,)), False),
        ("fired 10\nfile 0\nstep 124\nended 12\n", Outcome(10, 12, (0,), (124,)), False),
        ("fired 10\nfile 0\n", Outcome(10, 0, (0,), ()), False),
        ("fired 10\nfile x\nnonsense\n\nended -1", Outcome(10, 0, (), ()), False),
    ],
)
def test_what_the_restorer_wrote(text: str, outcome: Outcome, complete: bool) -> None:
    assert record.parse_outcome(text) == outcome
    assert outcome.complete is complete


def test_the_report_says_what_became_of_each() -> None:
    told = record.report(RECORD, Outcome(10, 12, (1, 0), (3,)), "now")
    assert [entry["result"] for entry in told["files"]] == ["failed", "removed"]
    assert told["steps"][0]["rc"] == 3
    words = record.sentence(told)
    assert "removed /etc/absent" in words and "exit status 3" in words and "did not put everything back" in words


def test_the_script_is_good_shell() -> None:
    text = restorer.script(RECORD)
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)
    shellcheck = shutil.which("shellcheck", path=f"{Path(__file__).parents[4]}/.venv/bin") or shutil.which("shellcheck")
    assert shellcheck, "make setup installs it"
    # SC2016: a dollar sign in an argument is meant to stay one
    done = subprocess.run(
        [shellcheck, "--exclude=SC2016", "-"], input=text, text=True, capture_output=True, check=False
    )
    assert done.stdout == ""


def test_nothing_in_a_path_or_a_step_reaches_the_shell() -> None:
    lines = [
        shlex.split(line)
        for line in restorer.script(RECORD).splitlines()
        if re.match(r"(put_back|take_away|run) ", line)
    ]
    assert lines == [
        ["put_back", "0", NASTY],
        ["take_away", "/etc/absent"],
        ["run", "echo", "a b", "$HOME", "';reboot"],
    ]


def test_the_timer_is_exact_and_survives_a_reboot() -> None:
    units = restorer.units(RECORD)
    timer, service = units["bulkhead-guard-fw.timer"], units["bulkhead-guard-fw.service"]
    assert "OnActiveSec=60s" in timer and "AccuracySec=100ms" in timer and "WantedBy=timers.target" in timer
    assert "ExecStart=/bin/sh /var/lib/bulkhead.docker/guards/fw/restore" in service
    assert "ConditionPathExists=/var/lib/bulkhead.docker/guards/fw/record" in service


def _process(proc: Path, pid: int, parent: int, environment: bytes, name: str = "x") -> None:
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "environ").write_bytes(environment)
    (proc / str(pid) / "stat").write_text(f"{pid} ({name}) S {parent} 1 1 0")


def test_the_connection_is_found_behind_sudo(tmp_path: Path) -> None:
    _process(tmp_path, 1, 0, b"SSH_CONNECTION=of init\0")
    _process(tmp_path, 10, 1, b"A=b\0SSH_CONNECTION=192.0.2.1 4711 192.0.2.2 22\0", "sh")
    _process(tmp_path, 11, 10, b"A=b\0XSSH_CONNECTION=no\0", "sudo (x) y) S 1")
    _process(tmp_path, 12, 11, b"", "python3")
    assert connection.ssh_connection(tmp_path, 12) == "192.0.2.1 4711 192.0.2.2 22"


def test_no_connection(tmp_path: Path) -> None:
    _process(tmp_path, 12, 1, b"A=b\0")
    assert connection.ssh_connection(tmp_path, 12) == ""
    assert connection.ssh_connection(tmp_path, 99) == "", "a process that is gone"
