# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sealing: what goes, what stays, and that nothing outside is ever touched."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.image import seal
from ansible_collections.bulkhead.docker.plugins.module_utils.image.seal import Item, SealError, Tree

#: Items, and what of the tree below is gone afterwards, and what stays.
CASES: list[tuple[Item, list[str], list[str]]] = [
    (Item("/etc/ssh/ssh_host_*"), ["/etc/ssh/ssh_host_rsa_key"], ["/etc/ssh/sshd_config"]),
    (Item("/var/lib/docker/engine-id"), ["/var/lib/docker/engine-id"], ["/var/lib/docker"]),
    (Item("/var/lib/docker/swarm"), ["/var/lib/docker/swarm/a/b", "/var/lib/docker/swarm"], ["/var/lib/docker"]),
    (Item("/var/log", "files"), ["/var/log/auth.log", "/var/log/apt/term.log"], ["/var/log/apt", "/var/log/README"]),
    (Item("/var/log", "clear"), ["/var/log/apt", "/var/log/README"], ["/var/log"]),
    (Item("/home/*/.bash_history"), ["/home/alice/.bash_history"], ["/home/alice/.profile"]),
    (Item("/no/such/thing"), [], ["/etc/ssh/sshd_config"]),
    (Item("/var/log/README"), ["/var/log/README"], ["/etc/ssh/sshd_config"]),  # the link, not what it leads to
]
FILES = [
    "/etc/machine-id",
    "/etc/ssh/ssh_host_rsa_key",
    "/etc/ssh/sshd_config",
    "/var/lib/docker/engine-id",
    "/var/lib/docker/swarm/a/b",
    "/var/log/auth.log",
    "/var/log/apt/term.log",
    "/home/alice/.bash_history",
    "/home/alice/.profile",
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    top = tmp_path / "image"
    for name in FILES:
        path = Path(f"{top}{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    Path(f"{top}/var/log/README").symlink_to("../../etc/ssh/sshd_config")
    return top


def there(root: Path, path: str) -> bool:
    found = Path(f"{root}{path}")
    return found.is_symlink() or found.exists()


@pytest.mark.parametrize(("item", "gone", "stays"), CASES, ids=[f"{case[0].action} {case[0].path}" for case in CASES])
def test_what_goes_and_what_stays(item: Item, gone: list[str], stays: list[str], root: Path) -> None:
    tree = Tree(str(root))
    assert bool(tree.hits(item)) == bool(gone)
    tree.take(item)
    assert [path for path in gone if there(root, path)] == []
    assert [path for path in stays if not there(root, path)] == []
    assert tree.hits(item) == []
    tree.take(item)  # a second time finds nothing to do


def test_an_emptied_file_is_still_there(root: Path) -> None:
    tree, item = Tree(str(root)), Item("/etc/machine-id", "empty")
    assert tree.hits(item) == ["/etc/machine-id"]
    tree.take(item)
    assert tree.hits(item) == [] and Path(f"{root}/etc/machine-id").read_bytes() == b""


@pytest.mark.parametrize("item", [Item("/var/agent/id"), Item("/var/agent/*", "clear"), Item("/var/agent/id", "empty")])
def test_no_link_is_followed(item: Item, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "id").write_text("of somebody else")
    Path(f"{root}/var/agent").symlink_to(outside)
    with pytest.raises(SealError, match="/var/agent is a link"):
        Tree(str(root)).take(item)
    assert (outside / "id").read_text() == "of somebody else"


def test_a_link_in_what_goes_is_removed_and_not_followed(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "id").write_text("of somebody else")
    Path(f"{root}/var/lib/docker/swarm/link").symlink_to(outside)
    Tree(str(root)).take(Item("/var/lib/docker/swarm"))
    assert (outside / "id").exists() and not there(root, "/var/lib/docker/swarm")


def test_a_file_that_became_a_link_is_not_emptied(root: Path, tmp_path: Path) -> None:
    (tmp_path / "other").write_text("of somebody else")
    Path(f"{root}/etc/machine-id").unlink()
    Path(f"{root}/etc/machine-id").symlink_to(tmp_path / "other")
    tree, item = Tree(str(root)), Item("/etc/machine-id", "empty")
    assert tree.hits(item) == ["/etc/machine-id"]
    with pytest.raises(SealError, match="cannot be emptied"):
        tree.take(item)
    assert (tmp_path / "other").read_text() == "of somebody else"


def test_a_link_to_what_is_listed_itself_is_no_matter(root: Path) -> None:
    Path(f"{root}/var/spool").mkdir()
    Path(f"{root}/var/spool/mail").symlink_to("../mail")
    assert Tree(str(root), ["/var/mail/*"]).hits(Item("/var/spool/mail/*")) == []
    with pytest.raises(SealError):
        Tree(str(root)).hits(Item("/var/spool/mail/*"))


def test_the_program_that_runs_is_left_to_itself(root: Path) -> None:
    own = Path(f"{root}/tmp/payload")
    own.mkdir(parents=True)
    (own / "module.zip").write_text("x")
    (root / "tmp" / "left").write_text("x")
    tree, item = Tree(str(root), own="/tmp/payload"), Item("/tmp", "clear")
    tree.take(item)
    assert tree.hits(item) == [] and (own / "module.zip").exists() and not (root / "tmp" / "left").exists()


@pytest.mark.parametrize(
    ("path", "action"),
    [
        ("etc/x", "remove"),
        ("/etc/../x", "remove"),
        ("/", "remove"),
        ("/etc", "remove"),
        ("/etc", "clear"),
        ("/a//b", "remove"),
        ("/a/b", "burn"),
    ],
)
def test_items_that_are_too_wide_are_refused(path: str, action: str) -> None:
    assert len(seal.problems([Item(path, action)])) == 1


def test_good_items_are_not() -> None:
    assert (
        seal.problems([Item("/tmp", "clear"), Item("/run", "clear"), Item("/etc/*-"), Item("/var/log", "files")]) == []
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", True),
        ("-----BEGIN PRIVATE KEY-----\n", True),
        ("x = 1\n-----BEGIN EC PRIVATE KEY-----\n", True),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----\n", True),
        ("-----BEGIN PUBLIC KEY-----\n", False),
        ("-----BEGIN CERTIFICATE-----\n", False),
    ],
)
def test_private_keys_are_found_by_content(text: str, found: bool, root: Path) -> None:
    Path(f"{root}/etc/agent.conf").write_text(text)
    tree = Tree(str(root))
    assert bool(tree.keys(["/etc", "/none"], [])) == found
    assert tree.keys(["/etc"], ["/etc/agent*"]) == []
    hits = seal.left(tree, [Item("/etc/machine-id", "empty", "the id")], ["/etc"], [])
    said: dict[str, t.Any] = {hit.path: hit.why for hit in hits}
    assert said == {"/etc/machine-id": "the id", **({"/etc/agent.conf": "a private key"} if found else {})}
