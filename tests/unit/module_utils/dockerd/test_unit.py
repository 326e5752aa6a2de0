# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit as systemctl prints it."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import unit
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import TIMED_OUT, Done

SHOW = """\
MainPID=179
ExecStart={ path=/usr/sbin/dockerd ; argv[]=/usr/sbin/dockerd -H fd:// --label=a=b $DOCKER_OPTS ${NAME}x ; \
ignore_errors=no ; start_time=[n/a] ; stop_time=[n/a] ; pid=0 ; code=(null) ; status=0/0 }
Environment=NAME=web DOCKER_OPTS=--debug
EnvironmentFiles=/etc/default/docker (ignore_errors=yes)
EnvironmentFiles=/etc/sysconfig/docker (ignore_errors=no)
LoadState=loaded
ActiveState=active
FragmentPath=/usr/lib/systemd/system/docker.service
DropInPaths=/etc/systemd/system/docker.service.d/a.conf
TriggeredBy=docker.socket other.path
"""


def test_drop_ins_and_environment_files_count() -> None:
    files = {"/etc/default/docker": "# said here\nDOCKER_OPTS=\"--icc=false \\\n --label 'c d'\"\n"}
    found = unit.parse_unit("docker.service", SHOW, files)
    assert found.argv == ("/usr/sbin/dockerd", "-H", "fd://", "--label=a=b", "--icc=false", "--label", "c d", "webx")
    assert (found.exists, found.active, found.main_pid, found.sockets) == (True, "active", 179, ["docker.socket"])
    for source in ("/usr/lib/systemd/system/docker.service", "a.conf", "/etc/default/docker", "/etc/sysconfig/docker"):
        assert source in found.sources


def test_a_unit_that_is_not_there() -> None:
    assert unit.parse_unit("docker.service", "LoadState=not-found\nActiveState=inactive\n", {}).active == "absent"
    assert unit.Unit("docker.service").active == "absent"


def test_a_systemd_that_does_not_answer_is_no_missing_unit() -> None:
    with pytest.raises(TimeoutError, match=r"systemctl show docker\.service took too long"):
        unit.read_unit(lambda *_arguments: Done(TIMED_OUT, "", ""), "docker.service")


def test_without_systemd_the_files_say_it(tmp_path: Path) -> None:
    vendor, admin = tmp_path / "vendor", tmp_path / "admin"
    (admin / "docker.service.d").mkdir(parents=True)
    (vendor / "docker.service.d").mkdir(parents=True)
    environment = tmp_path / "environment"
    environment.write_text("OPTIONS=--debug\n")
    (vendor / "docker.service").write_text(
        f"EnvironmentFile=-{environment}\nEnvironment=A=1\nExecStart=/usr/bin/dockerd -H fd:// \\\n $OPTIONS\n"
    )
    directories = (str(admin), str(vendor))
    files = {str(environment): environment.read_text()}

    found = unit.parse_unit("docker.service", unit.offline("docker.service", directories), files)
    assert found.argv == ("/usr/bin/dockerd", "-H", "fd://", "--debug")
    assert (found.active, found.environment["A"]) == ("absent", "1")
    assert str(environment) in found.sources

    (admin / "docker.service.d" / "20.conf").write_text("[Service]\nExecStart=\nExecStart=-/opt/dockerd --icc=false\n")
    found = unit.parse_unit("docker.service", unit.offline("docker.service", directories), files)
    assert found.argv == ("/opt/dockerd", "--icc=false")
    assert "20.conf" in found.sources
    assert unit.offline("podman.service", directories) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=b\n#C=d\n; E=f\n\n", {"A": "b"}),
        ("A='b c'\n", {"A": "b c"}),
        ("A=b c\n", {"A": "b c"}),
        ('A="unbalanced\n', {"A": '"unbalanced'}),
        ("no assignment\n", {}),
    ],
)
def test_environment_files(text: str, expected: dict[str, str]) -> None:
    assert unit.parse_environment(text) == expected


def test_a_process_begins_between_what_was_before_and_what_came_after() -> None:
    """To a few hundredths of a second: it is held against the times of files."""
    before = time.time()
    with subprocess.Popen(["sleep", "60"]) as process:
        after = time.time()
        assert before - 0.05 <= unit.started_at(process.pid) <= after + 0.05
        process.kill()


def test_the_identity_of_a_process() -> None:
    assert unit.process_start(os.getpid()) == unit.process_start(os.getpid()) != ""
    assert unit.process_start(0) == ""
    assert unit.started_at(0) == 0.0
    assert unit.command_line(os.getpid())
