# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line that a unit has without us, and our drop-in that takes out of it what daemon.json says instead.

The daemon does not start when a key is also a flag, even with the same value, and the packaged units come with flags.
The vendor's unit and the drop-ins of others are never touched, and followed when they change.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import flags
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.files import Original
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.unit import Unit, expand, split

DROP_IN = "zz-bulkhead.conf"  # systemd reads drop-ins by name, and the last ExecStart counts
MARK = "# Written by bulkhead.docker.docker_daemon_config"
_WORD = re.compile(r"""(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')+""", re.S)
_PREFIXES = "-@:+!|"  # of the program's path, for systemd
_PLAIN = re.compile(r"[\w@%+=:,./-]+")


class CommandError(Exception):
    """The command line cannot be changed by a drop-in; the message says why, and what to do instead."""


@dataclass(frozen=True)
class Command:
    """``raw`` is the ExecStart of the unit's files, ours left out; empty where no file has one."""

    unit: str
    raw: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()  # the files of the unit, ours left out
    later: tuple[str, ...] = ()  # those that would undo ours
    path: Path = Path(DROP_IN)  # of our drop-in
    found: Original = field(default_factory=Original)  # what is there now
    loaded: bool = False  # whether systemd has taken it up

    @property
    def ours(self) -> str:
        """Our drop-in as it is; empty where there is none."""
        return self.found.text if self.found.text.startswith(MARK) else ""

    @property
    def argv(self) -> tuple[str, ...]:
        return tuple(value for _text, values in self._words() for value in values)

    def without(self, keys: Collection[str]) -> tuple[str, ...]:
        """The command line less the flags that set these keys. Raises CommandError."""
        dropped = self._places(keys)
        return tuple(value for place, value in enumerate(self.argv) if place not in dropped)

    def said(self, keys: Collection[str]) -> set[str]:
        """Those of the keys that the command line sets. runtimes alone may be both a flag and a key."""
        return (set(keys) & set(flags.spellings(self.argv))) - {"runtimes"}

    def drop_in(self, keys: Collection[str]) -> str:
        """The content of our drop-in that takes these keys' flags away; empty where there is none to take.

        Raises CommandError.
        """
        keys = self.said(keys)
        if not keys:
            return ""
        self._check()
        return (
            f"{MARK}: do not edit.\n"
            f"# daemon.json has the say on {', '.join(sorted(keys))}: dockerd does not start when a flag says it too.\n"
            f"# This is the command of {self.sources[0]}, less those flags.\n"
            f"[Service]\nExecStart=\nExecStart={self._text(keys)}\n"
        )

    def _check(self) -> None:
        if not self.raw:
            raise CommandError(f"no file of {self.unit} holds its ExecStart: a drop-in cannot change it")
        if self.found.data is not None and not self.ours:
            raise CommandError(f"{self.path} is not ours: give it another name")
        if self.later:
            raise CommandError(
                f"{', '.join(self.later)} sets ExecStart and is read after our {DROP_IN}: rename it, so that it comes "
                "before"
            )

    def _places(self, keys: Collection[str]) -> set[int]:
        try:
            return flags.places(self.argv, keys)
        except ValueError as error:
            raise CommandError(
                f"{self.unit} says {error} in one word: write its switches apart in {', '.join(self.sources)}"
            ) from None

    def _text(self, keys: Collection[str]) -> str:
        """The words as they stand in the file, so that variables stay variables unless a flag is inside one."""
        dropped = self._places(keys)
        kept: list[str] = []
        place = 0
        for text, values in self._words():
            stay = [value for offset, value in enumerate(values, place) if offset not in dropped]
            place += len(values)
            if len(stay) == len(values):
                kept.append(text)
            else:
                kept += [_quoted(value) for value in stay]
        return " ".join(kept)

    def _words(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Each word as it is written, and what it becomes: a variable may become several words, or none."""
        for number, text in enumerate(_WORD.findall(self.raw)):
            value = " ".join(split(text))
            yield text, expand([value if number else value.lstrip(_PREFIXES)], self.environment)


def _quoted(value: str) -> str:
    """A value as systemd reads it back."""
    text = value.replace("%", "%%").replace("$", "$$")
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def command_of(unit: Unit, files: Sequence[tuple[str, str]], path: Path, found: Original) -> Command:
    """``files``: path and text of the unit's files, in systemd's order; ours among them is passed over."""
    others = [(name, text) for name, text in files if Path(name) != path or not found.text.startswith(MARK)]
    settings = [(name, exec_start(text)) for name, text in others]
    said = [(name, commands) for name, commands in settings if commands is not None]
    return Command(
        unit=unit.name,
        raw="".join(said[-1][1][-1:]) if said else "",
        environment=unit.environment,
        sources=tuple(name for name, _text in others),
        later=tuple(name for name, _commands in said if Path(name).name > DROP_IN),
        path=path,
        found=found,
        loaded=str(path) in unit.properties.get("DropInPaths", "").split(),
    )


def exec_start(text: str) -> list[str] | None:
    """The commands that a unit file sets in the end; None when it does not speak of them."""
    found: list[str] | None = None
    section = ""
    for line in _lines(text):
        name, equals, value = (part.strip() for part in line.partition("="))
        if line.startswith("["):
            section = line.strip()
        elif section == "[Service]" and equals and name == "ExecStart":
            found = [*(found or []), value] if value else []
    return found


def _lines(text: str) -> Iterator[str]:
    """Lines of a unit file: continued ones joined, comments left out, also between the parts of a continued one."""
    held = ""
    for line in text.splitlines():
        if line.lstrip().startswith(("#", ";")):
            continue
        held += line
        if held.endswith("\\"):
            held = f"{held[:-1]} "
        else:
            yield held
            held = ""
    if held:
        yield held
