# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the engine over a real unix socket, from an engine of paper."""

from __future__ import annotations

import http.server
import socketserver
import threading
import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.engine import Container, Engine, EngineError

ANSWERS: dict[str, tuple[int, bytes]] = {
    "/_ping": (200, b"OK"),
    "/version": (200, b'{"Version": "29.10.0"}'),
    "/info": (200, b'{"Debug": false}'),
    "/networks": (200, b'[{"Name": "bridge", "Options": {"a": "b"}}, {"Name": "web", "Options": null}]'),
    "/containers/json": (
        200,
        b'[{"Id": "1", "Names": ["/web"], "Ports": [{"IP": "::", "PublicPort": 80, "PrivatePort": 8080, "Type": "tcp"},'
        b' {"PrivatePort": 9090, "Type": "tcp"}]}, {"Id": "2", "Names": null, "Ports": null}]',
    ),
    "/containers/1/json": (
        200,
        b'{"State": {"Pid": 7}, "HostConfig": {"RestartPolicy": {"Name": "always"},'
        b' "Privileged": true, "NetworkMode": "host"}}',
    ),
    "/containers/2/json": (
        200,
        b'{"State": null, "HostConfig": {"RestartPolicy": {"Name": ""}, "PidMode": "host", "UsernsMode": "host"}}',
    ),
    "/containers/json?all=1": (200, b'[{"Id": "1", "Names": ["/web"]}, {"Id": "2"}]'),
    "/images/json?all=1": (200, b'[{"Id": "sha256:0", "RepoTags": ["tiny:1"]}, {"Id": "sha256:1", "RepoTags": null}]'),
    "/volumes": (200, b'{"Volumes": [{"Name": "data"}]}'),
    "/broken": (200, b"<html>"),
    "/refused": (500, b'{"message": "plugin missing"}'),
}


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = ANSWERS.get(self.path, (404, b"{}"))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: t.Any) -> None:
        """Say nothing."""

    def address_string(self) -> str:
        return "unix"


@pytest.fixture
def engine(tmp_path: Path) -> t.Iterator[Engine]:
    path = tmp_path / "docker.sock"
    with socketserver.ThreadingUnixStreamServer(str(path), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Engine(f"unix://{path}", timeout=5)
        server.shutdown()
        thread.join()


def test_answers(engine: Engine) -> None:
    assert engine.ping()
    assert (engine.version(), engine.info(), engine.default_bridge()) == ("29.10.0", {"Debug": False}, {"a": "b"})
    assert engine.running() == [{"id": "1", "name": "web"}, {"id": "2", "name": "2"}]
    assert engine.holdings() == {"containers": ["web", "2"], "images": ["tiny:1", "sha256:1"], "volumes": ["data"]}
    assert engine.unmappable() == {"web": ["privileged", "network of the host"]}
    snapshot = engine.snapshot()
    assert snapshot.networks == {"bridge", "web"}
    assert snapshot.containers == (
        Container("1", "web", 7, (":::80->8080/tcp",), "always"),
        Container("2", "2", 0, (), "no"),
    )
    assert [container.returns for container in snapshot.containers] == [True, False]


def test_a_container_that_ends_while_it_is_looked_at_is_not_in_the_snapshot(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where short jobs come and go all the time, that must not count as an engine that does not answer."""
    monkeypatch.delitem(ANSWERS, "/containers/2/json")
    assert [container.id for container in engine.snapshot().containers] == ["1"]
    monkeypatch.setitem(ANSWERS, "/containers/2/json", (500, b"{}"))
    with pytest.raises(EngineError):
        engine.snapshot()


@pytest.mark.parametrize(
    ("path", "words"), [("/broken", "not JSON"), ("/refused", "HTTP 500.*plugin missing"), ("/none", "404")]
)
def test_bad_answers(engine: Engine, path: str, words: str) -> None:
    with pytest.raises(EngineError, match=words):
        engine.get(path)


def test_no_answer(tmp_path: Path) -> None:
    engine = Engine(f"unix://{tmp_path}/none.sock")
    assert not engine.ping()
    with pytest.raises(EngineError, match="no answer"):
        engine.info()


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:2375", "unix://relative", "", "ssh://host"])
def test_only_a_socket_of_this_host(address: str) -> None:
    with pytest.raises(EngineError, match="unix socket of this host"):
        Engine(address)
