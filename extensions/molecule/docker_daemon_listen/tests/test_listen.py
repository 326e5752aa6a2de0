# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API on TCP by the role, from a bare host through trouble and back. curl and openssl are the witnesses."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests.support import Run, play, role

debian = pytest.mark.debian
FILE = "/etc/docker/daemon.json"
DROP_IN = "/etc/systemd/system/docker.service.d/zz-bulkhead.conf"
TLS = {f"tls{kind}": f"/etc/docker/tls/{name}.pem" for kind, name in
       {"cacert": "ca", "cert": "server-cert", "key": "server-key"}.items()}  # fmt: skip

# the module is this script's grandparent: timeout(1) stands between
KILLER = """#!/bin/sh
case "$*" in
  *WHEN*) rm "$0"; kill -9 $(cut -d " " -f 4 /proc/$PPID/stat); exit 1 ;;
esac
exec /usr/bin/systemctl "$@"
"""


@pytest.fixture(scope="module")
def name(host: t.Any) -> str:
    return str(host.backend.get_hostname())


@pytest.fixture(scope="module")
def address(host: t.Any) -> str:
    return str(host.check_output("ip -4 -brief address show eth0")).split()[2].partition("/")[0]


@pytest.fixture(scope="module")
def survivor(host: t.Any) -> str:
    return _survivor(host)


def _survivor(host: t.Any) -> str:
    return str(host.check_output("docker inspect --format '{{.State.Pid}} {{.State.StartedAt}}' survivor"))


@pytest.fixture(scope="module")
def vendor(host: t.Any) -> str:
    """The unit as it was packaged: checksum and path."""
    path = host.check_output("systemctl show docker.service --property=FragmentPath --value")
    return str(host.check_output("sha256sum %s", path))


@pytest.fixture(autouse=True)
def unharmed(host: t.Any, survivor: str, vendor: str) -> t.Iterator[None]:
    """Whatever a step did: the container is the same, the vendor's unit too, and no guard is left armed."""
    host.run("systemctl reset-failed docker.service docker.socket")
    yield
    assert _survivor(host) == survivor
    assert host.check_output("sha256sum %s", vendor.split()[1]) == vendor
    assert host.check_output("systemctl list-units --all --plain --no-legend 'bulkhead-guard-*.timer'") == ""
    assert host.check_output("find /etc/docker /etc/systemd -name '*.bulkhead'") == "", "no half-written file is left"


def apply(name: str, *options: str, **variables: t.Any) -> Run:
    return role("docker_daemon", name, variables, *options)


def granted(name: str, *options: str, **variables: t.Any) -> Run:
    run = apply(name, *options, **variables)
    assert run.rc == 0, run.output
    return run


def last(run: Run) -> dict[str, t.Any]:
    """The last word of the module: a change of listeners calls it twice."""
    return [result for result in run.results if result["action"].endswith("docker_daemon_config")][-1]


def traces(host: t.Any) -> str:
    """Every byte that the role may write, and which daemon runs."""
    return str(
        host.check_output(
            "find /etc/docker /etc/systemd -type f -exec sha256sum {} + | sort; find /etc/systemd -type d | sort; "
            "systemctl show docker.service --property=MainPID,ExecStart | sed 's/ ; ignore_errors.*//'"
        )
    )


def files(host: t.Any) -> str:
    return str(
        host.check_output("find /etc/docker /etc/systemd -type f -exec sha256sum {} + | sort; ls /etc/systemd/system")
    )


def process(host: t.Any) -> str:
    return str(host.check_output("systemctl show docker.service --property=MainPID --value"))


def command_line(host: t.Any) -> str:
    return str(host.check_output("tr '\\0' ' ' < /proc/%s/cmdline", process(host)))


def put(host: t.Any, path: str, text: str, mode: str = "644") -> None:
    host.check_output("mkdir -p $(dirname %s) && printf %%s %s > %s && chmod %s %s", path, text, path, mode, path)


CLIENT = "--cert /etc/docker/tls/client-cert.pem --key /etc/docker/tls/client-key.pem"


