# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook of images and its last role: roles as on a host, and where nothing runs; the first boot's program."""

from __future__ import annotations

import importlib.util
import json
import re
import types
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.bulkhead.docker.plugins.module_utils.image.seal import Item, problems

ROOT = Path(__file__).resolve().parents[3]
ROLE = ROOT / "roles" / "docker_image"


def play(name: str) -> dict[str, t.Any]:
    (found,) = yaml.safe_load((ROOT / "playbooks" / f"{name}.yml").read_text())
    return dict(found)


def names(name: str) -> list[str]:
    return [entry["role"].rpartition(".")[2] for entry in play(name)["roles"]]


VARS: dict[str, t.Any] = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())
HARDEN = names("harden")


def test_an_image_gets_what_a_host_gets_in_that_order() -> None:
    assert names("image") == [*HARDEN, "docker_image"]
    assert VARS["__docker_image_roles"] == HARDEN


def test_roles_are_told_the_same_as_on_a_host_but_for_the_listener() -> None:
    told = {name: {one["role"]: one.get("vars", {}) for one in play(name)["roles"]} for name in ("harden", "image")}
    here, there = (told[name]["bulkhead.docker.docker_daemon"] for name in ("image", "harden"))
    assert here.pop("docker_daemon_listen") == here.pop("docker_tls_listen") == []
    there.pop("docker_daemon_listen", None)
    assert {role: told["image"][role] for role in told["harden"]} == told["harden"]


@pytest.mark.parametrize("role", HARDEN)
def test_each_role_is_told_that_nothing_runs(role: str) -> None:
    switch = f"{role}_offline"
    assert play("image")["vars"][switch] == "{{ not docker_image_accept_live | default(false) }}"
    spec = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text())
    assert spec["argument_specs"]["main"]["options"][switch]["default"] is False
    first = yaml.safe_load((ROOT / "roles" / role / "tasks" / "main.yml").read_text())[0]
    assert "bulkhead.docker.docker_offline" in first, "the first thing it does is to look"


def test_only_roles_that_are_applied_are_left_to_the_first_boot() -> None:
    assert {one["role"] for one in VARS["__docker_image_deferrable"]} <= {*HARDEN, "docker_audit"}


def test_the_list_of_the_seal_is_sound() -> None:
    listed = VARS["__docker_image_seal_own"] + VARS["__docker_image_seal_offline"]
    paths = [re.sub(r"\{\{.*?\}\}", "/of/an/option", one["path"]) for one in listed]
    assert problems([Item(path, one.get("action", "remove")) for path, one in zip(paths, listed)]) == []
    assert [one for one in listed if not one.get("why")] == []
    assert len({one["path"] for one in listed}) == len(listed)


@pytest.fixture
def program() -> types.ModuleType:
    path = ROLE / "files" / "docker_first_boot.py"
    spec = importlib.util.spec_from_file_location("docker_first_boot", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_options_of_the_machine_win_over_those_of_the_image(program: types.ModuleType, tmp_path: Path) -> None:
    for name in ("60-machine.yml", "50-image.json", "notes.txt"):
        (tmp_path / name).write_text("{}")
    command = program.command(tmp_path)
    given = [word for before, word in zip(command, command[1:]) if before == "--extra-vars"]
    assert given == [f"@{tmp_path}/50-image.json", f"@{tmp_path}/60-machine.yml"]
    assert command[-1] == "bulkhead.docker.first_boot"


def test_the_journal_gets_one_line(program: types.ModuleType) -> None:
    audit = {
        "counts": {"pass": 60, "fail": 2, "not_applicable": 4},
        "findings": [
            {"rule": "b", "verdict": "fail"},
            {"rule": "a", "verdict": "fail"},
            {"rule": "c", "verdict": "pass"},
        ],
    }
    assert program.summary(audit) == "first audit: 60 pass, 2 fail, 4 not applicable; failing: a, b"
    assert "\n" not in program.summary({})


def test_the_journal_says_what_changed_since_the_build(program: types.ModuleType) -> None:
    assert program.changes({"entries": []}) == "since the image was built: nothing changed"
    entries = [{"path": 'files."/etc/a"'}, {"path": "groups.docker"}]
    assert program.changes({"entries": entries}) == 'since the image was built: files."/etc/a", groups.docker changed'


@pytest.mark.parametrize(
    ("status", "audit", "done"), [(0, "{}", True), (2, "{}", False), (0, "{", False), (0, None, False)]
)
def test_only_a_success_is_not_tried_again(
    status: int,
    audit: str | None,
    done: bool,
    program: types.ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(program, "STATE", tmp_path)
    ran = types.SimpleNamespace(returncode=status)
    monkeypatch.setattr(program.subprocess, "run", lambda *_argv, **_options: ran)
    if audit is not None:
        (tmp_path / "audit.json").write_text(audit)
    (tmp_path / "drift.json").write_text("{}")
    assert (program.main() == 0) == done
    assert (tmp_path / "done").exists() == done


def test_the_program_takes_nothing_from_its_surroundings(program: types.ModuleType) -> None:
    found = program.environment()
    assert found["ANSIBLE_COLLECTIONS_PATH"] == "/usr/share/ansible/collections"
    assert json.dumps(found).count("/root") == 1
