# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""churn.py COUNT WORKERS: create and start COUNT containers that end at once, each once, however often the engine goes
away meanwhile. Prints the id of each."""

from __future__ import annotations

import contextlib
import sys
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

import docker
import requests

T = t.TypeVar("T")


def insist(call: t.Callable[[docker.APIClient], T]) -> T:
    """What an engine answers at last; one that was cut off may have done it, which the next one is asked first."""
    while True:
        with contextlib.suppress(docker.errors.DockerException, requests.RequestException):
            return call(docker.APIClient(version="auto"))
        time.sleep(0.2)


def made(engine: docker.APIClient, name: str) -> str:
    settings = engine.create_host_config(network_mode="none", log_config={"type": "none"})
    found = engine.containers(all=True, filters={"name": f"^/{name}$"})
    one = found[0] if found else engine.create_container("tiny:1", "true", name=name, host_config=settings)
    return str(one["Id"])


def ended(engine: docker.APIClient, one: str) -> bool:
    state = engine.inspect_container(one)["State"]
    if not state["StartedAt"].startswith("0001"):
        return not state["Running"]
    engine.start(one)
    return False


def live(number: int) -> None:
    one = insist(lambda engine: made(engine, f"churn-{number}"))
    while not insist(lambda engine: ended(engine, one)):
        time.sleep(0.1)
    print(one, flush=True)


with ThreadPoolExecutor(int(sys.argv[2])) as pool:
    list(pool.map(live, range(int(sys.argv[1]))))
