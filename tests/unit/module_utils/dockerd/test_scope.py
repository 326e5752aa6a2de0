# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose engine it is, and what follows for where things are and what may be restarted."""

from __future__ import annotations

import os
import typing as t
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils import plan
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_check import Context, check
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import Done
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.scope import (
    SYSTEM,
    ScopeError,
    choose,
    dockerd,
    of_user,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.unit import read_unit

CI = of_user(1001, "/home/ci")


def test_the_hosts_engine_is_asked_as_ever() -> None:
    assert SYSTEM.systemctl("show", "x") == ["systemctl", "show", "x"]
    assert SYSTEM.environment == {}
    assert choose("system") is SYSTEM


def test_a_users_engine_is_asked_through_the_users_systemd() -> None:
    asked: list[tuple[list[str], Mapping[str, str]]] = []

    def run(argv: Sequence[str], seconds: float, environment: Mapping[str, str] | None = None) -> Done:
        assert seconds > 0
        asked.append((list(argv), environment or {}))
        return Done(0, "LoadState=loaded\nActiveState=active\nMainPID=7\n", "")

    assert read_unit(run, "docker.service", CI).main_pid == 7
    ((argv, environment),) = asked
    assert argv[:3] == ["systemctl", "--user", "show"]
    assert environment == {"XDG_RUNTIME_DIR": "/run/user/1001"}
    assert CI.journalctl("--lines=1") == ["journalctl", "--user", "--lines=1"]


def test_everything_of_a_user_lies_in_the_users_home() -> None:
    assert (CI.path, CI.docker_host) == ("/home/ci/.config/docker/daemon.json", "unix:///run/user/1001/docker.sock")
    assert CI.data_root == "/home/ci/.local/share/docker"
    assert CI.state == Path("/home/ci/.local/state/bulkhead.docker")


def test_without_a_systemd_of_the_user_the_users_files_are_read_and_not_the_hosts(tmp_path: Path) -> None:
    (tmp_path / ".config/systemd/user").mkdir(parents=True)
    unit = tmp_path / ".config/systemd/user/docker.service"
    unit.write_text("[Service]\nExecStart=/usr/bin/dockerd-rootless.sh --debug\n")
    found = read_unit(lambda *_: Done(1, "", "Failed to connect to bus"), "docker.service", of_user(1, str(tmp_path)))
    assert found.argv == ("/usr/bin/dockerd-rootless.sh", "--debug")


def test_root_has_no_rootless_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(ScopeError, match="become_user"):
        choose("user")


def test_the_program_is_found_behind_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "dockerd"
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert dockerd(("/usr/sbin/dockerd", "-H", "fd://"), {}) == "/usr/sbin/dockerd"
    assert dockerd(("/usr/share/docker.io/contrib/dockerd-rootless.sh",), {}) == str(program)
    assert dockerd(("/usr/bin/dockerd-rootless.sh",), {"DOCKERD": str(program)}) == str(program)


@pytest.mark.parametrize(
    ("key", "value", "version", "refused"),
    [
        ("hosts", ["unix:///run/user/1001/x.sock"], (28, 5), True),
        ("live-restore", True, (28, 5), True),
        ("live-restore", False, (28, 5), False),
        ("userns-remap", "default", (28, 5), True),
        ("userns-remap", "", (28, 5), False),
        ("userland-proxy", False, (26, 1), True),
        ("userland-proxy", False, (28, 0), False),
        ("userland-proxy", True, (20, 10), False),
        ("icc", False, (20, 10), False),
    ],
)
def test_keys_that_a_rootless_engine_cannot_take(
    key: str, value: t.Any, version: tuple[int, ...], refused: bool
) -> None:
    config = {key: value}
    assert bool(check(config, config, Context(version=version, rootless=True))) == refused
    assert check(config, config, Context(version=version)) == []


def change(key: str, after: t.Any) -> plan.Change:
    return plan.Change(key, None, after, "config")


@pytest.mark.parametrize(
    ("containers", "policy", "restart"),
    [((), "auto", True), (("web",), "auto", False), (("web",), "always", True), ((), "never", False)],
)
def test_a_restart_ends_containers_whatever_live_restore_says(
    containers: tuple[str, ...], policy: str, restart: bool
) -> None:
    situation = plan.Situation(plan.RUNNING, containers, rootless=True)
    decision = plan.decide([change("no-new-privileges", True)], situation, policy)
    assert decision.restart == restart
    if containers and not restart:
        assert "web" in decision.pending and "live-restore" not in decision.pending
