# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What package managers print, read; and the versions chosen from it. dnf and rpm are not run by these tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import Done
from ansible_collections.bulkhead.docker.plugins.module_utils.upgrade import choose, packages
from ansible_collections.bulkhead.docker.plugins.module_utils.upgrade.packages import Package, PackagesError

POLICY = """\
docker-ce:
  Installed: 5:28.5.1-1~debian.13~trixie
  Candidate: 5:29.1.0-1~debian.13~trixie
  Version table:
     5:29.1.0-1~debian.13~trixie 500
        500 https://mirror.invalid/linux/debian trixie/stable amd64 Packages
     5:28.5.2-1~debian.13~trixie 500
        500 https://mirror.invalid/linux/debian trixie/stable amd64 Packages
 *** 5:28.5.1-1~debian.13~trixie 100
        100 /var/lib/dpkg/status
containerd.io:
  Installed: (none)
  Candidate: 2.1.5-1~debian.13~trixie
  Version table:
     2.1.5-1~debian.13~trixie -10
        500 https://mirror.invalid/linux/debian trixie/stable amd64 Packages
podman-docker:
  Installed: (none)
  Candidate: (none)
  Version table:
"""
DPKG = (
    "docker-ce\t5:28.5.1-1~debian.13~trixie\thold\tinstalled\n"
    "containerd.io\t1.7.28-1\tdeinstall\tconfig-files\n"
    "dpkg-query: no packages found matching podman-docker\n"
)
REPOQUERY = (
    "\ndocker-ce 3:28.5.2-1.el9\n\ndocker-ce 3:29.1.0-1.el9\ndocker-ce 3:28.5.10-1.el9\ncontainerd.io 2.1.5-1.el9\n"
)
RPM = "docker-ce 3:28.5.2-1.el9\npackage containerd.io is not installed\n"


class Host:
    """Answers by the first word of the command, and remembers what it was asked."""

    def __init__(self, **answers: str) -> None:
        self.answers = {name.replace("_", "-"): answer for name, answer in answers.items()}
        self.asked: list[list[str]] = []

    def __call__(self, argv: Sequence[str], seconds: float, environment: Mapping[str, str] | None = None) -> Done:
        assert seconds > 0
        self.asked.append(list(argv))
        assert environment and environment["LC_ALL"] == "C", "the answers are read, so they must be in English"
        return Done(0, self.answers[argv[0]], "") if argv[0] in self.answers else Done(127, "", "no such program")


def test_apt() -> None:
    names = ["docker-ce", "containerd.io", "podman-docker"]
    found = packages.read(Host(dpkg_query=DPKG, apt_cache=POLICY), "apt", names)
    assert found["docker-ce"] == Package(
        "docker-ce",
        "5:28.5.1-1~debian.13~trixie",
        True,
        "5:29.1.0-1~debian.13~trixie",
        ("5:29.1.0-1~debian.13~trixie", "5:28.5.2-1~debian.13~trixie", "5:28.5.1-1~debian.13~trixie"),
        frozenset({"5:29.1.0-1~debian.13~trixie", "5:28.5.2-1~debian.13~trixie"}),
    )
    assert found["containerd.io"].installed == "", "removed, with files left in /etc"
    assert found["containerd.io"].candidate == "2.1.5-1~debian.13~trixie"
    assert found["podman-docker"] == Package("podman-docker")


def test_dnf_with_versions_that_are_locked() -> None:
    host = Host(rpm=RPM, dnf=REPOQUERY)
    found = packages.read(host, "dnf", ["docker-ce", "containerd.io"])
    assert found["docker-ce"].versions == ("3:29.1.0-1.el9", "3:28.5.10-1.el9", "3:28.5.2-1.el9")
    assert (found["docker-ce"].installed, found["docker-ce"].candidate) == ("3:28.5.2-1.el9", "3:29.1.0-1.el9")
    assert found["containerd.io"].installed == ""
    local = packages.read(Host(rpm="docker-ce 3:30.0.0-1.el9\n", dnf=REPOQUERY), "dnf", ["docker-ce"])["docker-ce"]
    assert choose.choose(local, "", upgrade=True).what == choose.KEEP, "newer than any repository's, as apt sees it too"
    assert "--disableplugin=versionlock" in host.asked[1], "a lock would hide what is newer"


