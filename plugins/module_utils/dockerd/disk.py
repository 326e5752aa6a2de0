# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemon.json and our drop-in of the unit, written and put back as one change.

At whatever step a run dies, the daemon starts with what lies there: flags go before their keys come, and come back
after the keys are gone. Only a key said twice keeps it from starting.
"""

from __future__ import annotations

import contextlib
import typing as t
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils import daemon_json
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_secrets import find
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import files, flags
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.control import ControlError, Daemon, validate
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.files import Original
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.proposal import Found, Proposal
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.start import EXEC
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.survey import Survey


def encoded(content: daemon_json.Config) -> bytes:
    return daemon_json.render(content).encode()


class Disk:
    """The two files of one run."""

    def __init__(self, path: Path, host: Survey, at: Found, proposal: Proposal, daemon: Daemon) -> None:
        self.path = path
        self.host = host
        self.at = at
        self.proposal = proposal
        self.daemon = daemon
        self.command = host.command
        self.staged: Path | None = None
        old = self.command.said(at.content) if self.command.ours else set()
        self._either = self.command.drop_in(proposal.keys | old) if old - proposal.keys else proposal.drop_in

    def stage(self, kept: list[Original]) -> None:
        """The new file, complete, beside the old one; the engine itself has agreed to it where it can be asked.

        ``kept``: former files, whose bytes serve again if they say what is wanted now.
        """
        proposal = self.proposal
        self._kept = kept
        data = self.data()
        if proposal.file_changed and data:
            try:
                self.staged = files.stage(self.path, data, proposal.file_mode)
            except OSError as error:
                raise OSError(f"the new {self.path} cannot be written: {error}") from error
        judged = self.staged if proposal.file_changed else self.path
        if judged and judged.exists() and proposal.changed and self.host.binary and self.host.context.at_least("23.0"):
            try:
                validate(self.daemon.run, self.host.binary, self.host.unit, judged)
            except ControlError:
                self.discard()
                raise

    def data(self) -> bytes:
        """The new file, empty where there shall be none; in former bytes when those mean the same."""
        content = self.proposal.content
        if not self.at.broken:
            for former in (self.at.original, *self._kept):
                if former.data is not None and _means(former, content):
                    return former.data
        return encoded(content)

    def discard(self) -> None:
        if self.staged:
            files.discard(self.staged)

    def untouched(self) -> None:
        """Raises OSError when one of the files is not as it was found."""
        if files.read(self.path) != self.at.original or files.read(self.command.path) != self.command.found:
            raise OSError(f"{self.path} or {self.command.path} was written by somebody else in the meantime: run again")

    def install(self) -> None:
        """Raises OSError or ControlError, with everything as it was."""
        try:
            self._swap(self._install_file, self.proposal.drop_in)
            if any(change.key == EXEC for change in self.proposal.changes) and not self.proposal.drop_in_changed:
                self._reload_units("")  # a run that died here had not come to it
        except (OSError, ControlError):
            with contextlib.suppress(OSError, ControlError):
                self.put_back(self.at.original, self.command.ours)
            raise

    def _install_file(self) -> None:
        if self.staged:
            files.install(self.staged, self.path)
        elif self.proposal.file_changed:
            self.path.unlink(missing_ok=True)

    def put_file(self) -> None:
        """The file once more, after a reload has read another."""
        data = self.data()
        if data:
            files.write(self.path, data, self.proposal.file_mode)
        else:
            self.path.unlink(missing_ok=True)

    def reloadable(self, content: daemon_json.Config) -> daemon_json.Config:
        """What the running process can be told by a reload: it refuses a file with a key that is a flag of its own."""
        own = set(flags.spellings(self.host.argv)) - {"runtimes"}
        return {key: value for key, value in content.items() if key not in own}

    def put_back(self, target: Original, drop_in: str) -> None:
        self._swap(lambda: files.restore(self.path, target), drop_in)

    def good_drop_in(self, good: Original) -> str:
        """The drop-in that goes with the last good file."""
        return self.command.drop_in(daemon_json.parse(good.text))

    def _swap(self, put: t.Callable[[], None], drop_in: str) -> None:
        if self.proposal.drop_in_changed:
            self._put_drop_in(self._either)
        put()
        if self.proposal.drop_in_changed:
            self._put_drop_in(drop_in)

    def _put_drop_in(self, text: str) -> None:
        path = self.command.path
        if files.read(path).text == text:
            return
        if text:
            secret = any(find(flags.settings(self.command.argv)))
            files.write(path, text.encode(), 0o600 if secret else 0o644)
        else:
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                path.parent.rmdir()  # unless it holds something else
        self._reload_units(text)

    def _reload_units(self, text: str) -> None:
        if self.host.unit.exists:
            self.daemon.reload_units(self.proposal.keys if text == self.proposal.drop_in else ())


def _means(former: Original, content: daemon_json.Config) -> bool:
    with contextlib.suppress(daemon_json.BrokenFileError):
        return not daemon_json.differing(daemon_json.parse(former.text), content)
    return False
