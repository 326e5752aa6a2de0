# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collect one host's facts: a list, an inspect for each container, and what the kernel and the files add."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils import proxies, redact
from ansible_collections.bulkhead.docker.plugins.module_utils.collect import daemon, host
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.engine import (
    Client,
    Engine,
    EngineUnavailableError,
    GoneError,
    Outcome,
    peer,
    socket_path,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.facts import Facts, Json
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.proc import Kernel


def collect(
    docker_host: str, timeout: int, containers: bool, surroundings: bool = True, kernel: Kernel | None = None
) -> Facts:
    """Raises EngineUnavailableError; whatever else goes wrong becomes an error, or a null, in the facts."""
    path, listener = socket_path(docker_host), peer(docker_host, timeout)
    engine = Engine(docker_host, timeout)
    [answer] = engine.run([_list])
    listed: list[Json] = _required(answer)
    # all else side by side: what we do with one answer fills the time in which the engine prepares the next
    kernel = kernel or Kernel()
    looks = [functools.partial(_look, entry=entry, kernel=kernel) for entry in listed if containers]
    info, version, networks, volumes, around, *seen = engine.run(
        [
            _info,
            _version,
            _networks,
            _volumes,
            lambda _: _around(path, listener, _published(listed), surroundings),
            *looks,
        ]
    )
    known = [_container(entry, outcome) for entry, outcome in zip(listed, seen) if not _gone(outcome)]
    nets = redact.settings(networks.value or [])
    process, host_facts = _required(around)
    return Facts(
        info=redact.settings(_required(info)),
        version=redact.settings(_required(version)),
        bridge=next((one for one in nets if one.get("Name") == "bridge"), None),
        networks=nets,
        containers=sorted(known, key=lambda one: (one["name"], one["id"])),
        daemon=process,
        host=host_facts,
        volumes=volumes.value,
    )


def _around(
    path: str | None, listener: int | None, published: set[tuple[str, int]], surroundings: bool
) -> tuple[Json, Json | None]:
    """The daemon's process, and the host around it: whose host a TCP address is on is not known."""
    process = daemon.describe(path, listener, published)
    return process, host.describe(path, process) if path and surroundings else None


def _list(client: Client) -> t.Any:
    return client.containers(all=True)  # never with sizes: the engine would measure the layers of each container


def _info(client: Client) -> t.Any:
    return client.info()


def _version(client: Client) -> t.Any:
    return client.version()


def _networks(client: Client) -> t.Any:
    return client.networks()


def _volumes(client: Client) -> dict[str, str]:
    """Local ones only: other drivers are plugins, and one that hangs would hang the list."""
    found = client.volumes(filters={"driver": "local"}).get("Volumes") or []
    devices = {one["Name"]: (one.get("Options") or {}).get("device") or "" for one in found if one["Driver"] == "local"}
    return {name: path for name, path in devices.items() if path.startswith("/") and not path.startswith("//")}


def _look(client: Client, entry: Json, kernel: Kernel) -> dict[str, t.Any]:
    """The container as the engine and the kernel see it; execs are null when one of them cannot be read."""
    inspect = client.inspect_container(entry["Id"])
    execs = _execs(client, inspect.get("ExecIDs") or [])
    pid = (inspect.get("State") or {}).get("Pid") or 0
    process = kernel.process(pid, entry["Id"]) if pid else None
    proxy = proxies.graded(inspect)
    shown, secrets = redact.container(inspect)
    return {"inspect": shown, "process": process, "execs": execs, "secrets": secrets, "proxy": proxy}


def _execs(client: Client, ids: t.Sequence[str]) -> list[Json] | None:
    outcomes = []
    for one in ids:
        outcome = Outcome.of(client.exec_inspect, one)
        if outcome.error and not _gone(outcome):
            return None
        outcomes.append(outcome)
    return [_exec(one.value) for one in outcomes if one.value]


def _exec(found: Json) -> Json:
    process = found.get("ProcessConfig") or {}
    return {
        "id": found.get("ID"),
        "privileged": process.get("privileged"),
        "user": process.get("user", ""),
        "running": found.get("Running"),
    }


def _required(outcome: Outcome) -> t.Any:
    if outcome.error:
        raise EngineUnavailableError(f"the Docker engine did not answer: {outcome.error}") from outcome.error
    return outcome.value


def _gone(outcome: Outcome) -> bool:
    """Removed between the list and the look at it: nothing to judge, and no error."""
    return isinstance(outcome.error, GoneError)


def _container(entry: Json, outcome: Outcome) -> dict[str, t.Any]:
    name = (entry.get("Names") or [entry["Id"][:12]])[0].lstrip("/")
    nothing: dict[str, t.Any] = {**dict.fromkeys(("inspect", "process", "execs", "proxy")), "secrets": {}}
    problem = redact.text(str(outcome.error) or type(outcome.error).__name__) if outcome.error else ""
    return {"id": entry["Id"], "name": name, "error": problem, **(outcome.value or nothing)}


def _published(listed: t.Iterable[Json]) -> set[tuple[str, int]]:
    """The addresses and ports of the host that lead into containers."""
    ports = [port for entry in listed for port in entry.get("Ports") or []]
    return {(port.get("IP") or "0.0.0.0", port["PublicPort"]) for port in ports if port.get("PublicPort")}  # noqa: S104 (compared, not bound)
