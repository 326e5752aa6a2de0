# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of the host, read from directories and sockets that are made for it."""

from __future__ import annotations

import json
import os
import socket
import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.collect import access, files, host, reading
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.names import Group, Names, User

ROOT = User("root", 0, 0, "/root")
NAMES = Names(
    (ROOT, User("alice", 1000, 1000, "/home/alice"), User("bob", 1001, 990, "/nonexistent/bob")),
    (Group("root", 0, ()), Group("docker", 990, ("alice",)), Group("alice", 1000, ())),
)


def daemon(**changes: t.Any) -> dict[str, t.Any]:
    config = {"path": "/etc/docker/daemon.json", "exists": True, "error": "", "values": {}}
    return {"pid": None, "euid": 0, "flags": {}, "config": config, "listeners": [], "root": True, **changes}


def listener(path: str) -> dict[str, t.Any]:
    return {"proto": "unix", "path": path, "address": None, "port": None, "tls": None}


# what a user of the host may have put there


def test_only_regular_files_of_a_sensible_size_are_read(tmp_path: Path) -> None:
    plain, link, pipe, large = (tmp_path / name for name in ("plain", "link", "pipe", "large"))
    plain.write_text("here")
    link.symlink_to(plain)
    os.mkfifo(pipe)
    with large.open("w") as file:
        file.truncate(reading.MOST + 1)
    assert reading.regular(str(plain)) == "here"
    assert reading.regular(str(link)) == "here"
    with pytest.raises(OSError, match="symbolic links"):
        reading.regular(str(link), follow=False)
    for path, said in ((pipe, "not a regular file"), (tmp_path, "regular file|directory"), (large, "too large")):
        with pytest.raises(OSError, match=said):
            reading.regular(str(path))


def test_names_of_what_cannot_be_listed_are_none(tmp_path: Path) -> None:
    (tmp_path / "b").touch()
    (tmp_path / "a").touch()
    assert reading.names(str(tmp_path)) == ["a", "b"]
    assert reading.names(str(tmp_path / "missing")) == []


def test_names() -> None:
    assert (NAMES.user(1000), NAMES.user(4711), NAMES.group(990), NAMES.group(4711)) == (
        "alice",
        "4711",
        "docker",
        "4711",
    )
    assert (NAMES.gid("docker"), NAMES.gid("4711"), NAMES.gid("nobody-has-it")) == (990, 4711, None)
    assert {"alice", "bob"} <= set(NAMES.members(990)), "listed, and by the primary group"


def test_this_host_has_a_root() -> None:
    assert Names.read().user(0) == "root"


# files


def test_a_file_its_links_and_the_directories_above(tmp_path: Path) -> None:
    real = tmp_path / "kept" / "daemon.json"
    real.parent.mkdir()
    real.write_text("{}")
    real.chmod(0o640)
    link = tmp_path / "daemon.json"
    link.symlink_to(real)
    config = {"path": str(link), "exists": True, "error": "", "values": {"proxies": {"https-proxy": "<redacted>"}}}
    found = files.describe("/nonexistent", daemon(config=config), NAMES)
    entry = found["files"][str(link)]
    assert (entry["role"], entry["real"], entry["mode"], entry["uid"]) == ("config", str(real), "0640", os.geteuid())
    assert {str(tmp_path), str(real.parent)} <= set(found["directories"])
    assert files.holds_secrets(daemon(config=config))
    assert not files.holds_secrets(daemon())


def test_what_an_unreadable_configuration_holds_is_not_guessed() -> None:
    config = {"path": "/etc/docker/daemon.json", "exists": None, "error": "Permission denied", "values": None}
    assert files.describe("/nonexistent", daemon(config=config), NAMES)["config_known"] is None
    assert files.describe("/nonexistent", daemon(config=None), NAMES)["config_known"] is None
    assert files.describe("/nonexistent", daemon(), NAMES)["config_known"] is True


