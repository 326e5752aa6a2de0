# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a host keeps its baseline and its last drift, files for root alone, and where drift is told: the journal."""

from __future__ import annotations

import json
import os
import stat
import syslog
import typing as t
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.files import write
from ansible_collections.bulkhead.docker.plugins.module_utils.drift.baseline import (
    Baseline,
    BaselineError,
    checked,
    text,
)

Json = t.Mapping[str, t.Any]

LAST = "drift.json"  # beside the baseline
IDENTIFIER = "bulkhead-docker-drift"
_PRIORITIES = {
    "critical": syslog.LOG_CRIT,
    "high": syslog.LOG_ERR,
    "medium": syslog.LOG_WARNING,
    "low": syslog.LOG_NOTICE,
    "info": syslog.LOG_INFO,
}
_MOST = 2000  # characters of a value in the journal; whole it is in the file


def read(path: Path) -> Baseline | None:
    """None when there is none. Raises BaselineError, also for one that others than root could have written."""
    found = _read(path)
    return None if found is None else checked(found, str(path))


def _read(path: Path) -> t.Any:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BaselineError(f"{path} cannot be read: {error.strerror}; use become, or remove it") from error
    with os.fdopen(descriptor, encoding="utf-8") as file:
        seen = os.fstat(file.fileno())
        if not stat.S_ISREG(seen.st_mode) or seen.st_uid != os.geteuid() or seen.st_mode & 0o022:
            raise BaselineError(f"{path} may be anybody's: it must be a file of root that nobody else may write to")
        try:
            return json.load(file)
        except ValueError as error:
            raise BaselineError(
                f"{path} is not valid JSON ({error}): restore it, or remove it and record it anew"
            ) from error


def keep(path: Path, document: Json) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write(path, text(document).encode(), 0o600, (os.geteuid(), os.getegid()))


def remove(path: Path) -> None:
    for one in (path, path.parent / LAST):
        one.unlink(missing_ok=True)


def seen_before(path: Path, entries: t.Sequence[dict[str, t.Any]], now: str) -> list[dict[str, t.Any]]:
    """The entries, each with when it was first seen: what the last run wrote down, as long as it is the same."""
    try:
        last = _read(path.parent / LAST) or {}
        known = {(one["path"], one["kind"], repr(one["after"])): one["first_seen"] for one in last.get("entries", [])}
    except (BaselineError, KeyError, TypeError, AttributeError):
        known = {}
    return [{**one, "first_seen": known.get((one["path"], one["kind"], repr(one["after"]))) or now} for one in entries]


def tell(drift: Json) -> None:
    """A line of JSON for each entry, and one for the run, in the journal."""
    syslog.openlog(IDENTIFIER, syslog.LOG_PID, syslog.LOG_AUTHPRIV)
    host = drift["host"]["name"]
    for one in drift["entries"]:
        shown = {**one, **{side: _short(one[side]) for side in ("before", "after")}}
        syslog.syslog(_PRIORITIES[one["severity"]], _line({"event": "drift", "host": host, **shown}))
    counts = {"entries": len(drift["entries"]), "counts": drift["counts"], "unknown": len(drift["unknown"])}
    syslog.syslog(
        syslog.LOG_INFO, _line({"event": "drift_check", "host": host, "checked_at": drift["checked_at"], **counts})
    )
    syslog.closelog()


def _line(event: Json) -> str:
    """In ASCII: what a container was named by somebody cannot end the line."""
    return json.dumps(event, sort_keys=True)


def _short(value: t.Any) -> t.Any:
    shown = json.dumps(value)
    return value if len(shown) <= _MOST else f"{shown[:_MOST]}…"
