# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter docker_rootless_engines."""

from __future__ import annotations

DOCUMENTATION = r"""
name: docker_rootless_engines
short_description: What each user's rootless engine is to be
version_added: 0.2.0
author: bulkhead.docker maintainers (@bulkhead)
description:
  - Brings the users of the role P(bulkhead.docker.docker_rootless#role) into one form, with the role's defaults under
    each user's own settings. A wrong entry is an error that names it.
positional: _input, absent
options:
  _input:
    description: Names, or mappings of C(name) with C(profile), C(config) or C(environment).
    type: list
    elements: raw
    required: true
  absent:
    description: Names of users who are to have no engine; nobody can be in both lists.
    type: list
    elements: str
    default: []
  profile:
    description: The profile of users who name none.
    type: str
    default: baseline
  config:
    description: Keys of C(daemon.json) under each user's own.
    type: dict
    default: {}
  environment:
    description: Variables under each user's own.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Who gets what
  ansible.builtin.debug:
    msg: "{{ ['ci', {'name': 'web', 'profile': 'strict'}] | bulkhead.docker.docker_rootless_engines }}"
"""

RETURN = r"""
_value:
  description: A mapping with all of C(name), C(profile), C(config) and C(environment) for each user.
  type: list
  elements: dict
"""

import re
import typing as t
from collections.abc import Mapping

from ansible.errors import AnsibleFilterError

PROFILES = ("none", "baseline", "strict")
_KEYS = frozenset({"name", "profile", "config", "environment"})
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}[$]?")
_VARIABLE = re.compile(r"[A-Za-z_]\w*")


def docker_rootless_engines(
    value: t.Any,
    absent: t.Sequence[str] = (),
    profile: str = "baseline",
    config: Mapping[str, t.Any] | None = None,
    environment: Mapping[str, t.Any] | None = None,
) -> list[dict[str, t.Any]]:
    """Names and mappings to mappings alone."""
    if not isinstance(value, (list, tuple)):
        raise _error(f"it must be a list of users, not {value!r}")
    engines: list[dict[str, t.Any]] = [{"name": one} if isinstance(one, str) else one for one in value]
    for engine in engines:
        _check(engine)
    names = [engine["name"] for engine in engines] + list(absent)
    for name in names:
        if names.count(name) > 1:
            raise _error(f"{name} is named more than once, here or among the absent users: name each user once")
    return [
        {
            "name": engine["name"],
            "profile": engine.get("profile", profile),
            "config": {**(config or {}), **engine.get("config", {})},
            "environment": {**(environment or {}), **engine.get("environment", {})},
        }
        for engine in engines
    ]


def _check(engine: t.Any) -> None:
    if not isinstance(engine, Mapping) or not isinstance(engine.get("name"), str):
        raise _error(f"each is a user's name, or a mapping that has one as name, unlike {engine!r}")
    name = engine["name"]
    if not _NAME.fullmatch(name):
        raise _error(f"{name!r} is no user name")
    if set(engine) - _KEYS:
        odd = ", ".join(sorted(set(engine) - _KEYS))
        raise _error(f"{name}: {odd} is none of {', '.join(sorted(_KEYS))}")
    if engine.get("profile", PROFILES[0]) not in PROFILES:
        raise _error(f"{name}: profile must be one of {', '.join(PROFILES)}, not {engine['profile']!r}")
    for key in ("config", "environment"):
        if not isinstance(engine.get(key, {}), Mapping):
            raise _error(f"{name}: {key} must be a mapping, not {engine[key]!r}")
    for variable, text in engine.get("environment", {}).items():
        if not _VARIABLE.fullmatch(str(variable)) or "\n" in str(text):
            raise _error(f"{name}: environment: {variable!r} is no variable with a value of one line")


def _error(words: str) -> AnsibleFilterError:
    return AnsibleFilterError(f"docker_rootless_users: {words}")


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., object]]:
        return {"docker_rootless_engines": docker_rootless_engines}
