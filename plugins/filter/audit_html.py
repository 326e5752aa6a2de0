# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter audit_html."""

from __future__ import annotations

DOCUMENTATION = r"""
name: audit_html
short_description: Report of a Docker audit as one HTML page
version_added: 0.1.0
author: bulkhead.docker maintainers (@bulkhead)
description:
  - Turns what M(bulkhead.docker.docker_audit) returned for one host or for a fleet into one self-contained HTML page.
    It needs no network and no scripts, can be read on a phone, follows the reader's light or dark preference, and can
    be printed.
  - Findings are grouped by what to do first. Whatever came from containers is escaped.
  - The same input always gives the same page.
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
      - The same for an earlier run. The page then shows what was fixed, what is new and what remains.
      - Hosts without a result in both runs are left out of the comparison, and named.
    type: raw
  title:
    description:
      - Heading of the page. By default the host's name, or the number of hosts.
    type: str
    default: ""
  unreachable:
    description:
      - Hosts that gave no result and must be shown so; a list of names, or a mapping of name to the reason.
    type: raw
seealso:
  - plugin: bulkhead.docker.audit_table
    plugin_type: filter
  - module: bulkhead.docker.docker_audit
"""

EXAMPLES = r"""
- name: Audit the host
  bulkhead.docker.docker_audit:
  register: result

- name: Write the report
  ansible.builtin.copy:
    content: "{{ result.audit | bulkhead.docker.audit_html(title='Web servers') }}"
    dest: /tmp/report.html
    mode: "0600"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The page.
  type: str
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.bulkhead.docker.plugins.module_utils.report.documents import DocumentError, read_results
from ansible_collections.bulkhead.docker.plugins.module_utils.report.page import render


def audit_html(value: object, before: object = None, title: str = "", unreachable: object = None) -> str:
    """Results to a page."""
    if not isinstance(title, str):
        raise AnsibleFilterError(f"bulkhead.docker.audit_html: title must be text, not {title!r}")
    try:
        return render(read_results(value, unreachable), read_results(before) if before else (), title)
    except DocumentError as exc:
        raise AnsibleFilterError(f"bulkhead.docker.audit_html: {exc}") from exc


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., object]]:
        return {"audit_html": audit_html}
