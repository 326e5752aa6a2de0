# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter drift_failures."""

from __future__ import annotations

DOCUMENTATION = r"""
name: drift_failures
short_description: Entries of drift that are bad enough
version_added: 0.4.0
author: bulkhead.docker maintainers (@bulkhead)
description:
  - Lists the entries at or above a severity, the worst first.
positional: _input, at_least
options:
  _input:
    description:
      - The drift of one host, as M(bulkhead.docker.docker_baseline) returns it under C(drift).
    type: dict
    required: true
  at_least:
    description:
      - The mildest severity to list; nothing is listed for V(none).
    type: str
    choices: [critical, high, medium, low, info, none]
    default: info
seealso:
  - module: bulkhead.docker.docker_baseline
"""

EXAMPLES = r"""
- name: Stop when something dangerous has changed
  ansible.builtin.assert:
    that: result.drift | bulkhead.docker.drift_failures('high') | length == 0
"""

RETURN = r"""
_value:
  description: The entries as M(bulkhead.docker.docker_baseline) returns them.
  type: list
  elements: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.bulkhead.docker.plugins.module_utils.drift.compare import DriftError
from ansible_collections.bulkhead.docker.plugins.module_utils.drift.plan import at_least
from ansible_collections.bulkhead.docker.plugins.module_utils.model import SEVERITIES


def drift_failures(drift: object, mildest: str = SEVERITIES[-1]) -> list[t.Any]:
    """Drift to its bad entries."""
    if mildest not in (*SEVERITIES, "none"):
        raise AnsibleFilterError(
            f"bulkhead.docker.drift_failures: at_least must be one of {', '.join(SEVERITIES)}, none, not {mildest!r}"
        )
    try:
        return list(at_least(drift, mildest))
    except DriftError as exc:
        raise AnsibleFilterError(f"bulkhead.docker.drift_failures: {exc}") from exc


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., object]]:
        return {"drift_failures": drift_failures}