def asked(host: t.Any, url: str, options: str = "") -> str:
    """What the API answers to curl; empty when it does not."""
    done = host.run(f"curl --silent --max-time 5 --cacert /etc/docker/tls/ca.pem {options} {url}/_ping")
    return str(done.stdout) if done.rc == 0 else ""


def serves(host: t.Any, address: str) -> bool:
    return asked(host, f"https://{address}:2376", CLIENT) == "OK"


@pytest.fixture(scope="module")
def bare(host: t.Any) -> str:
    return files(host)


def test_check_on_a_bare_host_tells_all_and_writes_nothing(host: t.Any, name: str, address: str, bare: str) -> None:
    before = traces(host)
    run = granted(name, "--check", "--diff", docker_daemon_listen=[address])
    assert traces(host) == before
    result = run.of("docker_daemon_config")
    file, drop_in = result["diff"]
    assert json.loads(file["after"])["hosts"] == ["fd://", f"tcp://{address}:2376"]
    assert drop_in["after_header"] == DROP_IN and drop_in["before"] == ""
    assert drop_in["after"].endswith(
        "ExecStart=/usr/sbin/dockerd --containerd=/run/containerd/containerd.sock $DOCKER_OPTS\n"
    )
    assert result["daemon_action"] == "restart"


def test_the_listener_serves_those_with_a_certificate(host: t.Any, name: str, address: str) -> None:
    run = granted(name, docker_daemon_listen=[address])
    assert any("Confirm over a new one" in task for task in run.changed), "under a guard"
    content = json.loads(host.file(FILE).content_string)
    assert content == {"live-restore": True, "hosts": ["fd://", f"tcp://{address}:2376"], "tlsverify": True, **TLS}
    assert "-H" not in command_line(host)
    assert serves(host, address)


def test_and_nobody_else(host: t.Any, address: str) -> None:
    assert asked(host, f"https://{address}:2376") == ""
    assert asked(host, f"https://{address}:2376", CLIENT.replace("/tls/", "/other/")) == "", "of another authority"
    plain = host.run("curl --silent --max-time 5 http://%s:2376/_ping", address).stdout
    assert "OK" not in plain
    assert host.check_output("docker version --format '{{.Server.Os}}'") == "linux", "the local socket is there"


@pytest.mark.parametrize("options", [(), ("--check",)])
def test_a_second_run_changes_nothing(host: t.Any, name: str, address: str, options: tuple[str, ...]) -> None:
    before = traces(host)
    run = granted(name, *options, docker_daemon_listen=[f"tcp://{address}:2376"])
    assert run.changed == []
    assert len([result for result in run.results if not result.get("skipped")]) <= 4
    assert traces(host) == before


def test_a_drop_in_that_is_gone_comes_back_without_a_restart(host: t.Any, name: str, address: str) -> None:
    """Nothing is wrong until the next start, which would fail."""
    good, pid = files(host), process(host)
    host.check_output("rm %s && systemctl daemon-reload", DROP_IN)
    promised = granted(name, "--check", "--diff", docker_daemon_listen=[address]).of("docker_daemon_config")
    assert promised["diff"]["after_header"] == DROP_IN
    run = granted(name, docker_daemon_listen=[address])
    assert (len(run.changed), run.of("docker_daemon_config")["daemon_action"]) == (1, "none")
    assert (files(host), process(host)) == (good, pid)


def test_the_drop_in_follows_those_of_others(host: t.Any, name: str, address: str) -> None:
    """As it would a package's new unit."""
    other = "/etc/systemd/system/docker.service.d/10-site.conf"
    line = "/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock --label site=lab $DOCKER_OPTS"
    good = files(host)
    put(host, other, f"[Service]\nExecStart=\nExecStart={line}\n")
    granted(name, docker_daemon_listen=[address])
    assert "--label site=lab" in command_line(host) and "-H" not in command_line(host)
    assert serves(host, address)
    host.check_output("rm %s", other)
    granted(name, docker_daemon_listen=[address])
    assert "--label" not in command_line(host)
    assert files(host) == good


