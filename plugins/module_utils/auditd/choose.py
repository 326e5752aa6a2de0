# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which watches an engine's host gets, and which are refused because they would drown the log."""

from __future__ import annotations

import dataclasses
import posixpath
import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.auditd.rules import Json, Watch
from ansible_collections.bulkhead.docker.plugins.module_utils.auditd.watched import (
    CONTAINERD_ROOT,
    CONTAINERD_STATE,
    DATA_ROOT,
)

#: Where containers, the engine or everybody write all the time.
_BUSY = (CONTAINERD_ROOT, CONTAINERD_STATE, "/run/docker", "/proc", "/sys", "/dev", "/tmp", "/var/tmp", "/var/log")  # noqa: S108 (compared, not used)
_OFTEN_RUN = ("containerd_shim", "containerd_shim_v1", "containerd_shim_v2", "runc")
_NAME = re.compile(r"/[^\s\"'\\]*")


def engine(found: t.Iterable[Json], without: t.Container[str] = ()) -> list[Watch]:
    """Writing and attributes of what decides about the engine; of the two daemons, also that somebody starts one."""
    wanted = {
        one["path"]: Watch(
            one["path"], "wxa" if one["kind"] in ("dockerd", "containerd") else "wa", one["tree"], one["place"]
        )
        for one in found
        if one["path"] not in without
    }
    return list(wanted.values())


def problems(extra: t.Iterable[Watch], found: t.Sequence[Json]) -> list[str]:
    """Why what was asked for besides is refused, in words."""
    return [problem for watch in extra if (problem := _problem(watch, found))]


def _problem(watch: Watch, found: t.Sequence[Json]) -> str:
    if not _NAME.fullmatch(watch.path) or posixpath.normpath(watch.path) != watch.path:
        return f"paths: {watch.path!r} must be absolute, without blanks, quotes and ..: auditctl has no way to quote"
    if not re.fullmatch("[rwxa]+", watch.permissions) or len(set(watch.permissions)) < len(watch.permissions):
        return f"paths: permissions of {watch.path} are letters of rwxa, not {watch.permissions!r}"
    kinds = {one["kind"] for one in found if one["path"] == watch.path}
    if kinds & {*_OFTEN_RUN} and {*watch.permissions} & {"r", "x"}:
        return (
            f"paths: {watch.path} runs for each start, exec and health check of each container, and its records would"
            " drown the others: ask for permissions w and a"
        )
    roots = [one["path"] for one in found if one["kind"] == "data_root"] or [DATA_ROOT]
    busy = next((place for place in (*roots, *_BUSY) if _overlap(watch.path, place)), None) if watch.tree else None
    if busy:
        return (
            f"paths: all below {watch.path} means all that is written in {busy}, a record for each file that a"
            " container makes: leave recursive out to watch the directory itself, or name directories that"
            " containers do not write to"
        )
    return ""


def _overlap(path: str, place: str) -> bool:
    """Whether one is the other, or in it."""
    one, other = (f"{end.rstrip('/')}/" for end in (path, place))
    return one.startswith(other) or other.startswith(one)


def merged(own: t.Iterable[Watch], extra: t.Iterable[Watch]) -> list[Watch]:
    """One rule a path: the engine's own permissions stay, the site's are added."""
    found = {(watch.path, watch.tree): watch for watch in own}
    for watch in extra:
        had = found.get((watch.path, watch.tree))
        letters = "".join(dict.fromkeys((had.permissions if had else "") + watch.permissions))
        found[watch.path, watch.tree] = dataclasses.replace(watch, permissions=letters)
    return [found[place] for place in sorted(found)]


def notes(audited: Json) -> list[str]:
    """What keeps good rules from recording anything, and is not theirs to change."""
    remarks = (
        (
            audited["enabled"] == 0,
            "Auditing is switched off: take -e 0 out of /etc/audit/rules.d, or audit=0 off the kernel's command line.",
        ),
        (
            any(rule["filter"] == "task" for rule in audited["rules"] or []),
            "The rule `-a never,task` ends all auditing of processes (Fedora has it in 10-no-audit.rules): take it out"
            " of /etc/audit/rules.d, then `augenrules --load`.",
        ),
        (
            audited["listener"] == 0,
            "No auditd takes the records: they go to the kernel's log. `systemctl enable --now auditd`.",
        ),
    )
    return [note for when, note in remarks if when]
