# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's data and decisions on each platform, by its facts alone: nothing here is a host of that platform, and no
package manager runs. What the tasks do is shown on Debian, in the scenario; dnf's tasks are only read.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

ROLE = Path(__file__).resolve().parents[3] / "roles" / "docker_engine"
DEB, RPM = "9DC8 5822 9FC7 DD38 854A  E2D8 8D81 803C 0EBF CD88", "060A 61C5 1B55 8A7F 742B  77AA C52F EB6B 621E 9F35"
DOCKERS = "https://download.docker.com/linux"


def facts(distribution: str, family: str, release: str, manager: str) -> dict[str, str]:
    return {
        "distribution": distribution,
        "distribution_major_version": release,
        "distribution_release": "code",
        "distribution_version": release,
        "os_family": family,
        "pkg_mgr": manager,
    }


PLATFORMS = {
    "bookworm": facts("Debian", "Debian", "12", "apt"),
    "trixie": facts("Debian", "Debian", "13", "apt"),
    "noble": facts("Ubuntu", "Debian", "24", "apt"),
    "fedora": facts("Fedora", "RedHat", "43", "dnf5"),
    "rhel": facts("RedHat", "RedHat", "10", "dnf"),
    "alma": facts("AlmaLinux", "RedHat", "9", "dnf"),
    "arch": facts("Archlinux", "Archlinux", "n/a", "pacman"),
}
ROLE_NAME = {"name": "bulkhead.docker.docker_engine"}
WORDS = ("wanted", "foreign", "url", "baseurl", "fingerprints", "manager", "versionlock")

Platform = t.Callable[..., dict[str, dict[str, t.Any]]]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """Host -> what the role's variables are there, or ``{"refused": message}``."""

    def run(**options: t.Any) -> dict[str, dict[str, t.Any]]:
        path = tmp_path_factory.mktemp("platform")
        show = {name: f"{{{{ __docker_engine_{name} | default('') }}}}" for name in WORDS}
        tasks: list[dict[str, t.Any]] = [
            {"ansible.builtin.set_fact": {"cacheable": True, **{k: f"{{{{ fact_{k} }}}}" for k in PLATFORMS["arch"]}}},
            {"ansible.builtin.include_role": {**ROLE_NAME, "tasks_from": "platform", "public": True}},
            {"name": "Show", "ansible.builtin.debug": {"msg": show}},
        ]
        book = [{"hosts": "all", "gather_facts": False, "tasks": [{"name": "Step", **task} for task in tasks]}]
        (path / "play.json").write_text(json.dumps(book))
        hosts = {
            name: {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
            | {f"fact_{key}": value for key, value in found.items()}
            for name, found in PLATFORMS.items()
        }
        variables = {"docker_engine_install_dependencies": False, **options}
        (path / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts, "vars": variables}}))
        program = Path(sys.executable).with_name("ansible-playbook")
        done = subprocess.run(
            [program, path / "play.json", "-i", path / "hosts.json"],
            env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_FORKS": "8"},
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert "{" in done.stdout, done.stderr
        document = json.loads(done.stdout[done.stdout.index("{") :])
        found: dict[str, dict[str, t.Any]] = {}
        for task in document["plays"][0]["tasks"]:
            for name, result in task["hosts"].items():
                if result.get("failed"):
                    found[name] = {"refused": result["msg"]}
                elif task["task"]["name"] == "Show":
                    found[name] = result["msg"]
        return found

    return run


def test_adopting_works_everywhere(platform: Platform) -> None:
    found = platform()
    assert set(found) == set(PLATFORMS)
    assert not any("refused" in one for one in found.values())
    assert {name: one["manager"] for name, one in found.items() if one["manager"] != "apt"} == {
        "fedora": "dnf", "rhel": "dnf", "alma": "dnf", "arch": ""
    }  # fmt: skip
    for one in found.values():
        assert {"docker-ce", "docker-ce-cli"} <= set(one["wanted"]["engine"])
        assert "containerd.io" in one["wanted"]["others"]
        assert one["foreign"]["adopt"] == []
    assert "docker.io" in found["trixie"]["wanted"]["engine"] and "containerd" in found["trixie"]["wanted"]["others"]
    assert (found["fedora"]["versionlock"], found["rhel"]["versionlock"]) == ([], ["python3-dnf-plugin-versionlock"])


def test_the_distributions_packages(platform: Platform) -> None:
    found = platform(docker_engine_source="distribution")
    assert {name: one["wanted"]["engine"] for name, one in found.items() if "wanted" in one} == {
        "bookworm": ["docker.io"],
        "trixie": ["docker.io", "docker-cli"],
        "noble": ["docker.io"],
        "fedora": ["moby-engine", "docker-cli"],
    }
    assert "docker_engine_source is distribution, and AlmaLinux 9 has no such packages" in found["alma"]["refused"]
    assert "use 'docker'" in found["rhel"]["refused"]
    assert "use 'adopt'" in found["arch"]["refused"]


def test_dockers_packages(platform: Platform) -> None:
    found = platform(docker_engine_source="docker", docker_engine_plugins=False)
    assert {name: one["url"] for name, one in found.items() if "url" in one} == {
        "bookworm": f"{DOCKERS}/debian",
        "trixie": f"{DOCKERS}/debian",
        "noble": f"{DOCKERS}/ubuntu",
        "fedora": f"{DOCKERS}/fedora",
        "rhel": f"{DOCKERS}/rhel",
        "alma": f"{DOCKERS}/centos",
    }
    assert "use 'adopt'" in found["arch"]["refused"]
    for name, one in found.items():
        if name != "arch":
            assert one["fingerprints"] == ([DEB] if one["manager"] == "apt" else [RPM])
            assert one["wanted"]["others"] == ["containerd.io"]
            assert one["foreign"]["docker"] and not set(one["foreign"]["docker"]) & set(one["wanted"]["engine"])
    assert found["rhel"]["baseurl"] == f"{DOCKERS}/rhel/$releasever/$basearch/stable"


def test_a_mirror(platform: Platform) -> None:
    found = platform(
        docker_engine_source="docker",
        docker_engine_repository_url="https://mirror.invalid/docker/",
        docker_engine_repository_suite="9.7",
        docker_engine_repository_channel="test",
    )
    assert found["trixie"]["url"] == "https://mirror.invalid/docker"
    assert found["alma"]["baseurl"] == "https://mirror.invalid/docker/9.7/$basearch/test"


def task(file: str, module: str) -> dict[str, t.Any]:
    (found,) = [one for one in yaml.safe_load((ROLE / "tasks" / file).read_text()) if module in one]
    arguments: dict[str, t.Any] = found[module]
    return arguments


def test_dnf_checks_signatures_with_the_key_that_was_pinned() -> None:
    repository = task("repository_dnf.yml", "ansible.builtin.yum_repository")
    key = task("repository_dnf.yml", "ansible.builtin.copy")
    assert repository["gpgcheck"] is True
    assert repository["gpgkey"] == f"file://{key['dest']}"
    assert key["content"] == "{{ __docker_engine_pinned_key }}"


def test_the_same_files_serve_both_package_managers() -> None:
    for step in ("repository", "install", "hold"):
        assert {path.name for path in (ROLE / "tasks").glob(f"{step}_*.yml")} == {f"{step}_apt.yml", f"{step}_dnf.yml"}
