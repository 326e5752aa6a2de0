# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A reader of the engine's API with nothing but the standard library: it must work before any package is installed.

Paths carry no API version, so the engine answers in its own newest one and none is ever too old for it.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import typing as t
from dataclasses import dataclass
from urllib.parse import quote

Json = dict[str, t.Any]


class EngineError(Exception):
    """The engine did not answer, or not as expected."""


class GoneError(EngineError):
    """What was asked about does not exist, or no longer."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass(frozen=True)
class Container:
    """A running container, as far as a restart of the daemon concerns it."""

    id: str
    name: str
    pid: int
    ports: tuple[str, ...]
    restart: str  # its restart policy

    @property
    def returns(self) -> bool:
        """Whether the engine starts it again by itself after a restart without live-restore."""
        return self.restart in ("always", "unless-stopped")


@dataclass(frozen=True)
class Snapshot:
    """What must be the same after a restart."""

    containers: tuple[Container, ...]
    networks: frozenset[str]


class Engine:
    """Questions to the engine behind one unix socket."""

    def __init__(self, docker_host: str, timeout: float = 10) -> None:
        scheme, _separator, self.path = docker_host.partition("://")
        if scheme != "unix" or not self.path.startswith("/"):
            raise EngineError(
                f"docker_host must be a unix socket of this host, such as unix:///var/run/docker.sock: {docker_host}"
            )
        self.timeout = timeout

    def get(self, path: str) -> t.Any:
        connection = _UnixConnection(self.path, self.timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise EngineError(f"no answer from {self.path} to {path}: {error}") from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            failure = GoneError if answer.status == http.client.NOT_FOUND else EngineError
            raise failure(f"{path}: HTTP {answer.status}: {body[:300].decode(errors='replace').strip()}")
        try:
            return json.loads(body) if body.strip() != b"OK" else "OK"
        except ValueError as error:
            raise EngineError(f"{path}: the answer is not JSON: {error}") from error

    def ping(self) -> bool:
        try:
            return bool(self.get("/_ping") == "OK")
        except EngineError:
            return False

    def info(self) -> Json:
        return dict(self.get("/info") or {})

    def default_bridge(self) -> Json:
        """The options of the default bridge network; empty where there is none (``bridge: none``)."""
        networks = self.get("/networks") or []
        return next((dict(raw.get("Options") or {}) for raw in networks if raw.get("Name") == "bridge"), {})

    def version(self) -> str:
        return str((self.get("/version") or {}).get("Version", ""))

    def running(self) -> list[Json]:
        """``{id, name}`` of each running container."""
        return [{"id": str(raw["Id"]), "name": _name(raw)} for raw in self.get("/containers/json") or []]

    def snapshot(self) -> Snapshot:
        containers: list[Container] = []
        for raw in self.get("/containers/json") or []:
            with contextlib.suppress(GoneError):  # it ended since the list was made
                containers.append(self._container(raw))
        networks = frozenset(str(raw.get("Name")) for raw in self.get("/networks") or [])
        return Snapshot(tuple(containers), networks)

    def _container(self, raw: Json) -> Container:
        details = self.get(f"/containers/{quote(str(raw['Id']))}/json")
        return Container(
            id=str(raw["Id"]),
            name=_name(raw),
            pid=int((details.get("State") or {}).get("Pid") or 0),
            ports=tuple(sorted(_port(port) for port in raw.get("Ports") or [] if port.get("PublicPort"))),
            restart=str(((details.get("HostConfig") or {}).get("RestartPolicy") or {}).get("Name") or "no"),
        )

    def holdings(self) -> dict[str, list[str]]:
        """The names of what would become invisible if the engine looked elsewhere for its data."""
        images = self.get("/images/json?all=1") or []
        return {
            "containers": [_name(raw) for raw in self.get("/containers/json?all=1") or []],
            "images": [str((raw.get("RepoTags") or [raw.get("Id", "")])[0]) for raw in images],
            "volumes": [str(raw.get("Name", "")) for raw in (self.get("/volumes") or {}).get("Volumes") or []],
        }

    def unmappable(self) -> dict[str, list[str]]:
        """Running containers that share with the host what they cannot once users are remapped: name -> what."""
        found: dict[str, list[str]] = {}
        for raw in self.get("/containers/json") or []:
            with contextlib.suppress(GoneError):
                details = self.get(f"/containers/{quote(str(raw['Id']))}/json").get("HostConfig") or {}
                shared = ["privileged"] if details.get("Privileged") else []
                shared += [f"{kind} of the host" for kind, key in _SHARED.items() if details.get(key) == "host"]
                if shared and details.get("UsernsMode") != "host":
                    found[_name(raw)] = shared
        return found


_SHARED = {"network": "NetworkMode", "pid": "PidMode", "ipc": "IpcMode"}


def _name(raw: Json) -> str:
    return str((raw.get("Names") or [raw.get("Id", "")])[0]).lstrip("/")


def _port(port: Json) -> str:
    return f"{port.get('IP', '')}:{port['PublicPort']}->{port.get('PrivatePort')}/{port.get('Type')}"