def test_a_drop_in_that_would_win_over_ours_is_refused(host: t.Any, name: str, address: str) -> None:
    late = "/etc/systemd/system/docker.service.d/zzz-late.conf"
    before = traces(host)
    put(host, late, "[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd -H fd://\n")
    try:
        run = apply(name, docker_daemon_listen=[address])
    finally:
        host.check_output("rm %s && systemctl daemon-reload", late)
    assert run.rc != 0
    assert f"{late} sets ExecStart and is read after our zz-bulkhead.conf: rename it" in run.failure
    assert traces(host) == before


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        pytest.param(
            {"docker_daemon_listen": ["10.0.0.5:0"]}, "listen: 10.0.0.5:0: the port must be", marks=debian(12)
        ),
        pytest.param(
            {"docker_daemon_tls_dir": "/etc/docker/none"}, "there is no file /etc/docker/none/ca.pem", marks=debian(13)
        ),
        pytest.param(
            {"docker_daemon_config": {"tlskey": "/etc/docker/other/server-key.pem"}},
            "does not belong to",
            marks=debian(14),
        ),
        pytest.param(
            {"docker_daemon_config": {"tlsverify": False}}, "opens the API on TCP without tlsverify", marks=debian(12)
        ),
        pytest.param(
            {"docker_daemon_config": {"tlsverify": False}, "docker_daemon_mode": "exclusive"},
            "out tlsverify",
            marks=debian(13),
        ),
        pytest.param(
            {
                "docker_daemon_listen": [],
                "docker_daemon_config": {"hosts": ["fd://", "0.0.0.0:2375"]},
                "docker_daemon_override_flags": ["hosts"],
            },
            "without tlsverify",
            marks=debian(14),
        ),
    ],
    ids=["port", "no file", "another key", "unverified", "unverified, exclusive", "by a key"],
)
def test_refused_before_anything_is_touched(
    host: t.Any, name: str, address: str, variables: dict[str, t.Any], words: str
) -> None:
    before = traces(host)
    run = apply(name, **{"docker_daemon_listen": [address], **variables})
    assert run.rc != 0
    assert words in run.failure
    assert traces(host) == before


def test_a_port_that_is_taken_is_undone(host: t.Any, name: str, address: str) -> None:
    before = files(host)
    host.check_output("systemd-run --unit=squatter python3 -m http.server --bind %s 2399", address)
    try:
        run = apply(name, docker_daemon_listen=[address, f"{address}:2399"])
    finally:
        host.check_output("systemctl stop squatter")
    assert run.rc != 0
    assert "address already in use" in run.failure
    assert "The previous /etc/docker/daemon.json is back and the engine answers with it" in run.failure
    assert files(host) == before
    assert serves(host, address)
    assert granted(name, docker_daemon_listen=[address]).changed == []


def test_a_certificate_that_only_the_engine_cannot_read(host: t.Any, name: str, address: str) -> None:
    """Newer engines say so when they are asked, 20.10 when it starts."""
    before = files(host)
    run = apply(name, docker_daemon_listen=[address], docker_daemon_tls_dir="/etc/docker/ed448")
    assert run.rc != 0
    assert "Nothing was changed" in run.failure or "is back and the engine answers with it" in run.failure
    assert files(host) == before
    assert serves(host, address)


@pytest.mark.parametrize("moment", ["daemon-reload", "--no-block"])
def test_killed_in_between(host: t.Any, name: str, address: str, moment: str) -> None:
    """The host starts its engine from what lies there, and the next run completes the work."""
    goal = {"listen": [address, "127.0.0.1"], "config": {"live-restore": True, **TLS}}
    task = {"name": "Configure", "bulkhead.docker.docker_daemon_config": goal}
    granted(name)  # closes the listener, and takes the drop-in away
    put(host, "/usr/local/sbin/systemctl", KILLER.replace("WHEN", moment), "755")
    try:
        assert play(name, [task]).rc != 0
    finally:
        host.run("rm -f /usr/local/sbin/systemctl")
    assert host.file(DROP_IN).exists
    host.check_output("systemctl daemon-reload && systemctl restart docker.service")
    assert host.check_output("docker version --format '{{.Server.Os}}'") == "linux"
    run = play(name, [task])
    assert run.rc == 0, run.failure
    assert serves(host, address) and serves(host, "127.0.0.1")
    assert play(name, [task]).changed == []


