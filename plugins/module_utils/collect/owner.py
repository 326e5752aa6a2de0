# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user who runs a rootless daemon: who else reaches its sockets, and whose ids it uses."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat
import typing as t
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils.collect.proc import PROC, text

Json = dict[str, t.Any]

_PROXIES = Path("/run/bulkhead-docker-proxy")


def describe(pid: int, uid: int, paths: t.Iterable[str]) -> Json:
    """``user``, ``uid``, ``sockets`` (each with its ``steps`` from the root directory), and for uid and gid ``maps``.

    ``granted``: ranges of subordinate ids by user, and ``accounts``: ids by name, both of others than this user.
    """
    user, gid = account(uid)
    subordinate = {"uid": "/etc/subuid", "gid": "/etc/subgid"}
    accounts = {"uid": "/etc/passwd", "gid": "/etc/group"}
    return {
        "user": user,
        "uid": uid,
        "sockets": [{"path": path, "steps": _steps(path)} for path in paths],
        "maps": {kind: _map(f"{PROC}/{pid}/{kind}_map") for kind in ("uid", "gid")},
        "granted": {kind: _granted(file, {user, str(uid)}) for kind, file in subordinate.items()},
        "accounts": {kind: _accounts(file, {"uid": uid, "gid": gid}[kind]) for kind, file in accounts.items()},
    }


def proxy_sockets() -> list[Json]:
    """Those of the filtering proxies that role docker_socket sets up on the host."""
    folders = sorted(_PROXIES.iterdir()) if _PROXIES.is_dir() else []
    return [{"path": f"{folder}/docker.sock", "steps": _steps(f"{folder}/docker.sock")} for folder in folders]


def account(uid: int) -> tuple[str, int | None]:
    """The user's name (the number where it has none), and primary group."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return str(uid), None
    return entry.pw_name, entry.pw_gid


def _steps(path: str) -> list[Json] | None:
    """The socket and the directories that lead to it; None when one of them cannot be looked at."""
    real = Path(os.path.realpath(path))
    try:
        found = [(str(one), one.lstat()) for one in (*reversed(real.parents), real)]
    except OSError:
        return None
    return [
        {"path": name, "uid": at.st_uid, "gid": at.st_gid, "group": _group(at.st_gid), "mode": stat.S_IMODE(at.st_mode)}
        for name, at in found
    ]


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return ""


def _map(path: str) -> list[list[int]] | None:
    rows = text(path)
    return None if rows is None else [[int(number) for number in row.split()] for row in rows.splitlines()]


def _granted(path: str, own: t.Container[str]) -> dict[str, list[list[int]]] | None:
    """``user:first:count`` a line; the user by name or by number."""
    rows = text(path)
    if rows is None:
        return None
    found: dict[str, list[list[int]]] = {}
    for user, first, count in (row.split(":") for row in rows.split() if row.count(":") == 2):
        if user not in own and first.isdigit() and count.isdigit():
            found.setdefault(user, []).append([int(first), int(count)])
    return found


def _accounts(path: str, own: int | None) -> dict[str, int] | None:
    """Those in the file only: a directory server may have any number of them."""
    rows = text(path)
    if rows is None:
        return None
    found = {}
    for fields in (row.split(":") for row in rows.splitlines()):
        with contextlib.suppress(ValueError, IndexError):
            found[fields[0]] = int(fields[2])
    return {name: number for name, number in found.items() if number != own}
