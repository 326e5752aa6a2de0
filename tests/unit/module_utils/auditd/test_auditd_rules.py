# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audit rules: the kernel's form of them, what they see, what is refused, and the file that is written."""

from __future__ import annotations

import struct
import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.auditd import choose, rules, watched
from ansible_collections.bulkhead.docker.plugins.module_utils.auditd.rules import Watch

ALL_CALLS = (0xFFFFFFFF,) * 64
EQUAL = 0x40000000
Field = tuple[int, t.Union[int, str]]
WATCH, PERM, DIR, KEY, ARCH, AUID = 105, 106, 107, 210, 11, 9
B64, B32 = 0xC000003E, 0x40000003


def raw(*fields: Field, action: int = 2, where: int = 4, mask: t.Sequence[int] = ALL_CALLS) -> bytes:
    """``struct audit_rule_data``, as linux/audit.h has it."""
    texts = "".join(value for _field, value in fields if isinstance(value, str)).encode()
    numbers = [len(value) if isinstance(value, str) else value for _field, value in fields]
    spare = [0] * (64 - len(fields))
    return struct.pack(
        "=3I64I64I64I64II", where, action, len(fields), *mask, *[field for field, _value in fields], *spare,
        *numbers, *spare, *[EQUAL for _field in fields], *spare, len(texts),
    ) + texts  # fmt: skip


def test_a_watch_is_read() -> None:
    rule = rules.decoded(raw((WATCH, "/etc/docker/daemon.json"), (PERM, 10), (KEY, "a\x01b")))
    assert rule == {
        "action": "always", "filter": "exit", "path": "/etc/docker/daemon.json", "tree": False, "place": "",
        "permissions": "wa", "arch": "", "key": "a,b", "limits": [], "narrow": False,
    }  # fmt: skip


def test_texts_are_cut_in_their_order() -> None:
    rule = rules.decoded(raw((ARCH, B32), (112, "/usr/bin/vi"), (DIR, "/etc"), (AUID, 1000), (KEY, "k")))
    assert rule
    assert (rule["arch"], rule["path"], rule["tree"], rule["key"]) == ("b32", "/etc", True, "k")
    assert rule["limits"] == ["exe", "auid"]


def test_rules_about_other_things_are_left_out() -> None:
    assert rules.decoded(raw((ARCH, B64), (KEY, "time-change"))) is None
    assert rules.decoded(raw((9, 1), action=0, where=1)) is None, "never,task for one user"
    assert rules.decoded(raw((WATCH, "/etc/x"), where=5)) is None
    never = rules.decoded(raw(action=0, where=1))
    assert never and (never["action"], never["filter"], never["path"]) == ("never", "task", None)


