# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's own clients through each preset: what it needs works, the rest is refused; and the service."""

from __future__ import annotations

import json
import typing as t

import pytest

RUN = "/run/bulkhead-docker-proxy"
CONSUMERS = ("traefik", "prometheus", "portainer", "watchtower", "backup")
#: The host's own programs inside a container, which has none.
TOOLS = "--volume /usr:/usr:ro --volume /lib:/lib:ro --volume /lib64:/lib64:ro"


def sdk(host: t.Any, consumer: str, program: str, version: str = "auto") -> t.Any:
    """What an expression of the Docker SDK is on the host, or the status it is refused with."""
    text = (
        "import docker, json\n"
        f"client = docker.DockerClient('unix://{RUN}/{consumer}/docker.sock', version='{version}')\n"
        "try:\n"
        f"    answer = {program}\n"
        "except docker.errors.APIError as error:\n"
        "    answer = error.response.status_code\n"
        "print(json.dumps(answer))"
    )
    return json.loads(host.check_output("python3 -c %s", text))


SDK = [
    ("traefik", "[c.name for c in client.containers.list()]", ["victim"]),
    ("traefik", "client.containers.get('victim').labels['app']", "victim"),
    ("traefik", "client.ping()", True),
    ("traefik", "sorted({e['Type'] for e in client.events(since=1, until=2, decode=True)})", []),
    ("traefik", "client.networks.list()", 403),
    ("traefik", "client.info()", 403),
    ("traefik", "client.containers.get('victim').logs()", 403),
    ("traefik", "client.containers.get('victim').stop()", 403),
    ("prometheus", "len(client.api.containers(filters={'status': 'running'}))", 1),
    ("prometheus", "'net-172.30.0' in [n['Name'] for n in client.api.networks()]", True),
    ("prometheus", "client.info()['Containers']", 1),
    ("prometheus", "client.containers.get('victim').name", 403),
    ("portainer", "client.images.get('tiny:1').tags", ["tiny:1"]),
    ("portainer", "len(client.images.list())", 1),
    ("portainer", "client.volumes.list()", []),
    ("portainer", "client.containers.get('victim').stats(stream=False)['name']", "/victim"),
    ("portainer", "client.df()['Containers'][0]['Names']", ["/victim"]),
    ("portainer", "client.containers.get('victim').get_archive('/')", 403),
    ("portainer", "next(client.containers.get('victim').export()) and 1", 403),
    ("portainer", "client.containers.get('victim').exec_run('id')", 403),
    ("portainer", "client.containers.create('tiny:1').id", 403),
    ("portainer", "client.images.remove('tiny:1')", 403),
    ("watchtower", "client.images.pull('127.0.0.1:9/app:1')", (404, 500)),
    ("watchtower", "client.containers.get('victim').exec_run('id')", 403),
    ("watchtower", "client.containers.prune()", 403),
    ("watchtower", "client.volumes.create('v').name", 403),
    ("backup", "len(next(client.api.export('victim'))) > 0", True),
    ("backup", "client.containers.get('victim').name", 403),
]


@pytest.mark.parametrize(("consumer", "program", "expected"), SDK, ids=[f"{row[0]}: {row[1]}" for row in SDK])
def test_sdk(host: t.Any, consumer: str, program: str, expected: t.Any) -> None:
    version = "1.40" if consumer == "backup" else "auto"  # it may not even ask for the version
    answer = sdk(host, consumer, program, version)
    assert answer in expected if isinstance(expected, tuple) else answer == expected


def test_watchtower_replaces_a_container(host: t.Any) -> None:
    """Its whole cycle, as it goes about it."""
    host.check_output("docker run --detach --name old --network net-172.31.0 tiny:1 sleep infinity")
    answer = sdk(
        host,
        "watchtower",
        "[(old := client.containers.get('old')).kill('SIGKILL'), old.remove(force=True),"
        " (new := client.containers.create('tiny:1', 'sleep infinity', name='old')).start(),"
        " client.api.connect_container_to_network(new.id, 'net-172.31.0'), new.rename('newer'),"
        " client.containers.get('newer').status][-1]",
    )
    assert answer == "running"
    host.check_output("docker rm --force newer")


CLI = [
    ("traefik", "ps --format '{{.Names}}'", "victim"),
    ("traefik", "inspect --type container --format '{{.Config.Labels.app}}' victim", "victim"),
    ("prometheus", "network ls --quiet --filter name=net-172.30.0 --format '{{.Name}}'", "net-172.30.0"),
    ("portainer", "images --format '{{.Repository}}'", "tiny"),
    ("portainer", "info --format '{{.Containers}}'", "1"),
    ("watchtower", "start victim", "victim"),
]


