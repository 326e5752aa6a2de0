# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's packages from adopted to replaced, upgraded and brought back, in order; Molecule has adopted them.

dpkg, apt and the engine are asked by their own commands. Docker's repository is a fake (fake_repository.py).
"""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.tests.support import Run, play, role

debian = pytest.mark.debian
upgrade = debian(12, 14)  # the oldest and the newest apt; each such test goes on from the one before
DISTRIBUTION = {"docker.io", "containerd", "runc"}
DOCKERS = {"docker-ce", "docker-ce-cli", "docker-ce-rootless-extras", "containerd.io"}
PLUGINS = {"docker-buildx-plugin", "docker-compose-plugin"}
REPOSITORY = ("/etc/apt/sources.list.d/docker.sources", "/etc/apt/keyrings/docker.asc")


@pytest.fixture(scope="module")
def name(host: t.Any) -> str:
    return str(host.backend.get_hostname())


@pytest.fixture(scope="module")
def dockers(host: t.Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, t.Any]:
    """Options for the fake of Docker's repository; gpg says what the fingerprint of its key is."""
    key = tmp_path_factory.mktemp("key") / "docker.asc"
    key.write_text(host.file("/srv/docker.asc").content_string)
    shown = host.check_output("gpg --show-keys --with-colons /srv/docker.asc")
    fingerprint = next(line.split(":")[9] for line in shown.splitlines() if line.startswith("fpr"))
    return {
        "docker_engine_source": "docker",
        "docker_engine_repository_url": "file:/srv/docker",
        "docker_engine_repository_key": str(key),
        "docker_engine_repository_fingerprints": [fingerprint],
    }


def engine(name: str, *options: str, **variables: t.Any) -> Run:
    run = role("docker_engine", name, {"docker_engine_install_dependencies": False, **variables}, *options)
    assert run.rc == 0, run.output
    return run


def refused(name: str, *options: str, **variables: t.Any) -> str:
    run = role("docker_engine", name, variables, *options)
    assert run.rc != 0
    return next(str(result["msg"]) for result in reversed(run.results) if result.get("failed"))


def held(host: t.Any) -> set[str]:
    return set(host.check_output("apt-mark showhold").split())


def versions(host: t.Any, *names: str) -> dict[str, str]:
    lines = host.run(
        "dpkg-query --show --showformat='${Package} ${db:Status-Status} ${Version}\\n'"
    ).stdout.splitlines()
    installed = {package: version for package, status, version in map(str.split, lines) if status == "installed"}
    return {package: version for package, version in installed.items() if package in names}


def engines(host: t.Any) -> dict[str, str]:
    return versions(host, *DISTRIBUTION, "docker-cli", *DOCKERS, *PLUGINS)


def state(host: t.Any) -> str:
    """All that the role may touch."""
    return str(
        host.check_output(
            "dpkg --get-selections; find /etc/apt -type f -exec sha256sum {} + | sort; find /etc/apt | sort; "
            "systemctl show docker.service containerd.service --property=MainPID"
        )
    )


def purge(host: t.Any) -> None:
    """What the role installed or adopted; configuration and data stay."""
    names = " ".join(engines(host))
    host.check_output(f"apt-get purge --quiet --yes --allow-change-held-packages {names}")


def survivor(host: t.Any) -> str:
    """Process and start of the container that must outlive the upgrades."""
    return str(host.check_output("docker inspect --format '{{.State.Pid}} {{.State.StartedAt}}' survivor"))


def pid(host: t.Any) -> str:
    return str(host.check_output("systemctl show docker.service --property=MainPID --value"))


def offer(host: t.Any, *revisions: str) -> None:
    host.check_output(f"python3 /usr/local/sbin/fake_repository.py offer {' '.join(revisions)}")


# adopted


def test_what_was_there_is_held_and_nothing_else_happened(host: t.Any) -> None:
    there = set(engines(host))
    assert there - {"docker-cli"} == DISTRIBUTION
    assert held(host) == there
    assert {"python3-docker", "python3-jmespath"} == set(versions(host, "python3-docker", "python3-jmespath"))


