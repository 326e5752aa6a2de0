# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter docker_proxy_consumers."""

from __future__ import annotations

DOCUMENTATION = r"""
name: docker_proxy_consumers
short_description: Consumers of the Docker socket proxy, checked and compiled
version_added: 0.2.0
author: bulkhead.docker maintainers (@bulkhead)
description:
  - Turns the option C(docker_socket_proxies) of the role P(bulkhead.docker.docker_socket#role) into what its templates
    need, each allowed request as one regular expression over the raw request target.
  - Refuses, with the remedy, whatever no filter can make safe, and tells what the rest gives away.
positional: _input, presets, dangers
options:
  _input:
    description: The consumers.
    type: list
    elements: dict
    required: true
  presets:
    description: Name of each preset, with the requests it allows.
    type: dict
    required: true
  dangers:
    description: The parts of the API that are more than they look.
    type: list
    elements: dict
    required: true
seealso:
  - plugin: bulkhead.docker.docker_socket
    plugin_type: role
"""

EXAMPLES = r"""
- name: What a consumer may do, and what that gives away
  ansible.builtin.debug:
    msg: "{{ docker_socket_proxies | bulkhead.docker.docker_proxy_consumers(presets, dangers) }}"
"""

RETURN = r"""
_value:
  description: The consumers, in their order.
  type: list
  elements: dict
  contains:
    name:
      description: The consumer's name.
      type: str
    rules:
      description: The methods, the regular expression of the request target, and the reason of each thing allowed.
      type: list
      elements: dict
    notes:
      description: What these rules give away.
      type: list
      elements: str
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.bulkhead.docker.plugins.module_utils.socket_proxy import ProxyError, consumers


def docker_proxy_consumers(
    value: list[dict[str, t.Any]], presets: dict[str, t.Any], dangers: list[dict[str, t.Any]]
) -> list[dict[str, t.Any]]:
    """Options to compiled consumers."""
    try:
        return consumers(value, presets, dangers)
    except ProxyError as exc:
        raise AnsibleFilterError(str(exc)) from exc


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., object]]:
        return {"docker_proxy_consumers": docker_proxy_consumers}
