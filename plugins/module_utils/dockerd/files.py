# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two files: daemon.json, and our own record of what in it is ours. A crash at any point leaves both whole.

Ansible's atomic_move is not used: it gives the new file the old one's mode, and credentials must never be readable.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
import time
import typing as t
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_json import (
    Cut,
    Ownership,
    dump_ownership,
    load_ownership,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.scope import SYSTEM

OWNER = (os.geteuid(), os.getegid())  # root, but in unit tests
STATE_DIR = SYSTEM.state
_VERSION = 1  # of the record
_LOCK_SECONDS = 300.0  # longer than a run takes that has to undo a restart
_STAGED = ".bulkhead"  # by which we know our own half-written files from an editor's


class StateError(Exception):
    """Our own record cannot be read or written."""


@dataclass(frozen=True)
class Original:
    """A file as it was found, to be put back byte by byte."""

    data: bytes | None = None  # None: there was none
    mode: int = 0o644
    uid: int = OWNER[0]
    gid: int = OWNER[1]
    mtime: float = 0.0

    @property
    def text(self) -> str:
        return (self.data or b"").decode("utf-8", "replace")  # what is not text becomes the daemon's U+FFFD, too


def read(path: Path) -> Original:
    try:
        stat = path.stat()
        return Original(path.read_bytes(), stat.st_mode & 0o7777, stat.st_uid, stat.st_gid, stat.st_mtime)
    except FileNotFoundError:
        return Original()


def stage(path: Path, data: bytes, mode: int, owner: tuple[int, int] = OWNER) -> Path:
    """The content in a file beside ``path``, complete and on disk. Nothing is left when that fails (a full disk)."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=_STAGED, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchown(file.fileno(), *owner)
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
    except BaseException:
        discard(Path(name))
        raise
    return Path(name)


def install(staged: Path, path: Path) -> None:
    staged.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def discard(staged: Path) -> None:
    with contextlib.suppress(OSError):
        staged.unlink()


def tidy(path: Path) -> None:
    """Remove half-written files that a killed run left beside ``path``; they may hold credentials."""
    for leftover in path.parent.glob(f".{path.name}.*{_STAGED}"):
        discard(leftover)


def write(path: Path, data: bytes, mode: int, owner: tuple[int, int] = OWNER) -> None:
    staged = stage(path, data, mode, owner)
    try:
        install(staged, path)
    except BaseException:
        discard(staged)
        raise


def restore(path: Path, original: Original) -> None:
    """Put a file back as it was, its time of change included: it says whether the daemon has read it."""
    if original.data is None:
        path.unlink(missing_ok=True)
        return
    write(path, original.data, original.mode, (original.uid, original.gid))
    os.utime(path, (original.mtime, original.mtime))


@dataclass(frozen=True)
class State:
    """What we know from earlier runs."""

    owned: Ownership = field(default_factory=dict)
    cut: Cut | None = None
    daemon: str = ""  # identity of the process that ``applied`` is about
    applied: dict[str, str] = field(default_factory=dict)  # key -> digest of the value that this process runs
    pending: tuple[str, ...] = ()  # keys that this process has still to take up, ours or given back
    missed: tuple[str, ...] = ()  # keys that a reload of this process did not bring about
    good: Ownership | None = None  # the ownership that belongs to the backup


def encode(state: State) -> dict[str, t.Any]:
    return {
        "version": _VERSION,
        "owned": dump_ownership(state.owned),
        "cut": {**asdict(state.cut), "owned": dump_ownership(state.cut.owned)} if state.cut else None,
        "daemon": state.daemon,
        "applied": state.applied,
        "pending": list(state.pending),
        "missed": list(state.missed),
        "good": dump_ownership(state.good) if state.good is not None else None,
    }


def decode(raw: dict[str, t.Any]) -> State:
    if raw["version"] != _VERSION:
        raise ValueError(f"its version is {raw['version']!r}, not {_VERSION}")
    cut = raw.get("cut")
    return State(
        owned=load_ownership(raw["owned"]),
        cut=Cut(load_ownership(cut["owned"]), dict(cut["wrote"]), dict(cut["passing"])) if cut else None,
        daemon=str(raw.get("daemon", "")),
        applied=dict(raw.get("applied") or {}),
        pending=tuple(raw.get("pending") or ()),
        missed=tuple(raw.get("missed") or ()),
        good=load_ownership(raw["good"]) if raw.get("good") is not None else None,
    )


class Store:
    """Our record for one daemon.json, in a directory that only its owner, mostly root, can enter."""

    def __init__(self, path: Path, directory: Path = STATE_DIR) -> None:
        name = str(path).strip("/").replace("/", "-")
        self.directory = directory
        self.state_file = directory / f"{name}.state"
        self.backup = directory / f"{name}.good"
        self.first = directory / f"{name}.first"

    def load(self) -> State:
        try:
            return decode(json.loads(self.state_file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return State()
        except PermissionError as error:
            raise StateError(f"{self.state_file} cannot be read: this needs root (become: true)") from error
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StateError(
                f"{self.state_file}, the record of which keys are ours, cannot be read ({error}). Move it away to "
                "start afresh: keys set by earlier runs then count as somebody else's"
            ) from error

    def save(self, state: State) -> None:
        """Nothing is written when nothing changed, so that a run without changes leaves no trace."""
        with contextlib.suppress(StateError):
            if self.state_file.exists() and self.load() == state:
                return
        self._prepare()
        write(self.state_file, json.dumps(encode(state), indent=1).encode(), 0o600)

    def keep(self, original: Original) -> None:
        """Remember the content that the daemon is known to run; empty where there is no file."""
        self._keep(self.backup, original)

    def keep_first(self, original: Original) -> None:
        """Remember the file as it was before anything in it was ours."""
        self._keep(self.first, original)

    def _keep(self, path: Path, original: Original) -> None:
        self._prepare()
        write(path, original.data or b"", 0o600)

    def keep_broken(self, original: Original, stamp: str) -> Path:
        """Set aside a file that is not JSON: it is never destroyed."""
        self._prepare()
        path = self.directory / f"{self.backup.stem}.broken-{stamp}"
        write(path, original.data or b"", 0o600)
        return path

    def _prepare(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.directory.stat().st_mode & 0o077:
            self.directory.chmod(0o700)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """One run at a time for each host. Raises StateError when another one does not end."""
        self._prepare()
        with hold(self.directory / "lock", _LOCK_SECONDS):
            yield


@contextlib.contextmanager
def hold(path: Path, seconds: float) -> Iterator[None]:
    """Lock this file, waiting as long for whoever holds it. Raises StateError after that."""
    deadline = time.monotonic() + seconds
    with path.open("a") as file:
        while not _locked(file):
            if time.monotonic() > deadline:
                raise StateError(f"another run on this host has not finished within {seconds:g} seconds")
            time.sleep(0.2)
        yield


def _locked(file: t.TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
