# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests as raw bytes, plain ones and tricks, each with the answer it must get: data in requests.yml."""

from __future__ import annotations

import json
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
REQUESTS: list[dict[str, t.Any]] = yaml.safe_load((HERE / "requests.yml").read_text())
STATE = """
docker inspect --format '{{.Id}} {{.State.Pid}} {{.State.StartedAt}}' victim
docker ps --all --quiet
docker images --quiet
"""


def spelled(request: dict[str, t.Any], victim: str) -> str:
    """The bytes, as latin-1 text."""
    if "raw" in request:
        return str(request["raw"])
    body = request.get("body", "")
    headers = ["Host: docker", *request.get("headers", [])]
    headers += [f"Content-Length: {len(body)}"] if body else []
    if not any(header.lower().startswith("connection:") for header in headers):
        headers.append("Connection: close")
    return "\r\n".join([f"{request['ask']} HTTP/1.1", *headers, "", body]).replace("VICTIM", victim)


def ask(host: t.Any, requests: list[dict[str, t.Any]]) -> list[list[int]]:
    """All at once, from a program on the host."""
    victim = host.check_output("docker inspect --format '{{.Id}}' victim")
    wanted = [
        [f"/run/bulkhead-docker-proxy/{request['to']}/docker.sock", spelled(request, victim)] for request in requests
    ]
    done = subprocess.run(
        [
            "docker",
            "exec",
            "--interactive",
            host.backend.get_hostname(),
            "python3",
            "-c",
            (HERE / "raw.py").read_text(),
        ],
        input=json.dumps(wanted),
        capture_output=True,
        text=True,
        check=True,
    )
    answers: list[list[int]] = json.loads(done.stdout)
    return answers


@pytest.fixture(scope="module")
def answers(host: t.Any) -> t.Iterator[dict[str, list[int]]]:
    before = host.check_output(STATE)
    found = dict(zip((request["title"] for request in REQUESTS), ask(host, REQUESTS), strict=True))
    yield found
    assert host.check_output(STATE) == before, "some request reached the engine and changed it"


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request["title"])
def test_answer(answers: dict[str, list[int]], request_: dict[str, t.Any]) -> None:
    assert answers[request_["title"]] in (request_["answer"], request_.get("or"))


def test_the_table_is_worth_its_name() -> None:
    titles = [request["title"] for request in REQUESTS]
    denied = [request for request in REQUESTS if {403, 400} & set(request["answer"])]
    assert len(set(titles)) == len(titles) >= 40
    assert len(denied) > 40 and len(titles) - len(denied) > 15


def test_without_the_filter_they_are_no_harmless_requests(host: t.Any) -> None:
    """The engine itself would have answered: what is refused above is refused by the proxy."""
    for path in ("containers/victim/export", "containers%2fjson", "info", "v1.40//info"):
        status = host.check_output(
            "curl --silent --location --output /dev/null --write-out '%%{http_code}' --unix-socket /run/docker.sock http://docker/%s",
            path,
        )
        assert status == "200", path
