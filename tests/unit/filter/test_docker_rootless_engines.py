# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The users of role docker_rootless, in one form."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.bulkhead.docker.plugins.filter.docker_rootless_engines import docker_rootless_engines


def test_names_and_mappings_become_one_form() -> None:
    own = {"name": "web", "profile": "strict", "config": {"debug": True}, "environment": {"B": "3"}}
    found = docker_rootless_engines(
        ["ci", own], profile="none", config={"debug": None, "icc": False}, environment={"A": "1", "B": "2"}
    )
    assert found == [
        {"name": "ci", "profile": "none", "config": {"debug": None, "icc": False}, "environment": {"A": "1", "B": "2"}},
        {
            "name": "web",
            "profile": "strict",
            "config": {"debug": True, "icc": False},
            "environment": {"A": "1", "B": "3"},
        },
    ]


def test_the_roles_defaults_are_not_changed() -> None:
    config = {"icc": False}
    docker_rootless_engines([{"name": "web", "config": {"icc": True}}], config=config)
    assert config == {"icc": False}


@pytest.mark.parametrize(
    ("users", "absent", "words"),
    [
        ("ci", [], "must be a list"),
        ([5], [], "unlike 5"),
        ([{"profile": "strict"}], [], "one as name"),
        ([{"name": "ci", "shell": "x"}], [], "ci: shell is none of"),
        ([{"name": "ci", "profile": "loose"}], [], "ci: profile must be one of"),
        ([{"name": "ci", "config": []}], [], "ci: config must be a mapping"),
        ([{"name": "ci", "environment": {"A B": "1"}}], [], "'A B' is no variable"),
        ([{"name": "ci", "environment": {"A": "1\nExecStart=/bin/sh"}}], [], "one line"),
        (["../etc"], [], "'../etc' is no user name"),
        (["-x"], [], "'-x' is no user name"),
        (["ci", "ci"], [], "ci is named more than once"),
        (["ci"], ["ci"], "ci is named more than once"),
    ],
)
def test_wrong_entries_are_named(users: t.Any, absent: list[str], words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=words.replace("/", "\\/").replace(".", "\\.")):
        docker_rootless_engines(users, absent)
