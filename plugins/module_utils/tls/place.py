# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files as one thing: read, compared, replaced, put back. A run that dies in between is understood by the next."""

from __future__ import annotations

import os
import shutil
import stat
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import files
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.files import Original
from ansible_collections.bulkhead.docker.plugins.module_utils.tls.material import AUTHORITY, CLIENT, SERVER, Material

_PREVIOUS = ".previous"  # the last set that is known to work, as long as the new one is not
_DAEMON = "daemon"  # in it: the identity of the process that still runs with that set


class File(t.NamedTuple):
    """How one part lies on disk."""

    name: str
    mode: int


@dataclass(frozen=True)
class Layout:
    """Where the parts lie. The key comes first: written, it makes the old pair useless, so the rest follows at once."""

    directory_mode: int
    parts: Mapping[str, File]


LAYOUTS: Mapping[str, Layout] = {
    SERVER: Layout(
        0o755,
        {
            "key": File("server-key.pem", 0o400),
            "cert": File("server-cert.pem", 0o444),
            "ca": File("ca.pem", 0o444),
        },
    ),
    # named as the docker command line wants them, so that DOCKER_CERT_PATH may point there
    CLIENT: Layout(
        0o700,
        {"key": File("key.pem", 0o600), "cert": File("cert.pem", 0o644), "ca": File("ca.pem", 0o644)},
    ),
    # the bundle begins with the certificate that the key belongs to
    AUTHORITY: Layout(0o700, {"key": File("ca-key.pem", 0o600), "ca": File("ca.pem", 0o644)}),
}


def text_of(originals: Mapping[str, Original], part: str) -> str:
    original = originals.get(part)
    return original.text if original else ""


def material(texts: Mapping[str, str], kind: str, passphrase: str) -> Material:
    cert = texts["ca"] if kind == AUTHORITY else texts["cert"]
    return Material(texts["ca"], cert, texts["key"], passphrase)


class Place:
    """One directory and the set of files in it."""

    def __init__(self, directory: Path, kind: str) -> None:
        self.directory = directory
        self.layout = LAYOUTS[kind]
        self.previous = directory / _PREVIOUS

    def path(self, part: str) -> Path:
        return self.directory / self.layout.parts[part].name

    @property
    def paths(self) -> list[Path]:
        return [self.path(part) for part in self.layout.parts]

    def read(self) -> dict[str, Original]:
        return {part: files.read(self.path(part)) for part in self.layout.parts}

    def differing(self, found: Mapping[str, Original], texts: Mapping[str, str]) -> list[str]:
        """The parts whose content must change."""
        return [part for part in self.layout.parts if found[part].data != texts[part].encode()]

    def loose(self, found: Mapping[str, Original]) -> list[str]:
        """The parts whose content is right, but not their mode or owner."""
        right = {part: (file.mode, *files.OWNER) for part, file in self.layout.parts.items()}
        return [
            part for part, one in found.items() if one.data is not None and (one.mode, one.uid, one.gid) != right[part]
        ]

    @property
    def open_directory(self) -> bool:
        """Whether the directory exists with another mode or owner than it must have."""
        try:
            seen = self.directory.stat()
        except FileNotFoundError:
            return False
        return (stat.S_IMODE(seen.st_mode), seen.st_uid, seen.st_gid) != (self.layout.directory_mode, *files.OWNER)

    def prepare(self) -> None:
        """The directory as it must be, without what killed runs left in it."""
        self.directory.mkdir(mode=self.layout.directory_mode, parents=True, exist_ok=True)
        os.chown(self.directory, *files.OWNER)
        self.directory.chmod(self.layout.directory_mode)
        for path in self.paths:
            files.tidy(path)

    def write(self, texts: Mapping[str, str], parts: list[str]) -> None:
        """All parts are complete on disk before the first takes its place."""
        staged: list[tuple[Path, Path]] = []
        try:
            for part in self.layout.parts:
                if part in parts:
                    path = self.path(part)
                    staged.append((files.stage(path, texts[part].encode(), self.layout.parts[part].mode), path))
            while staged:
                files.install(*staged[0])
                del staged[0]
        finally:
            for file, _path in staged:
                files.discard(file)

    def restore(self, originals: Mapping[str, Original]) -> None:
        for part in self.layout.parts:
            files.restore(self.path(part), originals[part])

    # what is known to work, while the new set is on trial

    def keep(self, originals: Mapping[str, Original], daemon: str) -> None:
        """Remember the set that the daemon runs with, unless an older one is remembered: only that one is proved."""
        if self.previous.exists():
            return
        self.previous.mkdir(mode=0o700)
        for part, original in originals.items():
            if original.data is not None:
                files.write(self.previous / part, original.data, 0o400)
        files.write(self.previous / _DAEMON, daemon.encode(), 0o400)

    @property
    def on_trial(self) -> str:
        """The identity of the daemon that has not yet taken up what is on disk; empty when all is well."""
        return files.read(self.previous / _DAEMON).text

    def kept(self) -> dict[str, Original] | None:
        """The set that is known to work, with the modes it must have; None when that is the one on disk."""
        if not self.previous.exists():
            return None
        found = {part: files.read(self.previous / part) for part in self.layout.parts}
        return {part: Original(one.data, self.layout.parts[part].mode, mtime=one.mtime) for part, one in found.items()}

    def forget(self) -> None:
        """The set on disk has proved itself: no old key stays behind."""
        shutil.rmtree(self.previous, ignore_errors=True)
