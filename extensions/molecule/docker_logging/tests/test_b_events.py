# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every event of the engine, once, whoever is restarted meanwhile."""

from __future__ import annotations

import collections
import json
import re
import subprocess
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.tests.log_site import Site, until

HERE = Path(__file__).parent
LIFE = ("create", "start", "die", "destroy")
RECORDER = "bulkhead-docker-events"


def put(site: Site, name: str) -> str:
    path = f"/root/{name}"
    subprocess.run(["docker", "cp", str(HERE / name), f"{site.name}:{path}"], check=True, capture_output=True)
    return path


def recorded(site: Site, container: str, action: str) -> dict[str, t.Any]:
    """The one record of this."""
    (found,) = until(lambda: [one for one in site.events(container) if one["action"] == action])
    return t.cast(dict[str, t.Any], found)


def test_the_recorder_has_no_more_than_it_needs(site: Site) -> None:
    exposure = site.host.check_output(f"systemd-analyze security {RECORDER} --no-pager | tail -n 1")
    assert float(re.search(r"[0-9]+\.[0-9]", exposure)[0]) < 1  # type: ignore[index]  # always a figure
    pid = site.host.check_output(f"systemctl show --value --property MainPID {RECORDER}")
    status = site.host.check_output(f"cat /proc/{pid}/status")
    assert re.search(r"^NoNewPrivs:\t1$", status, re.M) and re.search(r"^Seccomp:\t2$", status, re.M)
    assert re.search(r"^CapEff:\t0+$", status, re.M) and re.search(r"^CapBnd:\t0+$", status, re.M)
    assert RECORDER not in site.host.check_output("getent group docker"), "the group is the process's"
    interfaces = site.host.check_output(f"nsenter --target {pid} --net ip -brief link")
    assert [line.split()[0] for line in interfaces.splitlines()] == ["lo"]


DANGEROUS = (
    "--privileged --pid host --network host --ipc host --uts host --cap-add NET_ADMIN"
    " --volume /var/run/docker.sock:/docker.sock --security-opt seccomp=unconfined"
)


def test_what_is_dangerous_in_a_container_is_said(site: Site) -> None:
    label = '--label \'x=\\n<0>{"action":"forged"}\' --label token=label-secret'
    bad = site.host.check_output(f"docker create {label} {DANGEROUS} tiny:1 true")
    record = recorded(site, bad, "create")
    assert record["dangerous"] is True
    assert record["flags"] == {
        "privileged": True,
        "namespaces": ["network", "pid", "ipc", "uts"],
        "sockets": ["/var/run/docker.sock"],
        "capabilities": record["flags"]["capabilities"],
        "unconfined": ["seccomp", "selinux"],
    }
    assert [one.replace("CAP_", "") for one in record["flags"]["capabilities"]] == ["NET_ADMIN"]
    good = site.host.check_output("docker create tiny:1 true")
    assert (recorded(site, good, "create")["dangerous"], recorded(site, good, "create")["flags"]) == (False, {})
    warnings = site.host.check_output(f"journalctl --unit {RECORDER} --priority warning --output cat")
    assert bad in warnings and good not in warnings
    assert "label-secret" not in site.host.check_output(f"journalctl --unit {RECORDER} --output cat")


def test_arguments_of_commands_stay_out(site: Site) -> None:
    running = site.host.check_output("docker run --detach --network none tiny:1 sleep 1000")
    site.host.check_output(f"docker exec {running} sh -c 'true argument-secret'")
    assert recorded(site, running, "exec_start")["detail"] == "sh"
    assert "argument-secret" not in site.host.check_output(f"journalctl --unit {RECORDER} --output cat")


