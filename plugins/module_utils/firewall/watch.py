# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait for what makes our rules wrong: Docker's networks and containers, and whoever changes packet filters.

It is told by ``nft monitor`` and by Docker's events, and only ever says that there is something to look at. Neither is
needed for the rules to be right in the end: a timer looks, too.
"""

from __future__ import annotations

import json
import select
import socket
import subprocess
import time
import typing as t
from urllib.parse import quote

SOCKET = "/var/run/docker.sock"
_QUIET = 0.2  # seconds without news before a look: changes come in bursts
_LONGEST = 1.0  # but no longer than this after the first of them
_AGAIN = 5.0  # seconds until a source that ended is asked again
_FILTERS = {
    "type": ["container", "network"],
    "event": ["create", "start", "die", "rename", "connect", "disconnect", "destroy", "remove"],
}


class Source(t.Protocol):
    """Something to wait for."""

    def fileno(self) -> int: ...
    def close(self) -> None: ...


class Events:
    """Docker's, raw: what they say is of no interest, only that there is one."""

    def __init__(self, runs: t.Callable[[], bool]) -> None:
        if not runs():
            raise OSError("the engine does not run")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(10)
        self._socket.connect(SOCKET)
        path = f"/events?filters={quote(json.dumps(_FILTERS))}"
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: docker\r\n\r\n".encode())
        self._socket.setblocking(False)

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> bytes:
        return self._socket.recv(65536)

    def close(self) -> None:
        self._socket.close()


class Monitor:
    """The kernel's news about packet filters."""

    def __init__(self) -> None:
        # in the program that systemd runs, which has no AnsibleModule
        self._process = subprocess.Popen(  # pylint: disable=ansible-bad-function
            ["nft", "monitor"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        self._output = t.cast("t.IO[bytes]", self._process.stdout)

    def fileno(self) -> int:
        return self._output.fileno()

    def read(self) -> bytes:
        return self._output.read(65536) or b""

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


class Watch:
    """The sources that could be opened; those that could not, or ended, are tried again."""

    def __init__(self, kinds: t.Sequence[t.Callable[[], t.Any]]) -> None:
        self._kinds: dict[t.Callable[[], t.Any], t.Any] = dict.fromkeys(kinds)
        self._next = 0.0

    def _open(self) -> None:
        self._next = time.monotonic() + _AGAIN
        for kind, source in self._kinds.items():
            if source is None:
                try:
                    self._kinds[kind] = kind()
                except OSError:
                    continue

    def news(self, seconds: float | None) -> bool:
        """Whether there was any within this time; None: as long as it takes. An end, and a beginning, is news, too."""
        before = [source for source in self._kinds.values() if source]
        if len(before) < len(self._kinds) and time.monotonic() >= self._next:
            self._open()
            if len([source for source in self._kinds.values() if source]) > len(before):
                return True
        sources = {source.fileno(): kind for kind, source in self._kinds.items() if source}
        wait = seconds if len(sources) == len(self._kinds) else min(seconds or _AGAIN, _AGAIN)
        ready, _writable, _broken = select.select(list(sources), [], [], wait)
        for number in ready:
            self._take(sources[number])
        return bool(ready)

    def _take(self, kind: t.Callable[[], t.Any]) -> None:
        source = self._kinds[kind]
        try:
            ended = not source.read()
        except BlockingIOError:
            ended = False
        except OSError:
            ended = True
        if ended:
            source.close()
            self._kinds[kind] = None


def watch(look: t.Callable[[], object], engine_runs: t.Callable[[], bool]) -> t.NoReturn:
    """Look, whenever there was news, and a burst of them is over."""
    sources = Watch([lambda: Events(engine_runs), Monitor])
    while True:
        if not sources.news(None):
            continue
        end = time.monotonic() + _LONGEST
        while sources.news(_QUIET) and time.monotonic() < end:
            pass
        look()
