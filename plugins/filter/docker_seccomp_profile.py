# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter docker_seccomp_profile."""

from __future__ import annotations

DOCUMENTATION = r"""
name: docker_seccomp_profile
short_description: A seccomp profile for a container, from a recorded run of it
version_added: 0.3.0
author: bulkhead.docker maintainers (@bulkhead)
description:
  - Reads what C(strace) wrote, or the audit log, and makes a profile that allows what was seen, what the runtime needs
    to start a container, and nothing else.
  - It is tighter than a list of names. Sockets are of the families that were seen, children get no namespaces of their
    own, C(clone3) answers that it does not exist, and programs of another word size do not run.
  - Calls that give a hold on the kernel or on other processes are refused, unless O(allow) names them.
positional: _input
options:
  _input:
    description:
      - What C(strace -f --decode-pids=pidns -p PID_OF_CONTAINERD -o FILE) wrote while the container was started and did
        all that it ever does; then only what happened under the container's own filter counts. Or C(strace -f) of the
        program alone, or lines of the audit log of type SECCOMP or SYSCALL.
      - A list of several recordings is taken together.
    type: raw
    required: true
  allow:
    description: System calls to allow besides.
    type: list
    elements: str
    default: []
  no_new_privileges:
    description: Leave out what the runtime only needs for containers without no-new-privileges.
    type: bool
    default: false
  machine:
    description: The architecture of the containers.
    type: str
    choices: [x86_64, aarch64]
    default: x86_64
"""

EXAMPLES = r"""
- name: Deploy a profile for web
  ansible.builtin.include_role:
    name: bulkhead.docker.docker_confinement
  vars:
    docker_confinement_seccomp_profiles:
      - name: web
        version: "3"
        profile: "{{ lookup('ansible.builtin.file', 'web.strace') | bulkhead.docker.docker_seccomp_profile }}"
"""

RETURN = r"""
_value:
  description: The profile, as the engine reads it.
  type: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.bulkhead.docker.plugins.module_utils.seccomp import profile, recording

MACHINES = ("x86_64", "aarch64")


def docker_seccomp_profile(
    value: str | t.Sequence[str],
    allow: t.Sequence[str] = (),
    no_new_privileges: bool = False,
    machine: str = "x86_64",
) -> dict[str, t.Any]:
    """Recordings to a profile."""
    if machine not in MACHINES:
        raise AnsibleFilterError(f"docker_seccomp_profile: machine is one of {', '.join(MACHINES)}, not {machine!r}")
    texts = [value] if isinstance(value, str) else value
    try:
        recordings = [recording.calls(text) for text in texts]
        made = profile.derived(recordings, allow, no_new_privileges, machine)
        return profile.checked(made, no_new_privileges)
    except (recording.RecordingError, profile.ProfileError) as error:
        raise AnsibleFilterError(f"docker_seccomp_profile: {error}") from error


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., object]]:
        return {"docker_seccomp_profile": docker_seccomp_profile}
