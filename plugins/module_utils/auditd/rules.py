# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audit rules about paths: what the kernel's form of them says, whether they see a file, and how to write them."""

from __future__ import annotations

import dataclasses
import posixpath
import struct
import typing as t

Json = t.Mapping[str, t.Any]

#: The mark of our rules: what has it is ours to remove.
KEY = "bulkhead-docker"

# linux/audit.h
_FILTERS = {1: "task", 4: "exit"}
_ACTIONS = {0: "never", 2: "always"}
_ARCH, _WATCH, _PERM, _DIR, _KEY = 11, 105, 106, 107, 210
_PLACE = (100, 101, 102)  # major and minor number of the device, inode
_TEXT = {_WATCH, _DIR, _KEY, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 112}  # their value is a length; labels, and exe
_EQUAL = 0x40000000
_64_BIT = 0x80000000
_PERMISSIONS = (("r", 4), ("w", 2), ("x", 1), ("a", 8))
_HEAD = struct.Struct("=3I64I64I64I64I1I")
_NAMES = {0: "pid", 1: "uid", 2: "euid", 5: "gid", 6: "egid", 9: "auid", 24: "auid", 25: "sessionid", 112: "exe"}
_NAMES.update(zip(_PLACE, ("devmajor", "devminor", "inode")))
#: Calls that no rule about changes may leave out: open, openat, rename, renameat2, unlink, unlinkat, chmod, fchmodat
_WITNESSES = {"b64": (2, 257, 82, 316, 87, 263, 90, 268), "b32": (5, 295, 38, 353, 10, 301, 15, 306)}
_X86_64 = "x86_64"


def decoded(raw: bytes) -> dict[str, t.Any] | None:
    """A rule of the kernel (``struct audit_rule_data``), if it is about a path, or says that no process is audited.

    ``action``, ``filter``, ``path``, ``tree`` (all below it, too), ``place`` (``MAJOR:MINOR:INODE`` instead of a path),
    ``permissions`` (of ``rwxa``), ``arch`` (``b64``, ``b32``, or empty for both), ``key``, ``narrow`` (not for all
    system calls that change files), ``limits`` (what else it compares).
    """
    words = _HEAD.unpack_from(raw)
    flags, action, count = words[:3]
    mask, fields, values, operators = (words[3 + 64 * part : 67 + 64 * part] for part in range(4))
    rule: dict[str, t.Any] = {
        "action": _ACTIONS.get(action, str(action)),
        "filter": _FILTERS.get(flags & 0xF, str(flags & 0xF)),
        "path": None,
        "tree": False,
        "place": "",
        "permissions": "rwxa",
        "arch": "",
        "key": "",
        "limits": [],
    }
    text, at = raw[_HEAD.size :], 0
    compared = list(zip(fields, values, operators))[:count]
    numbers = {field: value for field, value, operator in compared if field in _PLACE and operator == _EQUAL}
    if len(numbers) == len(_PLACE):
        rule["place"] = ":".join(str(numbers[field]) for field in _PLACE)
        compared = [one for one in compared if one[0] not in _PLACE]
    for field, value, operator in compared:
        words_of = ""
        if field in _TEXT:
            words_of, at = text[at : at + value].decode("utf-8", "replace"), at + value
        rule.update(_field(field, value, words_of, operator == _EQUAL, rule["limits"]))
    rule["narrow"] = _narrow(mask, rule["arch"])
    about = rule["filter"] == "exit" and (rule["path"] is not None or rule["place"])
    return rule if about or (rule["filter"], rule["action"], count) == ("task", "never", 0) else None


def _field(field: int, value: int, text: str, equal: bool, limits: list[str]) -> dict[str, t.Any]:
    if field in (_WATCH, _DIR) and equal:
        return {"path": text, "tree": field == _DIR}
    if field == _PERM and equal:
        return {"permissions": "".join(letter for letter, bit in _PERMISSIONS if value & bit)}
    if field == _ARCH and equal:
        return {"arch": "b64" if value & _64_BIT else "b32"}
    if field == _KEY:
        return {"key": text.replace("\x01", ",")}
    return {"limits": [*limits, _NAMES.get(field, f"field {field}")]}


