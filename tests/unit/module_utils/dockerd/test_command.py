# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The units of all packagings, and the drop-in that takes flags out of each."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import unit
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.command import (
    DROP_IN,
    MARK,
    Command,
    CommandError,
    command_of,
    exec_start,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.files import Original

DEB = """[Service]
EnvironmentFile=-/etc/default/docker
ExecStart=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS
"""
# docker-ce, deb and rpm
DOCKER_CE = """[Service]
ExecStart=/usr/bin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock
ExecReload=/bin/kill -s HUP $MAINPID
"""
FEDORA = """[Service]
Environment=GOTRACEBACK=crash
EnvironmentFile=-/etc/sysconfig/docker
EnvironmentFile=-/etc/sysconfig/docker-storage
ExecStart=/usr/bin/dockerd \\
          --host=fd:// \\
          --exec-opt native.cgroupdriver=systemd \\
          $OPTIONS \\
          $DOCKER_STORAGE_OPTIONS \\
          $INSECURE_REGISTRY
"""
FEDORA_OPTIONS = {"OPTIONS": "--selinux-enabled --live-restore --default-ulimit nofile=1024:1024 --label='a b'"}
NO_SOCKET = """[Service]
ExecStart=-/usr/bin/dockerd -H unix:///var/run/docker.sock -H "tcp://127.0.0.1:2375" ${EXTRA}
"""
PATH = Path("/etc/systemd/system/docker.service.d", DROP_IN)
VENDOR = "/usr/lib/systemd/system/docker.service"


def command(*texts: str, environment: dict[str, str] | None = None, ours: str = "") -> Command:
    """``texts``: the vendor's unit and the drop-ins of others."""
    names = [VENDOR, *(f"{PATH.parent}/{number}0.conf" for number in range(1, len(texts)))]
    files = list(zip(names, texts)) + ([(str(PATH), ours)] if ours else [])
    found = Original(ours.encode()) if ours else Original()
    return command_of(unit.Unit("docker.service", environment=environment or {}), files, PATH, found)


def start(one: Command, *keys: str) -> str:
    return one.drop_in(keys).rpartition("ExecStart=")[2].rstrip("\n")


@pytest.mark.parametrize(
    ("text", "environment", "keys", "expected"),
    [
        (DEB, {}, ["hosts"], "/usr/sbin/dockerd --containerd=/run/containerd/containerd.sock $DOCKER_OPTS"),
        (DEB, {}, ["hosts", "containerd"], "/usr/sbin/dockerd $DOCKER_OPTS"),
        (DEB, {"DOCKER_OPTS": "-H tcp://0.0.0.0:2375 --icc=false"}, ["hosts"],
         "/usr/sbin/dockerd --containerd=/run/containerd/containerd.sock --icc=false"),
        (DOCKER_CE, {}, ["hosts"], "/usr/bin/dockerd --containerd=/run/containerd/containerd.sock"),
        (FEDORA, FEDORA_OPTIONS, ["hosts"], "/usr/bin/dockerd --exec-opt native.cgroupdriver=systemd $OPTIONS "
         "$DOCKER_STORAGE_OPTIONS $INSECURE_REGISTRY"),
        (FEDORA, FEDORA_OPTIONS, ["live-restore"], "/usr/bin/dockerd --host=fd:// --exec-opt "
         'native.cgroupdriver=systemd --selinux-enabled --default-ulimit nofile=1024:1024 "--label=a b" '
         "$DOCKER_STORAGE_OPTIONS $INSECURE_REGISTRY"),
        (NO_SOCKET, {"EXTRA": "--debug"}, ["hosts"], "-/usr/bin/dockerd ${EXTRA}"),
        (NO_SOCKET, {"EXTRA": "--debug"}, ["debug"],
         '-/usr/bin/dockerd -H unix:///var/run/docker.sock -H "tcp://127.0.0.1:2375"'),
    ],
    ids=["deb", "deb, two", "deb, in a variable", "docker-ce", "Fedora", "Fedora's flag", "no socket", "in braces"],
)  # fmt: skip
def test_the_flags_are_gone_and_nothing_else(
    text: str, environment: dict[str, str], keys: list[str], expected: str
) -> None:
    one = command(text, environment=environment)
    assert start(one, *keys) == expected
    assert one.said(keys) == set(keys)
    # what systemd will make of our drop-in is what we say it will
    again = command(text, one.drop_in(keys), environment=environment)
    assert again.argv == one.without(keys)
    assert again.said(keys) == set()


def test_there_is_no_drop_in_without_a_reason() -> None:
    assert command(DEB).drop_in(["icc", "live-restore"]) == ""
    assert command(DEB).drop_in([]) == ""
    assert command("[Service]\nExecStart=/d --add-runtime a=/b\n").drop_in(["runtimes"]) == "", "may be said twice"


def test_what_quotes_and_signs_mean_to_systemd_is_kept() -> None:
    odd = {"OPTIONS": "-D --label='100%' --label='$5' --label='a \"b\"'"}
    one = command("[Service]\nExecStart=/usr/bin/dockerd $OPTIONS\n", environment=odd)
    assert start(one, "debug") == '/usr/bin/dockerd --label=100%% "--label=$$5" "--label=a \\"b\\""'


def test_others_drop_ins_are_followed_and_ours_is_not() -> None:
    other = "[Service]\nExecStart=\nExecStart=/opt/dockerd -H fd:// --icc=false\n"
    ours = f"{MARK}\n[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd\n"
    one = command(DEB, other, "[Service]\nMemoryMax=1G\n", ours=ours)
    assert start(one, "hosts") == "/opt/dockerd --icc=false"
    assert (one.ours, one.sources[0], len(one.sources)) == (ours, VENDOR, 3)
    assert command(DEB, "[Service]\nExecStart=\n").raw == "", "taken away and not given back"


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (command("[Service]\nExecStart=/d -DH fd://\n"), "says -DH fd:// in one word: write its switches apart"),
        (command(DEB, ours="[Service]\n# somebody else's\n"), f"{PATH} is not ours: give it another name"),
        (command_of(unit.Unit("d"), [(VENDOR, DEB), ("/etc/x.d/zzz.conf", DEB)], PATH, Original()),
         "zzz.conf sets ExecStart and is read after our zz-bulkhead.conf: rename it"),
    ],
    ids=["one word", "not ours", "later"],
)  # fmt: skip
def test_what_a_drop_in_cannot_do(one: Command, words: str) -> None:
    with pytest.raises(CommandError, match=words):
        one.drop_in(["hosts"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        ("[Unit]\nExecStart=/no\n", None),
        ("[Service]\nExecStart=\n", []),
        ("[Service]\nExecStart=/a\nExecStart=\nExecStart=/b \\\n  # a comment in between\n  -x\n", ["/b    -x"]),
        ("[Service]\n;ExecStart=/no\nExecStart = /a\n[Install]\nExecStart=/no\n", ["/a"]),
        ("[Service]\nExecStart=/a \\", ["/a"]),
    ],
)
def test_unit_files(text: str, expected: list[str] | None) -> None:
    assert exec_start(text) == expected


def test_the_files_of_a_unit_are_those_on_disk(tmp_path: Path) -> None:
    """Also those that systemd has not been told to read yet; of two with one name that of the administrator."""
    etc, usr = tmp_path / "etc", tmp_path / "usr"
    for directory, name in ((etc, "20.conf"), (usr, "20.conf"), (usr, "10.conf")):
        (directory / "d.service.d").mkdir(parents=True, exist_ok=True)
        (directory / "d.service.d" / name).write_text(f"{directory.name} {name}")
    elsewhere = tmp_path / "30.conf"
    elsewhere.write_text("from a generator")
    (tmp_path / "d.service").write_text("vendor")
    shown = {"FragmentPath": f"{tmp_path}/d.service", "DropInPaths": f"{elsewhere} {tmp_path}/gone.conf"}
    found = unit.files_of(unit.Unit("d.service", shown), (str(etc), str(usr)))
    assert [text for _path, text in found] == ["vendor", "usr 10.conf", "etc 20.conf", "from a generator"]