def test_id_and_digest_tell_the_image(site: Site) -> None:
    """From a registry, which cannot exist here: a fake one with one image."""
    path = put(site, "registry.py")
    site.host.check_output("docker save --output /root/tiny.tar tiny:1")
    site.host.check_output(f"systemd-run --quiet --unit registry -p StandardInput=file:/root/tiny.tar python3 {path}")
    pull = "docker pull 127.0.0.1:5000/tiny:1"
    assert until(lambda: site.host.run(pull).rc == 0), site.host.run(pull).stderr
    digests = "docker image inspect --format '{{json .RepoDigests}}' 127.0.0.1:5000/tiny:1"
    (digest,) = json.loads(site.host.check_output(digests))
    by_tag = site.say("canary-tag", image="127.0.0.1:5000/tiny:1")
    site.host.check_output("docker rmi 127.0.0.1:5000/tiny:1 tiny:1 --force")
    by_digest = site.say("canary-digest", image=digest)
    image = site.host.check_output(f"docker inspect --format '{{{{.Image}}}}' {by_digest}")
    for container in (by_tag, by_digest):
        assert recorded(site, container, "start")["image"] == {"id": image, "digests": [digest]}
    assert site.record("canary-digest")["image"] == {"name": digest, "id": image}, "on the line itself"
    assert site.record("canary-tag")["image"] == {"name": "127.0.0.1:5000/tiny:1", "id": image}
    site.host.check_output(f"systemctl stop registry; docker tag {digest} tiny:1")


def test_a_stopped_engine_is_not_woken(site: Site) -> None:
    site.host.check_output("docker ps --all --quiet | xargs -r docker rm --force")
    container = site.host.check_output("docker run --detach --network none tiny:1 sleep 3")
    assert recorded(site, container, "start")
    site.host.check_output("systemctl reset-failed docker; systemctl stop docker")
    time.sleep(6)
    assert site.host.run("systemctl is-active docker").stdout.strip() == "inactive"
    site.host.check_output("systemctl start docker")
    died = recorded(site, container, "die")
    journal = site.host.check_output(f"journalctl --unit {RECORDER} --output cat --grep '\"gap\"'")
    assert journal and died["source"] in ("inventory", "engine"), "it died while no engine ran"


COUNTS = {"bookworm": 60, "trixie": 500, "forky": 60}


def test_no_event_is_lost_or_doubled_while_both_are_restarted(site: Site, record_property: t.Any) -> None:
    suite = site.host.check_output(". /etc/os-release && echo $VERSION_CODENAME")
    count = COUNTS[suite]
    path = put(site, "churn.py")
    since = site.host.check_output("date +%s.%N")
    site.host.check_output(
        f"systemd-run --quiet --unit churn --property Type=exec sh -c 'python3 {path} {count} 6 > /root/churn.ids'"
    )
    restarts = 0
    while site.host.run("systemctl is-active --quiet churn").rc == 0:
        # both, one of them, both; each is given the time to come up, or nothing but restarts would happen
        for unit in (RECORDER, "docker") if restarts in (0, 2) else (RECORDER,):
            site.host.run(f"systemctl reset-failed {unit}; systemctl restart {unit}")
        connected = "grep '\"connected\": true' /var/lib/bulkhead-docker-events/pulse.json"
        until(lambda: site.host.run(connected).rc == 0, 30)  # noqa: B023 (called at once)
        restarts += 1
    assert restarts >= 2, "it was over before anything was restarted"
    ids = site.host.check_output("cat /root/churn.ids").split()
    assert len(set(ids)) == count
    site.host.check_output("docker ps --all --quiet --filter name=churn- | xargs docker rm")
    lives = until(lambda: _whole(site, since, ids), 60)
    assert {one: dict(actions) for one, actions in lives.items() if actions != dict.fromkeys(LIFE, 1)} == {}
    record_property("restarts", restarts)


def _whole(site: Site, since: str, ids: list[str]) -> dict[str, collections.Counter[str]]:
    """Empty until the last has gone; events of life by container, counted."""
    found = site.host.check_output(f"journalctl --unit {RECORDER} --since @{since} --output cat --grep '^{{'")
    records = [json.loads(line) for line in found.splitlines()]
    lives = {one: collections.Counter[str]() for one in ids}
    for record in records:
        if record["type"] == "container" and record["id"] in lives and record["action"] in LIFE:
            lives[record["id"]][record["action"]] += 1
    return lives if all("destroy" in one for one in lives.values()) else {}


@pytest.fixture(scope="module", autouse=True)
def as_before(site: Site) -> t.Iterator[None]:
    yield
    site.host.run("docker ps --all --quiet | xargs -r docker rm --force")
