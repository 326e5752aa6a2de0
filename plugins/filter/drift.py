# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter drift."""

from __future__ import annotations

DOCUMENTATION = r"""
name: drift
short_description: What differs between two states of a Docker host
version_added: 0.4.0
author: bulkhead.docker maintainers (@bulkhead)
description:
  - Compares two baselines on the controller, such as two commits of a git directory, or those of two hosts that should
    be alike, in the way M(bulkhead.docker.docker_baseline) compares a host with its own.
positional: _input, now
options:
  _input:
    description: The earlier baseline (RV(bulkhead.docker.docker_baseline#module:baseline)).
    type: dict
    required: true
  now:
    description: The later one.
    type: dict
    required: true
  images:
    description: As O(bulkhead.docker.docker_baseline#module:images).
    type: list
    elements: str
    default: []
  ignore:
    description: Paths not to report, each with all below it, or as a glob.
    type: list
    elements: str
    default: []
seealso:
  - module: bulkhead.docker.docker_baseline
"""

EXAMPLES = r"""
- name: Two hosts of a pool are hardened alike
  ansible.builtin.assert:
    that: one | bulkhead.docker.drift(other, ignore=['containers', 'certificates']) | length == 0
"""

RETURN = r"""
_value:
  description: >-
    The entries as M(bulkhead.docker.docker_baseline) returns them, the worst first. Nobody can say when they were
    first seen.
  type: list
  elements: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.bulkhead.docker.plugins.module_utils.drift import compare
from ansible_collections.bulkhead.docker.plugins.module_utils.drift.baseline import checked


def drift(
    before: object, now: object, images: t.Sequence[str] = (), ignore: t.Sequence[str] = ()
) -> list[dict[str, t.Any]]:
    """Two baselines to entries."""
    try:
        entries, _unknown = compare.drift(
            checked(before, "the earlier one"), checked(now, "the later one"), compare.digests(images)
        )
    except compare.DriftError as error:
        raise AnsibleFilterError(f"bulkhead.docker.drift: {error}") from error
    return [one for one in entries if not compare.selected(one["path"], ignore)]


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., object]]:
        return {"drift": drift}
