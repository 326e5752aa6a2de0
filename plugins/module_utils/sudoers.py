# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may become root, or run Docker, by sudo: the usual forms of sudoers(5). Pure.

What narrows a rule is not weighed: host lists, and commands taken out again (``ALL, !/usr/bin/docker`` is no barrier,
as the manual itself says).
"""

from __future__ import annotations

import fnmatch
import re
import typing as t

#: Programs that are root on the host for whoever runs them as root, whatever the arguments.
ENGINES = ("docker", "docker-compose", "dockerd", "containerd", "ctr", "nerdctl", "runc")
_SHELLS = ("bash", "dash", "ksh", "sh", "su", "zsh")
_DIRECTORIES = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin")
_PATHS = tuple(f"{folder}/{name}" for folder in _DIRECTORIES for name in (*ENGINES, *_SHELLS))
#: Subcommands of docker that only look.
_LOOKS = ("diff", "events", "history", "images", "info", "inspect", "logs", "port", "ps", "stats", "top", "version")

#: Characters with a meaning; escaped or quoted they have none, and stand aside while a line is taken apart.
_SPECIAL = " ,:=()"
_ASIDE = {ord(one): 0xE000 + number for number, one in enumerate(_SPECIAL)}
_BACK = {aside: one for one, aside in _ASIDE.items()}

_TAG = re.compile(r"\b(?:NO)?(?:EXEC|FOLLOW|INTERCEPT|LOG_INPUT|LOG_OUTPUT|MAIL|PASSWD|SETENV)\s*:")
_OPTION = re.compile(
    r"\b(?:APPARMOR_PROFILE|CHROOT|CWD|LIMITPRIVS|NOTAFTER|NOTBEFORE|PRIVS|ROLE|TIMEOUT|TYPE)\s*=\s*\S+"
)
_DIGEST = re.compile(r"\bsha\d{3}\s*:\s*[^\s,]+\s*,?\s*")
_INCLUDE = re.compile(r"[@#]include(dir)?\s+(.+)")
_ALIAS = re.compile(r"(User|Runas|Host|Cmnd|Cmd)_Alias\s+(.*)")
_RUNAS = re.compile(r"\s*\(([^)]*)\)\s*(.*)")


class Grant(t.NamedTuple):
    """A right that makes its holder root."""

    who: str  # a user, ``#uid``, ``%group``, ``%#gid``, ``+netgroup``, ``%:group`` of elsewhere, or ALL
    commands: tuple[str, ...]


class Include(t.NamedTuple):
    path: str
    directory: bool


def lines(text: str) -> list[str]:
    """The lines that mean something: continued ones joined, comments gone."""
    joined = (line.strip() for line in text.replace("\\\n", " ").splitlines())
    found = (line if _INCLUDE.match(line) else _uncommented(line) for line in joined)
    return [line for line in found if line]


def _uncommented(line: str) -> str:
    """``#`` begins a comment, unless a number follows (a uid), or ``%`` precedes it (a gid)."""
    return re.sub(r'(?<![%\\])#(?!\d)(?=(?:[^"]*"[^"]*")*[^"]*$).*', "", line).strip()


def include(line: str) -> Include | None:
    """What a line includes, if that is what it does."""
    found = _INCLUDE.match(line)
    return Include(found.group(2).strip().strip('"'), bool(found.group(1))) if found else None


def grants(found: t.Iterable[str], groups: t.Collection[str] = ("docker",)) -> list[Grant]:
    """Rights to be root, in lines of all files together; ``groups``: those that may drive the daemon."""
    aliases: dict[str, list[str]] = {}
    specs: list[str] = []
    for line in map(_set_aside, found):
        alias = _ALIAS.match(line)
        if alias:
            aliases.update(_aliases(*alias.groups()))
        elif "=" in line and not line.startswith("Defaults") and not include(line):
            specs.append(_DIGEST.sub("", _OPTION.sub("", _TAG.sub(" ", line))))
    return [grant for spec in specs for grant in _granted(spec, aliases, {"ALL", "root", "#0", *groups})]


def _set_aside(line: str) -> str:
    line = re.sub(r"\\(.)", lambda match: match[1].translate(_ASIDE), line)
    return re.sub(r'"([^"]*)"', lambda match: match[1].translate(_ASIDE), line)


def _aliases(kind: str, text: str) -> dict[str, list[str]]:
    pairs = (part.partition("=") for part in _DIGEST.sub("", text).split(":"))
    kind = "Cmnd" if kind == "Cmd" else kind
    return {f"{kind} {name.strip()}": _items(values) for name, _equals, values in pairs}


def _items(text: str) -> list[str]:
    """The members of a list; what is taken out of it again does not count."""
    items = (item.strip() for item in text.split(","))
    return [item for item in items if item and not item.startswith("!")]


def _granted(spec: str, aliases: t.Mapping[str, list[str]], powers: t.Container[str]) -> t.Iterator[Grant]:
    """``users hosts = (runas) commands : hosts = ...``"""
    left, _equals, right = spec.partition("=")
    words = re.sub(r"\s*,\s*", ",", left.strip()).split()
    first, *more = _split(right, ":")
    parts = (first, *(part.partition("=")[2] for part in more))
    strong = tuple(command for part in parts for command in _strong(_split(part, ","), aliases, powers))
    if strong and len(words) >= 2:
        for who in _expanded("User", _items(words[0]), aliases):
            yield Grant(who.translate(_BACK), strong)


def _split(text: str, sign: str) -> list[str]:
    """Parts between signs, but for those inside parentheses."""
    return re.split(rf"{sign}(?![^()]*\))", text)


def _strong(commands: list[str], aliases: t.Mapping[str, list[str]], powers: t.Container[str]) -> t.Iterator[str]:
    """The commands that make root of who runs them. A runas list holds for the commands after it, too."""
    powerful = True
    for one in commands:
        runas = _RUNAS.match(one)
        if runas:
            users, _colon, group = runas[1].partition(":")
            named = [*_expanded("Runas", _items(users), aliases), *_expanded("Runas", _items(group), aliases)]
            powerful = not runas[1].strip(": ") or any(name in powers for name in named)
        listed = _items(runas[2] if runas else one)
        if powerful:
            yield from (command.translate(_BACK) for command in _expanded("Cmnd", listed, aliases) if _is_root(command))


def _expanded(kind: str, items: t.Iterable[str], aliases: t.Mapping[str, list[str]], depth: int = 9) -> t.Iterator[str]:
    for item in items:
        inner = aliases.get(f"{kind} {item}")
        if inner is None:
            yield item
        elif depth:
            yield from _expanded(kind, inner, aliases, depth - 1)


def _is_root(command: str) -> bool:
    """Whether a command, run as root, lets its user do anything."""
    program, _blank, rest = command.translate(_BACK).partition(" ")
    rest = rest.strip()
    if program == "ALL":
        return True
    names = {path.rpartition("/")[2] for path in _PATHS if _is(program, path)}
    if names & set(ENGINES) - {"docker"} or ("docker" in names and rest.split(" ")[0] not in _LOOKS):
        return True
    return bool(names & set(_SHELLS)) and rest in ("", "-", "-l", "root", "- root", "-l root", "*")


def _is(program: str, path: str) -> bool:
    """Whether a pattern of sudoers, a regular expression among them, means this program."""
    if program.startswith("^"):
        return re.match(r"\^?" + re.escape(path), program) is not None or "*" in program or "+" in program
    return fnmatch.fnmatchcase(path, f"{program}*" if program.endswith("/") else program)
