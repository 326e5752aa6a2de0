# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Talking to the engine through the Docker SDK: one connection a worker, a timeout on every call."""

from __future__ import annotations

import contextlib
import dataclasses
import queue
import threading
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.collect import daemon

# a module makes sure of its libraries, and says what is missing, before it calls anything here
with contextlib.suppress(ImportError):
    import docker
    import docker.errors
    import requests.exceptions

Client = t.Any  # docker.APIClient, of a library that has no types

#: More add nothing: the engine answers faster than Python asks. They are for the calls that wait for a timeout.
WORKERS = 4


class EngineUnavailableError(Exception):
    """No answer from the engine at all; the message is for the user."""


class NoEngineError(EngineUnavailableError):
    """There is not even a socket."""


class SlowAnswerError(Exception):
    """One call took longer than the timeout."""


class GoneError(Exception):
    """The container (or exec) was removed meanwhile."""


def socket_path(docker_host: str) -> str | None:
    """The path of a unix socket address; None for TCP."""
    for scheme in ("unix://", "http+unix://"):
        if docker_host.startswith(scheme):
            return "/" + docker_host[len(scheme) :].lstrip("/")
    if docker_host.startswith("tcp://"):
        return None
    raise EngineUnavailableError(
        f"docker_host {docker_host!r} is not supported: use unix:///path/to/docker.sock, or tcp://host:port without TLS"
    )


def peer(docker_host: str, timeout: float) -> int | None:
    """The process behind the socket; raises EngineUnavailableError with what to do when nobody answers there."""
    path = socket_path(docker_host)
    if path is None:
        return None
    try:
        return daemon.peer_of(path, timeout)
    except FileNotFoundError as error:
        remedy = "is Docker installed and running? Start it, or name the right socket in docker_host"
        raise NoEngineError(f"there is no socket at {docker_host}: {remedy}") from error
    except PermissionError as error:
        remedy = "use become, or a user who may open it (for a rootless engine: its owner)"
        raise EngineUnavailableError(f"permission denied at {docker_host}: {remedy}") from error
    except ConnectionRefusedError as error:
        remedy = "start it (systemctl start docker), or name the right socket in docker_host"
        raise EngineUnavailableError(f"the engine behind {docker_host} is not running: {remedy}") from error
    except OSError as error:
        raise EngineUnavailableError(f"cannot reach the Docker engine at {docker_host}: {error}") from error


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one call."""

    value: t.Any = None
    error: Exception | None = None

    @classmethod
    def of(cls, call: t.Callable[..., t.Any], *arguments: t.Any) -> Outcome:
        """Make the call; a thread must hand over whatever it met, or its work would be lost without a word."""
        try:
            return cls(value=call(*arguments))
        except docker.errors.NotFound as error:
            return cls(error=GoneError(str(error)))
        except requests.exceptions.Timeout:
            return cls(error=SlowAnswerError("no answer within the timeout"))
        except Exception as error:
            return cls(error=error)


class Engine:
    """One engine, many workers. The SDK's clients are not safe to share between threads, so each worker has its own."""

    def __init__(self, docker_host: str, timeout: int) -> None:
        self._host = docker_host
        self._timeout = timeout
        self.client = self._connect("auto")
        self._version = self.client.api_version

    def _connect(self, version: str) -> Client:
        try:
            client = docker.APIClient(base_url=self._host, version=version, timeout=self._timeout)
        except (docker.errors.DockerException, requests.exceptions.RequestException, TypeError) as error:
            raise EngineUnavailableError(_why_not(self._host, error)) from error
        if self._host.startswith(("unix://", "http+unix://")):
            _keep_alive(client)
        client.trust_env = False  # no proxy or .netrc has a say here, and looking for them costs as much as a call
        return client

    def run(self, calls: t.Sequence[t.Callable[[Client], t.Any]]) -> list[Outcome]:
        """Make all calls side by side; the outcomes come in the order of the calls."""
        todo: queue.SimpleQueue[int] = queue.SimpleQueue()
        done: queue.SimpleQueue[int] = queue.SimpleQueue()
        outcomes = [Outcome(error=SlowAnswerError("no answer within the timeout"))] * len(calls)

        def work(client: Client) -> None:
            with contextlib.suppress(queue.Empty):
                while True:
                    index = todo.get_nowait()
                    outcomes[index] = Outcome.of(calls[index], client)
                    done.put(index)

        for index in range(len(calls)):
            todo.put(index)
        for number in range(min(WORKERS, len(calls))):
            client = self.client if number == 0 else self._connect(self._version)
            # daemon threads: one that never returns must not keep the process from ending
            threading.Thread(target=work, args=(client,), daemon=True).start()
        with contextlib.suppress(queue.Empty):  # nothing at all finished for longer than any call may take
            for _dummy in calls:
                done.get(timeout=self._timeout * 3)
        return list(outcomes)


def _keep_alive(client: Client) -> None:
    """One connection for all calls: left alone, the SDK's adapter for sockets opens one for each URL."""
    adapter = client.get_adapter(client.base_url)
    connect = adapter.get_connection
    adapter.get_connection = lambda _url, proxies=None: connect(client.base_url, proxies)


def _why_not(docker_host: str, error: Exception) -> str:
    text = str(error)
    if "http+docker" in text or "chunked" in text:  # the SDK's adapter and requests no longer understand each other
        return (
            f"python3-docker {docker.__version__} does not work with python3-requests {requests.__version__}: "
            "install both from the distribution, or the Docker SDK 7.1 or later"
        )
    if "timed out" in text.lower():
        return (
            f"the Docker engine at {docker_host} does not answer in time: see the journals of docker and containerd "
            "(systemctl status docker containerd), or raise timeout"
        )
    return f"cannot reach the Docker engine at {docker_host}: {text}"
