# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drift: where two snapshots of a host differ, what that means and who mends it. Pure.

An entry: ``path`` (a JMESPath into the state), ``kind`` (one of ``KINDS``), ``before``, ``after``, ``severity``,
``lever``, ``role``, ``remedy`` and ``first_seen``.
"""

from __future__ import annotations

import datetime
import fnmatch
import json
import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_keys import KEYS
from ansible_collections.bulkhead.docker.plugins.module_utils.drift import catalogue
from ansible_collections.bulkhead.docker.plugins.module_utils.drift.catalogue import Path
from ansible_collections.bulkhead.docker.plugins.module_utils.model import SEVERITIES
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_shape import Json, at, mapping, text

Entry = dict[str, t.Any]

CHANGED, ADDED, REMOVED, NOT_RESTARTED, CREATED_BEFORE, NOT_APPROVED = KINDS = (
    "changed",
    "added",
    "removed",
    "not_restarted",
    "created_before",
    "image_not_approved",
)
#: Kinds that are no difference of the state: approved, they are remembered one by one.
JUDGED: t.Final = (CREATED_BEFORE, NOT_APPROVED)
#: What is in a place where there is nothing.
MISSING: t.Final = object()
#: Of the state, what helps to judge, and is not compared itself.
_ASIDE = ("defaults", "images")
_DIGEST = re.compile(r"(?:[^@]+@)?sha256:[0-9a-f]{64}")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: What each default of the daemon becomes in a container that is made under it: where it shows, and as what.
_INHERITED: t.Final[t.Mapping[str, tuple[Path, t.Callable[[t.Any], t.Any]]]] = {
    "log-driver": (("log", "driver"), str),
    "default-runtime": (("runtime",), str),
    "no-new-privileges": (("live", "no_new_privileges"), bool),
    "default-ipc-mode": (("namespaces", "ipc"), str),
    "default-cgroupns-mode": (("namespaces", "cgroup"), str),
}
_REMEDIES = {
    "recreate": "Recreate the container as it is meant to be; or approve this.",
    "rebuild": "Recreate the container from the approved image; or approve this one.",
    "external": "Whoever made this mends it (docker network, volume or plugin); or approve it.",
    "host": "Mend it by hand, as no role of the collection sets this; or approve it.",
}


class DriftError(ValueError):
    """What is no baseline, no digest or no drift: why it cannot be worked with."""


def digests(images: t.Sequence[str]) -> t.Sequence[str]:
    """Approved images, as they are written. Raises DriftError."""
    for one in images:
        if not isinstance(one, str) or not _DIGEST.fullmatch(one):
            raise DriftError(f"images: {one!r} is no digest; write sha256:... or NAME@sha256:..., with 64 digits")
    return images


def name(path: Path) -> str:
    """As JMESPath writes it."""
    return ".".join(part if _PLAIN.fullmatch(part) else json.dumps(part, ensure_ascii=False) for part in path)


def selected(path: str, globs: t.Iterable[str]) -> bool:
    """Whether a path is one of these, or below it, or matches one as a glob. Brackets are no glob: paths hold them."""
    return any(
        path == one or path.startswith(f"{one}.") or fnmatch.fnmatchcase(path, one.replace("[", "[[]")) for one in globs
    )


def drift(before: Json, after: Json, images: t.Collection[str] = ()) -> tuple[list[Entry], list[str]]:
    """The entries, worst first, and the paths that could not be read now. ``images``: approved digests, if any are."""
    found, unknown = [], []
    for path, was, now in differences(mapping(before, "state"), mapping(after, "state")):
        if now is None:
            unknown += [] if path[-1] == "live" else [name(path)]  # of a container that does not run
        else:
            found.append(_entry(path, was, now, mapping(after, "context")))
    found += _pending(found, mapping(after, "context"))
    judged = _created_before(before, after) + (_not_approved(after, images) if images else [])
    accepted = mapping(before, "accepted")
    found += [one for one in judged if accepted.get(one["path"], MISSING) != one["after"]]
    return sorted(found, key=lambda one: (SEVERITIES.index(one["severity"]), one["path"])), sorted(unknown)


def differences(before: t.Any, after: t.Any, path: Path = ()) -> t.Iterator[tuple[Path, t.Any, t.Any]]:
    """Path, what was there and what is; ``MISSING`` where there was or is nothing. A null before is not compared."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            if key not in _ASIDE or _is_inside(path):
                yield from differences(before.get(key, MISSING), after.get(key, MISSING), (*path, key))
    elif before is not None and before != after:
        yield path, before, after