@pytest.mark.parametrize(("consumer", "command", "expected"), CLI)
def test_cli(host: t.Any, consumer: str, command: str, expected: str) -> None:
    assert host.check_output(f"docker --host unix://{RUN}/{consumer}/docker.sock {command}") == expected


@pytest.mark.parametrize(
    ("consumer", "command"),
    [
        ("traefik", "exec victim id"),
        ("traefik", "run --rm tiny:1 id"),
        ("prometheus", "inspect victim"),
        ("portainer", "cp victim:/etc/passwd -"),
        ("portainer", "export --output /root/out victim"),
        ("portainer", "save --output /root/out tiny:1"),
        ("portainer", "rm --force victim"),
        ("watchtower", "attach victim"),
        ("watchtower", "exec victim id"),
        ("watchtower", "system prune --force"),
        ("backup", "logs victim"),
    ],
)
def test_cli_refused(host: t.Any, consumer: str, command: str) -> None:
    done = host.run(f"timeout 20 docker --host unix://{RUN}/{consumer}/docker.sock {command}")
    assert done.rc not in (0, 124)
    # the client shows no message of an upgrade that fails
    said = "403" if command.startswith("attach") else f"the socket proxy {consumer} does not allow this request"
    assert said in done.stderr


@pytest.mark.parametrize("consumer", CONSUMERS)
def test_the_service_is_nobody(host: t.Any, consumer: str) -> None:
    service = f"bulkhead-docker-proxy@{consumer}.service"
    main = host.check_output("systemctl show --value --property=MainPID %s", service)
    pids = [main, *host.file(f"/proc/{main}/task/{main}/children").content_string.split()]
    assert len(pids) == 2, "master and worker"
    uid = str(host.user("bulkhead-docker-proxy").uid)
    assert uid != "0"
    for pid in pids:
        rows = (line.split(":", 1) for line in host.file(f"/proc/{pid}/status").content_string.splitlines())
        status = {name: value.strip() for name, value in rows}
        assert set(status["Uid"].split()) == {uid}
        assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
        assert set(status["Groups"].split()) == {
            str(host.group("docker").gid),
            str(host.group("bulkhead-docker-proxy").gid),
        }


@pytest.mark.parametrize("consumer", CONSUMERS)
def test_the_service_is_shut_in(host: t.Any, consumer: str) -> None:
    service = f"bulkhead-docker-proxy@{consumer}.service"
    line = host.check_output("systemd-analyze security --no-pager %s", service).splitlines()[-1]
    score = float(line.split(":")[1].split()[0])
    assert score < (1.5 if consumer == "prometheus" else 1.0), line
    host_network = host.check_output("readlink /proc/1/ns/net")
    main = host.check_output("systemctl show --value --property=MainPID %s", service)
    assert (host.check_output("readlink /proc/%s/ns/net", main) == host_network) is (consumer == "prometheus")
    assert host.check_output("systemctl show --value --property=MemoryMax %s", service) == str(128 * 1024**2)


def test_its_user_is_in_no_group_of_the_host(host: t.Any) -> None:
    assert host.check_output("getent group docker").split(":")[-1].split(",") != ["bulkhead-docker-proxy"]
    assert host.check_output("id --groups --name bulkhead-docker-proxy") == "bulkhead-docker-proxy"
    assert host.user("bulkhead-docker-proxy").shell == "/usr/sbin/nologin"


@pytest.mark.parametrize("consumer", CONSUMERS)
def test_configuration_is_valid_without_a_warning(host: t.Any, consumer: str) -> None:
    done = host.run("haproxy -c -dW -f /etc/bulkhead.docker/proxy/%s.cfg", consumer)
    assert done.rc == 0 and "WARNING" not in done.stdout + done.stderr


def test_modes(host: t.Any) -> None:
    traefik, prometheus = host.file(f"{RUN}/traefik/docker.sock"), host.file(f"{RUN}/prometheus/docker.sock")
    assert (traefik.mode, traefik.gid, traefik.user) == (0o660, 4242, "bulkhead-docker-proxy")
    assert prometheus.mode == 0o600
    assert (host.file(f"{RUN}/traefik").mode, host.file(f"{RUN}/traefik").gid) == (0o2710, 4242)


