# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role from a bare host to a remediated one, in order; Molecule has already converged it with the strict profile.

The daemon is asked through its own command line, and the file is read as it lies there: none of our code judges itself.
"""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests.support import Run, role

FOREIGN = {"runtimes": {"second": {"path": "/usr/sbin/runc"}}, "labels": ["site=lab"]}
FILE = "/etc/docker/daemon.json"


@pytest.fixture(scope="module")
def name(host: t.Any) -> str:
    return str(host.backend.get_hostname())


@pytest.fixture(scope="module")
def survivor(host: t.Any) -> str:
    """Process and start of the container that must outlive it all."""
    return _survivor(host)


def _survivor(host: t.Any) -> str:
    return str(host.check_output("docker inspect --format '{{.State.Pid}} {{.State.StartedAt}}' survivor"))


@pytest.fixture(autouse=True)
def unharmed(host: t.Any, survivor: str) -> t.Iterator[None]:
    """Whatever a step did, the container runs as before and answers on its port."""
    host.run("systemctl reset-failed docker.service")
    yield
    assert host.check_output("curl -fsS --max-time 5 http://127.0.0.1:8099/") == "ok"
    assert _survivor(host) == survivor


def content(host: t.Any) -> dict[str, t.Any]:
    document: dict[str, t.Any] = json.loads(host.file(FILE).content_string)
    return document


def info(host: t.Any) -> dict[str, t.Any]:
    document: dict[str, t.Any] = json.loads(host.check_output("docker info --format '{{json .}}'"))
    return document


def traces(host: t.Any) -> str:
    """All that the role may write, and the daemon's process: equal means untouched."""
    return str(
        host.check_output(
            "find /etc/docker /var/lib/bulkhead.docker /etc/systemd -type f -exec sha256sum {} + 2>/dev/null | sort; "
            "find /etc/docker /var/lib/bulkhead.docker -printf '%p %m %T@\\n' 2>/dev/null | sort; "
            "systemctl show docker.service --property=MainPID,ActiveEnterTimestampMonotonic"
        )
    )


def apply(name: str, *options: str, **variables: t.Any) -> Run:
    run = role("docker_daemon", name, {"docker_daemon_profile": "strict", **variables}, *options)
    assert run.rc == 0, run.output
    return run


def diff(run: Run) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    entry = run.of("docker_daemon_config")["diff"]
    entry = entry[0] if isinstance(entry, list) else entry
    before, after = (json.loads(part) if isinstance(part, str) else part for part in (entry["before"], entry["after"]))
    return before, after


def test_foreign_keys_survived(host: t.Any) -> None:
    assert FOREIGN.items() <= content(host).items()


def test_undo_gives_back_what_was_there(host: t.Any, name: str) -> None:
    """In two steps: without live-restore, a restart would stop the survivor, so it goes last."""
    kept = apply(name, docker_daemon_profile="none", docker_daemon_config={"live-restore": True})
    assert kept.of("docker_daemon_config")["daemon_action"] == "restart"
    assert info(host)["LoggingDriver"] == "json-file"
    apply(name, docker_daemon_profile="none")
    assert content(host) == {**FOREIGN, "debug": True}
    assert info(host)["Debug"] is True


def test_check_on_a_bare_host_tells_all_and_writes_nothing(host: t.Any, name: str) -> None:
    before = traces(host)
    run = apply(name, "--check", "--diff")
    assert traces(host) == before
    was, will = diff(run)
    assert run.changed
    assert "debug" in was and "debug" not in will
    assert (will["icc"], will["live-restore"], will["userland-proxy"]) == (False, True, False)


def test_converge_does_what_check_said(host: t.Any, name: str) -> None:
    _was, promised = diff(apply(name, "--check", "--diff"))
    run = apply(name, "--diff")
    assert run.changed
    assert content(host) == promised
    result = run.of("docker_daemon_config")
    assert result["daemon_action"] == "restart"
    assert result["restart_pending"] and "icc of the default bridge" in result["restart_reason"]
    assert [entry["name"] for entry in result["recreate"]] == ["survivor"]


def test_the_daemon_runs_it(host: t.Any) -> None:
    engine = info(host)
    assert engine["LiveRestoreEnabled"] is True
    assert engine["LoggingDriver"] == "journald"
    assert engine["Debug"] is False


def test_a_new_container_gains_the_new_defaults(host: t.Any) -> None:
    status = host.check_output(
        "docker run --rm tiny:1 sh -c 'grep NoNewPrivs /proc/self/status; ulimit -n; ulimit -Hn'"
    )
    assert status.split() == ["NoNewPrivs:", "1", "16384", "16384"]
    created = host.check_output("docker create tiny:1")
    driver = host.check_output("docker inspect --format '{{.HostConfig.LogConfig.Type}}' %s", created)
    host.check_output("docker rm %s", created)
    assert driver == "journald"


def test_file_is_roots_and_readable(host: t.Any) -> None:
    file = host.file(FILE)
    assert (file.user, file.group, file.mode) == ("root", "root", 0o644)


@pytest.mark.parametrize("options", [(), ("--check",)])
def test_a_second_run_changes_nothing(host: t.Any, name: str, options: tuple[str, ...]) -> None:
    before = traces(host)
    assert apply(name, *options).changed == []
    assert traces(host) == before


def test_order_and_white_space_are_no_change(host: t.Any, name: str) -> None:
    scrambled = json.dumps(dict(reversed(list(content(host).items()))), indent=None)
    _write(host, scrambled)
    assert apply(name, "--check").changed == []
    assert apply(name).changed == []
    assert host.file(FILE).content_string == scrambled


def test_tampering_shows_exactly_and_is_mended(host: t.Any, name: str) -> None:
    tampered = {**content(host), "icc": True, "max-concurrent-downloads": 5}
    del tampered["userland-proxy"]
    _write(host, json.dumps(tampered))

    was, will = diff(apply(name, "--check", "--diff"))
    assert {key for key in {**was, **will} if was.get(key) != will.get(key)} == {"icc", "userland-proxy"}
    assert (was["icc"], will["icc"], will["userland-proxy"]) == (True, False, False)
    assert content(host) == tampered

    assert apply(name).changed
    assert content(host) == {**tampered, "icc": False, "userland-proxy": False}
    assert apply(name).changed == []


def test_a_variable_taken_away_takes_only_its_key(host: t.Any, name: str) -> None:
    apply(name, docker_daemon_config={"max-concurrent-uploads": 2})
    assert content(host)["max-concurrent-uploads"] == 2
    apply(name)
    assert "max-concurrent-uploads" not in content(host)
    assert content(host)["max-concurrent-downloads"] == 5, "a key that somebody else added stays"


def test_an_unmanaged_key_is_left_alone(host: t.Any, name: str) -> None:
    run = apply(name, "--check", docker_daemon_unmanaged=["icc"], docker_daemon_config={"debug": True})
    changes = {change["key"]: change["after"] for change in run.of("docker_daemon_config")["changes"]}
    assert changes == {"icc": None, "debug": True}, "icc is given back; debug is the user's"


def _write(host: t.Any, text: str) -> None:
    host.check_output("printf %s %s > %s", "%s", text, FILE)
