# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the bench that runs on the Docker host, with the standard library only.

host.py fill COUNT            make containers until there are so many
host.py measure PAYLOAD RUNS  time the module and the raw loop, in turns; prints JSON
"""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

SOCKET = "/var/run/docker.sock"
IMAGE = "bulkhead-bench"


class Engine(http.client.HTTPConnection):
    """One kept-alive connection to the engine: the least that any client must do."""

    def __init__(self) -> None:
        super().__init__("localhost")

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(SOCKET)

    def ask(self, method: str, path: str, body: t.Any = None) -> t.Any:
        content = None if body is None else json.dumps(body)
        self.request(method, path, content, {"Content-Type": "application/json"})
        answer = self.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise SystemExit(f"{method} {path}: {answer.status} {text.decode()}")
        return json.loads(text) if text else None


def make_image() -> None:
    """busybox and nothing else, without a registry."""
    with tempfile.TemporaryDirectory() as root:
        binaries = Path(root) / "bin"
        binaries.mkdir()
        (binaries / "busybox").write_bytes(Path("/bin/busybox").read_bytes())
        (binaries / "busybox").chmod(0o755)
        tar = subprocess.run(["tar", "-C", root, "-c", "."], check=True, stdout=subprocess.PIPE).stdout
        subprocess.run(["docker", "import", "-", IMAGE], check=True, input=tar, stdout=subprocess.DEVNULL)


def make_container(number: int) -> None:
    engine = Engine()
    config = {
        "Image": IMAGE,
        "Cmd": ["/bin/busybox", "sleep", "1000000"],
        "Env": ["PATH=/bin", f"NUMBER={number}"],
        "Labels": {"bench.number": str(number)},
    }
    made = engine.ask("POST", f"/containers/create?name=bench-{number:03}", config)
    engine.ask("POST", f"/containers/{made['Id']}/start")


def fill(count: int) -> None:
    names = {name for one in Engine().ask("GET", "/containers/json?all=1") for name in one["Names"]}
    missing = [number for number in range(count) if f"/bench-{number:03}" not in names]
    if missing:
        make_image()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(make_container, missing))


def raw_loop() -> float:
    """Seconds for the calls that the module makes, one after the other; no start of an interpreter is counted."""
    start = time.perf_counter()
    engine = Engine()
    engine.ask("GET", "/version")
    listed = engine.ask("GET", "/containers/json?all=1")
    for path in ("/info", "/version", "/networks"):
        engine.ask("GET", path)
    for one in listed:
        engine.ask("GET", f"/containers/{one['Id']}/json")
    return time.perf_counter() - start


def module(payload: str) -> tuple[float, int, bytes]:
    """The module as Ansible runs it on a host: seconds from start to end, peak memory in KiB, its output.

    Nothing is parsed here: the kernel counts the memory of this process, at the start of the other, to the other.
    """
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        pid = os.posix_spawn(
            "/usr/bin/python3",
            ["python3", payload],
            {"PATH": "/usr/sbin:/usr/bin", "LC_ALL": "C.UTF-8"},
            file_actions=[(os.POSIX_SPAWN_DUP2, output.fileno(), 1)],
        )
        _dummy, status, usage = os.wait4(pid, 0)
        seconds = time.perf_counter() - start
        output.seek(0)
        printed = output.read()
    if status:
        raise SystemExit(f"the module failed: {printed.decode()[-2000:]}")
    return seconds, usage.ru_maxrss, printed


def measure(payload: str, runs: int) -> dict[str, t.Any]:
    """The two in turns, so that whatever else the machine does meets both; one round first to warm up."""
    module(payload)
    raw_loop()
    rounds = [(module(payload)[:2], raw_loop()) for _round in range(runs)]
    audit = json.loads(module(payload)[2])["audit"]
    judged = {found["subject"]["id"] for found in audit["findings"] if found["subject"]["kind"] == "container"}
    return {
        "module": [one[0] for one, _dummy in rounds],
        "raw": [raw for _dummy, raw in rounds],
        "peak_kib": max(one[1] for one, _dummy in rounds),
        "containers": len(judged),
        "errors": audit["counts"]["error"],
        "engine": audit["engine"]["version"],
        "seconds": audit["seconds"],
    }


def main() -> None:
    if sys.argv[1] == "fill":
        fill(int(sys.argv[2]))
    else:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]))))


if __name__ == "__main__":
    main()