def test_the_other_package_manager_is_told_from_an_empty_one() -> None:
    with pytest.raises(PackagesError, match="dpkg-query is not on this host"):
        packages.read(Host(), "apt", ["docker-ce"])
    assert packages.read(Host(), "", ["docker-ce"]) == {"docker-ce": Package("docker-ce")}


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("28.5.2-1.fc43", "28.5.10-1.fc43"),
        ("28.5.2-1.fc43", "28.5.2-2.fc43"),
        ("29.0.0~rc.1-1.el9", "29.0.0-1.el9"),
        ("29.0.0~rc.1-1.el9", "29.0.0~rc.2-1.el9"),
        ("99.0.0-1.el9", "3:28.5.2-1.el9"),
    ],
)
def test_rpm_versions_sort_as_rpm_sorts_them(older: str, newer: str) -> None:
    assert packages.evr(older) < packages.evr(newer)


@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [
        ("5:28.5.2-1~debian.13~trixie", "28.5.2", True),
        ("5:28.5.2-1~debian.13~trixie", "28.5", True),
        ("5:28.5.2-1~debian.13~trixie", "28", True),
        ("5:28.5.2-1~debian.13~trixie", "5:28.5.2-1~debian.13~trixie", True),
        ("5:28.5.2-1~debian.13~trixie", "28.5.2-1", True),
        ("5:28.5.20-1~debian.13~trixie", "28.5.2", False),
        ("5:28.50.2-1", "28.5", False),
        ("28.5.2+dfsg4-5", "28.5.2", True),
        ("28.5.2+dfsg4-5", "2", False),
        ("5:28.5.2-1", "5", False),
    ],
)
def test_a_branch_ends_at_a_dot(version: str, wanted: str, fits: bool) -> None:
    assert choose.matches(version, wanted) is fits


OLD, MID, NEW = "5:28.5.1-1", "5:28.5.2-1", "5:29.1.0-1"
ALL = (NEW, MID, OLD)


def package(installed: str = "", candidate: str = NEW, offered: Sequence[str] = ALL) -> Package:
    versions = tuple(one for one in ALL if one in offered or one == installed)
    return Package("docker-ce", installed, False, candidate, versions, frozenset(offered))


@pytest.mark.parametrize(
    ("state", "wanted", "upgrade", "what", "after"),
    [
        (package(), "", False, choose.INSTALL, NEW),
        (package(), "28.5", False, choose.INSTALL, MID),
        (package(), "27", False, choose.UNAVAILABLE, ""),
        (package(candidate="", offered=()), "", False, choose.UNAVAILABLE, ""),
        (package(OLD), "", False, choose.KEEP, OLD),
        (package(OLD), "29", False, choose.KEEP, OLD),
        (package(OLD), "", True, choose.UPGRADE, NEW),
        (package(OLD), "28.5", True, choose.UPGRADE, MID),
        (package(OLD, candidate=OLD), "28.5", True, choose.KEEP, OLD),  # pinned by the user
        (package(NEW), "28.5", True, choose.DOWNGRADE, MID),
        (package(OLD, offered=()), "28.5", True, choose.KEEP, OLD),
        (package(OLD, offered=()), "29", True, choose.UNAVAILABLE, ""),
        (package(NEW), "", True, choose.KEEP, NEW),
    ],
)
def test_what_becomes_of_a_package(state: Package, wanted: str, upgrade: bool, what: str, after: str) -> None:
    chosen = choose.choose(state, wanted, upgrade)
    assert (chosen.what, chosen.after) == (what, after)


def test_only_the_engines_own_packages_follow_its_version() -> None:
    containerd = Package("containerd.io", "1.7.28-1", False, "2.1.5-1", ("2.1.5-1", "1.7.28-1"), frozenset({"2.1.5-1"}))
    choices, missing = choose.plan([package(OLD), containerd], ["docker-ce"], "28.5.2", upgrade=True)
    assert missing == []
    moving = [(choice.name, choice.after) for choice in choices if choice.moves]
    assert choose.specs("apt", moving) == ["docker-ce=5:28.5.2-1", "containerd.io=2.1.5-1"]
    assert choose.specs("dnf", moving) == ["docker-ce-5:28.5.2-1", "containerd.io-2.1.5-1"]
    assert choose.way_back("apt", choices) == (
        "apt-get install --allow-downgrades --allow-change-held-packages docker-ce=5:28.5.1-1 containerd.io=1.7.28-1"
    )
    assert choose.way_back("dnf", choices).startswith("dnf downgrade --disableplugin=versionlock docker-ce-5:28.5.1-1 ")


def test_what_is_missing_is_said_with_what_there_is() -> None:
    _choices, missing = choose.plan([package()], ["docker-ce"], "27", upgrade=False)
    assert missing == [f"docker-ce (offered: {NEW}, {MID}, {OLD})"]
    _choices, missing = choose.plan([Package("docker-ce")], ["docker-ce"], "", upgrade=False)
    assert missing == ["docker-ce (in no repository)"]
