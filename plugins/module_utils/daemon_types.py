# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types that values of daemon.json have, by the word that the table of keys names them with. Pure."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_keys import Key
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_secrets import mask

SIZE = re.compile(r"\d+(\.\d+)?\s?([kmgtp]i?b?|b)?", re.I)
_PROXIES = frozenset({"http-proxy", "https-proxy", "no-proxy"})
Test = t.Callable[[t.Any], bool]


def _is_int(value: t.Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: t.Any) -> bool:
    return isinstance(value, str)


def _parses(parser: t.Callable[[str], object]) -> Test:
    def test(value: t.Any) -> bool:
        try:
            return isinstance(value, str) and bool(parser(value))
        except ValueError:
            return False

    return test


def _each(test: Test) -> Test:
    return lambda value: isinstance(value, list) and all(test(item) for item in value)


def _members(test: Test) -> Test:
    return lambda value: isinstance(value, dict) and all(_is_text(k) and test(v) for k, v in value.items())


def _is_bool(value: t.Any) -> bool:
    return isinstance(value, bool)


def _is_object(value: t.Any) -> bool:
    return isinstance(value, dict)


def _is_url(value: t.Any) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://"))


def _is_pool(value: t.Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"base", "size"}
        and _is_network(value["base"])
        and _is_int(value["size"])
    )


def _is_ulimits(value: t.Any) -> bool:
    if not _members(_is_object)(value):
        return False
    return all(
        limit.get("Name") == name
        and _is_int(limit.get("Soft"))
        and _is_int(limit.get("Hard"))
        and (limit["Hard"] == -1 or -1 < limit["Soft"] <= limit["Hard"])
        for name, limit in value.items()
    )


_is_ip = _parses(ipaddress.ip_address)
_is_network = _parses(lambda text: "/" in text and ipaddress.ip_network(text, strict=False))

# kind -> (what the engine wants, in words; the test)
KINDS: dict[str, tuple[str, Test]] = {
    "bool": ("true or false, without quotes", _is_bool),
    "int": ("a whole number, without quotes", lambda value: _is_int(value) and value >= 0),
    "str": ("text", _is_text),
    "path": ("an absolute path", lambda value: _is_text(value) and value.startswith("/")),
    "ip": ("an IP address", _is_ip),
    "ips": ("a list of IP addresses", _each(_is_ip)),
    "network": ("a network such as 10.200.0.0/24", _is_network),
    "interface": ("an address with its prefix, such as 10.200.0.1/24", _is_network),
    "strings": ("a list of texts", _each(_is_text)),
    "urls": ("a list of http:// or https:// addresses", _each(_is_url)),
    "string_map": ("a mapping whose values are all texts: put numbers and true/false in quotes", _members(_is_text)),
    "bool_map": ("a mapping whose values are all true or false", _members(_is_bool)),
    "map_of_maps": ("a mapping of driver to a mapping of texts", _members(_members(_is_text))),
    "object": ("a mapping", _is_object),
    "objects": ("a mapping of mappings", _members(_is_object)),
    "ulimits": ("a mapping of name to {Name: the same name, Soft: number, Hard: number not below Soft}", _is_ulimits),
    "pools": ("a list of {base: network, size: prefix length}", _each(_is_pool)),
    "size": ("a size as text, such as '64M'", lambda value: _is_text(value) and bool(SIZE.fullmatch(value))),
    "proxies": ("a mapping of http-proxy, https-proxy and no-proxy to texts",
                lambda value: _members(_is_text)(value) and set(value) <= _PROXIES),
    "api_version": ("an API version as text, such as '1.44'", _parses(re.compile(r"1\.\d+").fullmatch)),
}  # fmt: skip


def mistyped(row: Key, value: t.Any) -> str:
    words, test = KINDS[row.kind]
    if not test(value):
        return f"{row.name} must be {words}; it is {mask(value, row.name)!r} ({type(value).__name__})"
    if row.choices and value not in row.choices:
        return f"{row.name} must be one of {', '.join(filter(None, row.choices))}; it is {value!r}"
    return ""
