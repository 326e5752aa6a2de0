# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter audit_table."""

from __future__ import annotations

DOCUMENTATION = r"""
name: audit_table
short_description: Short table of a Docker audit for the terminal
version_added: 0.1.0
author: bulkhead.docker maintainers (@bulkhead)
description:
  - Counts the failed checks by severity and by who mends them, with those of an earlier run beside them, and names the
    worst that remain.
  - At most 100 columns wide. Control characters in names are spelt out, so that no name can drive the terminal.
positional: _input
options:
  _input:
    description:
      - One result document (RV(bulkhead.docker.docker_audit#module:audit)), a list of them, or a mapping of
        host name to document.
    type: raw
    required: true
  before:
    description:
      - The same for an earlier run. Hosts without a result in both runs are left out of the comparison, and named.
    type: raw
  top:
    description:
      - How many of the rules that still fail to name.
    type: int
    default: 10
  unreachable:
    description:
      - Hosts that gave no result and must be shown so; a list of names, or a mapping of name to the reason.
    type: raw
seealso:
  - plugin: bulkhead.docker.audit_html
    plugin_type: filter
  - module: bulkhead.docker.docker_audit
"""

EXAMPLES = r"""
- name: Show where we stand
  ansible.builtin.debug:
    msg: "{{ (result.audit | bulkhead.docker.audit_table).splitlines() }}"
"""

RETURN = r"""
_value:
  description: The table, lines separated by newlines.
  type: str
  sample: |-
    Failed checks           before     now
    critical                     5       0
    high                        13       5
    all                         18       5

    Mended by               before     now
    recreate container          11       5
    role docker_daemon           7       0
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.bulkhead.docker.plugins.module_utils.report.documents import DocumentError, read_results
from ansible_collections.bulkhead.docker.plugins.module_utils.report.table import render


def audit_table(value: object, before: object = None, top: int = 10, unreachable: object = None) -> str:
    """Results to a table."""
    if not isinstance(top, int) or top < 0:
        raise AnsibleFilterError(f"bulkhead.docker.audit_table: top must be a number from 0, not {top!r}")
    try:
        return render(read_results(value, unreachable), read_results(before) if before else None, top)
    except DocumentError as exc:
        raise AnsibleFilterError(f"bulkhead.docker.audit_table: {exc}") from exc


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., object]]:
        return {"audit_table": audit_table}
