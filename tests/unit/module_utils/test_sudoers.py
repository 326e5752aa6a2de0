# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is root by sudo: each form a line of sudoers can take, and the right it gives."""

from __future__ import annotations

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils import sudoers


def rights(text: str, *groups: str) -> dict[str, tuple[str, ...]]:
    return {grant.who: grant.commands for grant in sudoers.grants(sudoers.lines(text), groups or ("docker",))}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("root ALL=(ALL:ALL) ALL", {"root": ("ALL",)}),
        ("%sudo\tALL=(ALL:ALL) NOPASSWD: ALL", {"%sudo": ("ALL",)}),
        ("alice ALL=ALL", {"alice": ("ALL",)}),
        ("alice, bob ALL=(root) ALL", {"alice": ("ALL",), "bob": ("ALL",)}),
        ("ALL ALL=(ALL) ALL", {"ALL": ("ALL",)}),
        ("#1001 ALL=(ALL) ALL", {"#1001": ("ALL",)}),
        ("%#27 ALL=(ALL) ALL", {"%#27": ("ALL",)}),
        ("+admins ALL=(ALL) ALL", {"+admins": ("ALL",)}),
        (r"%domain\ users ALL=(ALL) ALL", {"%domain users": ("ALL",)}),
        ('"%domain users" ALL=(ALL) ALL', {"%domain users": ("ALL",)}),
        ("alice web1,web2 = ALL", {"alice": ("ALL",)}),
        ("alice ALL=(ALL) ALL # for now", {"alice": ("ALL",)}),
        ("alice ALL=CWD=/root TIMEOUT=5m ALL", {"alice": ("ALL",)}),
        ("alice ALL = (ALL) NOEXEC: SETENV: ALL", {"alice": ("ALL",)}),
        # programs
        ("alice ALL=/usr/bin/docker", {"alice": ("/usr/bin/docker",)}),
        ("alice ALL=/usr/bin/docker run *", {"alice": ("/usr/bin/docker run *",)}),
        ("alice ALL=/usr/bin/docker ps, /usr/bin/docker logs *", {}),
        ("alice ALL=/usr/bin/ctr images ls", {"alice": ("/usr/bin/ctr images ls",)}),
        ("alice ALL=/usr/bin/systemctl restart nginx", {}),
        ("alice ALL=/usr/bin/*", {"alice": ("/usr/bin/*",)}),
        ("alice ALL=/usr/sbin/", {"alice": ("/usr/sbin/",)}),
        ("alice ALL=/opt/app/bin/", {}),
        ("alice ALL=^/usr/bin/docker$", {"alice": ("^/usr/bin/docker$",)}),
        ("alice ALL=/bin/su -", {"alice": ("/bin/su -",)}),
        ("alice ALL=/bin/su - postgres", {}),
        ("alice ALL=/bin/bash", {"alice": ("/bin/bash",)}),
        ("alice ALL=/bin/bash /opt/backup.sh", {}),
        ("alice ALL=sha256:0a1b=, sha512:00 /usr/bin/docker", {"alice": ("/usr/bin/docker",)}),
        ("alice ALL=ALL, !/usr/bin/docker", {"alice": ("ALL",)}),
        ("alice ALL=!/usr/bin/docker", {}),
        # as whom
        ("alice ALL=(www-data) ALL", {}),
        ("alice ALL=(#0) ALL", {"alice": ("ALL",)}),
        ("alice ALL=() ALL", {"alice": ("ALL",)}),
        ("alice ALL=(:docker) ALL", {"alice": ("ALL",)}),
        ("alice ALL=(:video) ALL", {}),
        ("alice ALL=(postgres) /bin/ls, (root) /usr/bin/docker", {"alice": ("/usr/bin/docker",)}),
        ("alice ALL=(postgres) /bin/ls, /usr/bin/docker", {}),
        ("alice web1=(postgres) ALL : web2 = ALL", {"alice": ("ALL",)}),
        # aliases, settings and the rest
        ("User_Alias OPS = alice, bob : DB = carol\nOPS ALL=ALL", {"alice": ("ALL",), "bob": ("ALL",)}),
        ("Cmnd_Alias D = /usr/bin/docker, \\\n  /bin/ls\nalice ALL=D", {"alice": ("/usr/bin/docker",)}),
        ("Cmd_Alias A = B\nCmnd_Alias B = ALL\nalice ALL=A", {"alice": ("ALL",)}),
        ("Cmnd_Alias A = B\nCmnd_Alias B = A\nalice ALL=A", {}),
        ("Runas_Alias R = www-data, root\nalice ALL=(R) ALL", {"alice": ("ALL",)}),
        ("User_Alias OPS = ALL, !alice\nOPS ALL=ALL", {"ALL": ("ALL",)}),
        ("Defaults env_reset\nDefaults:alice secure_path=/bin", {}),
        ("# alice ALL=ALL\n#alice ALL=ALL\n", {}),
        ("@includedir /etc/sudoers.d\n#include /etc/x=y", {}),
        ("alice\nALL=ALL\n= =\n(((,:\n\\", {}),
    ],
)
def test_rights(text: str, expected: dict[str, tuple[str, ...]]) -> None:
    assert rights(text) == expected


def test_the_sockets_own_group_counts() -> None:
    assert rights("alice ALL=(:ops) ALL", "ops") == {"alice": ("ALL",)}
    assert rights("alice ALL=(:docker) ALL", "ops") == {}


@pytest.mark.parametrize(
    ("line", "path", "directory"),
    [
        ("@include /etc/sudoers.local", "/etc/sudoers.local", False),
        ("#includedir /etc/sudoers.d", "/etc/sudoers.d", True),
        ('@includedir "/etc/more sudoers"', "/etc/more sudoers", True),
    ],
)
def test_includes(line: str, path: str, directory: bool) -> None:
    (found,) = sudoers.lines(f"Defaults env_reset\n{line}\n")[1:]
    assert sudoers.include(found) == sudoers.Include(path, directory)
    assert sudoers.include("alice ALL=ALL") is None
