# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fake Docker engine on a unix socket: only what the collector asks, and whatever misbehaviour a test wants."""

from __future__ import annotations

import contextlib
import http.server
import json
import re
import socketserver
import threading
import typing as t
from collections.abc import Iterator
from pathlib import Path

#: An answer: a JSON document, an HTTP status for an error, or None to never answer.
Answer = t.Any

INFO = {"ID": "fake", "Name": "host", "ServerVersion": "28.5.2", "SecurityOptions": ["name=seccomp,profile=builtin"]}
VERSION = {"Version": "28.5.2", "ApiVersion": "1.44", "MinAPIVersion": "1.24", "Components": []}


def inspected(name: str, **config: t.Any) -> dict[str, t.Any]:
    return {
        "Id": name,
        "Name": f"/{name}",
        "State": {"Status": "running", "Running": True, "Pid": 0},
        "Config": {"Image": "tiny", "Env": [], "Labels": {}, "Cmd": ["sleep"], **config},
        "HostConfig": {"LogConfig": {"Type": "json-file", "Config": {}}},
        "Mounts": [],
        "NetworkSettings": {"Networks": {}},
        "ExecIDs": None,
    }


class Engine:
    """``answers`` by path (without the API version); ``asked`` is every path that was asked for."""

    def __init__(self, containers: t.Mapping[str, Answer]) -> None:
        self.asked: list[str] = []
        self.released = threading.Event()  # lets go of those that were never to be answered, at the end of the test
        self.answers: dict[str, Answer] = {
            "/version": VERSION,
            "/info": INFO,
            "/networks": [{"Name": "bridge", "Options": {"com.docker.network.bridge.enable_icc": "true"}}],
            "/volumes": {"Volumes": None},
            "/containers/json": [{"Id": name, "Names": [f"/{name}"], "Ports": []} for name in containers],
            **{f"/containers/{name}/json": answer for name, answer in containers.items()},
        }

    def answer(self, target: str) -> tuple[int, Answer]:
        path = re.sub(r"^/v[\d.]+", "", target).partition("?")[0]
        self.asked.append(target)
        found = self.answers.get(path, 404)
        if found is None:
            self.released.wait(60)
        return (found, {"message": f"fake {found}"}) if isinstance(found, int) else (200, found)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


@contextlib.contextmanager
def serving(path: Path, containers: t.Mapping[str, Answer]) -> Iterator[Engine]:
    """The engine, listening on the path until the end of the block."""
    engine = Engine(containers)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, document = engine.answer(self.path)
            body = json.dumps(document).encode()
            with contextlib.suppress(OSError):  # the client may have given up
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def address_string(self) -> str:
            return "client"

        def log_message(self, *_: t.Any) -> None: ...

    with _Server(str(path), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield engine
        finally:
            engine.released.set()
            server.shutdown()
