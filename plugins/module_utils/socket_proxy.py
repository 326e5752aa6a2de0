# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Consumers of the filtering socket proxy, from what a user asks for to what HAProxy matches; pure.

What is allowed is a method and a path of whole segments, some of them placeholders. One regular expression over the raw
request target says all of it: what is not spelled plainly (escapes, doubled slashes, dot segments, absolute forms)
does not match.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import typing as t

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE")
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
GROUP = re.compile(r"[a-z_][a-z0-9_-]{0,30}|[1-9][0-9]{0,9}")
QUERY_NAME = re.compile(r"[A-Za-z0-9_.-]+")
VERSION = re.compile(r"v[0-9][0-9.]*")
SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@-]*")

#: What a placeholder stands for. None begins with a dot, so that no dot segment can be one.
ID = "{id}"
IMAGE = "{image}"
_IMAGE_PART = "[A-Za-z0-9][A-Za-z0-9_.:@-]*"
PLACEHOLDERS = {ID: "[A-Za-z0-9][A-Za-z0-9_.-]*", IMAGE: f"{_IMAGE_PART}(?:/{_IMAGE_PART})*"}

PREFIX = r"(?:/v1\.[0-9]{1,3})?"
ANY_QUERY = r"(?:\?[\x21\x22\x24-\x7e]*)?"  # printable, no fragment
_VALUE = r"[\x21\x22\x24\x25\x27-\x3a\x3c-\x7e]*"  # and none of what separates parameters

