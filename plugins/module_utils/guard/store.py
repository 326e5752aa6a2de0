# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guard's directory. It is made beside its place and moved there whole, and moved away before it is removed: at every
moment there is a complete guard of that name, or none.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.files import hold, write
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import Run
from ansible_collections.bulkhead.docker.plugins.module_utils.guard import restorer
from ansible_collections.bulkhead.docker.plugins.module_utils.guard.record import (
    GUARDS,
    GuardError,
    Outcome,
    Record,
    decode,
    encode,
    parse_outcome,
)

_LOCK_SECONDS = 300.0  # as long as one step of the restorer may take


def present(path: str) -> bool:
    """Whether there is a file or link to save. Raises GuardError for anything that is neither."""
    try:
        mode = Path(path).lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    if stat.S_ISREG(mode) or stat.S_ISLNK(mode):
        return True
    raise GuardError(f"files: {path} is neither a file nor a link; name the files in it that the change touches")


class Store:
    """The directory of the guard ``name``."""

    def __init__(self, name: str, directory: Path = GUARDS) -> None:
        self.guards = directory
        self.name = name
        self.directory = directory / name
        self._making = directory / f"{name}.new"
        self._leaving = directory / f"{name}.old"

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keeps out other runs, and the restorer."""
        for directory in (self.guards.parent, self.guards):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            directory.chmod(0o700)
        with hold(self.guards / f"{self.name}.lock", _LOCK_SECONDS):
            yield

    def load(self) -> Record | None:
        file = self.directory / "record"
        try:
            return decode(json.loads(file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise GuardError(f"{file} cannot be read: this needs root (become: true)") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise GuardError(
                f"{file} cannot be read ({error}). What it guards lies beside it: see to that by hand, then remove "
                f"{self.directory}"
            ) from error

    def outcome(self) -> Outcome:
        """What the restorer has written so far; nothing when it has not run."""
        for name in ("result", "result.part"):
            with contextlib.suppress(FileNotFoundError):
                return parse_outcome((self.directory / name).read_text(encoding="utf-8"))
        return Outcome()

    def prepare(self, record: Record, run: Run) -> Record:
        """Save the files beside the guard's place; returns the record with what was found."""
        self._clear(self._making)
        (self._making / "files").mkdir(mode=0o700, parents=True)
        self._making.chmod(0o700)
        record = replace(record, saved=tuple(present(path) for path in record.plan.files))
        for number, (path, saved) in enumerate(zip(record.plan.files, record.saved)):
            if saved:
                copy = str(self._making / "files" / str(number))
                done = run(["cp", "--archive", "--no-target-directory", "--", path, copy], 60)
                if done.rc:
                    raise GuardError(f"files: {path} cannot be saved: {done.words}")
        self._write(self._making, record)
        _sync(run, self._making)
        return record

    def commit(self) -> None:
        """From here on the guard exists."""
        self._making.rename(self.directory)

    def save(self, record: Record) -> None:
        self._write(self.directory, record)

    def abandon(self) -> None:
        self._clear(self._making)

    def remove(self) -> None:
        """From here on the guard does not exist."""
        self._clear(self._leaving)
        self.directory.rename(self._leaving)
        self._clear(self._leaving)

    @staticmethod
    def _write(directory: Path, record: Record) -> None:
        write(directory / "restore", restorer.script(record).encode(), 0o700)
        write(directory / "record", json.dumps(encode(record), indent=1).encode(), 0o600)

    @staticmethod
    def _clear(directory: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(directory)


def _sync(run: Run, directory: Path) -> None:
    """What a power failure must not take; best effort, as not every file system can."""
    names = [os.fspath(path) for path in (*directory.rglob("*"), directory) if not path.is_symlink()]
    run(["sync", "--", *names], 60)