def _narrow(mask: t.Sequence[int], arch: str) -> bool:
    calls = _WITNESSES.get(arch, ())
    whole = all(word == 0xFFFFFFFF for word in mask[:63])
    return not whole and not (calls and all(mask[call // 32] >> call % 32 & 1 for call in calls))


def covers(rule: Json, path: str, place: str = "") -> bool:
    """Whether a rule is about this path: by its name, as one of all below a directory, or by its place (see Watch)."""
    if not rule["path"]:
        return bool(place) and rule["place"] == place
    named = posixpath.normpath(rule["path"])
    if rule["tree"]:
        return f"{path}/".startswith(named.rstrip("/") + "/")
    return path == named and not place


def arches(machine: str) -> tuple[str, ...]:
    """The ways into the kernel that rules tell apart here."""
    return ("b64", "b32") if machine == _X86_64 else ("b64",)


def unseen(path: str, audited: Json, place: str = "", wanted: str = "wa") -> str:
    """Why changes of a file would not be recorded; empty when they are. ``place``: of what is mounted there."""
    if audited["absent"]:
        return "this kernel was built without auditing"
    if audited["enabled"] == 0:
        return "auditing is switched off (auditctl -e 0)"
    rules = audited["rules"]
    if any(rule["filter"] == "task" for rule in rules):
        return "the rule -a never,task ends all auditing of processes"
    mine = [rule for rule in rules if covers(rule, path, place)]
    if not mine and any(covers(rule, path) for rule in rules):
        return f"its rule sees what is below the file system that is mounted there ({place})"
    if not mine:
        return "no rule names it"
    if mine[0]["action"] == "never":
        return "the first rule that names it says never"
    full = [rule for rule in mine if rule["action"] == "always" and not rule["limits"] and not rule["narrow"]]
    if not full:
        limits = sorted({limit for rule in mine for limit in (rule["limits"] or ["some system calls"])})
        return f"its rules are limited: {', '.join(limits)}"
    for arch in arches(audited["machine"]):
        seen = {letter for rule in full if rule["arch"] in ("", arch) for letter in rule["permissions"]}
        if missing := [letter for letter in wanted if letter not in seen]:
            return f"its rules leave out {''.join(missing)} for {arch} programs"
    return ""


@dataclasses.dataclass(frozen=True)
class Watch:
    """A path to watch: alone, of a directory then what is made and removed right in it, or with all below it.

    Of a path alone the kernel watches what is there in the file system above: where something is mounted, its ``place``
    (``MAJOR:MINOR:INODE``) must be named instead.
    """

    path: str
    permissions: str = "wa"
    tree: bool = False
    place: str = ""

    def compared(self) -> str:
        """What the rule compares, for auditctl."""
        if self.place:
            return " ".join(f"-F {_NAMES[field]}={value}" for field, value in zip(_PLACE, self.place.split(":")))
        return f"-F {'dir' if self.tree else 'path'}={self.path}"


def lines(watches: t.Iterable[Watch]) -> list[str]:
    """Rules for auditctl, for all system calls: which of them write or change attributes, the kernel knows best.

    With -F arch, auditctl 4 picks the calls itself, and its list is older than the kernel: fchmodat2 and execveat are
    not in it, and would go unseen. What it warns of, that watches are slow, is true of directories alone: rules
    about a path are looked up by the file that is touched. Directories come last: one gone at boot is an error.
    """
    return [
        f"-a always,exit -S all {one.compared()} -F perm={one.permissions} -F key={KEY}"
        for one in sorted(watches, key=lambda one: (one.tree, one.path))
    ]


def content(watches: t.Iterable[Watch]) -> str:
    """The file for ``/etc/audit/rules.d``."""
    return "\n".join(
        [
            "# What decides about the Docker engine: who changed it, and when. ausearch --key " + KEY,
            "# Managed by Ansible, role bulkhead.docker.docker_auditd: changes here are lost.",
            "# A rule that cannot be loaded, anybody's, must not keep those after it from being loaded at boot.",
            "-c",
            *lines(watches),
            "",
        ]
    )


def differences(watches: t.Iterable[Watch], audited: Json) -> tuple[list[str], list[str]]:
    """What of ours the kernel lacks, and what it has of ours that is not wanted, in words."""
    wanted = {(watch.place or watch.path, watch.tree, _ordered(watch.permissions), "") for watch in watches}
    ours = [rule for rule in audited["rules"] if rule["key"] == KEY]
    has = {
        (
            rule["path"] or rule["place"],
            rule["tree"],
            rule["permissions"],
            "limited" if rule["narrow"] or rule["limits"] else rule["arch"],
        )
        for rule in ours
    }
    return [_words(one) for one in sorted(wanted - has)], [_words(one) for one in sorted(has - wanted)]


def _ordered(permissions: str) -> str:
    return "".join(letter for letter, _bit in _PERMISSIONS if letter in permissions)


def _words(rule: tuple[str, bool, str, str]) -> str:
    path, tree, permissions, only = rule
    return f"{path}{'/' if tree else ''} {permissions}{only and f' ({only})'}"