def test_sockets_are_those_that_the_daemon_has_but_for_its_parts(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
        path.chmod(0o660)
        listeners = [listener(str(path)), listener("/run/docker/metrics.sock"), listener("@abstract")]
        known = files.describe("/nonexistent", daemon(listeners=listeners, flags={"group": "docker"}), NAMES)
        unknown = files.describe(str(path), daemon(listeners=None), NAMES)
    sockets = {path: entry for path, entry in known["files"].items() if entry["role"] == "api_socket"}
    assert set(sockets) == {str(path), "@abstract"}
    assert sockets[str(path)]["group_set"] == {"name": "docker", "gid": 990}
    assert sockets["@abstract"]["abstract"] is True
    assert (known["sockets_known"], unknown["sockets_known"]) == (True, None)
    assert unknown["files"][str(path)]["mode"] == "0660"


def test_tls_files_are_those_of_the_flags_then_of_the_file(tmp_path: Path) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).touch(mode=0o400)
    values = {"tlscacert": str(tmp_path / "ca.pem"), "tlskey": "/nonexistent/key.pem", "tlscert": "relative.pem"}
    config = {"path": "/nonexistent", "exists": False, "error": "", "values": values}
    found = files.describe("/x", daemon(config=config, flags={"tlskey": str(tmp_path / "key.pem")}), NAMES)
    roles = {Path(path).name: entry["role"] for path, entry in found["files"].items() if "tls" in entry["role"]}
    assert roles == {"ca.pem": "tls_ca", "key.pem": "tls_key"}


def test_units_and_drop_ins_of_all_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "etc", tmp_path / "lib"
    for path in (first / "docker.socket.d", second / "docker.service.d", second / "service.d"):
        path.mkdir(parents=True)
    (first / "docker.socket").write_text("[Socket]\nListenStream=/run/a.sock\nSocketGroup=ops\n")
    (first / "docker.socket.d" / "b.conf").write_text("[Socket]\nListenStream=\nListenStream=/var/run/b.sock\n")
    for name in (
        "docker.service",
        "docker.socket",
        "docker.service.d/x.conf",
        "docker.service.d/x.txt",
        "service.d/y.conf",
    ):
        (second / name).touch()
    monkeypatch.setattr(files, "_SYSTEM", (str(first), str(second), str(tmp_path / "missing")))
    units = files.Units(None, 0, "/root")
    assert [(role, path[len(str(tmp_path)) :]) for role, path in units.files()] == [
        ("service_unit", "/lib/docker.service"),
        ("service_unit", "/lib/docker.service.d/x.conf"),
        ("service_unit", "/lib/service.d/y.conf"),
        ("socket_unit", "/etc/docker.socket"),
        ("socket_unit", "/etc/docker.socket.d/b.conf"),
    ]
    assert units.socket_settings() == {"ListenStream": ["/var/run/b.sock"], "SocketGroup": ["ops"]}
    activated = daemon(flags={"hosts": ["fd://"], "group": "docker"})
    assert files._groups(activated, units, NAMES) == {
        "": {"name": "docker", "gid": 990},
        "/run/b.sock": {"name": "ops", "gid": 0},
    }


def test_a_masked_unit_is_no_file(tmp_path: Path) -> None:
    masked = tmp_path / "docker.socket"
    masked.symlink_to("/dev/null")
    assert files._looked_at("socket_unit", str(masked), NAMES) == {}
    assert files._looked_at("socket_unit", str(tmp_path / "missing"), NAMES) == {}


def test_what_may_not_be_looked_at_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> os.stat_result:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "stat", refuse)
    assert files._looked_at("tls_key", "/secret", NAMES) == {
        "/secret": {"role": "tls_key", "error": "Permission denied"}
    }


# people


def test_sudo_reads_what_is_included(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "ok").write_text("%docker ALL=(ALL) ALL\n")
    (tmp_path / "d" / "skipped.dpkg-old").write_text("eve ALL=(ALL) ALL\n")
    (tmp_path / "d" / "skipped~").write_text("eve ALL=(ALL) ALL\n")
    (tmp_path / "more").write_text(f"@include {tmp_path}/sudoers\n+net ALL=ALL\n")
    (tmp_path / "sudoers").write_text("root ALL=ALL\n@includedir d\n@include more\n@include missing\n#1000 ALL=ALL\n")
    found = access.sudo(["docker"], NAMES, str(tmp_path / "sudoers"))
    assert found
    assert json.loads(json.dumps(found)) == found, "plain JSON: a tuple would be taken for nothing"
    assert {one["who"]: one["users"] for one in found["grants"]} == {
        "root": ["root"],
        "%docker": NAMES.members(990),
        "+net": None,
        "#1000": ["alice"],
    }