PRIVATE = tuple(ipaddress.ip_network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
MODES = (0o600, 0o660)  # nothing for the whole host


class ProxyError(ValueError):
    """A consumer that cannot be served as asked: names the option, the value and the remedy."""


@dataclasses.dataclass(frozen=True)
class Danger:
    """A part of the API that is more than it looks: refused, as good as root, or telling secrets."""

    level: str
    methods: tuple[str, ...]
    path: str
    why: str


def consumers(
    proxies: list[dict[str, t.Any]], presets: dict[str, t.Any], dangers: list[dict[str, t.Any]]
) -> list[dict[str, t.Any]]:
    """What the role's templates need of each consumer."""
    known = [Danger(entry["level"], tuple(entry["methods"]), entry["path"], entry["why"]) for entry in dangers]
    result = [_consumer(proxy, presets, known) for proxy in proxies]
    for key in ("name", "address"):
        seen = [entry[key] for entry in result if entry[key]]
        for value in seen:
            if seen.count(value) > 1:
                raise ProxyError(f"docker_socket_proxies: {key} {value!r} is used twice; give each consumer its own")
    return result


def _consumer(proxy: dict[str, t.Any], presets: dict[str, t.Any], dangers: list[Danger]) -> dict[str, t.Any]:
    name = str(proxy.get("name") or "")
    if not NAME.fullmatch(name):
        raise ProxyError(
            f"docker_socket_proxies: name {name!r} must be at most 32 lower-case letters, digits and hyphens"
        )
    where = f"docker_socket_proxies, {name}"
    preset = proxy.get("preset") or "none"
    if preset not in presets:
        raise ProxyError(f"{where}: preset {preset!r} does not exist; there are: {', '.join(sorted(presets))}")
    rules = [_rule(rule, where) for rule in [*presets[preset], *(proxy.get("allow") or [])]]
    if not rules:
        raise ProxyError(f"{where}: nothing is allowed; name a preset, or the requests in allow")
    notes = [note for rule in rules for note in _judge(rule, dangers, where, bool(proxy.get("accept_root")))]
    address, port = _listen(str(proxy.get("listen") or "unix"), where)
    return {
        "name": name,
        "address": address,
        "port": port,
        "group": _group(proxy.get("group"), where),
        "mode": _mode(str(proxy.get("mode") or "0660"), where),
        "rules": [{"methods": rule["methods"], "url": rule["url"], "why": rule["why"]} for rule in rules],
        "notes": list(dict.fromkeys(notes)),
    }


def _rule(rule: dict[str, t.Any], where: str) -> dict[str, t.Any]:
    path = str(rule.get("path") or "")
    methods = [str(method) for method in rule.get("methods") or []]
    if not methods or set(methods) - set(METHODS):
        raise ProxyError(f"{where}: methods {methods!r} of {path!r} must be some of {', '.join(METHODS)}")
    segments = _segments(path, where)
    url = "^" + PREFIX + "".join("/" + _pattern(part) for part in segments) + _query(rule.get("query"), path, where)
    return {"methods": methods, "path": path, "segments": segments, "url": url + "$", "why": rule.get("why", "")}


def _segments(path: str, where: str) -> list[str]:
    parts = path.split("/")[1:] if path.startswith("/") else []
    if not parts or not all(part in PLACEHOLDERS or SEGMENT.fullmatch(part) for part in parts):
        raise ProxyError(
            f"{where}: path {path!r} must be /segment/segment... of letters, digits and _ . : @ -, or the placeholders "
            f"{ID} (one id or name) and {IMAGE} (an image's name, which may hold slashes)"
        )
    if parts[0] in PLACEHOLDERS:
        raise ProxyError(f"{where}: path {path!r} must begin with a plain segment, such as /containers")
    if VERSION.fullmatch(parts[0]):
        raise ProxyError(f"{where}: path {path!r} must leave out the version; every version of the API is matched")
    return parts


def _pattern(segment: str) -> str:
    return PLACEHOLDERS.get(segment) or segment.replace(".", r"\.")


def _query(names: t.Any, path: str, where: str) -> str:
    """None: any parameter; a list: these and no other, so that an escaped spelling of another is none of them."""
    if names is None:
        return ANY_QUERY
    for name in names:
        if not QUERY_NAME.fullmatch(str(name)):
            raise ProxyError(f"{where}: query {name!r} of {path!r} must be a parameter's name: letters, digits, _ . -")
    if not names:
        return r"\??"
    pair = "(?:" + "|".join(str(name).replace(".", r"\.") for name in names) + f")={_VALUE}"
    return rf"(?:\?(?:{pair}(?:&{pair})*)?)?"


def _judge(rule: dict[str, t.Any], dangers: list[Danger], where: str, accepted: bool) -> list[str]:
    """What the rule gives away; refuses what no filter makes safe."""
    notes = []
    for method in rule["methods"]:
        for danger in dangers:
            if method not in danger.methods or not meets(rule["segments"], danger.path.split("/")[1:]):
                continue
            asked = f"{where}: {method} {rule['path']}"
            if danger.level == "refused":
                raise ProxyError(f"{asked} reaches {danger.path}: {danger.why}; take it out of allow")
            if danger.level == "root" and not accepted:
                raise ProxyError(f"{asked} is root on this host ({danger.why}); set accept_root: true if that is meant")
            notes.append(f"{method} {rule['path']}: {danger.why}")
    return notes


def meets(one: t.Sequence[str], other: t.Sequence[str]) -> bool:
    """Whether some path is matched by both templates."""
    if not one or not other:
        return not one and not other
    if IMAGE in (one[0], other[0]):
        pairs = [pair for pair in ((one, other), (other, one)) if pair[0][0] == IMAGE]
        return any(meets(wide[1:], rest[taken:]) for wide, rest in pairs for taken in range(1, len(rest) + 1))
    return (one[0] == other[0] or ID in (one[0], other[0])) and meets(one[1:], other[1:])


def _listen(listen: str, where: str) -> tuple[str, int]:
    """Address and port, or nothing: the unix socket is there in any case."""
    if listen == "unix":
        return "", 0
    host, _colon, port = listen.rpartition(":")
    try:
        address = ipaddress.ip_address(host[1:-1] if host.startswith("[") and host.endswith("]") else host)
    except ValueError:
        raise ProxyError(f"{where}: listen {listen!r} must be unix, ADDRESS:PORT or [ADDRESS]:PORT") from None
    if not any(address in block for block in PRIVATE):
        raise ProxyError(
            f"{where}: listen {listen!r} must be the gateway of an internal Docker network, a private address; "
            "for the host itself use unix"
        )
    if not re.fullmatch("[0-9]{4,5}", port) or not 1024 <= int(port) <= 65535:
        raise ProxyError(f"{where}: listen {listen!r} needs a port from 1024 to 65535")
    return str(address), int(port)


def _group(group: t.Any, where: str) -> str:
    if group in (None, ""):
        return ""
    if not GROUP.fullmatch(str(group)):
        raise ProxyError(f"{where}: group {group!r} must be a group's name, or a number other than 0")
    return str(group)


def _mode(mode: str, where: str) -> str:
    if not re.fullmatch("0?[0-7]{3}", mode) or int(mode, 8) not in MODES:
        raise ProxyError(f"{where}: mode {mode!r} must be '0600' or '0660', in quotes: nothing for the whole host")
    return f"{int(mode, 8):04o}"
