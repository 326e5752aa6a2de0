#!/usr/bin/python
# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_socket_access
short_description: Say who gets to the Docker socket, and make it exactly these
version_added: 0.2.0
author:
  - bulkhead.docker maintainers (@bulkhead)
description:
  - Lists all roads to the engine's socket besides its owner and mode - members of its group, users who have it as their
    primary group, POSIX ACL entries, and sudo rules that give the engine.
  - With O(members), the group gets exactly these members, and the socket loses its ACL entries. Primary groups and sudo
    rules are only reported.
options:
  path:
    description: The socket. It need not be there.
    type: path
    default: /run/docker.sock
  group:
    description: The group that owns the socket. It must exist.
    type: str
    default: docker
  members:
    description:
      - The group's members, all of them; an empty list is nobody. Every one must exist as a user.
      - Without it, members and ACL entries stay as they are.
    type: list
    elements: str
  operator:
    description: The user whom Ansible connects as, who is warned when the access is his own.
    type: str
    default: ""
extends_documentation_fragment:
  - bulkhead.docker.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Shows members and ACL entries before and after.
  idempotent:
    support: full
  platform:
    description: The operating systems it runs on.
    support: full
    platforms: linux
notes:
  - Needs root on the managed host, and nothing but Python 3.9 and C(gpasswd) there.
"""

EXAMPLES = r"""
- name: Who may drive the engine?
  bulkhead.docker.docker_socket_access:
  register: access

- name: Only the deployment may
  bulkhead.docker.docker_socket_access:
    members: [deploy]
"""

RETURN = r"""
members:
  description: The group's members, after the change.
  returned: success
  type: list
  elements: str
  sample: [deploy]
gained:
  description: Who became a member.
  returned: success
  type: list
  elements: str
  sample: []
lost:
  description: Who is no longer one.
  returned: success
  type: list
  elements: str
  sample: [alice]
primary:
  description: Users, other than root, whose primary group it is.
  returned: success
  type: list
  elements: str
  sample: []
acl:
  description: Users and groups that ACL entries of the socket let in.
  returned: success
  type: list
  elements: str
  sample: ["user:alice"]
sudo:
  description: Sudo rules that name an engine's programs, and give root by them.
  returned: success
  type: list
  elements: str
  sample: ["%ops: /usr/bin/docker"]
notes:
  description: What is left to do by hand.
  returned: success
  type: list
  elements: str
  sample: ["sudo rule gives the engine: %ops: /usr/bin/docker"]
"""

import grp
import os
import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.bulkhead.docker.plugins.module_utils.socket_access import (
    ACL,
    Plan,
    Roads,
    exists,
    notes,
    plan,
    roads,
    sessions,
)


def main() -> None:
    """Read, plan, change, tell."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "default": "/run/docker.sock"},
            "group": {"type": "str", "default": "docker"},
            "members": {"type": "list", "elements": "str"},
            "operator": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    params = module.params
    _check(module, params["group"], params["members"])
    found = roads(params["path"], params["group"])
    change = plan(found, params["members"])
    if change.changed and not module.check_mode:
        _apply(module, change)
    left = sessions(change.lost, params["group"])
    module.exit_json(
        changed=change.changed,
        members=change.members,
        gained=change.gained,
        lost=change.lost,
        primary=found.primary,
        acl=found.acl,
        sudo=found.sudo,
        notes=notes(found, change, left, params["operator"]),
        diff=_diff(params["group"], found, change),
    )


def _check(module: AnsibleModule, group: str, members: list[str] | None) -> None:
    """Before anything is touched."""
    try:
        grp.getgrnam(group)
    except KeyError:
        module.fail_json(msg=f"group: {group!r} does not exist on this host; create it, or name the socket's group")
    for name in members or []:
        if not exists(name):
            module.fail_json(msg=f"members: {name!r} is no user of this host; create the user, or take the name out")
    local = [line.split(":", 1)[0] for line in Path("/etc/group").read_text(encoding="utf-8").splitlines()]
    if members is not None and group not in local:
        module.fail_json(
            msg=f"group: {group!r} is not in /etc/group; change its members where it is kept, in the directory service"
        )


def _apply(module: AnsibleModule, change: Plan) -> None:
    group = module.params["group"]
    if change.gained or change.lost:
        module.run_command(["gpasswd", "--members", ",".join(change.members), group], check_rc=True)
        left = sorted(set(grp.getgrnam(group).gr_mem) - set(change.members))
        if left:
            module.fail_json(
                msg=f"group: {group!r} still has {', '.join(left)}, from a directory service; remove them there"
            )
    if change.acl:
        os.removexattr(module.params["path"], ACL)


def _diff(group: str, found: Roads, change: Plan) -> dict[str, t.Any]:
    kept = [] if change.acl else found.acl
    return {
        "before_header": f"access to the group {group} and its socket",
        "after_header": f"access to the group {group} and its socket",
        "before": {"members": found.members, "acl": found.acl},
        "after": {"members": change.members, "acl": kept},
    }


if __name__ == "__main__":
    main()
