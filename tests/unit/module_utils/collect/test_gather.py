# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collecting from a fake engine on a real socket, well-behaved and not."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.collect import daemon, engine, gather
from ansible_collections.bulkhead.docker.tests.fake_engine import inspected, serving


@pytest.fixture(name="path")
def socket_path(tmp_path: Path) -> Path:
    return tmp_path / "docker.sock"


def test_one_list_then_one_look_at_each_container_and_never_sizes(path: Path) -> None:
    with serving(path, {name: inspected(name) for name in ("b", "a", "c")}) as fake:
        facts = gather.collect(f"unix://{path}", 5, containers=True)
    assert [one["name"] for one in facts.containers] == ["a", "b", "c"]
    assert facts.bridge is not None
    assert (facts.info["ID"], facts.version["Version"]) == ("fake", "28.5.2")
    assert len([one for one in fake.asked if "/containers/json" in one]) == 1
    assert sorted(one.rpartition("/v1.44")[2] for one in fake.asked if one.endswith("/json")) == [
        f"/containers/{name}/json" for name in ("a", "b", "c")
    ]
    assert not any("size=1" in one for one in fake.asked)


def test_of_volumes_only_the_paths_of_the_host_behind_them_are_kept(path: Path) -> None:
    def volume(name: str, options: object, driver: str = "local") -> dict[str, object]:
        return {"Name": name, "Driver": driver, "Options": options, "Mountpoint": "/x"}

    volumes = [
        volume("bind", {"type": "none", "o": "bind", "device": "/etc"}),
        volume("disk", {"type": "ext4", "device": "/dev/sda1"}),
        volume("plain", None),
        volume("nfs", {"type": "nfs", "o": "addr=192.0.2.1", "device": ":/srv"}),
        volume("cifs", {"type": "cifs", "o": "username=u,password=c4n4ry", "device": "//192.0.2.1/srv"}),
        volume("elsewhere", {"device": "/etc"}, "other"),
    ]
    with serving(path, {}) as fake:
        fake.answers["/volumes"] = {"Volumes": volumes}
        assert gather.collect(f"unix://{path}", 5, containers=True).volumes == {"bind": "/etc", "disk": "/dev/sda1"}
        (asked,) = [one for one in fake.asked if "/volumes" in one]
        assert "local" in asked, "the plugins of other drivers are not asked: one that hangs would hang the audit"
        fake.answers["/volumes"] = 500
        assert gather.collect(f"unix://{path}", 5, containers=True).volumes is None


def test_without_containers_none_is_looked_at(path: Path) -> None:
    with serving(path, {"a": inspected("a")}) as fake:
        facts = gather.collect(f"unix://{path}", 5, containers=False)
    assert (facts.containers, [one for one in fake.asked if one.endswith("/a/json")]) == ([], [])


def test_a_hung_container_is_one_error_and_the_others_are_read(path: Path) -> None:
    containers = {f"c{number}": inspected(f"c{number}") for number in range(20)}
    with serving(path, {**containers, "c7": None}):
        start = time.monotonic()
        facts = gather.collect(f"unix://{path}", 1, containers=True)
        assert time.monotonic() - start < 3
    assert len(facts.containers) == 20
    assert [(one["name"], one["error"], one["inspect"]) for one in facts.containers if one["error"]] == [
        ("c7", "no answer within the timeout", None)
    ]


def test_a_removed_container_is_gone_and_a_failing_one_an_error(path: Path) -> None:
    with serving(path, {"fine": inspected("fine"), "removed": 404, "broken": 500}):
        facts = gather.collect(f"unix://{path}", 5, containers=True)
    assert [(one["name"], bool(one["error"])) for one in facts.containers] == [("broken", True), ("fine", False)]
    assert "fake 500" in facts.containers[0]["error"]


def test_execs_are_asked_for_and_unknown_when_one_hangs(path: Path) -> None:
    process = {"privileged": True, "user": "root", "entrypoint": "sh", "arguments": ["--token=x"]}
    one = {**inspected("one"), "ExecIDs": ["e1", "gone"]}
    two = {**inspected("two"), "ExecIDs": ["e2"]}
    with serving(path, {"one": one, "two": two}) as fake:
        fake.answers["/exec/e1/json"] = {"ID": "e1", "Running": True, "ProcessConfig": process}
        fake.answers["/exec/e2/json"] = None
        facts = gather.collect(f"unix://{path}", 1, containers=True)
    found = {container["name"]: container for container in facts.containers}
    assert found["one"]["execs"] == [{"id": "e1", "privileged": True, "user": "root", "running": True}]
    assert (found["two"]["execs"], found["two"]["error"]) == (None, "")


