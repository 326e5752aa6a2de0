# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's life after Molecule's converge: people, tampering, a change that fails, undoing; in this order."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.bulkhead.docker.tests.support import Run, role

debian = pytest.mark.debian
CONSUMERS = yaml.safe_load(Path(__file__).with_name("consumers.yml").read_text())["docker_socket_proxies"]
WANTED = {"docker_socket_users": ["deploy"], "docker_socket_proxies": CONSUMERS}
SOCKET, CONTAINERD = "/run/docker.sock", "/run/containerd/containerd.sock"
DROPIN = "/etc/systemd/system/docker.socket.d/50-bulkhead.conf"
CFG = "/etc/bulkhead.docker/proxy/traefik.cfg"


@pytest.fixture(scope="module")
def name(host: t.Any) -> str:
    return str(host.backend.get_hostname())


FILES = f"""
stat --format '%n %U %G %a' {SOCKET} {CONTAINERD}
getent group docker bulkhead-docker-proxy
cd /etc
find bulkhead.docker systemd/system tmpfiles.d /run/bulkhead-docker-proxy -printf '%p %m %u %g %T@\\n' 2>&1 | sort
"""
ENGINE = """
systemctl show --value --property=MainPID docker.service containerd.service
docker inspect --format '{{.State.Pid}} {{.State.StartedAt}}' victim
"""


def look(host: t.Any) -> dict[str, str]:
    """All that the role may change, and the processes that it must not."""
    return {"files": host.check_output(FILES), "engine": host.check_output(ENGINE)}


def works_for(host: t.Any, user: str) -> bool:
    """In a session of its own."""
    return bool(host.run("su %s --shell /bin/sh --command 'docker ps'", user).rc == 0)


def mode(host: t.Any, path: str) -> tuple[str, str, int]:
    file = host.file(path)
    return file.user, file.group, file.mode


def test_defaults_left_the_people_alone(host: t.Any) -> None:
    assert works_for(host, "insider")
    assert works_for(host, "legacy")
    assert works_for(host, "listed"), "by its entry in the access list"
    assert not works_for(host, "deploy")


def test_tampering_shows_exactly(host: t.Any, name: str) -> None:
    host.check_output(
        f"chmod 0666 {CONTAINERD}; sed -i s/0660/0666/ {DROPIN}; chown root:adm {SOCKET}; echo '# more' >> {CFG}"
    )
    before = look(host)
    run = role("docker_socket", name, WANTED, "--check", "--diff")
    assert run.rc == 0, run.output
    assert look(host) == before
    assert run.changed == [
        "Access | Let exactly these users in",
        "Socket | Write the drop-in",
        "Socket | Change the one that is there",
        "Containerd | Keep its socket root's own",
        "Proxies | Serve these consumers and no others",
    ]
    access = run.of("docker_socket_access")
    assert access["diff"]["before"] == {"members": ["insider"], "acl": ["user:listed"]}
    assert access["diff"]["after"] == {"members": ["deploy"], "acl": []}
    owners = _result(run, "Socket | Change the one that is there")["diff"]
    assert (owners["before"]["group"], owners["after"]["group"]) == (host.group("adm").gid, host.group("docker").gid)
    modes = _result(run, "Containerd | Keep its socket root's own")["diff"]
    assert (modes["before"]["mode"], modes["after"]["mode"]) == ("0666", "0660")
    proxies = run.of("docker_socket_proxy")
    assert proxies["pending"] == {"traefik": [CFG]}
    assert [part["before"].replace(part["after"], "") for part in proxies["diff"]] == ["# more\n"]


def test_it_is_mended_under_the_running_engine(host: t.Any, name: str) -> None:
    engine = look(host)["engine"]
    run = role("docker_socket", name, WANTED)
    assert run.rc == 0, run.output
    assert look(host)["engine"] == engine, "neither daemon nor container was touched"
    assert mode(host, SOCKET) == ("root", "docker", 0o660)
    assert mode(host, CONTAINERD) == ("root", "root", 0o660)
    assert "0666" not in host.file(DROPIN).content_string and "# more" not in host.file(CFG).content_string
    assert host.run("getfacl --omit-header --skip-base %s", SOCKET).stdout.strip() == ""
    told = run.of("docker_socket_access")["notes"]
    assert len(told) == 2, told
    assert told[0].startswith("legacy has the socket's group as primary group")
    assert told[1] == "sudo rule gives the engine: listed: /usr/bin/docker"


def test_who_was_not_named_is_out_with_the_next_session(host: t.Any) -> None:
    assert works_for(host, "deploy")
    assert not works_for(host, "insider")
    assert not works_for(host, "listed")
    assert host.check_output("getent group docker").split(":")[-1] == "deploy"


