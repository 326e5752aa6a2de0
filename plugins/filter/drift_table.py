# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter drift_table."""

from __future__ import annotations

DOCUMENTATION = r"""
name: drift_table
short_description: Short table of drift for the terminal
version_added: 0.4.0
author: bulkhead.docker maintainers (@bulkhead)
description:
  - Says for each host how much has drifted since when, what the worst entries are, and what mends each.
  - At most 100 columns wide. Control characters in names and values are spelt out, so that no container drives
    the terminal.
positional: _input
options:
  _input:
    description:
      - Host name to report, as role docker_drift writes them into files.
    type: dict
    required: true
  top:
    description:
      - How many entries of each host to name.
    type: int
    default: 10
  unreachable:
    description:
      - Hosts that gave no result, as a mapping of name to the reason.
    type: dict
seealso:
  - module: bulkhead.docker.docker_baseline
"""

EXAMPLES = r"""
- name: Show where we stand
  ansible.builtin.debug:
    msg: "{{ ({inventory_hostname: report} | bulkhead.docker.drift_table).splitlines() }}"
"""

RETURN = r"""
_value:
  description: The table, lines separated by newlines.
  type: str
  sample: |-
    web1: 1 high since the baseline of 2026-11-22T09:00:00Z by alice
      high     daemon.configured.icc: changed, false → true
               run role docker_daemon
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.bulkhead.docker.plugins.module_utils.drift.compare import DriftError
from ansible_collections.bulkhead.docker.plugins.module_utils.report.drift import render


def drift_table(reports: object, top: int = 10, unreachable: t.Mapping[str, str] | None = None) -> str:
    """Reports to a table."""
    if not isinstance(reports, dict):
        raise AnsibleFilterError("bulkhead.docker.drift_table: this is no mapping of host name to report")
    if not isinstance(top, int) or top < 0:
        raise AnsibleFilterError(f"bulkhead.docker.drift_table: top must be a number from 0, not {top!r}")
    try:
        return render(reports, unreachable or {}, top)
    except DriftError as exc:
        raise AnsibleFilterError(f"bulkhead.docker.drift_table: {exc}") from exc


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., object]]:
        return {"drift_table": drift_table}
