# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter docker_tls_networks."""

from __future__ import annotations

DOCUMENTATION = r"""
name: docker_tls_networks
short_description: Networks in CIDR form, checked
version_added: 0.2.0
author: bulkhead.docker maintainers (@bulkhead)
description:
  - Returns the networks, each once, and fails for what is none.
positional: _input
options:
  _input:
    description: Networks, as O(bulkhead.docker.docker_tls#role:main:docker_tls_management_networks) has them.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Check an option
  ansible.builtin.assert:
    that: docker_tls_management_networks | bulkhead.docker.docker_tls_networks | length > 0
"""

RETURN = r"""
_value:
  description: The networks in their normal form.
  type: list
  elements: str
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.bulkhead.docker.plugins.module_utils.tls.options import OptionError, networks


def docker_tls_networks(value: t.Sequence[str]) -> list[str]:
    """Networks to networks."""
    try:
        return networks(value)
    except OptionError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., object]]:
        return {"docker_tls_networks": docker_tls_networks}
