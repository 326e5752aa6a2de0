# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter audit_failures."""

from __future__ import annotations

DOCUMENTATION = r"""
name: audit_failures
short_description: Failing findings of a Docker audit
version_added: 0.1.0
author: bulkhead.docker maintainers (@bulkhead)
description:
  - Lists the findings with verdict V(fail) at or above a severity, the worst first. Waived findings are not among them.
positional: _input, at_least
options:
  _input:
    description:
      - One result document (RV(bulkhead.docker.docker_audit#module:audit)), a list of them, or a mapping of
        host name to document.
    type: raw
    required: true
  at_least:
    description:
      - The mildest severity to list.
    type: str
    choices: [critical, high, medium, low, info]
    default: info
seealso:
  - module: bulkhead.docker.docker_audit
"""

EXAMPLES = r"""
- name: Stop when anything critical is open
  ansible.builtin.assert:
    that: result.audit | bulkhead.docker.audit_failures('critical') | length == 0
"""

RETURN = r"""
_value:
  description:
    - The findings as M(bulkhead.docker.docker_audit) returns them, each with the name of its RV(_value[].host) added.
  type: list
  elements: dict
  contains:
    host:
      description: Name of the host.
      type: str
"""

import dataclasses
import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.bulkhead.docker.plugins.module_utils.model import SEVERITIES
from ansible_collections.bulkhead.docker.plugins.module_utils.report.documents import (
    DocumentError,
    failures,
    read_results,
)


def audit_failures(value: object, at_least: str = SEVERITIES[-1]) -> list[dict[str, t.Any]]:
    """Results to failing findings."""
    if at_least not in SEVERITIES:
        raise AnsibleFilterError(
            f"bulkhead.docker.audit_failures: at_least must be one of {', '.join(SEVERITIES)}, not {at_least!r}"
        )
    try:
        found = failures(read_results(value), at_least)
    except DocumentError as exc:
        raise AnsibleFilterError(f"bulkhead.docker.audit_failures: {exc}") from exc
    return [{"host": sighting.host, **dataclasses.asdict(sighting.finding)} for sighting in found]


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., object]]:
        return {"audit_failures": audit_failures}
