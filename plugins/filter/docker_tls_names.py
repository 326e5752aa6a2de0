# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter docker_tls_names."""

from __future__ import annotations

DOCUMENTATION = r"""
name: docker_tls_names
short_description: Subject alternative names of a Docker host's certificate
version_added: 0.2.0
author: bulkhead.docker maintainers (@bulkhead)
description:
  - Puts together the names and addresses under which a Docker API is reached, with C(localhost) and C(127.0.0.1).
positional: _input, wanted, known
options:
  _input:
    description: Where the daemon listens, as O(bulkhead.docker.docker_tls#role:main:docker_tls_listen) has it.
    type: list
    elements: str
    required: true
  wanted:
    description: DNS names and addresses to add.
    type: list
    elements: str
    default: []
  known:
    description: What the host is called anyway; left out where that is neither a DNS name nor an address.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: DNS:docker1.example.org, DNS:localhost, IP:127.0.0.1, IP:192.0.2.1
  ansible.builtin.debug:
    msg: "{{ ['tcp://192.0.2.1:2376'] | bulkhead.docker.docker_tls_names(['docker1.example.org']) }}"
"""

RETURN = r"""
_value:
  description: The names as community.crypto wants them, sorted.
  type: list
  elements: str
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.bulkhead.docker.plugins.module_utils.tls.options import OptionError, server_names


def docker_tls_names(value: t.Sequence[str], wanted: t.Sequence[str] = (), known: t.Sequence[str] = ()) -> list[str]:
    """Listeners to subject alternative names."""
    try:
        return server_names(value, wanted, known)
    except OptionError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., object]]:
        return {"docker_tls_names": docker_tls_names}
