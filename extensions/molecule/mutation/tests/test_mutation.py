# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each setting broken on a live host, one at a time: the audit turns red for exactly that rule."""

from __future__ import annotations

import dataclasses
import json
import shlex
import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests import mutations, support
from ansible_collections.bulkhead.docker.tests.mutations import CONTAINERS, DAEMONS, HOSTS, Container, Daemon, Host

FILE = "/etc/docker/daemon.json"
DROP_IN = "/etc/systemd/system/docker.service.d/mutation.conf"
Red = dict[str, set[str]]  # subject's name -> rules that failed, or met an error
Evidence = dict[str, str]  # of each red rule
BATCHES = sorted({row.batch for row in HOSTS})

SETUP = """
set -e
lab-image app:1.0 >/dev/null && docker tag app:1.0 app:latest && docker tag app:1.0 tecnativa/docker-socket-proxy:1.0
docker network create app >/dev/null
mkdir -p /srv/shared /srv/tls
echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [' >/srv/allow.json
echo '{"names": ["kexec_load"], "action": "SCMP_ACT_ERRNO"}]}' >>/srv/allow.json
mountpoint -q /srv/shared || { mount --bind /srv/shared /srv/shared && mount --make-shared /srv/shared; }
printf '#!/bin/sh\nsleep 1000\n' >/srv/sshd && chmod 755 /srv/sshd
cd /srv/tls
""" + "\n".join(
    f"openssl req -x509 -nodes -subj /CN={name} {options} -keyout {name}.key -out {name}.pem 2>/dev/null"
    for name, options in mutations.CERTIFICATES.items()
)
NO_CONTAINERS = "docker ps --all --quiet | xargs -r docker rm --force --volumes >/dev/null\n"
TEARDOWN = f"""
{NO_CONTAINERS}
docker network rm app >/dev/null; docker image rm app:1.0 app:latest tecnativa/docker-socket-proxy:1.0 >/dev/null
umount /srv/shared; rm -rf /srv/shared /srv/tls /srv/sshd /srv/allow.json {DROP_IN}
"""


@pytest.fixture(scope="module")
def name(host: t.Any) -> str:
    return str(host.backend.get_hostname())


@pytest.fixture(scope="module")
def major(host: t.Any) -> int:
    return int(host.check_output("docker version --format '{{.Server.Version}}'").partition(".")[0])


@pytest.fixture(scope="module", autouse=True)
def hardened(host: t.Any) -> t.Iterator[None]:
    """A host with the good daemon and all that the mutants need; put back as it was in the end."""
    before = host.file(FILE).content_string if host.file(FILE).exists else None
    # one that an earlier scenario left running would keep the default bridge as it was
    run(host, NO_CONTAINERS + daemon(mutations.GOOD_DAEMON) + RESTART + SETUP)
    yield
    host.run("bash -c %s", TEARDOWN)
    run(host, (f"rm -f {FILE}" if before is None else f"printf %s {shlex.quote(before)} >{FILE}") + f"; {RESTART}")


def run(host: t.Any, script: str) -> str:
    done = host.run("bash -c %s", script)
    assert done.rc == 0, f"{done.stdout}\n{done.stderr}\nof {script[:500]}"
    return str(done.stdout)


def daemon(keys: t.Mapping[str, t.Any], drop_in: str = "") -> str:
    """A script that writes both files of the daemon's configuration."""
    content = json.dumps({key: value for key, value in keys.items() if value is not None})
    folder = DROP_IN.rpartition("/")[0]
    return (
        f"set -e; mkdir -p /etc/docker {folder}; printf %s {shlex.quote(content)} >{FILE}\n"
        f"printf %s {shlex.quote(drop_in)} >{DROP_IN}\n"
    )


RESTART = """systemctl daemon-reload && systemctl reset-failed docker && systemctl restart docker
docker version >/dev/null
"""


def audit(name: str, policy: t.Mapping[str, t.Any], subject: str) -> Red:
    """Names of the rules that are red, for each subject of this kind."""
    options = {"policy": policy, "subjects": [subject], "verdicts": ["fail", "error"]}
    document = support.adhoc("bulkhead.docker.docker_audit", name, options)["audit"]
    red: Red = {}
    for finding in document["findings"]:
        red.setdefault(finding["subject"]["name"], set()).add(finding["rule"])
    return red


def command(row: Container) -> str:
    """What makes the mutant, as a line of shell."""
    options = {**mutations.GOOD_CONTAINER, **row.options}
    words = [f"--{option}={value}" for option, values in options.items() for value in values]
    line = shlex.join(["docker", "run", "--detach", "--name", row.name, *words, row.image, *row.command])
    return f"{line} >/dev/null{row.then and ' && ' + row.then.format(name=row.name)}"


@dataclasses.dataclass(frozen=True)
class Mutants:
    red: Red
    running: t.Collection[str]
    said: str


@pytest.fixture(scope="module")
def containers(host: t.Any, name: str, major: int, hardened: None) -> Mutants:
    """All mutants side by side, and one audit of them."""
    lines = [command(row) for row in CONTAINERS if row.engine <= major]
    run(host, command(Container("good")))
    made = host.run("bash -c %s", f"printf '%s\\0' {shlex.join(lines)} | xargs -0 -P 4 -I LINE sh -c LINE")
    running = run(host, "docker ps --format '{{.Names}}'").split()
    return Mutants(audit(name, mutations.POLICY, "container"), running, made.stderr)