def test_a_tampered_hold_is_shown_and_mended(host: t.Any, name: str) -> None:
    everything = held(host)
    host.check_output("apt-mark unhold containerd")
    tampered = state(host)
    promised = engine(name, "--check", "--diff")
    items = promised.of("dpkg_selections")["results"]
    assert [item["item"] for item in items if item["changed"]] == ["containerd"]
    assert state(host) == tampered
    assert engine(name).changed == ["Hold | Tell dpkg"]
    assert held(host) == everything


@debian(14)
def test_holds_are_released_on_request(host: t.Any, name: str) -> None:
    assert engine(name, docker_engine_hold=False).changed == ["Hold | Tell dpkg"]
    assert held(host) == set()


def test_packages_of_another_source_are_refused_and_stay(host: t.Any, name: str, dockers: dict[str, t.Any]) -> None:
    before = state(host)
    message = refused(name, **dockers)
    assert "foreign-packages" in message and "docker.io" in message and "containerd" in message
    assert state(host) == before


# from the distribution


def test_a_bare_host_stays_bare_unless_asked(host: t.Any, name: str) -> None:
    purge(host)
    assert engines(host) == {}
    before = state(host)
    assert engine(name, "--check").changed == []
    promised = engine(name, "--check", "--diff", docker_engine_source="distribution")
    assert "Install | Have apt install exactly these" in promised.changed
    assert state(host) == before


@debian(12)
def test_the_distributions_engine_is_installed_runs_and_is_held(host: t.Any, name: str) -> None:
    engine(name, docker_engine_source="distribution")
    assert set(engines(host)) == DISTRIBUTION
    assert held(host) == DISTRIBUTION
    assert host.service("docker").is_running and host.service("docker").is_enabled
    assert engine(name, docker_engine_source="distribution").changed == []
    purge(host)


# from Docker's repository


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(
            {"docker_engine_repository_fingerprints": ["F" * 40]}, f"only {'F' * 40} is trusted", marks=debian(13)
        ),
        pytest.param(
            {"docker_engine_repository_fingerprints": []},
            "only 9DC858229FC7DD38854AE2D88D81803C0EBFCD88 is trusted",
            marks=debian(14),
        ),
        pytest.param({"docker_engine_repository_url": "file:/srv/unsigned"}, "cannot be used", marks=debian(13)),
        pytest.param({"docker_engine_repository_url": "file:/srv/stranger"}, "cannot be used", marks=debian(14)),
    ],
    ids=["another key", "not Docker's own key", "no signature", "another's signature"],
)
def test_what_is_not_signed_with_the_expected_key_leaves_no_trace(
    host: t.Any, name: str, dockers: dict[str, t.Any], change: dict[str, t.Any], words: str
) -> None:
    assert words in refused(name, **{**dockers, **change})
    assert [path for path in REPOSITORY if host.file(path).exists] == []
    host.check_output("apt-get update")
    assert engines(host) == {}


def test_check_says_that_the_repository_would_come_and_writes_nothing(
    host: t.Any, name: str, dockers: dict[str, t.Any]
) -> None:
    before = state(host)
    run = engine(name, "--check", "--diff", **dockers)
    assert {"Repository | Install its key, if that is the expected one", "Repository | Name it"} <= set(run.changed)
    assert "not on offer: docker-ce (in no repository)" in run.output
    assert state(host) == before


def test_dockers_engine_is_installed_runs_and_is_held(host: t.Any, name: str, dockers: dict[str, t.Any]) -> None:
    engine(name, **dockers)
    assert set(engines(host)) == held(host) == DOCKERS | PLUGINS
    assert host.service("docker").is_running and host.service("docker").is_enabled
    assert engine(name, **dockers).changed == []
    host.check_output("/usr/local/sbin/lab-image tiny:1")
    host.check_output("docker run --detach --name survivor tiny:1")


# upgrades


def test_nothing_else_upgrades_it(host: t.Any, name: str, dockers: dict[str, t.Any]) -> None:
    offer(host, "1", "2")
    host.check_output("apt-get update")
    before = engines(host)
    host.check_output("apt-get upgrade --yes")
    assert engine(name, **dockers).changed == []
    assert engines(host) == before


