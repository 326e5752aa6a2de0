# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of dockerd, read as the daemon reads it: argv -> {daemon.json key: value}. Pure."""

from __future__ import annotations

import typing as t
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_keys import KEYS, NESTED_FLAGS, Key

_LISTS = frozenset({"strings", "ips", "urls", "pools"})
_MAPS = frozenset({"string_map", "bool_map", "ulimits", "objects", "map_of_maps"})
_TRUE = frozenset({"1", "t", "true", "yes"})


def _options() -> dict[str, Key]:
    """Long and short spellings -> row. Of two rows with one flag (host-gateway-ip) the newest, a list, wins."""
    table: dict[str, Key] = {}
    for key in KEYS.values():
        for spelling in (key.option, key.short):
            if spelling:
                table[spelling] = key
    return table


OPTIONS = _options()
_SWITCHES = frozenset({"help", "version", "v", "validate"})  # options of dockerd itself that take no value


@dataclass(frozen=True)
class Flag:
    """One option as it was typed; ``key`` is None for options that are not daemon.json keys."""

    option: str
    key: str | None
    value: str
    spelling: str

    @property
    def outer(self) -> str | None:
        """The key at the top level of daemon.json that says the same."""
        name = NESTED_FLAGS[self.option][0] if self.option in NESTED_FLAGS else self.key
        return None if name == "config-file" else name


def scan(argv: Sequence[str]) -> list[Flag]:
    """The options of a dockerd command line, in order. ``argv`` may begin with the program's path."""
    return [flag for _places, flags in _groups(argv) for flag in flags]


def _groups(argv: Sequence[str]) -> Iterator[tuple[range, list[Flag]]]:
    """Words that belong together (an option and its value, a run of switches), by their places, and what they say."""
    rest = deque(argv)
    if rest and not rest[0].startswith("-"):
        rest.popleft()
    while rest and rest[0] != "--":
        begin = len(argv) - len(rest)
        word = rest.popleft()
        flags: list[Flag] = []
        if word.startswith("--"):
            flags = [_long(word, rest)]
        elif word.startswith("-") and len(word) > 1:
            flags = list(_short(word, rest))
        yield range(begin, len(argv) - len(rest)), flags


def places(argv: Sequence[str], keys: Collection[str]) -> set[int]:
    """Where the words stand that set these keys. Raises ValueError for a word that says something else as well."""
    found: set[int] = set()
    for group, flags in _groups(argv):
        said = {flag.outer for flag in flags}
        if said & set(keys):
            if not said <= set(keys):
                raise ValueError(" ".join(argv[place] for place in group))
            found.update(group)
    return found


def _takes_value(option: str) -> bool:
    key = OPTIONS.get(option)
    return option not in _SWITCHES and not (key is not None and key.kind == "bool")


def _flag(option: str, value: str, spelling: str) -> Flag:
    key = OPTIONS.get(option)
    return Flag(key.option if key else option, key.name if key else None, value, spelling)


def _long(word: str, rest: deque[str]) -> Flag:
    option, equals, value = word[2:].partition("=")
    if equals:
        return _flag(option, value, word)
    if not _takes_value(option):
        return _flag(option, "true", word)
    value = rest.popleft() if rest else ""
    return _flag(option, value, f"{word} {value}")


def _short(word: str, rest: deque[str]) -> Iterator[Flag]:
    """``-D``, ``-Dl warn``, ``-lwarn``, ``-l=warn``: a run of switches, the last of which may take a value."""
    letters = word[1:]
    while letters:
        option, letters = letters[0], letters[1:]
        if letters.startswith("="):
            yield _flag(option, letters[1:], word)
            return
        if _takes_value(option):
            value = letters or (rest.popleft() if rest else "")
            yield _flag(option, value, word if letters else f"{word} {value}")
            return
        yield _flag(option, "true", f"-{option}")


def _pair(text: str) -> tuple[str, str]:
    name, _equals, value = text.partition("=")
    return name, value


def _scalar(kind: str, text: str) -> t.Any:
    if kind == "bool":
        return text.lower() in _TRUE
    if kind == "int":
        try:
            return int(text, 0)
        except ValueError:
            return text
    return text


def _as_ulimit(text: str) -> dict[str, t.Any]:
    """``nofile=1024:2048`` -> its daemon.json form."""
    name, value = _pair(text)
    soft, _colon, hard = value.partition(":")
    return {name: {"Name": name, "Soft": _scalar("int", soft), "Hard": _scalar("int", hard or soft)}}


def _as_network_opt(text: str) -> dict[str, t.Any]:
    """``bridge=com.docker.network.driver.mtu=1400``."""
    driver, option = _pair(text)
    return {driver: dict([_pair(option)])}


_MAP_PARSERS: dict[str, t.Callable[[str], dict[str, t.Any]]] = {
    "string_map": lambda text: dict([_pair(text)]),
    "bool_map": lambda text: {_pair(text)[0]: _pair(text)[1].lower() in _TRUE or "=" not in text},
    "objects": lambda text: {_pair(text)[0]: {"path": _pair(text)[1]}},
    "ulimits": _as_ulimit,
    "map_of_maps": _as_network_opt,
}


def _pool(text: str) -> dict[str, t.Any]:
    fields = dict(_pair(field) for field in text.split(","))
    return {name: _scalar("int", value) if name == "size" else value for name, value in fields.items()}


def _merge(into: dict[str, t.Any], kind: str, name: str, text: str) -> None:
    if kind in _LISTS:
        items = [_pool(text)] if kind == "pools" else text.split(",") if kind == "ips" else [text]
        into.setdefault(name, []).extend(items)
    elif kind in _MAPS:
        target: dict[str, t.Any] = into.setdefault(name, {})
        for member, value in _MAP_PARSERS[kind](text).items():
            old = target.get(member)
            target[member] = {**old, **value} if kind == "map_of_maps" and isinstance(old, dict) else value
    else:
        into[name] = _scalar(kind, text)


def settings(argv: Sequence[str]) -> dict[str, t.Any]:
    """What the command line sets, in the words and types of daemon.json."""
    found: dict[str, t.Any] = {}
    for flag in scan(argv):
        if flag.option in NESTED_FLAGS:
            outer, inner = NESTED_FLAGS[flag.option]
            found.setdefault(outer, {})[inner] = flag.value
        elif flag.key is not None and flag.key != "config-file":
            _merge(found, KEYS[flag.key].kind, flag.key, flag.value)
    return found


def config_file(argv: Sequence[str]) -> str | None:
    """The file that ``--config-file`` names, if any."""
    paths = [flag.value for flag in scan(argv) if flag.option == "config-file"]
    return paths[-1] if paths else None


def spellings(argv: Sequence[str]) -> dict[str, str]:
    """daemon.json key (or outer key) -> how the command line spells it, for messages."""
    found: dict[str, str] = {}
    for flag in scan(argv):
        if flag.outer is not None:
            found.setdefault(flag.outer, flag.spelling)
    return found