def test_a_second_run_changes_nothing_and_may_fail_on_what_is_left(host: t.Any, name: str) -> None:
    before = look(host)
    run = role("docker_socket", name, {**WANTED, "docker_socket_findings": "fail"})
    assert run.changed == []
    assert look(host) == before
    assert run.rc != 0 and "other roads to the engine: legacy" in run.failure


def test_a_proxy_that_cannot_come_up_stays_as_it_was(host: t.Any, name: str) -> None:
    """Its new port is taken: HAProxy finds the configuration valid, and fails only when it starts."""
    host.check_output(
        "systemd-run --quiet --unit=taken python3 -c %s",
        "import socket, time; s = socket.create_server(('172.30.0.1', 2376)); time.sleep(600)",
    )
    before = look(host)
    changed = [{**one, "listen": "172.30.0.1:2376"} if one["name"] == "prometheus" else one for one in CONSUMERS]
    run = role("docker_socket", name, {**WANTED, "docker_socket_proxies": changed})
    host.check_output("systemctl stop taken.service")
    assert run.rc != 0
    assert "the proxy of prometheus did not take its new rules and is as it was before" in run.failure
    assert _content(look(host)) == _content(before)
    answer = "docker --host unix:///run/bulkhead-docker-proxy/prometheus/docker.sock ps --quiet"
    assert host.run(answer).rc == 0


def test_undo_takes_the_proxies_and_all_of_theirs(host: t.Any, name: str) -> None:
    engine = look(host)["engine"]
    run = role("docker_socket", name, {"docker_socket_mode": "0600", "docker_socket_proxies": []})
    assert run.rc == 0, run.output
    assert look(host)["engine"] == engine
    for path in (
        "/etc/bulkhead.docker/proxy",
        "/run/bulkhead-docker-proxy",
        "/etc/tmpfiles.d/bulkhead-docker-proxy.conf",
    ):
        assert not host.file(path).exists
    assert not host.user("bulkhead-docker-proxy").exists and not host.group("bulkhead-docker-proxy").exists
    assert host.check_output("systemctl list-units --all --no-legend 'bulkhead-docker-proxy@*'") == ""
    assert host.check_output("find /etc/systemd/system -name 'bulkhead-docker-proxy*'") == ""


def test_the_socket_made_anew_is_the_one_that_was_changed_in_place(host: t.Any) -> None:
    """What the role did to the live socket is what systemd does when it makes it again."""
    changed = host.check_output("stat --format '%%F %%U %%G %%a' %s", SOCKET)
    assert changed == "socket root docker 600"
    inode = host.check_output("stat --format %%i %s", SOCKET)
    container = look(host)["engine"].splitlines()[-1]
    host.check_output("systemctl reset-failed docker.service; systemctl stop docker.service docker.socket")
    host.check_output("systemctl start docker.socket docker.service")
    assert host.check_output("stat --format '%%F %%U %%G %%a' %s", SOCKET) == changed
    assert host.check_output("stat --format %%i %s", SOCKET) != inode, "it is another socket"
    assert look(host)["engine"].splitlines()[-1] == container, "live-restore kept the container"


def test_check_on_a_bare_host_says_all_and_writes_nothing(host: t.Any, name: str) -> None:
    before = look(host)
    run = role("docker_socket", name, WANTED, "--check", "--diff")
    assert run.rc == 0, run.output
    assert look(host) == before
    assert set(run.of("docker_socket_proxy")["pending"]) == {one["name"] for one in CONSUMERS}
    assert "Socket | Change the one that is there" in run.changed


WATCHTOWER = {"name": "w", "preset": "watchtower"}
ELSEWHERE = {"name": "t", "preset": "traefik", "listen": "172.29.0.1:2375"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param({"docker_socket_mode": "0666"}, "whoever may write to the socket is root", marks=debian(13)),
        pytest.param({"docker_socket_proxies": [WATCHTOWER]}, "set accept_root: true", marks=debian(13)),
        pytest.param({"docker_socket_proxies": [ELSEWHERE]}, "must be the gateway", marks=debian(12)),
        pytest.param(
            {"docker_socket_users": ["nobody-here"]}, "'nobody-here' is no user of this host", marks=debian(14)
        ),
    ],
)
def test_refused_before_anything_is_touched(host: t.Any, name: str, options: dict[str, t.Any], said: str) -> None:
    before = look(host)
    run = role("docker_socket", name, options)
    assert run.rc != 0
    assert said in run.failure or said in run.output
    assert look(host) == before


def _result(run: Run, task: str) -> dict[str, t.Any]:
    return next(result for result in run.results if result["task"] == task)


def _content(state: dict[str, str]) -> list[str]:
    """Without the times of change."""
    return [line.rsplit(" ", 1)[0] for line in state["files"].splitlines()]
