# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each failure leaves the old daemon, the container and the file as they were, and a message that one can act on."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests.support import Run, play

FILE = "/etc/docker/daemon.json"
STATE = "/var/lib/bulkhead.docker"
CANARY = "c4n4ry-7f3e"
# starts nowhere, and no engine notices before it tries
UNUSABLE: dict[str, t.Any] = {
    "config": {"pidfile": "/etc/hostname/pid"},
    "restart": "always",
}

# the module is this script's grandparent: timeout(1) stands between
KILLER = """#!/bin/sh
case "$*" in
  *--no-block*) rm "$0"; kill -9 $(cut -d " " -f 4 /proc/$PPID/stat); exit 1 ;;
esac
exec /usr/bin/systemctl "$@"
"""


@pytest.fixture
def name(host: t.Any) -> str:
    return str(host.backend.get_hostname())


def daemon(name: str, *options: str, **arguments: t.Any) -> Run:
    return play(name, [{"name": "Configure", "bulkhead.docker.docker_daemon_config": arguments}], *options)


def refused(name: str, *options: str, **arguments: t.Any) -> str:
    run = daemon(name, *options, **arguments)
    assert run.rc != 0
    return run.failure


def granted(name: str, *options: str, **arguments: t.Any) -> dict[str, t.Any]:
    run = daemon(name, *options, **arguments)
    assert run.rc == 0, run.failure
    return run.of("docker_daemon_config")


def text(host: t.Any) -> str:
    return str(host.check_output("cat %s", FILE))


def content(host: t.Any) -> dict[str, t.Any]:
    document: dict[str, t.Any] = json.loads(text(host))
    return document


def process(host: t.Any) -> str:
    return str(host.check_output("systemctl show docker.service --property=MainPID --value"))


def survivor(host: t.Any) -> str:
    return str(host.check_output("docker inspect --format '{{.State.Pid}} {{.State.StartedAt}}' survivor"))


def put(host: t.Any, path: str, text: str, mode: str = "644") -> None:
    host.check_output("printf %%s %s > %s && chmod %s %s", text, path, mode, path)


