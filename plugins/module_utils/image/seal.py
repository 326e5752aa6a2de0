# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes one machine out of an image is taken out of a file system; and a second look that it is gone.

Everything happens below one root, and below nothing else: no link is followed, and no other file system is entered.
"""

from __future__ import annotations

import fnmatch
import os
import posixpath
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

#: ``remove``: what matches, with all in it. ``clear``: all in it. ``files``: all in it but directories and links.
#: ``empty``: the file stays, without content.
ACTIONS = ("remove", "clear", "files", "empty")
#: A private key in PEM, of any kind.
PRIVATE_KEY = re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----")
_LARGEST = 1 << 20  # no file with a key is larger
_HEAD = 1 << 16


class SealError(Exception):
    """It cannot be done safely; the message names the path."""


@dataclass(frozen=True)
class Item:
    """One kind of what is per machine: where, and what becomes of it."""

    path: str  # absolute, with * ? [] in each of its parts
    action: str = "remove"
    why: str = ""


@dataclass(frozen=True)
class Hit:
    """Something there that must not be in an image."""

    path: str
    why: str


def problems(items: Iterable[Item]) -> list[str]:
    """What is wrong with items themselves: one that is too wide would take the image with it."""
    found = []
    for item in items:
        parts = item.path.split("/")[1:]
        if not item.path.startswith("/") or any(part in ("", ".", "..") for part in parts):
            found.append(f"{item.path!r} must be an absolute path, without empty parts and ..")
        elif item.action not in ACTIONS:
            found.append(f"{item.path}: {item.action!r} is none of {', '.join(ACTIONS)}")
        elif len(parts) < 2 and (item.action == "remove" or parts[0] not in ("tmp", "run")):
            found.append(f"{item.path} is a directory of the system itself")
    return found


class Tree:
    """A file system below one root."""

    def __init__(self, root: str = "/", listed: Iterable[str] = (), own: str = "") -> None:
        self.root = root.rstrip("/")
        self._own = own  # where this very program lies while it runs, and which goes by itself
        self._listed = frozenset(listed)  # patterns: a link to where one of them looks anyway is no loss

    def real(self, path: str) -> str:
        return f"{self.root}{path}"

    def match(self, pattern: str) -> list[str]:
        """Paths that match, as they are named inside. Raises SealError where a link leads to one."""
        found = [""]
        parts = pattern.split("/")[1:]
        for depth, part in enumerate(parts):
            found = [f"{base}/{name}" for base in found for name in self._names(base, part)]
            rest = parts[depth + 1 :]
            if rest:
                found = [path for path in found if self._directory(path, rest)]
        return sorted(found)

    def _names(self, base: str, part: str) -> list[str]:
        if not re.search(r"[*?\[]", part):
            return [part] if os.path.lexists(self.real(f"{base}/{part}")) else []
        try:
            names = os.listdir(self.real(base) or "/")  # noqa: PTH208 (names, and all of them)
        except OSError:
            return []
        return fnmatch.filter(names, part)

    def _directory(self, path: str, rest: list[str]) -> bool:
        """Whether to look into it; a link on the way might lead anywhere, and is not ours to follow."""
        mode = os.lstat(self.real(path)).st_mode
        if not stat.S_ISLNK(mode):
            return stat.S_ISDIR(mode)
        target = os.readlink(self.real(path))  # noqa: PTH115 (a name)
        if posixpath.join(posixpath.normpath(posixpath.join(posixpath.dirname(path), target)), *rest) in self._listed:
            return False
        raise SealError(
            f"{path} is a link to {target}, and what it leads to is not followed: make it a directory, or take the "
            "item out of the list"
        )

    def below(self, path: str) -> Iterator[tuple[str, os.stat_result]]:
        """All in a directory, deepest first, without what is mounted there."""
        top = self.real(path)
        try:
            device = os.lstat(top).st_dev
        except OSError:
            return
        yield from self._walk(path, device)

    def _walk(self, path: str, device: int) -> Iterator[tuple[str, os.stat_result]]:
        try:
            entries = sorted(os.scandir(self.real(path)), key=lambda entry: entry.name)
        except OSError:
            return
        for entry in entries:
            inner = f"{path}/{entry.name}"
            found = os.lstat(self.real(inner))
            if found.st_dev != device or inner == self._own:
                continue  # a mount of the moment is no part of the image
            if stat.S_ISDIR(found.st_mode):
                yield from self._walk(inner, device)
            yield inner, found

    # what there is, and taking it away

    def hits(self, item: Item) -> list[str]:
        """What of an item is there."""
        found: list[str] = []
        for path in self.match(item.path):
            state = os.lstat(self.real(path))
            if item.action == "remove":
                found.append(path)
            elif item.action == "empty":
                found += [path] if stat.S_ISLNK(state.st_mode) or state.st_size else []
            elif stat.S_ISDIR(state.st_mode):
                found += sorted(inner for inner, one in self.below(path) if _counts(item.action, one.st_mode))
        return found

    def take(self, item: Item) -> None:
        for path in self.match(item.path):
            if item.action == "empty":
                self._empty(path)
                continue
            state = os.lstat(self.real(path))
            if stat.S_ISDIR(state.st_mode):
                for inner, one in list(self.below(path)):
                    if item.action == "remove" or _counts(item.action, one.st_mode):
                        self._remove(inner, one.st_mode)
            if item.action == "remove":
                self._remove(path, state.st_mode)

    def _remove(self, path: str, mode: int) -> None:
        try:
            (os.rmdir if stat.S_ISDIR(mode) else os.unlink)(self.real(path))
        except OSError as error:
            raise SealError(f"{path} cannot be removed: {error.strerror}") from error

    def _empty(self, path: str) -> None:
        try:
            descriptor = os.open(self.real(path), os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise SealError(f"{path} cannot be emptied: {error.strerror}") from error
        os.close(descriptor)

    # keys that no list knows of

    def keys(self, places: Iterable[str], accept: Iterable[str]) -> list[str]:
        """Files with a private key, but for those accepted by a pattern."""
        patterns = list(accept)
        return sorted(
            {
                path
                for place in places
                for top in self.match(place)
                for path, found in self.below(top)
                if stat.S_ISREG(found.st_mode) and found.st_size <= _LARGEST
                if not any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns) and self._holds_key(path)
            }
        )

    def _holds_key(self, path: str) -> bool:
        try:
            descriptor = os.open(self.real(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return False
        with os.fdopen(descriptor, "rb") as file:
            return bool(PRIVATE_KEY.search(file.read(_HEAD)))


def _counts(action: str, mode: int) -> bool:
    return action == "clear" or not (stat.S_ISDIR(mode) or stat.S_ISLNK(mode))


def left(tree: Tree, items: Iterable[Item], places: Iterable[str], accept: Iterable[str]) -> list[Hit]:
    """All that must not be in an image, each path once, with the reason."""
    found: dict[str, str] = {}
    for item in items:
        for path in tree.hits(item):
            found.setdefault(path, item.why)
    for path in tree.keys(places, accept):
        found.setdefault(path, "a private key")
    return [Hit(path, why) for path, why in sorted(found.items())]