def test_no_sudoers_is_no_right_and_an_unreadable_one_is_unknown(tmp_path: Path) -> None:
    assert access.sudo([], NAMES, str(tmp_path / "missing")) == {"unseen": [], "grants": []}
    assert access.sudo([], NAMES, str(tmp_path)) is None


@pytest.mark.parametrize(
    ("content", "registries"),
    [
        (
            {"auths": {"b.example": {"auth": "Y2FuYXJ5"}, "a.example": {"identitytoken": "canary"}}},
            ["a.example", "b.example"],
        ),
        ({"auths": {"a.example": {}}, "credsStore": "pass"}, []),
        ({"auths": {"https://u:canary-1@a.example": {"auth": "x"}}}, ["https://<redacted>@a.example"]),
        ({"credHelpers": {"a.example": "pass"}}, []),
        ({"auths": None}, []),
        ([], None),
        ({"auths": ["nonsense"]}, None),
    ],
)
def test_registries_by_name_only(tmp_path: Path, content: t.Any, registries: list[str] | None) -> None:
    home = tmp_path / "alice"
    (home / ".docker").mkdir(parents=True)
    (home / ".docker" / "config.json").write_text(json.dumps(content))
    found = access._credentials({"alice"}, Names((User("alice", 1000, 1000, str(home)),), ()))
    assert found == [{"user": "alice", "path": f"{home}/.docker/config.json", "registries": registries}]
    assert "canary" not in repr(found)


def test_credentials_of_a_link_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / "elsewhere").write_text("{}")
    (tmp_path / ".docker" / "config.json").symlink_to(tmp_path / "elsewhere")
    (found,) = access._credentials({"alice"}, Names((User("alice", 1000, 1000, str(tmp_path)),), ()))
    assert found["registries"] is None


# the rest


def test_mounts_are_those_that_files_are_kept_on() -> None:
    table = (
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "30 22 8:2 / /var/lib/my\\040docker rw,nodev - xfs /dev/sda2 rw\n"
        "40 30 0:50 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw\n"
        "41 30 0:4 net:[1] /run/docker/netns/x rw - nsfs nsfs rw\n"
    )
    assert host.mounts(None) is None
    assert host.mounts(table) == [
        {"path": "/", "device": "8:1", "type": "ext4", "options": ["rw", "relatime"]},
        {"path": "/var/lib/my docker", "device": "8:2", "type": "xfs", "options": ["rw", "nodev"]},
    ]


@pytest.mark.parametrize(
    ("config", "root"),
    [
        ('version = 2\nroot = "/srv/containerd"\n[plugins]\nroot = "/elsewhere"\n', "/srv/containerd"),
        ('# root = "/srv"\n[plugins]\n  root = "/elsewhere"\n', host.CONTAINERD_ROOT),
        ("root = '/srv/c'\n", "/srv/c"),
    ],
)
def test_containerd_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str, root: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(config)
    monkeypatch.setattr(host, "_CONTAINERD_CONFIG", str(path))
    assert host._containerd_root() == root
    path.unlink()
    assert host._containerd_root() == host.CONTAINERD_ROOT


def test_services_that_run_and_that_would_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cgroup, units = tmp_path / "cgroup", tmp_path / "units"
    for name in ("cups.service", "docker-1.scope", "system-cups.slice/cupsd.service"):
        (cgroup / "system.slice" / name).mkdir(parents=True)
    wants = units / "multi-user.target.wants"
    wants.mkdir(parents=True)
    for name in ("on.service", "masked.service"):
        (tmp_path / name).touch()
        (wants / name).symlink_to(tmp_path / name)
    (wants / "removed.service").symlink_to(tmp_path / "removed.service")
    (units / "masked.service").symlink_to("/dev/null")
    monkeypatch.setattr(host, "_CGROUPS", (str(cgroup),))
    monkeypatch.setattr(host, "_UNITS", (str(units),))
    assert host.services() == {"running": ["cups.service", "cupsd.service"], "enabled": ["on.service"]}
    monkeypatch.setattr(host, "_CGROUPS", ())
    monkeypatch.setattr(host, "_UNITS", ())
    assert host.services() is None


def test_the_whole_is_plain_json_and_holds_what_is_documented(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
        found = host.describe(str(path), daemon(pid=os.getpid(), listeners=[listener(str(path))]))
    assert json.loads(json.dumps(found)) == found
    documented = host.__doc__ or ""
    assert [key for key in found if f"``{key}``" not in documented] == []
    assert found["mounts"]
