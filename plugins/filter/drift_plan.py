# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter drift_plan."""

from __future__ import annotations

DOCUMENTATION = r"""
name: drift_plan
short_description: What is to be done about drift
version_added: 0.4.0
author: bulkhead.docker maintainers (@bulkhead)
description:
  - Names the roles that mend the drift of a host, in the order in which they must run, and says why the rest is left.
positional: _input, severities, roles
options:
  _input:
    description:
      - The drift of one host, as M(bulkhead.docker.docker_baseline) returns it under C(drift).
    type: dict
    required: true
  severities:
    description:
      - The severities that may be mended.
    type: list
    elements: str
    choices: [critical, high, medium, low, info]
    required: true
  roles:
    description:
      - The roles that may run.
    type: list
    elements: str
    required: true
  attempts:
    description:
      - How many attempts were made already, for the words of RV(_value.left).
    type: int
    default: 0
  baseline:
    description:
      - The baseline of the host, for RV(_value.settings).
    type: dict
seealso:
  - module: bulkhead.docker.docker_baseline
"""

EXAMPLES = r"""
- name: Show which roles would run
  ansible.builtin.debug:
    msg: "{{ (result.drift | bulkhead.docker.drift_plan(['critical', 'high'], ['docker_daemon'])).roles }}"
"""

RETURN = r"""
_value:
  description: What is to be done.
  type: dict
  contains:
    roles:
      description: The roles to run, in this order.
      type: list
      elements: str
    mend:
      description: Paths of the entries that they mend.
      type: list
      elements: str
    settings:
      description:
        - After an attempt, the keys of daemon.json that drifted still, with their approved values. Null for a key that
          nobody approved.
      type: dict
    left:
      description: Every entry's C(path) and C(severity), with C(why) it is there or what mends it.
      type: list
      elements: dict
  sample: {roles: [docker_daemon], mend: [daemon.configured.icc], settings: {}, left: []}
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.bulkhead.docker.plugins.module_utils.drift.compare import DriftError
from ansible_collections.bulkhead.docker.plugins.module_utils.drift.plan import plan


def drift_plan(
    drift: object, severities: list[str], roles: list[str], attempts: int = 0, baseline: object = None
) -> dict[str, t.Any]:
    """Drift to a plan."""
    try:
        return plan(drift, severities, roles, attempts, baseline)
    except DriftError as exc:
        raise AnsibleFilterError(f"bulkhead.docker.drift_plan: {exc}") from exc


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., object]]:
        return {"drift_plan": drift_plan}