def inside(host: t.Any, user: str, path: str) -> t.Any:
    """Ask from a container that has the proxy's directory, no capability and no network."""
    return host.run(
        f"docker run --rm --user {user} --cap-drop ALL --network none {TOOLS} --volume {RUN}/traefik:/proxy:ro tiny:1"
        f" /usr/bin/curl --silent --write-out ' %{{http_code}}' --unix-socket /proxy/docker.sock http://docker/{path}"
    )


def test_a_container_with_the_directory(host: t.Any) -> None:
    listed = inside(host, "1000:4242", "containers/json")
    assert listed.stdout.endswith(" 200") and "victim" in listed.stdout
    assert inside(host, "1000:4242", "containers/victim/export").stdout.endswith(" 403")
    assert inside(host, "1000:1000", "containers/json").stdout == " 000", "the group is needed"


def test_it_outlives_a_restart_of_the_service(host: t.Any) -> None:
    ask = (
        "docker exec guest /usr/bin/curl --silent --output /dev/null --write-out '%{http_code}' --retry 20"
        " --retry-delay 1 --retry-all-errors --unix-socket /proxy/docker.sock http://docker/_ping"
    )
    host.check_output(
        f"docker run --detach --name guest --user 1000:4242 --cap-drop ALL --network none {TOOLS}"
        f" --volume {RUN}/traefik:/proxy:ro tiny:1 sleep infinity"
    )
    assert host.check_output(ask) == "200"
    host.check_output("systemctl restart bulkhead-docker-proxy@traefik.service")
    assert host.check_output(ask) == "200"
    host.check_output("systemctl kill --signal=KILL bulkhead-docker-proxy@traefik.service")
    assert host.check_output(ask) == "200", "systemd brings it back"
    host.check_output("docker rm --force guest")


RELOAD = f"""
ask() {{ curl --silent --unix-socket {RUN}/traefik/docker.sock "$@"; }}
ask --no-buffer http://docker/events > /root/events &
stream=$!
sleep 1
(for i in $(seq 40); do ask --fail --output /dev/null http://docker/_ping || echo failed; done) &
poll=$!
for i in 1 2; do systemctl reload bulkhead-docker-proxy@traefik.service; sleep 0.5; done
wait $poll
docker run --rm tiny:1 true
for i in $(seq 50); do grep --quiet '"status":"die"' /root/events && break; sleep 0.1; done
kill $stream && grep --only-matching '"status":"start"' /root/events
"""


def test_a_reload_drops_nothing(host: t.Any) -> None:
    """A stream of events lives on through two of them, and a client that asks all the time never fails."""
    assert host.run("bash -c %s", RELOAD).stdout.split() == ['"status":"start"']


def test_a_client_that_leaves_is_let_go(host: t.Any) -> None:
    """A stream that nobody reads is not kept open towards the engine."""
    count = "ss --no-header --unix --all | grep --count 'ESTAB.*/run/docker.sock' || true"
    before = int(host.check_output(count))
    host.run(f"curl --silent --max-time 1 --unix-socket {RUN}/traefik/docker.sock http://docker/events")
    host.check_output("sleep 1")
    assert int(host.check_output(count)) <= before


def reach(host: t.Any, network: str, path: str) -> str:
    return str(
        host.run(
            f"docker run --rm --network {network} {TOOLS} tiny:1 /usr/bin/curl --silent --max-time 5 --output /dev/null"
            f" --write-out '%{{http_code}}' http://172.30.0.1:2375/{path}"
        ).stdout
    )


def test_a_network_has_its_proxy_to_itself(host: t.Any) -> None:
    assert reach(host, "net-172.30.0", "containers/json") == "200"
    assert reach(host, "net-172.30.0", "containers/victim/json") == "403"
    assert reach(host, "net-172.31.0", "containers/json") == "000"
    assert reach(host, "bridge", "containers/json") == "000"
    for source in ("172.30.0.1", "127.0.0.1", "172.31.0.1"):
        done = host.run("curl --silent --max-time 5 --interface %s http://172.30.0.1:2375/containers/json", source)
        assert done.rc != 0, "not the host's own users, whatever address they take"


def test_denials_are_in_the_journal_without_what_was_asked_for(host: t.Any) -> None:
    host.run(f"curl --silent --unix-socket {RUN}/traefik/docker.sock 'http://docker/secret-path?token=query-secret'")
    log = host.check_output("journalctl --unit bulkhead-docker-proxy@traefik.service --output cat --no-pager")
    assert "GET /secret-path 403" in log
    assert "query-secret" not in log
    assert "/_ping 200" not in log, "what is allowed to be read is not worth a line"
