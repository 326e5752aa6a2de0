# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an image was made of, as one document: the same image has the same one, byte by byte."""

from __future__ import annotations

import datetime
import fnmatch
import grp
import hashlib
import json
import os
import pwd
import stat
import typing as t
from collections.abc import Iterable, Mapping

from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import Run
from ansible_collections.bulkhead.docker.plugins.module_utils.image.seal import Tree
from ansible_collections.bulkhead.docker.plugins.module_utils.model import TOOL, VERSION

SCHEMA = 1
_UNITS = "/etc/systemd/system"


def files(tree: Tree, patterns: Iterable[str], without: Iterable[str] = ()) -> list[dict[str, t.Any]]:
    """Each file with mode, owner and digest; of a link, where it leads."""
    left_out = list(without)
    found: dict[str, dict[str, t.Any]] = {}
    for pattern in patterns:
        for path in tree.match(pattern):
            inner = tree.below(path) if stat.S_ISDIR(os.lstat(tree.real(path)).st_mode) else ()
            for one, state in [(path, os.lstat(tree.real(path))), *inner]:
                if not stat.S_ISDIR(state.st_mode) and not any(fnmatch.fnmatchcase(one, no) for no in left_out):
                    found[one] = _file(tree, one, state)
    return [found[path] for path in sorted(found)]


def _file(tree: Tree, path: str, state: os.stat_result) -> dict[str, t.Any]:
    said: dict[str, t.Any] = {"path": path, "owner": _user(state.st_uid), "group": _group(state.st_gid)}
    if stat.S_ISLNK(state.st_mode):
        return {**said, "link": os.readlink(tree.real(path))}  # noqa: PTH115 (a name)
    digest = hashlib.sha256()
    with open(tree.real(path), "rb") as file:  # noqa: PTH123 (a path in the tree)
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return {**said, "mode": f"{stat.S_IMODE(state.st_mode):04o}", "sha256": digest.hexdigest()}


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def enabled(tree: Tree) -> list[str]:
    """Units that a boot starts, by the links that say so."""
    links = [path for kind in ("wants", "requires") for path in tree.match(f"{_UNITS}/*.{kind}/*")]
    return sorted({path.rpartition("/")[2] for path in links})


def packages(run: Run, names: Iterable[str]) -> dict[str, str]:
    """Versions of those that are installed, by dpkg, else by rpm."""
    asked = sorted(names)
    done = run(["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Package} ${Version}\\n", *asked], 60)
    if done.rc != 127:
        lines = [line.split(" ") for line in done.out.splitlines()]
        return {line[1]: line[2] for line in lines if len(line) == 3 and line[0] == "installed"}
    done = run(["rpm", "--query", "--queryformat", "%{NAME} %{EVR}\\n", *asked], 60)
    lines = [line.split(" ") for line in done.out.splitlines()]
    return {line[0]: line[1] for line in lines if len(line) == 2}


def impersonal(baseline: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """A baseline without the builder's name and the time: what all machines of the image have in common."""
    if not baseline:
        return {}
    return {**baseline, "host": {"name": ""}, "recorded": {**baseline["recorded"], "at": ""}}


def document(
    roles: Mapping[str, t.Any], deferred: Iterable[t.Any], found: Mapping[str, t.Any], epoch: int | None
) -> str:
    """The text; with no time in it but the one that was given."""
    built = {}
    if epoch is not None:
        built["built"] = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    whole = {
        "schema": SCHEMA,
        "tool": {"name": TOOL, "version": VERSION},
        "roles": roles,
        "deferred": list(deferred),
        **built,
        **found,
    }
    return json.dumps(whole, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
