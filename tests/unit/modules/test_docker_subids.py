# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docker_subids from its options to its result, on tables of the test's own; usermod alone is a stand-in."""

from __future__ import annotations

import os
import pwd
import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils import subids
from ansible_collections.bulkhead.docker.plugins.modules import docker_subids

NAMES = {"root": 0, "ci": 4001, "web": 4002}


class FailedError(Exception):
    """What fail_json ends the module with."""


class Module:
    """As much of AnsibleModule as the module uses; usermod writes the tables as the real one would."""

    def __init__(self, tables: Path, check: bool = False, **params: t.Any) -> None:
        self.params = {"count": 65536, "missing": "refuse", **params}
        self.check_mode = check
        self.tables = tables
        self.ran: list[list[str]] = []

    def fail_json(self, msg: str) -> t.NoReturn:
        raise FailedError(msg)

    def run_command(self, argv: list[str], check_rc: bool) -> None:
        assert check_rc
        self.ran.append(argv)
        for option, span in zip(argv[1:-1:2], argv[2:-1:2], strict=True):
            first, last = (int(number) for number in span.split("-"))
            table = self.tables / option.removeprefix("--add-").rstrip("s")
            table.write_text(table.read_text() + f"{argv[-1]}:{first}:{last - first + 1}\n")


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for kind, (_path, option, prefix) in subids.TABLES.items():
        (tmp_path / f"sub{kind}").write_text("")
        monkeypatch.setitem(
            t.cast("dict[str, t.Any]", subids.TABLES), kind, (str(tmp_path / f"sub{kind}"), option, prefix)
        )
    monkeypatch.setattr(docker_subids, "LOGIN_DEFS", str(tmp_path / "login.defs"))

    def account(name: str) -> pwd.struct_passwd:
        home = tmp_path / name
        home.mkdir(exist_ok=True)
        return pwd.struct_passwd((name, "x", NAMES[name], NAMES[name], "", str(home), "/bin/sh"))

    monkeypatch.setattr(pwd, "getpwnam", account)
    return tmp_path


def run(module: Module) -> dict[str, t.Any]:
    return docker_subids.run(t.cast("t.Any", module))


def test_users_get_ranges_once(tables: Path) -> None:
    first = Module(tables, users=["ci", "web"])
    result = run(first)
    assert result["changed"] is True
    assert [user["subuid"] for user in result["users"]] == [["100000-165535"], ["165536-231071"]]
    assert [user["subgid"] for user in result["users"]] == [["100000-165535"], ["165536-231071"]]
    assert "+ci" not in result["diff"]["before"] and "ci:100000:65536" in result["diff"]["after"]
    assert first.ran[0] == ["usermod", "--add-subuids", "100000-165535", "--add-subgids", "100000-165535", "ci"]

    again = Module(tables, users=["ci", "web"])
    repeated = run(again)
    assert (repeated["changed"], again.ran, "diff" in repeated) == (False, [], False)
    assert repeated["users"] == result["users"]


def test_check_mode_says_the_same_and_does_nothing(tables: Path) -> None:
    module = Module(tables, check=True, users=["ci"])
    result = run(module)
    assert (result["changed"], result["users"][0]["subuid"], module.ran) == (True, ["100000-165535"], [])
    assert (tables / "subuid").read_text() == ""


def test_a_home_is_owned_or_not(tables: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(Module(tables, check=True, users=["ci"]))["users"][0]["owns_home"] is (os.geteuid() == NAMES["ci"])
    monkeypatch.setitem(NAMES, "ci", os.geteuid() or 4001)
    os.chown(tables / "ci", NAMES["ci"] if os.geteuid() == 0 else -1, -1)
    assert run(Module(tables, check=True, users=["ci"]))["users"][0]["owns_home"] is True


@pytest.mark.parametrize(
    ("options", "table", "words"),
    [
        ({"users": ["gone"]}, "", "gone does not exist"),
        ({"users": ["root"]}, "", "root is root"),
        ({"users": ["ci"], "count": 0}, "", "count must be at least 1, not 0"),
        ({"users": ["ci"]}, "ci:100000:65536\nweb:100000:65536\n", "those of web"),
    ],
)
def test_refusals(tables: Path, options: dict[str, t.Any], table: str, words: str) -> None:
    (tables / "subuid").write_text(table)
    module = Module(tables, **options)
    with pytest.raises(FailedError, match=words):
        run(module)
    assert module.ran == []


def test_users_who_are_yet_to_come_can_be_left_out(tables: Path) -> None:
    result = run(Module(tables, users=["gone", "ci"], missing="skip"))
    assert (result["missing"], [user["name"] for user in result["users"]]) == (["gone"], ["ci"])