def test_none_removes_it_all(host: t.Any, name: str, address: str, bare: str) -> None:
    granted(name, docker_daemon_profile="none", docker_daemon_config={"live-restore": True})
    assert json.loads(host.file(FILE).content_string) == {"live-restore": True}
    assert not host.file(DROP_IN).exists
    assert "-H fd://" in command_line(host)
    assert host.run("curl --silent --max-time 5 --insecure https://%s:2376/", address).rc == 7, "connection refused"


def test_an_open_port_of_the_unit_is_told_of_and_taken_over(host: t.Any, name: str, address: str) -> None:
    other = "/etc/systemd/system/docker.service.d/10-open.conf"
    line = "/usr/sbin/dockerd -H fd:// -H tcp://127.0.0.1:2375 --containerd=/run/containerd/containerd.sock"
    put(host, other, f"[Service]\nExecStart=\nExecStart={line}\n")
    host.check_output("systemctl daemon-reload && systemctl restart docker.service")
    warned = granted(name, docker_daemon_profile="none", docker_daemon_config={"live-restore": True})
    assert (
        "-H tcp://127.0.0.1:2375" in str(warned.of("docker_daemon_config")["warnings"]) or "-H fd://" in warned.output
    )
    assert "without tlsverify" in str(warned.of("docker_daemon_config")["warnings"])

    taken = granted(name, docker_daemon_listen=[address])
    assert "tcp://127.0.0.1:2375, which the daemon listened on before, is not in listen" in " ".join(
        last(taken)["notes"]
    )
    assert serves(host, address)
    assert host.run("curl --silent --max-time 5 http://127.0.0.1:2375/_ping").rc == 7

    refused = apply(name)
    assert refused.rc != 0 and "giving back what was there before is refused" in refused.failure
    host.check_output("rm %s", other)
    granted(name)


# the form of rpm packages: options in /etc/sysconfig, here without socket activation
RPM_UNIT = """[Unit]
After=containerd.service
[Service]
Type=notify
EnvironmentFile=-/etc/sysconfig/docker
ExecStart=/usr/sbin/dockerd -H unix:///var/run/docker.sock \\
          --containerd=/run/containerd/containerd.sock $OPTIONS
ExecReload=/bin/kill -s HUP $MAINPID
KillMode=process
Delegate=yes
"""


def test_without_socket_activation_and_with_options_in_a_file(host: t.Any, name: str, address: str) -> None:
    wish: dict[str, t.Any] = {
        "docker_daemon_listen": [address],
        "docker_daemon_config": {"shutdown-timeout": 25},
        "docker_daemon_override_flags": ["shutdown-timeout"],
    }
    put(host, "/etc/sysconfig/docker", "OPTIONS='--shutdown-timeout=20 --max-concurrent-uploads 4'\n")
    put(host, "/etc/systemd/system/docker.service", RPM_UNIT)
    host.check_output("systemctl stop docker.socket; systemctl mask docker.socket; systemctl daemon-reload")
    host.check_output("systemctl restart docker.service")
    granted(name, **wish)
    content = json.loads(host.file(FILE).content_string)
    assert content["hosts"] == ["unix:///var/run/docker.sock", f"tcp://{address}:2376"]
    words = command_line(host)
    assert "-H" not in words and "--shutdown-timeout" not in words and "--max-concurrent-uploads 4" in words
    assert serves(host, address)
    assert granted(name, **wish).changed == []
    granted(name)
    assert "--shutdown-timeout=20" in command_line(host) and "-H unix:///var/run/docker.sock" in command_line(host)
    assert not host.file(DROP_IN).exists
