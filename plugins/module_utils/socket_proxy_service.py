# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The socket proxies on the host: their files, directories and services. Each comes up, or is as before."""

from __future__ import annotations

import dataclasses
import grp
import hashlib
import http.client
import os
import pwd
import shutil
import socket
import stat
import time
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.files import OWNER, Original, read, restore, write
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import Run

MARK = "RULES_DIGEST"  # stands in the configuration for its own digest
HEADER = "X-Bulkhead-Rules"  # of every refusal, so that a running proxy says which rules it has
_UNIT_SECONDS = 60.0


class ServiceError(Exception):
    """A proxy that did not come up; it is as before."""


@dataclasses.dataclass(frozen=True)
class Wanted:
    """One consumer's proxy, as it is to be."""

    name: str
    config: str
    unit: str
    group: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.config.encode()).hexdigest()[:16]


@dataclasses.dataclass(frozen=True)
class Places:
    """Where everything lies, and whose it is."""

    user: str
    config: Path
    run: Path
    units: Path = Path("/etc/systemd/system")

    def cfg(self, name: str) -> Path:
        return self.config / f"{name}.cfg"

    def service(self, name: str) -> str:
        return f"{self.user}@{name}.service"

    def unit(self, name: str) -> Path:
        return self.units / self.service(name)

    def socket(self, name: str) -> Path:
        return self.run / name / "docker.sock"

    def names(self) -> list[str]:
        """Consumers that are served now."""
        found = (path.name for path in self.units.glob(f"{self.user}@*.service"))
        return sorted(name[len(self.user) + 1 : -len(".service")] for name in found)


def served(path: Path, seconds: float = 5) -> str:
    """The digest of the rules that a running proxy has; empty when there is none, or it does not say."""
    link = http.client.HTTPConnection("docker", timeout=seconds)
    link.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.sock.settimeout(seconds)
        link.sock.connect(str(path))
        link.request("GET", "/")
        return str(link.getresponse().getheader(HEADER) or "")
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        link.close()


