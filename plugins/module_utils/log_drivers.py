# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Log drivers: which of them may hold a container up, and what a site's choice comes to in daemon.json. Pure."""

from __future__ import annotations

import re
import typing as t

#: Drivers that keep logs on the host, and what bounds them unless the site says otherwise. journald is bounded by
#: journald; its tag carries the image's id, which no field of the driver does.
LOCAL: t.Final[t.Mapping[str, t.Mapping[str, str]]] = {
    "journald": {"tag": "{{.ImageFullID}}"},
    "json-file": {"max-size": "20m", "max-file": "5"},
    "local": {"max-size": "20m", "max-file": "5"},
}
REMOTE: t.Final = ("awslogs", "etwlogs", "fluentd", "gcplogs", "gelf", "splunk", "syslog")
_PLUGIN = re.compile(r"[a-z0-9][a-z0-9._-]*[/:][a-z0-9._/:-]+")
_SIZE = re.compile(r"[1-9][0-9]*[kmg]", re.IGNORECASE)


class LogDriverError(ValueError):
    """A choice that must not reach daemon.json: which option is wrong, and what to do about it."""


def is_remote(driver: str) -> bool:
    """Whether the driver sends; what is not known is a plugin, and those do."""
    return driver not in LOCAL and driver not in ("none", "")


def blocks(driver: str, options: t.Mapping[str, t.Any]) -> bool:
    """Whether a container that writes waits for another machine."""
    return is_remote(driver) and options.get("mode") != "non-blocking"


def daemon_keys(driver: str, options: t.Mapping[str, t.Any], accept_blocking: bool) -> dict[str, t.Any]:
    """``log-driver`` and ``log-opts``; nothing when no driver is chosen. Raises LogDriverError."""
    if not driver:
        if options:
            raise LogDriverError(
                "docker_logging_driver_options is given without docker_logging_driver: say which driver"
            )
        return {}
    if driver not in LOCAL and driver not in REMOTE and not _PLUGIN.fullmatch(driver):
        raise LogDriverError(
            f"docker_logging_driver: {driver!r} is none of {', '.join([*LOCAL, *REMOTE])}, nor a plugin (NAME:TAG)"
        )
    _check(options)
    merged = {**LOCAL.get(driver, {}), **options}
    if driver in ("json-file", "local") and not _SIZE.fullmatch(str(merged["max-size"])):
        raise LogDriverError(
            f"docker_logging_driver_options: max-size {merged['max-size']!r} sets no limit; give a size such as '20m'"
        )
    if blocks(driver, options) and not accept_blocking:
        raise LogDriverError(
            f"docker_logging_driver: {driver} sends to another machine, and when that does not answer containers that"
            " write hang, and cannot be stopped: set docker_logging_driver_options: {mode: non-blocking,"
            " max-buffer-size: 4m}, or better keep logs in journald and ship them with docker_logging_collector;"
            " docker_logging_accept_blocking: true takes the risk"
        )
    return {"log-driver": driver, "log-opts": merged}


def _check(options: t.Mapping[str, t.Any]) -> None:
    wrong = [f"{name}: {value!r}" for name, value in options.items() if not isinstance(value, str)]
    if wrong:
        raise LogDriverError(
            f"docker_logging_driver_options: the engine takes texts only, so put quotes around {', '.join(wrong)}"
        )
