#!/usr/bin/python
# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_offline
short_description: Make sure that a host runs, or that nothing runs in an image that is built
version_added: 0.4.0
author:
  - bulkhead.docker maintainers (@bulkhead)
description:
  - Looks whether this file system is one of a running host, a chroot, or a container without an init, and fails when
    it is not what O(offline) says. So no running host is left half done, and no role loads kernel settings from a
    chroot into the machine around it.
  - A process of an engine makes a running host of anything.
options:
  offline:
    description: Whether nothing is to run here.
    type: bool
    required: true
  option:
    description: The option of the caller that O(offline) comes from, for the message.
    type: str
    default: offline
extends_documentation_fragment:
  - bulkhead.docker.attributes
  - bulkhead.docker.attributes.read_only
attributes:
  platform:
    description: The operating systems it runs on.
    support: full
    platforms: linux
notes:
  - Needs nothing but Python 3.9 on the managed host, not even a mounted C(/proc).
"""

EXAMPLES = r"""
- name: See that nothing runs here
  bulkhead.docker.docker_offline:
    offline: true
"""

RETURN = r"""
place:
  description: What this is - V(running), V(chroot) or V(container).
  returned: always
  type: str
  sample: chroot
engines:
  description: Processes of an engine that run in this file system.
  returned: always
  type: list
  elements: int
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.bulkhead.docker.plugins.module_utils import offline


def main() -> None:
    module = AnsibleModule(
        argument_spec={"offline": {"type": "bool", "required": True}, "option": {"type": "str", "default": "offline"}},
        supports_check_mode=True,
    )
    found = offline.look()
    result = {"place": offline.place(found), "engines": list(found.engines)}
    if problem := offline.problem(found, module.params["offline"], module.params["option"]):
        module.fail_json(msg=problem, **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
