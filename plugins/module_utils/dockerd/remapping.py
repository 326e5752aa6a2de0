# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""userns-remap: whether the engine finds the user and the ids that the root of containers becomes.

For ``default`` the engine makes the user dockremap and its ranges by itself, but gives no ranges to one that exists.
"""

from __future__ import annotations

import grp
import pwd
from collections.abc import Iterable, Mapping
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils import plan, subids
from ansible_collections.bulkhead.docker.plugins.module_utils.subids import Range

DEFAULT_USER = "dockremap"


def problems(changes: Iterable[plan.Change]) -> list[str]:
    """Who is missing: the engine does not start with a user or group that does not exist."""
    name, group = _wanted(changes)
    found = []
    if name not in ("", "default") and _account(name) is None:
        found.append(
            f"userns-remap: there is no user {name}: create it (useradd --system --no-create-home --shell "
            f"/usr/sbin/nologin {name}), or say default"
        )
    if not _is_group(group):
        found.append(f"userns-remap: there is no group {group}: create it, or leave it out")
    return found


def missing_ranges(changes: Iterable[plan.Change]) -> list[str]:
    """Which ids are missing; without them it does not start either."""
    name, _group = _wanted(changes)
    user = _account(_user(name)) if name else None
    return [
        f"userns-remap: {user.pw_name} has no range in {table}: give it one that is nobody else's (module "
        f"docker_subids), such as {user.pw_name}:100000:65536"
        for table, own in (_ranges(user).items() if user else ())
        if user and not own
    ]


def _wanted(changes: Iterable[plan.Change]) -> tuple[str, str]:
    value = next((str(change.after) for change in changes if change.key == "userns-remap" and change.after), "")
    name, _colon, group = value.partition(":")
    return name, group


def _user(name: str) -> str:
    return DEFAULT_USER if name == "default" else name


def directory(value: str) -> str:
    """The directory under data-root that the engine uses, as far as it can be told beforehand."""
    user = _account(_user(value.partition(":")[0]))
    firsts = [own[0].first for own in _ranges(user).values() if own] if user else []
    return f"{firsts[0]}.{firsts[1]}" if len(firsts) == 2 else "UID.GID"


def _account(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)
    except KeyError:
        return None


def _is_group(name: str) -> bool:
    try:
        return not name or bool(grp.getgrgid(int(name)) if name.isdigit() else grp.getgrnam(name))
    except KeyError:
        return False


def _ranges(user: pwd.struct_passwd) -> Mapping[str, list[Range]]:
    owners = (user.pw_name, str(user.pw_uid))
    return {
        path: [one for one in subids.parse(_text(path)) if one.owner in owners]
        for path, _option, _prefix in subids.TABLES.values()
    }


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
