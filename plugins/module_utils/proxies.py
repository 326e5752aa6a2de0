# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known filtering proxies of the engine's socket: how each is told what to let through, and what that opens. Pure.

``graded`` sees a container before it is redacted. Of the values in it none leaves the host but whether switches of
exactly these names are on, and what follows from the paths that options of exactly these names let through.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_shape import (
    Json,
    text,
    texts,
)

Allows = t.Callable[[str, str], t.Optional[bool]]  # method and path; None: cannot be told

#: What a request gives to whoever may make it, and such a request. Any one of a line's requests is enough.
REACHES: t.Final[tuple[tuple[str, tuple[tuple[str, str], ...]], ...]] = (
    ("create containers, and so be root on the host", (("POST", "/containers/create"), ("POST", "/services/create"))),
    ("run commands in containers", (("POST", "/exec/x/start"), ("POST", "/containers/x/exec"))),
    ("attach to containers", (("GET", "/containers/x/attach/ws"), ("POST", "/containers/x/attach"))),
    ("copy files into containers", (("PUT", "/containers/x/archive"),)),
    ("copy files out of containers", (("GET", "/containers/x/archive"), ("GET", "/containers/x/export"))),
    ("read the environment of containers", (("GET", "/containers/x/json"),)),
    ("stop or remove containers", (("POST", "/containers/x/stop"), ("POST", "/containers/x/kill"))),
    ("take images away", (("GET", "/images/get"), ("GET", "/images/x/get"))),
    ("bring images in", (("POST", "/images/create"), ("POST", "/images/load"), ("POST", "/commit"))),
    ("build images", (("POST", "/build"), ("POST", "/session"), ("POST", "/grpc"))),
    ("install plugins, which are root on the host", (("POST", "/plugins/pull"),)),
    ("read secrets and configurations", (("GET", "/secrets"), ("GET", "/configs"), ("GET", "/swarm/unlockkey"))),
    ("change the Swarm", (("POST", "/swarm/update"), ("POST", "/nodes/x/update"))),
    ("try passwords of registries", (("POST", "/auth"),)),
    ("change networks", (("POST", "/networks/create"), ("POST", "/networks/x/connect"))),
)
_VERSION = "/v1.43"

#: By the end of the image's name.
_IMAGES: t.Final[t.Mapping[str, str]] = {
    "tecnativa/docker-socket-proxy": "switches",
    "linuxserver/socket-proxy": "switches",
    "linuxserver/docker-socket-proxy": "switches",
    "wollomatic/socket-proxy": "patterns",
    "11notes/socket-proxy": "fixed",
    "11notes/docker-socket-proxy": "fixed",
}
_SECTIONS = (
    "AUTH BUILD COMMIT CONFIGS CONTAINERS DISTRIBUTION EVENTS EXEC GRPC IMAGES INFO NETWORKS NODES PING PLUGINS SECRETS"
    " SERVICES SESSION SWARM SYSTEM TASKS VERSION VOLUMES"
)
_ACTIONS = {"ALLOW_START": ("start",), "ALLOW_STOP": ("stop",), "ALLOW_RESTARTS": ("stop", "restart", "kill")}
_SWITCHES = frozenset({"POST", *_SECTIONS.split(), *_ACTIONS})
_OFF = frozenset({"0", "false", "no", "off", ""})
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_OPTION = re.compile(rf"--?allow({'|'.join(_METHODS)})=(.*)", re.DOTALL)
_VARIABLE = re.compile(rf"SP_ALLOW_({'|'.join(_METHODS)})(?:_\d+)?=(.*)", re.DOTALL)

#: A pattern is somebody else's, and is tried here: none that may take long. Go's engine never does.
_LONGEST = 300
_NESTED = re.compile(r"[*+}]\)*[*+{]|\)[*+{]|\\[1-9]")
_MOST_REPEATS = 6
_MOST_PATTERNS = 32


def graded(inspect: Json) -> dict[str, t.Any] | None:
    """``image``, ``opens`` (what whoever reaches it may do beyond looking; null when that cannot be told).

    Also the ``switches`` that are on, where it has such. None: it is not a known proxy.
    """
    image = re.sub(r"(@.*|:[^/]*)$", "", text(inspect, "Config", "Image"))
    name = next((name for name in _IMAGES if f"/{image}".endswith(f"/{name}")), "")
    on = sorted(_switched_on(texts(inspect, "Config", "Env")))
    if not name:
        return None
    if _IMAGES[name] == "patterns":
        return {"image": name, "opens": _opened(_by_patterns(_patterns(inspect)))}
    if _IMAGES[name] == "switches":
        return {"image": name, "switches": on, "opens": _opened(_by_switches(set(on)))}
    return {"image": name, "opens": _opened(_by_nature)}


def _switched_on(environment: list[str]) -> set[str]:
    pairs = (entry.partition("=") for entry in environment)
    return {name for name, _dummy, value in pairs if name in _SWITCHES and value.strip().lower() not in _OFF}


def _patterns(inspect: Json) -> dict[str, list[str]]:
    """By method; the environment counts for what the command line says nothing of."""
    words = (*texts(inspect, "Config", "Cmd"), *texts(inspect, "Args"))
    given = [_VARIABLE.fullmatch(entry) for entry in texts(inspect, "Config", "Env")], map(_OPTION.fullmatch, words)
    found: dict[str, list[str]] = {}
    for source in given:
        asked: dict[str, list[str]] = {}
        for option in filter(None, source):
            asked.setdefault(option[1], []).append(option[2])
        found.update(asked)
    return found


def _opened(allows: Allows) -> list[str] | None:
    answers = {what: [allows(method, path) for method, path in requests] for what, requests in REACHES}
    reached = [what for what, told in answers.items() if True in told]
    return reached if reached or not any(None in told for told in answers.values()) else None


def _by_switches(on: t.Container[str]) -> Allows:
    """One for each section of the API, one for all methods that change something, and exceptions from that one."""
    excepted = [verb for switch, verbs in _ACTIONS.items() if switch in on for verb in verbs]

    def allows(method: str, path: str) -> bool:
        parts = path.strip("/").split("/")
        if method == "POST" and parts[0] == "containers" and parts[-1] in excepted:
            return True
        return (method in ("GET", "HEAD") or "POST" in on) and parts[0].upper() in on

    return allows


def _by_patterns(patterns: t.Mapping[str, list[str]]) -> Allows:
    """For each method, patterns of which one must match the whole path."""

    def allows(method: str, path: str) -> bool | None:
        given = patterns.get(method, [])
        told = [_matches(one, candidate) for one in given[:_MOST_PATTERNS] for candidate in (path, _VERSION + path)]
        return True if True in told else None if None in told or len(given) > _MOST_PATTERNS else False

    return allows


def _matches(pattern: str, path: str) -> bool | None:
    if len(pattern) > _LONGEST or _NESTED.search(pattern) or len(re.findall(r"[*+}]", pattern)) > _MOST_REPEATS:
        return None
    try:
        return re.fullmatch(pattern, path) is not None
    except (re.error, RecursionError, OverflowError):
        return None


_NEVER = re.compile(r"/(attach/ws|export|archive)$|^/(secrets|configs|swarm/unlockkey|images/get)")


def _by_nature(method: str, path: str) -> bool:
    """Reads everything but what this one never lets through."""
    return method in ("GET", "HEAD") and _NEVER.search(path) is None
