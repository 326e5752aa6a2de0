#!/usr/bin/python
# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_confinement_info
short_description: What of the kernel confines containers, and the labels of those that run
version_added: 0.3.0
author:
  - bulkhead.docker maintainers (@bulkhead)
description:
  - Says, by the kernel's word alone, whether AppArmor and SELinux are on, which AppArmor profiles are loaded, whether
    the SELinux policy knows containers, and under which labels and filters the processes of containers run.
  - It only reads.
options:
  offline:
    description: Nothing runs here, as while an image is built. What is said is what the disk says of the next boot -
      whether AppArmor's parser and a switched-on SELinux are there - and nothing of the kernel or of processes, which
      are another machine's.
    type: bool
    default: false
    version_added: 0.4.0
extends_documentation_fragment:
  - bulkhead.docker.attributes
  - bulkhead.docker.attributes.read_only
attributes:
  platform:
    description: The operating systems it runs on.
    support: full
    platforms: linux
notes:
  - Needs root, and nothing but Python 3.9 on the managed host. The engine is not asked, and need not run.
"""

EXAMPLES = r"""
- name: See what confines containers
  bulkhead.docker.docker_confinement_info:
  register: confinement
"""

RETURN = r"""
container:
  description: What this host is itself a container of; empty when it is none.
  returned: success
  type: str
  sample: ""
apparmor:
  description: AppArmor in the kernel.
  returned: success
  type: dict
  contains:
    enabled:
      description: Whether it is on.
      type: bool
      sample: true
    profiles:
      description: The loaded profiles, with their modes.
      type: dict
      sample: {docker-default: enforce}
    in_use:
      description: For each loaded profile that processes are under, those processes.
      type: dict
      sample: {docker-default: [812]}
selinux:
  description: SELinux in the kernel.
  returned: success
  type: dict
  contains:
    enabled:
      description: Whether it is on.
      type: bool
      sample: false
    enforcing:
      description: Whether it enforces; null where it is off.
      type: bool
      sample: null
    container_policy:
      description: Whether the loaded policy has a type for containers; null where it is off.
      type: bool
      sample: null
engine_seccomp_profile:
  description: The profile that the engine of root gives containers by default, when it is told one.
  returned: success
  type: str
  sample: ""
processes:
  description: What runs in containers, started by the engine itself.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Of the container, its first twelve digits.
      type: str
      sample: 4f2c8b1d9e07
    pid:
      description: The process.
      type: int
      sample: 812
    name:
      description: Its program.
      type: str
      sample: nginx
    apparmor:
      description: Its AppArmor label; null where AppArmor is off.
      type: str
      sample: docker-default (enforce)
    selinux:
      description: Its SELinux label; null where SELinux is off.
      type: str
      sample: null
    seccomp:
      description: V(2) under a filter, V(0) under none.
      type: int
      sample: 2
"""

import contextlib
import json
import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.bulkhead.docker.plugins.module_utils.collect import confinement, daemon, files, live

SOCKET = "/run/docker.sock"


def engine_seccomp_profile() -> str:
    """By its flags and its file; by the file alone when it does not run."""
    peer = None
    with contextlib.suppress(OSError):
        peer = daemon.peer_of(SOCKET, 5)
    found = daemon.describe(SOCKET, peer, set())
    if found["pid"] is None:
        with contextlib.suppress(OSError, ValueError):
            found["config"] = {"values": json.loads(Path(daemon.ROOTFUL_CONFIG).read_text(encoding="utf-8"))}
    return str(files.setting(found, "seccomp-profile") or "")


def on_disk() -> dict[str, t.Any]:
    """For an image: of what the next boot will find."""
    return {
        "changed": False,
        "container": "",
        "apparmor": {"enabled": confinement.apparmor_installed(), "profiles": {}, "in_use": {}},
        "selinux": confinement.selinux_installed(),
        "engine_seccomp_profile": engine_seccomp_profile(),
        "processes": [],
    }


def run() -> dict[str, t.Any]:
    kernel = confinement.describe()
    loaded = confinement.profiles() if kernel["apparmor"]["enabled"] else None
    return {
        "changed": False,
        "container": kernel["container"] or "",
        "apparmor": {
            "enabled": kernel["apparmor"]["enabled"],
            "profiles": loaded or {},
            "in_use": live.under(loaded or {}),
        },
        "selinux": kernel["selinux"],
        "engine_seccomp_profile": engine_seccomp_profile(),
        "processes": live.containers(kernel["apparmor"]["enabled"], kernel["selinux"]["enabled"]),
    }


def main() -> None:
    module = AnsibleModule(argument_spec={"offline": {"type": "bool", "default": False}}, supports_check_mode=True)
    module.exit_json(**(on_disk() if module.params["offline"] else run()))


if __name__ == "__main__":
    main()