class Proxies:
    """Brings the host from what it serves to what it should."""

    def __init__(self, places: Places, run: Run, timeout: float, *, offline: bool = False) -> None:
        self._places, self._run, self._timeout = places, run, timeout
        self._offline = offline  # nothing runs here, and nothing is to be started

    def files(self, wanted: Wanted) -> dict[Path, str]:
        """Path and content of what belongs to one consumer."""
        return {
            self._places.cfg(wanted.name): wanted.config.replace(MARK, wanted.digest),
            self._places.unit(wanted.name): wanted.unit,
        }

    def pending(self, wanted: Wanted) -> list[str]:
        """What is not as it should be."""
        found = [str(path) for path, text in self.files(wanted).items() if not _is(path, text)]
        if self._offline:
            return found if self._enabled(wanted.name) else [*found, self._places.service(wanted.name)]
        if not self._directory_right(wanted):
            found.append(str(self._places.run / wanted.name))
        if served(self._places.socket(wanted.name)) != wanted.digest or not self._enabled(wanted.name):
            found.append(self._places.service(wanted.name))
        return found

    def apply(self, wanted: Wanted) -> None:
        """Write, start or reload, ask; on failure put everything back and say why."""
        new = wanted.name not in self._places.names()
        before = {path: read(path) for path in self.files(wanted)}
        try:
            self._validate(wanted)
            self._write(wanted)
            self._start(wanted, restart=not _is_text(before[self._places.unit(wanted.name)], wanted.unit))
        except (ServiceError, OSError) as error:
            self._undo(wanted.name, before, new)
            raise ServiceError(
                f"the proxy of {wanted.name} did not take its new rules and is as it was before: {error} "
                f"(journalctl --unit {self._places.service(wanted.name)})"
            ) from error

    def remove(self, name: str) -> None:
        now = () if self._offline else ("--now",)
        self._systemctl("disable", *now, self._places.service(name), seconds=_UNIT_SECONDS, must=False)
        for path in (self._places.unit(name), self._places.cfg(name)):
            path.unlink(missing_ok=True)
        shutil.rmtree(self._places.run / name, ignore_errors=True)
        if not self._offline:
            self._systemctl("daemon-reload")

    def _validate(self, wanted: Wanted) -> None:
        """Without warnings, before the file is in its place."""
        path = self._places.cfg(wanted.name).with_suffix(".new")
        write(path, wanted.config.replace(MARK, wanted.digest).encode(), 0o644)
        done = self._run(["haproxy", "-c", "-q", "-dW", "-f", str(path)], 30)
        path.unlink()
        if done.rc:
            raise ServiceError(f"HAProxy refuses its configuration: {done.words}")

    def _write(self, wanted: Wanted) -> None:
        for path, text in self.files(wanted).items():
            if not _is(path, text):
                write(path, text.encode(), 0o644)
        directory = self._places.run / wanted.name
        if not self._offline and not self._directory_right(wanted):  # offline systemd-tmpfiles makes it at boot
            self._places.run.mkdir(mode=0o755, exist_ok=True)
            directory.mkdir(mode=0o710, exist_ok=True)
            os.chown(directory, pwd.getpwnam(self._places.user).pw_uid, _gid(self._group(wanted)))
            directory.chmod(0o2710)

    def _start(self, wanted: Wanted, *, restart: bool) -> None:
        service = self._places.service(wanted.name)
        if restart and not self._offline:
            self._systemctl("daemon-reload")
        self._systemctl("enable", "--quiet", service)
        if self._offline:
            return
        if restart:
            self._systemctl("restart", service, seconds=_UNIT_SECONDS)
        elif served(self._places.socket(wanted.name)) != wanted.digest:
            self._systemctl("reload-or-restart", service, seconds=_UNIT_SECONDS)
        self._await(wanted)

    def _await(self, wanted: Wanted) -> None:
        end = time.monotonic() + self._timeout
        while (seen := served(self._places.socket(wanted.name))) != wanted.digest:
            if time.monotonic() > end:
                raise ServiceError(
                    f"after {self._timeout:g} seconds it {'has other rules' if seen else 'does not answer'}"
                )
            time.sleep(0.1)

    def _undo(self, name: str, before: dict[Path, Original], new: bool) -> None:
        if new:
            self.remove(name)
            return
        for path, original in before.items():
            restore(path, original)
        if self._offline:
            return
        self._systemctl("daemon-reload", must=False)
        self._systemctl("reload-or-restart", self._places.service(name), seconds=_UNIT_SECONDS, must=False)

    def _directory_right(self, wanted: Wanted) -> bool:
        """Set-group-id: the socket made there is the group's, of which the proxy itself is no member."""
        try:
            found = (self._places.run / wanted.name).stat()
            owner = pwd.getpwnam(self._places.user).pw_uid
            ids = (owner, _gid(self._group(wanted)))
        except (FileNotFoundError, KeyError):
            return False
        return (found.st_uid, found.st_gid) == ids and stat.S_IMODE(found.st_mode) == 0o2710

    def _group(self, wanted: Wanted) -> str:
        return wanted.group or self._places.user

    def _enabled(self, name: str) -> bool:
        return self._run(["systemctl", "is-enabled", "--quiet", self._places.service(name)], 30).rc == 0

    def _systemctl(self, *argv: str, seconds: float = 30, must: bool = True) -> None:
        done = self._run(["systemctl", *argv], seconds)
        if must and done.rc:
            raise ServiceError(f"systemctl {' '.join(argv)}: {done.words}")


def _is(path: Path, text: str) -> bool:
    found = read(path)
    return _is_text(found, text) and (found.mode, found.uid, found.gid) == (0o644, *OWNER)


def _is_text(found: Original, text: str) -> bool:
    return found.data == text.encode()


def _gid(group: str) -> int:
    return int(group) if group.isdigit() else grp.getgrnam(group).gr_gid
