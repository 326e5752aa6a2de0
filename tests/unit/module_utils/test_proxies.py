# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What known proxies of the engine's socket open, by how they are told."""

from __future__ import annotations

import time
import typing as t

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils import proxies

CREATE, RUN, ATTACH = (what for what, _requests in proxies.REACHES[:3])
COPY_IN, COPY_OUT, ENVIRONMENT, STOP = (what for what, _requests in proxies.REACHES[3:7])
QUIET = ["EVENTS=1", "PING=1", "VERSION=1"]


def graded(image: str, *environment: str, options: t.Sequence[str] = ()) -> dict[str, t.Any]:
    config = {"Image": image, "Env": ["PATH=/bin", "TOKEN=c4n4ry", *environment], "Cmd": list(options)}
    found = proxies.graded({"Config": config, "Args": list(options)})
    assert found is not None
    assert "c4n4ry" not in repr(found)
    return found


@pytest.mark.parametrize(
    ("environment", "opened"),
    [
        ([], []),
        (QUIET, []),
        (["CONTAINERS=0", "POST=0"], []),
        (["CONTAINERS=1", "POST=0"], [ATTACH, COPY_OUT, ENVIRONMENT]),
        (["CONTAINERS=true"], [ATTACH, COPY_OUT, ENVIRONMENT]),
        (["POST=1"], []),
        (["POST=1", "EXEC=1"], [RUN]),
        (["EXEC=1"], []),
        (["ALLOW_RESTARTS=1"], [STOP]),
        (["IMAGES=1"], ["take images away"]),
        (["SECRETS=1"], ["read secrets and configurations"]),
        (["AUTH=1", "POST=1"], ["try passwords of registries"]),
    ],
)
def test_switches(environment: list[str], opened: list[str]) -> None:
    assert graded("tecnativa/docker-socket-proxy:0.3", *environment)["opens"] == opened
    assert graded("lscr.io/linuxserver/socket-proxy", *environment)["opens"] == opened


def test_everything_on_opens_everything_but_what_has_other_methods() -> None:
    every = graded("ghcr.io/tecnativa/docker-socket-proxy@sha256:00", *(f"{one}=1" for one in proxies._SWITCHES))
    assert set(every["opens"]) | {COPY_IN} == {what for what, _requests in proxies.REACHES}
    assert every["switches"] == sorted(proxies._SWITCHES)


TRAEFIK = r"-allowGET=/v1\..{1,2}/(version|containers/.*|events.*)"
STRICT = r"-allowGET=(/v1\.[0-9]{1,2})?/(_ping|version|events|containers/json)"


@pytest.mark.parametrize(
    ("options", "environment", "opened"),
    [
        ([], [], []),
        ([STRICT], [], []),
        ([TRAEFIK], [], [ATTACH, COPY_OUT, ENVIRONMENT]),
        (["-" + TRAEFIK], [], [ATTACH, COPY_OUT, ENVIRONMENT]),
        (["-allowPOST=/containers/create"], [], [CREATE]),
        (["-allowPOST=/v1.43/containers/.*/stop"], [], [STOP]),
        ([], ["SP_ALLOW_PUT_2=.*"], [COPY_IN]),
        ([STRICT], ["SP_ALLOW_GET=.*"], []),
        ([STRICT], ["SP_ALLOW_PUT=.*"], [COPY_IN]),
        (["-allowGET=(a+)+$"], [], None),
        (["-allowGET=" + "x" * 1000], [], None),
        (["-allowGET=" + ".*" * 10], [], None),
        (["-allowGET=("], [], None),
        (["-allowGET=(", "-allowPOST=/containers/create"], [], [CREATE]),
        (["-allowGET=/version"] * 100, [], None),
    ],
)
def test_patterns(options: list[str], environment: list[str], opened: list[str] | None) -> None:
    start = time.monotonic()
    assert graded("wollomatic/socket-proxy:1", *environment, options=options)["opens"] == opened
    assert time.monotonic() - start < 2


def test_one_that_only_reads_by_its_nature() -> None:
    assert graded("11notes/socket-proxy:stable")["opens"] == [ENVIRONMENT, "take images away"]


@pytest.mark.parametrize(
    "image", ["", "nginx", "nottecnativa/docker-socket-proxy", "tecnativa/docker-socket-proxy/fork", "sha256:00"]
)
def test_other_images_are_not_known(image: str) -> None:
    assert proxies.graded({"Config": {"Image": image, "Env": ["POST=1"]}}) is None


@pytest.mark.parametrize("inspect", [{}, {"Config": None}, {"Config": {"Image": 7, "Env": 7, "Cmd": 7}, "Args": 7}])
def test_nonsense(inspect: dict[str, t.Any]) -> None:
    assert proxies.graded(inspect) is None