def test_a_hung_container_does_not_keep_the_process_from_ending(path: Path) -> None:
    script = f"""
        from ansible_collections.bulkhead.docker.plugins.module_utils.collect import engine
        import time
        asked = engine.Engine("unix://{path}", 1)
        [fine, stuck] = asked.run([lambda client: client.info()["ID"], lambda client: time.sleep(600)])
        print(fine.value, stuck.error)
    """
    with serving(path, {}):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=30, check=False
        )
    assert (done.returncode, done.stdout.strip()) == (0, "fake no answer within the timeout"), done.stderr


def test_no_secret_passes_the_collector(path: Path) -> None:
    web = inspected("web", Env=["DB_PASSWORD=canary"], Labels={"token": "canary"}, Cmd=["--password", "canary"])
    web["HostConfig"]["LogConfig"] = {"Type": "splunk", "Config": {"splunk-token": "canary"}}
    with serving(path, {"web": web}) as fake:
        fake.answers["/info"] = {
            **fake.answers["/info"],
            "HttpProxy": "http://u:canary@proxy",
            "HttpsProxy": "http://canary@p",
        }
        facts = gather.collect(f"unix://{path}", 5, containers=True)
    assert "canary" not in repr(facts)
    assert facts.containers[0]["secrets"] == {"env": ["DB_PASSWORD"], "labels": ["token"], "args": True}


def test_no_socket_says_what_to_do(path: Path) -> None:
    with pytest.raises(engine.EngineUnavailableError, match=r"no socket at unix://.*is Docker installed and running"):
        gather.collect(f"unix://{path}", 1, containers=True)


def test_nobody_listening_says_what_to_do(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    with pytest.raises(engine.EngineUnavailableError, match="is not running: start it"):
        gather.collect(f"unix://{path}", 1, containers=True)


def test_no_permission_says_what_to_do(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(daemon, "peer_of", refuse)
    with pytest.raises(engine.EngineUnavailableError, match=r"permission denied at unix://.*use become"):
        gather.collect(f"unix://{path}", 1, containers=True)


def test_a_silent_engine_is_not_waited_for(path: Path) -> None:
    with serving(path, {}) as fake:
        fake.answers["/info"] = None
        with pytest.raises(engine.EngineUnavailableError, match="did not answer: no answer within the timeout"):
            gather.collect(f"unix://{path}", 1, containers=True)


def test_an_engine_that_hangs_from_the_start_is_named(path: Path) -> None:
    with serving(path, {}) as fake:
        fake.answers["/version"] = None
        with pytest.raises(engine.EngineUnavailableError, match="does not answer in time: see the journals"):
            gather.collect(f"unix://{path}", 1, containers=True)


@pytest.mark.parametrize("address", ["ssh://host", "/var/run/docker.sock", "npipe:////./pipe/x", ""])
def test_other_addresses_are_refused_by_name(address: str) -> None:
    with pytest.raises(engine.EngineUnavailableError, match="is not supported: use unix://"):
        engine.socket_path(address)


def test_addresses() -> None:
    assert engine.socket_path("unix:///run/docker.sock") == "/run/docker.sock"
    assert engine.socket_path("unix://run/docker.sock") == "/run/docker.sock"
    assert engine.socket_path("http+unix:///run/docker.sock") == "/run/docker.sock"
    assert engine.socket_path("tcp://127.0.0.1:2375") is None


def test_an_sdk_that_does_not_fit_requests_is_named() -> None:
    said = engine._why_not("unix:///x", TypeError("request() got an unexpected keyword argument 'chunked'"))
    assert "python3-docker" in said
    assert "python3-requests" in said


def test_the_peer_is_the_process_that_listens(path: Path) -> None:
    with serving(path, {}):
        assert daemon.peer_of(str(path), 1) == os.getpid()