def test_an_upgrade_that_stops_containers_is_refused(host: t.Any, name: str, dockers: dict[str, t.Any]) -> None:
    before = state(host)
    message = refused(name, docker_engine_upgrade=True, **dockers)
    assert "containers-stop" in message and "survivor" in message
    assert state(host) == before


@upgrade
def test_an_upgrade_moves_all_together_and_no_container(host: t.Any, name: str, dockers: dict[str, t.Any]) -> None:
    host.check_output("printf %s > /etc/docker/daemon.json && systemctl reload docker", '{"live-restore": true}')
    before, process, old = survivor(host), pid(host), engines(host)
    promised = engine(name, "--check", docker_engine_upgrade=True, **dockers)
    assert engines(host) == old
    run = engine(name, docker_engine_upgrade=True, **dockers)
    assert set(promised.changed) <= set(run.changed)
    new = engines(host)
    assert {package for package, version in new.items() if version.endswith("-2~fake")} == DOCKERS
    assert held(host) == DOCKERS | PLUGINS
    assert pid(host) != process, "the engine runs the new program"
    assert survivor(host) == before
    assert "(deleted)" not in host.check_output("readlink /proc/%s/exe", pid(host))
    assert engine(name, docker_engine_upgrade=True, **dockers).changed == []


@upgrade
def test_known_breaking_steps_are_told_and_removed_settings_refused(host: t.Any, name: str) -> None:
    offer(host, "2", "next")
    host.check_output("apt-get update")
    asked = {"engine": ["docker-ce"], "others": ["containerd.io"], "version": "29", "upgrade": True}
    tasks = [{"name": "Preflight", "bulkhead.docker.docker_engine_preflight": asked}]
    run = play(name, tasks, "--check")
    assert run.rc == 0, run.output
    result = run.of("docker_engine_preflight")
    found = {finding["name"]: finding["blocking"] for finding in result["findings"]}
    assert {"api-floor", "nofile", "content-trust", "live-restore-release"} <= set(found)
    assert not any(found.values())
    assert result["plan"]["specs"] == ["docker-ce=5:29.1.0-1~fake"]

    setting = {"live-restore": True, "graph": "/var/lib/docker", "api-cors-header": "*"}
    original = host.file("/etc/docker/daemon.json").content_string
    host.check_output("printf %s %s > /etc/docker/daemon.json", "%s", json.dumps(setting))
    run = play(name, tasks, "--check")
    host.check_output("printf %s %s > /etc/docker/daemon.json", "%s", original)
    assert run.rc != 0
    assert "settings" in run.failure and "graph" in run.failure and "api-cors-header" in run.failure


@upgrade
def test_a_failed_upgrade_says_how_to_go_back_and_that_works(host: t.Any, name: str, dockers: dict[str, t.Any]) -> None:
    """The fake 29.1 holds the old program: it installs, starts, and is not what it says."""
    before, old = survivor(host), engines(host)
    message = refused(name, docker_engine_upgrade=True, docker_engine_version="29", **dockers)
    assert "not 29.1.0" in message
    assert f"docker-ce {old['docker-ce']} -> 5:29.1.0-1~fake" in message
    assert held(host) == DOCKERS | PLUGINS
    back = message.partition("To go back: ")[2]
    assert back.startswith("apt-get install ")
    host.check_output(f"{back} --yes")
    assert engines(host) == old
    assert engine(name, **dockers).changed == ["Hold | Tell dpkg"], "apt ended the holds"
    assert held(host) == DOCKERS | PLUGINS
    assert survivor(host) == before


@debian(14)
def test_a_version_that_nobody_has_is_refused(host: t.Any, name: str, dockers: dict[str, t.Any]) -> None:
    before = state(host)
    message = refused(name, docker_engine_upgrade=True, docker_engine_version="17", **dockers)
    assert "No repository of this host has version 17 of docker-ce (offered: 5:29.1.0-1~fake" in message
    assert state(host) == before


def test_the_key_file_is_everyones_to_read(host: t.Any) -> None:
    for path in map(Path, REPOSITORY):
        file = host.file(str(path))
        assert (file.user, file.group, file.mode) == ("root", "root", 0o644)
        assert [other for other in host.file(str(path.parent)).listdir() if "~" in other] == []
