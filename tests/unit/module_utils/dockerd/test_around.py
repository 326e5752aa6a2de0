# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restarting and what is checked afterwards; what only a look at the host refuses; what the module returns."""

from __future__ import annotations

import dataclasses
import itertools
import json
import typing as t
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils import plan, subids
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import (
    control,
    files,
    moving,
    preflight,
    remapping,
    report,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.apply import Outcome
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.control import ControlError, Daemon, last_words
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.engine import Container, Engine, Snapshot
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.files import Original, State
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.proposal import (
    Found,
    Proposal,
    RefusedError,
    Request,
    found,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import TIMED_OUT, Done, runner
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.survey import Survey
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.unit import Unit

WEB = Container("1", "web", 10, ("0.0.0.0:80->80/tcp",), "always")
JOB = Container("2", "job", 11, (), "no")
NETWORKS = frozenset({"bridge", "app"})
BEFORE = Snapshot((WEB, JOB), NETWORKS)


@pytest.mark.parametrize(
    ("after", "live", "losses"),
    [
        (BEFORE, True, []),
        (Snapshot((WEB,), NETWORKS), True, ["container job is not running"]),
        (Snapshot((WEB,), NETWORKS), False, []),  # it has no restart policy: told of before, no failure
        (Snapshot((JOB,), NETWORKS), False, ["container web is not running"]),
        (Snapshot((dataclasses.replace(WEB, pid=99), JOB), NETWORKS), True, ["container web was restarted although"]),
        (Snapshot((dataclasses.replace(WEB, pid=99), JOB), NETWORKS), False, []),
        (
            Snapshot((dataclasses.replace(WEB, ports=()), JOB), NETWORKS),
            True,
            ["container web no longer publishes 0.0"],
        ),
        (
            Snapshot((dataclasses.replace(WEB, ports=()), JOB), NETWORKS),
            False,
            ["container web no longer publishes all"],
        ),
        (Snapshot((WEB, JOB), frozenset({"bridge"})), False, ["network app is gone"]),
    ],
)
def test_losses(after: Snapshot, live: bool, losses: list[str]) -> None:
    found_losses = control._losses(BEFORE, after, live)
    assert len(found_losses) == len(losses)
    assert all(loss.startswith(words) for loss, words in zip(found_losses, losses))


def test_last_words_are_the_daemons_own() -> None:
    journal = (
        'time="x" level=info\nfailed to start daemon: no space\ndocker.service: Failed\nStarting docker.service\n\n'
    )
    assert last_words(journal) == ("failed to start daemon: no space", [line for line in journal.splitlines() if line])
    assert last_words("") == ("", [])


class FakeEngine(Engine):
    def __init__(self) -> None:
        super().__init__("unix:///none")

    def ping(self) -> bool:
        return True


def show(active: str, pid: int, sub: str = "running") -> str:
    state = f"LoadState=loaded\nActiveState={active}\nSubState={sub}\nMainPID={pid}\n"
    return f"{state}Result=exit-code\nTriggeredBy=docker.socket\n"


def systemd(monkeypatch: pytest.MonkeyPatch, *states: str, timeout: float = 5) -> tuple[Daemon, list[str]]:
    """A daemon under a systemctl that shows these states one after another, and what else systemctl is asked."""
    asked: list[str] = []
    shown = itertools.chain(states, itertools.repeat(states[-1]))

    def run(argv: Sequence[str], seconds: float, environment: Mapping[str, str] | None = None) -> Done:
        if argv[1] == "show":
            return Done(0, next(shown), "")
        asked.append(" ".join(argv[1:]))
        return Done(0, "", "")

    monkeypatch.setattr(control, "process_start", lambda pid: f"boot/{pid}")
    monkeypatch.setattr(control, "_POLL", 0.001)
    return Daemon(run, "docker.service", FakeEngine(), timeout), asked


def test_restart_waits_for_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    old = show("active", 1)
    daemon, asked = systemd(monkeypatch, old, old, show("activating", 0), show("active", 2))
    assert daemon.restart() == "boot/2"
    assert asked == ["reset-failed docker.service docker.socket", "--no-block restart docker.service"]


def test_a_socket_that_is_gone_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon without fd:// makes it itself and removes it; systemd then goes on listening on what has no name."""
    daemon, asked = systemd(monkeypatch, show("active", 1), show("active", 2))
    monkeypatch.setattr(FakeEngine, "ping", lambda _self: "--no-block restart docker.socket" in asked)
    assert daemon.restart() == "boot/2"
    assert asked.count("--no-block restart docker.socket") == 1


@pytest.mark.parametrize("state", [show("failed", 0), show("activating", 0, "auto-restart")])
def test_a_failed_start_is_seen_at_once(monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    daemon, _dummy = systemd(monkeypatch, show("active", 1), show("deactivating", 1), state)
    with pytest.raises(ControlError, match=r"did not start \(exit-code\)"):
        daemon.restart()


def test_a_start_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    daemon, _dummy = systemd(monkeypatch, show("active", 1), show("activating", 2, "start"), timeout=0.05)
    with pytest.raises(ControlError, match=r"did not answer within 0\.05 seconds"):
        daemon.restart()


def test_validation_gets_the_units_flags_and_environment(tmp_path: Path) -> None:
    seen: list[tuple[list[str], Mapping[str, str]]] = []

    def run(argv: Sequence[str], seconds: float, environment: Mapping[str, str] | None = None) -> Done:
        seen.append((list(argv), environment or {}))
        return Done(1, "", f"cannot use {tmp_path}/x")

    unit = Unit(
        "d", environment={"A": "1"}, argv=("dockerd", "--config-file", "/old", "-H", "fd://", "--config-file=/o")
    )
    with pytest.raises(ControlError, match="dockerd --validate refuses it: cannot use the new file"):
        control.validate(run, "/bin/dockerd", unit, tmp_path / "x")
    assert seen == [(["/bin/dockerd", "--validate", "--config-file", f"{tmp_path}/x", "-H", "fd://"], {"A": "1"})]


def test_programs_have_a_time_limit() -> None:
    def run_command(
        args: list[str], *, environ_update: dict[str, str], handle_exceptions: bool
    ) -> tuple[int, str, str]:
        if args[4] == "none":
            raise FileNotFoundError("none")
        assert args[:4] == ["timeout", "-k", "5", "2"]
        return (TIMED_OUT, "", "")

    run = runner(run_command)
    assert run(["sleep", "9"], 2).words == "took too long"
    assert run(["none"], 2).rc == 127


def proposal(*changes: plan.Change, content: dict[str, t.Any] | None = None, **more: t.Any) -> Proposal:
    return Proposal(
        content=content or {change.key: change.after for change in changes if change.after is not None},
        owned={}, changes=changes, decision=plan.Decision(), situation=plan.Situation("running"), running={},
        stale=False, unproven=False, file_changed=True, file_mode=0o600, **more,
    )  # fmt: skip


def check(one: Proposal, status: str = plan.STOPPED, accept: bool = False, **info: t.Any) -> None:
    request = Request({}, {}, "merge", Path("/etc/docker/daemon.json"), "auto", accept_data_move=accept)
    preflight.check(request, Survey(Unit("docker.service"), status, info=info), one, FakeEngine())


def test_data_on_disk_counts_when_the_engine_is_down(tmp_path: Path) -> None:
    (tmp_path / "volumes" / "data" / "_data").mkdir(parents=True)
    move = proposal(plan.Change("data-root", str(tmp_path), "/srv/docker", "config"))
    with pytest.raises(RefusedError, match=f"/srv/docker instead of {tmp_path}.*1 volumes.*accept_data_move"):
        check(move)
    check(move, accept=True)
    remapped = tmp_path / "remapped" / "231072.231072" / "containers" / "4bf5e2a0c7d1"
    remapped.mkdir(parents=True)
    with pytest.raises(RefusedError, match="1 containers"):
        check(proposal(plan.Change("data-root", str(tmp_path / "remapped"), "/srv/docker", "config")))
    check(proposal(plan.Change("data-root", str(tmp_path / "empty"), "/srv/docker", "config")))


def test_files_that_the_daemon_needs(tmp_path: Path) -> None:
    wrong = proposal(
        plan.Change("tlscacert", None, "/none/ca.pem", "config"),
        plan.Change("seccomp-profile", None, "/none", "config"),
    )
    with pytest.raises(RefusedError, match=r"tlscacert: there is no file /none/ca.pem\nseccomp-profile: there is no"):
        check(wrong)
    check(wrong, plan.ABSENT)
    check(proposal(plan.Change("seccomp-profile", None, "builtin", "config")))


def test_a_remapped_user_must_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def remap(value: str) -> Proposal:
        return proposal(plan.Change("userns-remap", None, value, "config"))

    with pytest.raises(RefusedError, match=r"there is no user nobody-at-all: create it .*useradd --system"):
        check(remap("nobody-at-all"), accept=True)
    with pytest.raises(RefusedError, match="there is no group none-of-those"):
        check(remap("default:none-of-those"), accept=True)
    check(remap("default"), accept=True)

    tables = {name: (str(tmp_path / name), "", "") for name in ("uid", "gid")}
    monkeypatch.setattr(subids, "TABLES", tables)
    (tmp_path / "uid").write_text("daemon:300000:65536\n")
    with pytest.raises(RefusedError, match=f"daemon has no range in {tmp_path}/gid") as error:
        check(remap("daemon"))
    assert f"{tmp_path}/uid" not in str(error.value)
    monkeypatch.setattr(remapping, "DEFAULT_USER", "bin")
    with pytest.raises(RefusedError, match="bin has no range"):
        check(remap("default"))
    (tmp_path / "gid").write_text("1:400000:65536\n")
    check(remap("daemon"))
    assert (remapping.directory("daemon"), remapping.directory("nobody-at-all")) == ("300000.400000", "UID.GID")


def test_what_another_task_brings_is_only_noted_in_a_dry_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remapping, "missing_ranges", lambda _changes: ["daemon has no range"])
    one = proposal(plan.Change("userns-remap", None, "daemon", "config"))
    request = Request({}, {}, "merge", Path("/etc/docker/daemon.json"), "auto", accept_data_move=False)
    host = Survey(Unit("docker.service"), plan.STOPPED, data_root="/none")
    assert preflight.check(request, host, one, FakeEngine(), dry=True) == ["daemon has no range"]


class FullEngine(FakeEngine):
    """Fifteen containers, of which two share much with the host."""

    def holdings(self) -> dict[str, list[str]]:
        return {"containers": [f"c{number:02}" for number in range(15)], "images": ["tiny:1"], "volumes": []}

    def unmappable(self) -> dict[str, list[str]]:
        return {"c01": ["privileged"], "c02": ["network of the host", "pid of the host"]}


def move(accept: bool, **more: t.Any) -> tuple[list[str], list[str]]:
    one = dataclasses.replace(proposal(plan.Change("userns-remap", None, "default", "config")), **more)
    request = Request({}, {}, "merge", Path("/etc/docker/daemon.json"), "auto", accept)
    host = Survey(Unit("docker.service"), plan.RUNNING, info={"DockerRootDir": "/var/lib/docker"})
    return moving.judge(request, host, one, FullEngine())


def test_what_would_drop_out_of_sight_is_named() -> None:
    (reason,), notes = move(accept=False)
    assert notes == []
    assert (
        "15 containers (c00, c01, c02, c03, c04, c05, c06, c07, c08, c09 and 5 more), 1 images (tiny:1), 0 volumes."
        in reason
    )
    assert "in /var/lib/docker/" in reason and "instead of /var/lib/docker," in reason
    assert "only with --userns=host: c01 (privileged), c02 (network of the host, pid of the host)" in reason


def test_accepted_it_says_where_the_data_is_and_how_to_get_back() -> None:
    reasons, (where, impact) = move(accept=True)
    assert reasons == []
    assert "stays untouched in /var/lib/docker: 15 containers" in where
    assert "give userns-remap the value it had (unset) with accept_data_move" in where
    assert impact.startswith("with users remapped these run only with --userns=host")
    carried = plan.Situation("running", containers=("c01",), live_now=True)
    (reason,), _notes = move(accept=True, decision=plan.Decision(restart=True), situation=carried)
    assert "live-restore would carry running containers over" in reason and "c01" in reason


def test_leftovers_are_tidied(tmp_path: Path) -> None:
    """Ours only: an open editor's swap file is not one of them."""
    path = tmp_path / "daemon.json"
    others = {".daemon.json.swp", ".daemon.json.orig", "daemon.json", "daemon.json.bak"}
    for name in others:
        (tmp_path / name).touch()
    assert files.stage(path, b"{}", 0o600).exists()
    files.tidy(path)
    assert {path.name for path in tmp_path.iterdir()} == others


def _found(content: dict[str, t.Any], broken: str = "") -> Found:
    return Found(Original(json.dumps(content).encode(), 0o644), content, {}, State(), {}, broken)


def _result(at: Found, one: Proposal, status: str = plan.RUNNING, pending: str = "") -> dict[str, t.Any]:
    request = Request({}, {}, "merge", Path("/etc/docker/daemon.json"), "auto", accept_data_move=False)
    host = Survey(Unit("docker.service"), status, version="28.5.2", containers=({"id": "1", "name": "web"},))
    return report.result(request, host, at, one, Outcome("none", pending), files.Store(request.path))


def test_the_result_names_what_is_left_to_do_and_no_secret() -> None:
    secret = plan.Change(
        "proxies", {"http-proxy": "http://u:c4n4ry-1@p"}, {"http-proxy": "http://u:c4n4ry-2@p"}, "config"
    )
    default = plan.Change("no-new-privileges", None, True, "config")
    result = _result(_found({"proxies": secret.before}), proposal(secret, default), pending="later")
    assert "c4n4ry" not in json.dumps(result)
    assert "(its secret changed)" in result["diff"]["after"], "a change is seen although both look alike"
    assert result["diff"]["after_header"].endswith("(mode 0600)")
    assert result["recreate"] == [{"id": "1", "name": "web", "settings": ["no-new-privileges"]}]
    assert [note.split(":")[0] for note in result["notes"]] == [
        "the daemon must be restarted to take up the file",
        "recreate these containers to give them no-new-privileges",
    ]
    assert (result["restart_pending"], result["restart_reason"]) == (True, "later")


@pytest.mark.parametrize(("status", "words"), [(plan.STOPPED, "is not running"), (plan.ABSENT, "cannot be asked here")])
def test_an_engine_that_does_not_run_is_told_of(status: str, words: str) -> None:
    result = _result(_found({}), proposal(plan.Change("icc", None, False, "config")), status)
    assert words in result["notes"][-1]
    assert result["engine"] == {"version": "28.5.2", "running": False, "status": status}


def test_a_broken_file_is_not_shown() -> None:
    at = found(Original(b'{"token": "c4n4ry",'), State(), Original(), "exclusive", Path("/x"))
    shown = _result(at, proposal(plan.Change("icc", None, False, "config")))["diff"]["before"]
    assert shown.startswith("(not valid JSON: line 1")
    assert "c4n4ry" not in shown


def test_a_failed_engine_with_nothing_to_change_is_told_of() -> None:
    one = dataclasses.replace(proposal(content={"icc": False}), file_changed=False)
    assert "the engine has failed" in _result(_found({"icc": False}), one, plan.FAILED)["notes"][0]