@pytest.fixture(autouse=True)
def unharmed(host: t.Any) -> t.Iterator[None]:
    """Before and after each failure: same bytes, same container, a daemon that answers."""
    host.check_output("systemctl reset-failed docker.service docker.socket")
    before = (text(host), survivor(host))
    yield
    assert (text(host), survivor(host)) == before
    assert host.check_output("curl -fsS --max-time 5 http://127.0.0.1:8099/") == "ok"
    assert (
        host.check_output("docker info --format '{{.LiveRestoreEnabled}} {{.DockerRootDir}}'") == "true /var/lib/docker"
    )
    assert host.check_output("find /etc/docker -name '.daemon.json*'") == "", "no half-written file is left"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"no-new-priviliges": True}, ["no-new-priviliges", "did you mean no-new-privileges"]),
        ({"content-trust": {"mode": "enforced"}}, ["content-trust", "Enterprise"]),
        ({"firewall-backend": "nftables"}, ["firewall-backend", "needs engine 29.0"]),
        ({"icc": "false"}, ["icc", "true or false, without quotes"]),
        ({"log-opts": {"max-file": 3}}, ["log-opts", "texts"]),
        ({"hosts": ["unix:///run/other.sock"]}, ["hosts", "-H fd://", "docker.service", "leave the key out"]),
        ({"containerd": "/run/other.sock"}, ["containerd", "--containerd=/run/containerd/containerd.sock"]),
        ({"icc": False, "iptables": False}, ["icc", "iptables"]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
@pytest.mark.debian(13)
def test_a_key_that_would_stop_the_daemon(host: t.Any, name: str, config: dict[str, t.Any], words: list[str]) -> None:
    pid = process(host)
    message = refused(name, config=config)
    for word in words:
        assert word in message
    assert process(host) == pid


@pytest.mark.debian(13)
def test_flag_in_the_environment_file(host: t.Any, name: str) -> None:
    old = host.check_output("cat /etc/default/docker")
    put(host, "/etc/default/docker", "DOCKER_OPTS='--max-concurrent-uploads 4 --label=a=b'\n")
    try:
        message = refused(name, config={"max-concurrent-uploads": 2})
        result = granted(name, "--check", config={}, profile={"max-concurrent-uploads": 2})
    finally:
        put(host, "/etc/default/docker", old + "\n")
    assert "--max-concurrent-uploads 4" in message and "/etc/default/docker" in message
    assert result["changed"] is False
    assert "max-concurrent-uploads of the profile is left out" in result["notes"][0]


def test_invalid_json_on_disk(host: t.Any, name: str) -> None:
    good, pid = text(host), process(host)
    put(host, FILE, '{"debug": true,\n "icc" false}')
    message = refused(name, config={"live-restore": True})
    assert "not valid JSON (line 2, column 8" in message and "exclusive" in message
    assert text(host) == '{"debug": true,\n "icc" false}'

    result = granted(name, config={"live-restore": True}, mode="exclusive")
    assert content(host) == {"live-restore": True}
    assert result["changed"] is True
    kept = host.check_output("cat %s/*.broken-*", STATE)
    assert kept == '{"debug": true,\n "icc" false}'
    assert process(host) == pid
    put(host, FILE, good)
    host.check_output("systemctl reload docker.service && rm -r %s", STATE)


def test_a_value_that_validates_and_does_not_start(host: t.Any, name: str) -> None:
    run = daemon(name, **UNUSABLE)
    assert run.rc != 0
    assert "mkdir /etc/hostname: not a directory" in run.failure
    assert "The previous /etc/docker/daemon.json is back" in run.failure
    assert run.results[0]["journal"]
    assert granted(name, config={})["changed"] is False


@pytest.mark.debian(13)
def test_a_reload_that_fails(host: t.Any, name: str) -> None:
    message = refused(name, config={"authorization-plugins": ["missing"]})
    assert 'plugin "missing" not found' in message
    assert host.check_output("docker info --format '{{.Plugins.Authorization}}'") in ("[]", "<nil>")


def test_data_that_would_drop_out_of_sight(host: t.Any, name: str) -> None:
    message = refused(name, config={"data-root": "/srv/docker"})
    for words in ("/srv/docker instead of /var/lib/docker", "1 containers", "images", "accept_data_move"):
        assert words in message


def test_full_disk(host: t.Any, name: str) -> None:
    pid = process(host)
    host.check_output(
        "cp -p %s /run/ && mount -t tmpfs -o size=8k none /etc/docker && cp -p /run/daemon.json /etc/docker/", FILE
    )
    host.run("dd if=/dev/zero of=/etc/docker/filler bs=4096 count=9")
    try:
        message = refused(name, config={"labels": ["x=" + "y" * 9000]})
        assert "No space left on device" in message and "Nothing was changed" in message
        assert host.check_output("ls -A /etc/docker") == "daemon.json\nfiller"
    finally:
        host.check_output("umount /etc/docker")
    assert process(host) == pid


def test_full_disk_under_our_own_record(host: t.Any, name: str) -> None:
    host.check_output("mkdir -p %s && mount -t tmpfs -o size=4k none %s", STATE, STATE)
    host.run("dd if=/dev/zero of=%s/filler bs=4096 count=9", STATE)
    try:
        message = refused(name, config={"debug": True})
    finally:
        host.check_output("umount %s", STATE)
    assert "No space left on device" in message


@pytest.fixture
def killer(host: t.Any) -> t.Iterator[None]:
    """A systemctl that kills the module when it asks for a restart: the file is new then, the daemon is the old one."""
    put(host, "/usr/local/sbin/systemctl", KILLER, "755")
    yield
    host.run("rm -f /usr/local/sbin/systemctl")


def test_killed_between_write_and_restart(host: t.Any, name: str, killer: None) -> None:
    pid = process(host)
    assert daemon(name, config={"shutdown-timeout": 20, "log-level": "warn"}).rc != 0
    assert content(host)["log-level"] == "warn"
    assert process(host) == pid, "killed before the restart"

    promised = granted(name, "--check", config={"shutdown-timeout": 20, "log-level": "warn"})
    result = granted(name, config={"shutdown-timeout": 20, "log-level": "warn"})
    assert (promised["daemon_action"], result["daemon_action"], result["changed"]) == ("restart", "restart", True)
    assert process(host) != pid
    assert granted(name, config={"shutdown-timeout": 20, "log-level": "warn"})["changed"] is False
    assert granted(name, config={})["changed"] is True


def test_killed_and_restarted_by_somebody_else(host: t.Any, name: str, killer: None) -> None:
    assert daemon(name, config={"log-level": "warn"}).rc != 0
    host.check_output("systemctl restart docker.service")
    pid = process(host)
    assert granted(name, config={"log-level": "warn"})["daemon_action"] == "none"
    assert process(host) == pid, "no needless restart"
    assert granted(name, config={})["daemon_action"] == "restart"


def test_killed_with_a_file_that_does_not_start(host: t.Any, name: str, killer: None) -> None:
    good = text(host)
    assert daemon(name, **UNUSABLE).rc != 0
    assert text(host) != good
    message = refused(name, **UNUSABLE)
    assert "The last good /etc/docker/daemon.json is back" in message
    assert text(host) == good


def test_engine_stopped(host: t.Any, name: str) -> None:
    host.check_output("systemctl stop docker.socket docker.service")
    result = granted(name, config={"log-level": "warn"})
    assert (result["daemon_action"], result["changed"], result["engine"]["status"]) == ("none", True, "stopped")
    assert "is read at its next start" in result["notes"][-1]
    assert granted(name, config={"log-level": "warn"})["changed"] is False
    assert host.run("systemctl is-active docker.service").stdout.strip() == "inactive"
    host.check_output("systemctl start docker.service")
    assert granted(name, config={})["daemon_action"] == "restart"


def test_engine_failed(host: t.Any, name: str) -> None:
    good = text(host)
    put(host, FILE, json.dumps({**json.loads(good), "nonsense": 1}))
    host.run("systemctl restart docker.service")
    assert host.run("systemctl is-active docker.service").rc != 0
    assert "nonsense" in refused(name, config={"log-level": "warn"})
    result = granted(name, config={"nonsense": None})
    assert result["daemon_action"] == "start"
    assert content(host) == json.loads(good)
    host.check_output("rm -rf %s", STATE)
    put(host, FILE, good)


def test_keys_of_others_survive(host: t.Any, name: str) -> None:
    foreign = content(host)
    granted(name, config={"max-concurrent-downloads": 2, "max-concurrent-uploads": 4})
    assert content(host) == {**foreign, "max-concurrent-downloads": 2, "max-concurrent-uploads": 4}
    granted(name, config={"max-concurrent-downloads": 2})
    assert content(host) == {**foreign, "max-concurrent-downloads": 2}
    result = granted(name, config={})
    assert (result["daemon_action"], content(host)) == ("reload", foreign)


def test_secrets_stay_secret(host: t.Any, name: str) -> None:
    if "20.10" in host.check_output("dockerd --version"):
        pytest.skip("proxies are known from engine 23.0 on")
    config = {
        "proxies": {"http-proxy": f"http://user:{CANARY}@192.0.2.1:3128"},
        "labels": [f"api-token={CANARY}"],
    }
    since = host.check_output("date +%s")
    verbose = ("-vvv", "--diff")
    outputs = [daemon(name, *verbose, "--check", config=config), daemon(name, *verbose, config=config)]
    assert outputs[-1].rc == 0, outputs[-1].failure
    assert host.file(FILE).mode == 0o600
    outputs.append(daemon(name, *verbose, **{**UNUSABLE, "config": {**config, **UNUSABLE["config"]}}))
    outputs.append(daemon(name, *verbose, config={}))
    for run in outputs:
        assert "Configure" in run.output
        assert CANARY not in run.output
    assert CANARY not in host.check_output("journalctl --since @%s --no-pager", since).replace("-vvv", "")
    assert host.run("grep -rl %s /etc /root /tmp /var/tmp", CANARY).stdout == ""
    assert CANARY not in host.check_output("cat %s/*.state", STATE)
