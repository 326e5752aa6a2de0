# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is missing is found elsewhere, or asked for by name."""

from __future__ import annotations

import sys
import types

import pytest
from ansible.module_utils.common import respawn
from ansible_collections.bulkhead.docker.plugins.module_utils import libraries

GOOD = {"docker": "5.0.3", "jmespath": "1.0.1"}


def test_nothing_is_missing() -> None:
    assert libraries.missing(GOOD, "") == ""
    assert libraries.ensure() == ""


@pytest.mark.parametrize(
    ("os_release", "said"),
    [
        ("ID=debian\n", "apt install python3-docker"),
        ('ID=ubuntu\nID_LIKE="debian"\n', "apt install python3-docker"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "dnf install python3-docker (from EPEL)"),
        ("ID=fedora\n", "dnf install python3-docker"),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\n', "zypper install python3-docker"),
        ("ID=alpine\n", "apk add py3-docker-py"),
        ("", "install python3-docker"),
    ],
)
def test_the_package_is_named_as_the_distribution_names_it(os_release: str, said: str) -> None:
    assert libraries.missing({**GOOD, "docker": None}, os_release).endswith(said)


def test_a_too_old_library_says_what_is_there_and_what_is_needed() -> None:
    said = libraries.missing({"docker": "4.4.4", "jmespath": None}, "ID=debian\n")
    assert "docker >= 5.0.3, jmespath >= 0.9.4 on the managed host (docker 4.4.4, jmespath is missing)" in said
    assert said.endswith("apt install python3-docker python3-jmespath")


def test_what_is_left_of_a_removed_package_is_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory without any module in it can be imported, and has no version."""
    monkeypatch.setitem(sys.modules, "docker", types.ModuleType("docker"))
    monkeypatch.setattr(respawn, "has_respawned", lambda: True)
    assert "docker is missing" in libraries.ensure()


def test_another_interpreter_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def probe(_paths: list[str], names: str) -> str:
        asked.append(names)
        return "/usr/bin/python3"

    monkeypatch.setattr(libraries, "_versions", lambda: {**GOOD, "docker": None})
    monkeypatch.setattr(respawn, "has_respawned", lambda: False)
    monkeypatch.setattr(respawn, "probe_interpreters_for_module", probe)
    monkeypatch.setattr(respawn, "respawn_module", asked.append)
    libraries.ensure()
    assert asked == ["docker, jmespath", "/usr/bin/python3"]
    monkeypatch.setattr(respawn, "has_respawned", lambda: True)
    assert "docker is missing" in libraries.ensure()
    assert len(asked) == 2
