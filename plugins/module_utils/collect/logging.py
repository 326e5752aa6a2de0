# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sends logs away by rsyslog, what waits for a collector, and whether the engine's events are recorded.

``forwards``: ``source`` (file), ``unit`` (that runs it), ``target``, ``tls``, ``auth`` (how the other side is known)
and ``peer`` (its names). ``stale``: bytes that have waited for more than a quarter of an hour. ``pulse`` of the
recorder of role docker_logging: ``age`` (seconds), ``connected``, ``behind`` (seconds); null when there is none. All
null without root.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.collect.reading import names, regular

OWN = "/etc/bulkhead.docker/logging/rsyslog.conf"
OWN_UNIT, HOST_UNIT = "bulkhead-docker-logs.service", "rsyslog.service"
_QUEUE = "/var/lib/bulkhead-docker-logs"
_PULSE = "/var/lib/bulkhead-docker-events/pulse.json"
_STALE_SECONDS = 900

_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|#[^\n]*')
_ACTION = re.compile(r'\baction\s*\(((?:[^()"]|"(?:[^"\\]|\\.)*")*)\)', re.IGNORECASE)
_PARAMETER = re.compile(r'([\w.]+)\s*=\s*("(?:[^"\\]|\\.)*"|\[[^\]]*\])')
#: `selector @@host:port`, which is older than TLS in rsyslog and gets it from directives before it.
_LEGACY = re.compile(r"^[^#\n]*?\s@@?(?:\([^)]*\))?([^\s;]+)", re.MULTILINE)
_LOOPBACK = re.compile(r"\[?(127\.|localhost|::1)")


def describe(root: bool) -> dict[str, t.Any] | None:
    """The ``logging`` part of the host's facts."""
    if not root:
        return None
    files = ["/etc/rsyslog.conf", *(f"/etc/rsyslog.d/{name}" for name in names("/etc/rsyslog.d"))]
    found = [forward for path in files for forward in _read(path, HOST_UNIT)] + _read(OWN, OWN_UNIT)
    return {"forwards": found, "stale": _stale(_QUEUE, time.time()), "pulse": _pulse(_PULSE, time.time())}


def _read(path: str, unit: str) -> list[dict[str, t.Any]]:
    try:
        return [{"source": path, "unit": unit, **one} for one in forwards(regular(path))]
    except OSError:
        return []


def forwards(config: str) -> list[dict[str, t.Any]]:
    """What of a configuration sends to another machine."""
    config = _COMMENT.sub(lambda match: match[1] or "", config)
    actions = [
        {name.lower(): value.strip('"') for name, value in _PARAMETER.findall(body)} for body in _ACTION.findall(config)
    ]
    found = [_action(one) for one in actions if one.get("type", "").lower() in ("omfwd", "omrelp")]
    mode, auth, peer = (_directive(config, one) for one in ("Mode", "AuthMode", "PermittedPeer"))
    older = {"tls": mode == "1", "auth": auth, "peer": [peer] if peer else []}
    found += [{"target": target, **older} for target in _LEGACY.findall(_ACTION.sub("", config))]
    return [one for one in found if one["target"] and not _LOOPBACK.match(one["target"])]


def _action(parameters: t.Mapping[str, str]) -> dict[str, t.Any]:
    if parameters["type"].lower() == "omrelp":
        tls, auth, peer = parameters.get("tls") == "on", "tls.authmode", "tls.permittedpeer"
    else:
        tls = parameters.get("streamdrivermode") == "1"
        auth, peer = "streamdriverauthmode", "streamdriverpermittedpeers"
    allowed = re.findall(r'[^\s,"\[\]]+', parameters.get(peer, ""))
    return {"target": parameters.get("target", ""), "tls": tls, "auth": parameters.get(auth, ""), "peer": allowed}


def _directive(config: str, name: str) -> str:
    found = re.findall(rf"^\s*\$ActionSendStreamDriver{name}\s+(\S+)", config, re.MULTILINE | re.IGNORECASE)
    return found[-1] if found else ""


def _stale(directory: str, now: float) -> int:
    """A file of the queue goes when the collector has taken all of it; in the newest there may be old lines.

    rsyslog has them side by side, or in a directory of their own from 8.2608 on.
    """
    looked = []
    for place in (directory, f"{directory}/collector.segq"):
        with contextlib.suppress(OSError), os.scandir(place) as entries:
            looked += [one.stat() for one in entries if one.is_file() and re.fullmatch(r".*\d.*", one.name)]
    files = sorted((one.st_mtime, one.st_size) for one in looked)
    return sum(size for changed, size in files[:-1] if now - changed > _STALE_SECONDS)


def _pulse(path: str, now: float) -> dict[str, t.Any] | None:
    try:
        said = json.loads(regular(path))
        return {
            "age": round(now - float(said["at"])),
            "connected": said["connected"] is True,
            "behind": round(float(said["behind"])),
        }
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return {"age": None, "connected": None, "behind": None}