@pytest.mark.parametrize(
    ("calls", "narrow"), [([2, 257, 82, 316, 87, 263, 90, 268, 1], False), ([90], True), ([2, 257], True)]
)
def test_a_rule_for_some_calls_is_narrow(calls: list[int], narrow: bool) -> None:
    mask = [0] * 64
    for call in calls:
        mask[call // 32] |= 1 << call % 32
    rule = rules.decoded(raw((ARCH, B64), (WATCH, "/etc/x"), (PERM, 10), mask=mask))
    assert rule and rule["narrow"] is narrow


def kernel(*found: dict[str, t.Any], **more: t.Any) -> dict[str, t.Any]:
    blank = {
        "action": "always", "filter": "exit", "path": "/etc/docker", "tree": False, "place": "",
        "permissions": "wa", "arch": "", "key": rules.KEY, "limits": [], "narrow": False,
    }  # fmt: skip
    return {"absent": False, "enabled": 1, "machine": "x86_64", "rules": [{**blank, **one} for one in found], **more}


MAJOR, MINOR, INODE = 100, 101, 102


def test_a_rule_about_an_inode_is_read_only_with_its_device() -> None:
    rule = rules.decoded(raw((MAJOR, 254), (MINOR, 16), (INODE, 2), (PERM, 10)))
    assert rule and (rule["path"], rule["place"], rule["limits"]) == (None, "254:16:2", [])
    assert rules.decoded(raw((INODE, 2), (PERM, 10))) is None, "of which file system?"
    narrowed = rules.decoded(raw((WATCH, "/etc/x"), (INODE, 2)))
    assert narrowed and (narrowed["place"], narrowed["limits"]) == ("", ["inode"])


def test_what_is_mounted_somewhere_is_not_seen_by_its_name() -> None:
    by_place = {"path": None, "place": "254:16:2"}
    assert rules.unseen("/etc/docker", kernel(by_place), "254:16:2") == ""
    assert "mounted there" in rules.unseen("/etc/docker", kernel({}), "254:16:2")
    assert rules.unseen("/etc/docker", kernel({"path": "/etc", "tree": True}), "254:16:2") == ""
    assert rules.unseen("/etc/docker", kernel(by_place)) == "no rule names it"
    watch = Watch("/etc/docker", place="254:16:2")
    assert rules.lines([watch]) == [
        "-a always,exit -S all -F devmajor=254 -F devminor=16 -F inode=2 -F perm=wa -F key=bulkhead-docker"
    ]
    assert rules.differences([watch], kernel(by_place)) == ([], [])
    assert rules.differences([watch], kernel({})) == (["254:16:2 wa"], ["/etc/docker wa"])


def test_a_place_is_of_the_last_that_was_mounted_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    point = tmp_path / "data"
    point.mkdir()
    (tmp_path / "self").mkdir()
    table = (f"1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 8:2 / {point} rw - ext4 /dev/b rw\n"
             f"3 2 0:40 /x {point} rw shared:1 - btrfs /dev/c rw\n")  # fmt: skip
    (tmp_path / "self" / "mountinfo").write_text(table)
    monkeypatch.setattr(watched, "PROC", str(tmp_path))
    assert watched.place(str(point), watched.mounted()) == f"0:40:{point.stat().st_ino}"
    assert watched.place(str(tmp_path), watched.mounted()) == ""


def test_permissions_of_several_rules_add_up() -> None:
    assert rules.unseen("/etc/docker", kernel({"permissions": "w"}, {"permissions": "a"})) == ""
    assert rules.unseen("/etc/docker", kernel({"permissions": "w"})) == "its rules leave out a for b64 programs"


def test_a_directory_alone_does_not_see_what_is_in_it() -> None:
    inside = "/etc/docker/daemon.json"
    assert rules.unseen(inside, kernel({})) == "no rule names it"
    assert rules.unseen(inside, kernel({"tree": True})) == ""
    assert rules.unseen("/etc/dockerx", kernel({"tree": True})) == "no rule names it"
    assert rules.unseen("/etc/docker", kernel({"tree": True, "path": "/"})) == ""


def test_differences_know_only_our_own() -> None:
    wanted = [Watch("/usr/sbin/dockerd", "wxa"), Watch("/etc/docker", "wa", tree=True)]
    has = kernel({"path": "/etc/docker", "tree": True}, {"path": "/old"}, {"path": "/theirs", "key": "x"})
    assert rules.differences(wanted, has) == (["/usr/sbin/dockerd wxa"], ["/old wa"])


def test_a_rule_of_ours_that_sees_less_is_replaced() -> None:
    (lacking, surplus) = rules.differences([Watch("/etc/docker")], kernel({"arch": "b64"}))
    assert (lacking, surplus) == (["/etc/docker wa"], ["/etc/docker wa (b64)"])
    (lacking, surplus) = rules.differences([Watch("/etc/docker")], kernel({"narrow": True}))
    assert (lacking, surplus) == (["/etc/docker wa"], ["/etc/docker wa (limited)"])


def test_the_file_goes_on_after_errors_and_has_directories_last() -> None:
    text = rules.content([Watch("/etc/docker", tree=True), Watch("/usr/bin/runc")])
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines == [
        "-c",
        "-a always,exit -S all -F path=/usr/bin/runc -F perm=wa -F key=bulkhead-docker",
        "-a always,exit -S all -F dir=/etc/docker -F perm=wa -F key=bulkhead-docker",
    ]


FOUND = [
    {"kind": "dockerd", "path": "/usr/sbin/dockerd", "tree": False, "place": ""},
    {"kind": "runc", "path": "/usr/bin/runc", "tree": False, "place": ""},
    {"kind": "data_root", "path": "/srv/docker", "tree": False, "place": ""},
    {"kind": "directory", "path": "/etc/docker", "tree": True, "place": ""},
]


def test_the_engine_gets_what_exists_and_was_not_excluded() -> None:
    assert choose.engine(FOUND, ["/usr/bin/runc"]) == [
        Watch("/usr/sbin/dockerd", "wxa"),
        Watch("/srv/docker", "wa"),
        Watch("/etc/docker", "wa", tree=True),
    ]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/srv/docker", "all below /srv/docker means all that is written in /srv/docker"),
        ("/srv/docker/volumes/web/_data", "is written in /srv/docker"),
        ("/srv", "is written in /srv/docker"),
        ("/", "is written in /srv/docker"),
        ("/run", "is written in /run/containerd"),
        ("/var/lib/containerd/x", "is written in /var/lib/containerd"),
        ("/var/log", "is written in /var/log"),
    ],
)
def test_a_watch_that_would_flood_is_refused_with_the_reason(path: str, says: str) -> None:
    (problem,) = choose.problems([Watch(path, tree=True)], FOUND)
    assert says in problem and "leave recursive out" in problem
    assert choose.problems([Watch(path)], FOUND) == []


@pytest.mark.parametrize("permissions", ["x", "rwxa", "r"])
def test_programs_that_run_all_the_time_are_not_watched_for_it(permissions: str) -> None:
    (problem,) = choose.problems([Watch("/usr/bin/runc", permissions)], FOUND)
    assert "would drown the others" in problem
    assert choose.problems([Watch("/usr/sbin/dockerd", permissions)], FOUND) == []


@pytest.mark.parametrize("path", ["etc/docker", "/etc/my docker", "/etc/../root", "/etc/'x'", "/etc/", ""])
def test_what_auditctl_cannot_read_is_refused(path: str) -> None:
    (problem,) = choose.problems([Watch(path)], FOUND)
    assert problem.startswith(f"paths: {path!r} must be absolute")


@pytest.mark.parametrize("permissions", ["", "q", "ww", "w,a"])
def test_permissions_are_letters(permissions: str) -> None:
    (problem,) = choose.problems([Watch("/etc/x", permissions)], FOUND)
    assert f"not {permissions!r}" in problem


def test_the_sites_permissions_are_added_to_the_engines() -> None:
    own = [Watch("/etc/docker", "wa", tree=True)]
    extra = [Watch("/etc/docker", "ra", tree=True), Watch("/etc/docker")]
    assert choose.merged(own, extra) == [Watch("/etc/docker", "wa"), Watch("/etc/docker", "war", tree=True)]


def test_notes_name_what_keeps_rules_from_recording() -> None:
    quiet = kernel(listener=7)
    assert choose.notes(quiet) == []
    assert "No auditd" in choose.notes({**quiet, "listener": 0})[0]
    assert "switched off" in choose.notes({**quiet, "enabled": 0})[0]
    assert "never,task" in choose.notes(kernel({"filter": "task", "path": None}, listener=7))[0]