def _is_inside(path: Path) -> bool:
    """Whether this is below one of the state's parts, where names are anybody's; a user's engine has parts, too."""
    return bool(path) and (path[0] != "users" or len(path) != 2)


def _entry(path: Path, was: t.Any, now: t.Any, context: Json) -> Entry:
    kind = ADDED if was is MISSING else REMOVED if now is MISSING else CHANGED
    if path[:2] == ("daemon", "configured") and _waits(path[2], context):
        kind = NOT_RESTARTED
    return _made(path, kind, None if was is MISSING else was, None if now is MISSING else now)


def _made(path: Path, kind: str, was: t.Any, now: t.Any) -> Entry:
    rootless = path[0] == "users" and len(path) > 2
    lever, role = catalogue.mender(path[2:] if rootless else path)
    if rootless and role:
        role = "docker_rootless"
    return {
        "path": name(path),
        "kind": kind,
        "before": was,
        "after": now,
        "severity": catalogue.severity(path[2:] if rootless else path, now),
        "lever": lever,
        "role": role,
        "remedy": f"Role {role}, with the variables that the host was hardened with; or approve it."
        if role
        else _REMEDIES[lever],
        "first_seen": None,
    }


def _waits(key: str, context: Json) -> bool:
    """Whether a setting is in the file and not in effect: the daemon says so, or was not started since."""
    if key in mapping(context, "pending"):
        return True
    changed, started = context.get("config_changed_at"), context.get("started_at")
    restart = KEYS[key].effect == "restart" if key in KEYS else True
    return restart and isinstance(changed, (int, float)) and isinstance(started, (int, float)) and changed > started


def _pending(found: t.Sequence[Entry], context: Json) -> list[Entry]:
    """Settings that wait for a restart, although the file is as approved."""
    told = {one["path"] for one in found}
    paths = {("daemon", "configured", key): one for key, one in mapping(context, "pending").items()}
    return [
        _made(path, NOT_RESTARTED, at(one, "running"), at(one, "configured"))
        for path, one in paths.items()
        if name(path) not in told
    ]


def _created_before(before: Json, after: Json) -> list[Entry]:
    """Containers that still have the default of the daemon that was approved, and is another one by now."""
    was, now = mapping(before, "state", "defaults"), mapping(after, "state", "defaults")
    changed_at = at(after, "context", "config_changed_at")
    changed = {key: (was[key], now[key], changed_at) for key in was if key in now and was[key] != now[key]}
    changed.update(
        {
            key: (one["before"], now.get(key), one["at"])
            for key, one in mapping(before, "moved").items()
            if key not in changed
        }
    )
    found = []
    for key, (old, new, moment) in sorted(changed.items()):
        where, shown = _INHERITED[key]
        for container, one in mapping(after, "state", "containers").items():
            has = at(one, *where)
            if (
                has is not None
                and has == shown(old)
                and has != shown(new)
                and _older(text(after, "context", "created_at", container), moment)
            ):
                found.append(_made(("containers", container, *where), CREATED_BEFORE, shown(new), has))
    return found


def _older(created: str, moment: t.Any) -> bool:
    if not isinstance(moment, (int, float)):
        return True
    try:
        at_ = datetime.datetime.fromisoformat(created[:19]).replace(tzinfo=datetime.timezone.utc)
    except ValueError:
        return False
    return at_.timestamp() < moment


def _not_approved(after: Json, images: t.Collection[str]) -> list[Entry]:
    found = []
    for container, one in mapping(after, "state", "containers").items():
        identity = text(one, "image", "id")
        digests = [identity, *(mapping(after, "state", "images").get(identity) or [])]
        if identity and not any(_approved(digest, wanted) for digest in digests for wanted in images):
            shown = {"reference": text(one, "image", "reference"), "digests": digests}
            found.append(_made(("containers", container, "image", "id"), NOT_APPROVED, None, shown))
    return found


def _approved(digest: str, wanted: str) -> bool:
    """``sha256:…`` of the image or of any name; ``NAME-GLOB@sha256:…`` of that name."""
    if "@" in wanted:
        return fnmatch.fnmatchcase(digest, wanted)
    return digest.rpartition("@")[2] == wanted