def test_good_container_is_green(containers: Mutants) -> None:
    assert "good" in containers.running
    assert containers.red.get("good", set()) == set()


@pytest.mark.parametrize("row", CONTAINERS, ids=lambda row: row.name)
def test_container_mutant_is_red_for_its_rule(containers: Mutants, major: int, row: Container) -> None:
    if row.engine > major:
        pytest.skip(f"engine {major} cannot do this")
    assert row.name in containers.running, containers.said
    assert containers.red.get(row.name, set()) - set(row.perhaps) == {row.rule, *row.implied}


def only(audited: dict[str, set[str]]) -> set[str]:
    """What is red on the one subject there is."""
    assert len(audited) == 1
    return next(iter(audited.values()))


@pytest.fixture(scope="module")
def alone(host: t.Any, containers: Mutants) -> None:
    """Restarts are cheap without containers."""
    run(host, NO_CONTAINERS)


def test_good_daemon_is_green(name: str, alone: None) -> None:
    red = only(audit(name, mutations.POLICY, "daemon"))
    assert red == set(mutations.OPEN)


@pytest.fixture
def mutant(host: t.Any, alone: None, major: int, request: pytest.FixtureRequest) -> t.Iterator[Daemon]:
    """The daemon broken as the row says."""
    row: Daemon = request.param
    if row.engine > major:
        pytest.skip(f"engine {major} cannot do this")
    broken = daemon({**mutations.GOOD_DAEMON, **row.keys}, drop_in(row))
    # without a restart after it, the change must meet a daemon that runs with the good settings
    run(host, broken + RESTART + row.then if row.restart else daemon(mutations.GOOD_DAEMON) + RESTART + broken)
    yield row
    if row.undo:
        run(host, row.undo)


def drop_in(row: Daemon) -> str:
    start = "/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock"
    changed = f"ExecStart=\nExecStart={start} {row.flags}\n" if row.flags else ""
    return f"[Service]\n{changed}{row.unit}\n"


@pytest.mark.parametrize("mutant", DAEMONS, ids=lambda row: row.name, indirect=True)
def test_daemon_mutant_is_red_for_its_rule(name: str, mutant: Daemon) -> None:
    red = only(audit(name, mutant.policy, "daemon"))
    assert red == {mutant.rule, *mutations.OPEN}


@pytest.mark.parametrize("rule", mutations.MENDED)
def test_open_rule_turns_green(host: t.Any, name: str, alone: None, rule: str) -> None:
    run(host, daemon({**mutations.GOOD_DAEMON, **mutations.MENDED[rule]}) + RESTART)
    try:
        red = only(audit(name, mutations.POLICY, "daemon"))
        assert red == set(mutations.OPEN) - {rule}
    finally:
        run(host, daemon(mutations.GOOD_DAEMON) + RESTART)


@pytest.fixture(scope="module")
def good_host(host: t.Any, alone: None) -> t.Iterator[None]:
    run(host, mutations.GOOD_HOST + daemon(mutations.GOOD_HOST_DAEMON) + RESTART)
    yield
    host.run("bash -c %s", mutations.NO_GOOD_HOST)


def judged_host(name: str, policy: t.Mapping[str, t.Any]) -> Evidence:
    """What is red about the host, and what was seen."""
    options = {"policy": {**mutations.HOST_POLICY, **policy}, "subjects": ["host"], "verdicts": ["fail", "error"]}
    document = support.adhoc("bulkhead.docker.docker_audit", name, options)["audit"]
    return {finding["rule"]: json.dumps(finding["evidence"].get("observed")) for finding in document["findings"]}


def test_good_host_is_green(name: str, good_host: None) -> None:
    assert judged_host(name, {}) == {}


@pytest.fixture(scope="module")
def broken_hosts(host: t.Any, name: str, major: int, good_host: None) -> dict[str, Evidence]:
    """Each batch broken, judged and mended."""
    return {
        batch: broken(host, name, [row for row in HOSTS if row.batch == batch and row.engine <= major])
        for batch in BATCHES
    }


def broken(host: t.Any, name: str, rows: t.Sequence[Host]) -> Evidence:
    keys = {key: value for row in rows for key, value in row.keys.items()}
    start = daemon({**mutations.GOOD_HOST_DAEMON, **keys}) + RESTART if keys else ""
    end = daemon(mutations.GOOD_HOST_DAEMON) + RESTART if keys else ""
    run(host, "\n".join(["set -e", *(row.do for row in rows), start]))
    try:
        return judged_host(name, {key: value for row in rows for key, value in row.policy.items()})
    finally:
        run(host, "\n".join([*(row.undo for row in rows), end]))


@pytest.mark.parametrize("row", HOSTS, ids=lambda row: row.name)
def test_host_mutant_is_red_for_its_rule(broken_hosts: dict[str, Evidence], major: int, row: Host) -> None:
    if row.engine > major:
        pytest.skip(f"engine {major} cannot do this")
    assert row.seen in broken_hosts[row.batch].get(row.rule, "not red")


@pytest.mark.parametrize("batch", BATCHES)
def test_nothing_else_is_red(broken_hosts: dict[str, Evidence], major: int, batch: str) -> None:
    rows = [row for row in HOSTS if row.batch == batch and row.engine <= major]
    assert set(broken_hosts[batch]) == {rule for row in rows for rule in (row.rule, *row.implied)}


def test_mended_host_is_green(name: str, broken_hosts: dict[str, Evidence]) -> None:
    assert judged_host(name, {}) == {}
