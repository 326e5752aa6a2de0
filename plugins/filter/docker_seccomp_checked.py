# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter docker_seccomp_checked."""

from __future__ import annotations

DOCUMENTATION = r"""
name: docker_seccomp_checked
short_description: A seccomp profile, after a check
version_added: 0.3.0
author: bulkhead.docker maintainers (@bulkhead)
description:
  - Fails, with all that is wrong, when a profile does not deny by default, has keys, actions, architectures or system
    calls that do not exist, or would keep the runtime from starting a container at all.
positional: _input
options:
  _input:
    description: The profile, as a mapping or as JSON.
    type: raw
    required: true
  no_new_privileges:
    description: All containers that use it have no-new-privileges; the runtime then needs less.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Look at a profile before it is used
  ansible.builtin.debug:
    msg: "{{ lookup('ansible.builtin.file', 'web.json') | bulkhead.docker.docker_seccomp_checked }}"
"""

RETURN = r"""
_value:
  description: The same profile.
  type: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.bulkhead.docker.plugins.module_utils.seccomp import profile


def docker_seccomp_checked(value: t.Any, no_new_privileges: bool = False) -> dict[str, t.Any]:
    """A profile to itself, if it is good."""
    try:
        return profile.checked(value, no_new_privileges)
    except profile.ProfileError as error:
        raise AnsibleFilterError(f"docker_seccomp_checked: {error}") from error


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., object]]:
        return {"docker_seccomp_checked": docker_seccomp_checked}
