#!/usr/bin/python
# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_subids
short_description: Give users subordinate ids of their own, as rootless Docker needs them
version_added: 0.2.0
author:
  - bulkhead.docker maintainers (@bulkhead)
description:
  - Sees to it that each user has enough subordinate uids and gids (C(/etc/subuid), C(/etc/subgid)), and that no other
    user's ranges and no account of the host overlap them. Ids that two users share let the containers of one reach the
    files and processes of the other.
  - Ranges that are there are kept as they are. When there is anything wrong with one, nothing is changed for anybody.
  - Nothing is ever taken away. A range that was given up would be given to the next user, and with it the files that
    containers left on the host.
options:
  users:
    description: Names of ordinary users of this host.
    type: list
    elements: str
    required: true
  count:
    description: How many ids each needs of either kind; a container image may use ids up to 65535.
    type: int
    default: 65536
  missing:
    description: What a user that does not exist is. V(skip) leaves it out, for the time before it is created.
    type: str
    choices: [refuse, skip]
    default: refuse
extends_documentation_fragment:
  - bulkhead.docker.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
  platform:
    description: The operating systems it runs on.
    support: full
    platforms: linux
notes:
  - Needs root, C(usermod), and nothing but Python 3.9 on the managed host.
  - Where C(/etc/nsswitch.conf) takes C(subid) from a directory service, ranges belong there, and this module is not for
    that host.
"""

EXAMPLES = r"""
- name: Two users who may run rootless Docker side by side
  bulkhead.docker.docker_subids:
    users: [ci, web]
"""

RETURN = r"""
users:
  description: The users that exist, as they are after the change.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The user's name.
      type: str
      sample: ci
    uid:
      description: The user's id.
      type: int
      sample: 1001
    group:
      description: The id of the user's primary group.
      type: int
      sample: 1001
    home:
      description: The home directory that the account names.
      type: str
      sample: /home/ci
    owns_home:
      description: Whether that is a directory, and the user's.
      type: bool
      sample: true
    subuid:
      description: The subordinate uids.
      type: list
      elements: str
      sample: ["165536-231071"]
    subgid:
      description: The subordinate gids.
      type: list
      elements: str
      sample: ["165536-231071"]
missing:
  description: The users that do not exist.
  returned: success
  type: list
  elements: str
  sample: []
"""

import contextlib
import grp
import pwd
import stat
import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.bulkhead.docker.plugins.module_utils import subids
from ansible_collections.bulkhead.docker.plugins.module_utils.subids import Account, Plan, Table

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "users": {"type": "list", "elements": "str", "required": True},
    "count": {"type": "int", "default": 65536},
    "missing": {"type": "str", "choices": ["refuse", "skip"], "default": "refuse"},
}
LOGIN_DEFS = "/etc/login.defs"


def read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def tables() -> list[Table]:
    accounts = {
        "uid": {entry.pw_uid: entry.pw_name for entry in pwd.getpwall()},
        "gid": {entry.gr_gid: entry.gr_name for entry in grp.getgrall()},
    }
    login_defs = read(LOGIN_DEFS)
    return [
        Table(kind, subids.parse(read(path)), accounts[kind], *subids.limits(login_defs, kind))
        for kind, (path, _option, _prefix) in subids.TABLES.items()
    ]


def known(names: list[str]) -> dict[str, pwd.struct_passwd]:
    found = {}
    for name in dict.fromkeys(names):
        with contextlib.suppress(KeyError):
            found[name] = pwd.getpwnam(name)
    return found


def refusals(names: list[str], found: dict[str, pwd.struct_passwd], skip: bool, count: int) -> list[str]:
    problems = [f"count must be at least 1, not {count}"] if count < 1 else []
    if not skip:
        problems += [
            f"users: {name} does not exist on this host: create it first, or leave it out"
            for name in names
            if name not in found
        ]
    return problems + [
        f"users: {name} is root, whose containers need no subordinate ids: name an ordinary user"
        for name, entry in found.items()
        if entry.pw_uid == 0
    ]


def describe(entry: pwd.struct_passwd, before: list[Table], plan: Plan) -> dict[str, t.Any]:
    added = plan.added.get(entry.pw_name, {})
    ranges = {
        f"sub{table.kind}": [
            str(one) for one in (*table.of(entry.pw_name, entry.pw_uid), added.get(table.kind)) if one is not None
        ]
        for table in before
    }
    return {
        "name": entry.pw_name,
        "uid": entry.pw_uid,
        "group": entry.pw_gid,
        "home": entry.pw_dir,
        "owns_home": owns(entry.pw_uid, Path(entry.pw_dir)),
        **ranges,
    }


def owns(uid: int, home: Path) -> bool:
    try:
        found = home.stat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == uid


def diff(before: list[Table], plan: Plan) -> dict[str, str]:
    old = {table.kind: [f"{one.owner}:{one.first}:{one.count}" for one in table.ranges] for table in before}
    new = {kind: [*lines] for kind, lines in old.items()}
    for name, given in plan.added.items():
        for kind, one in given.items():
            new[kind].append(f"{name}:{one.first}:{one.count}")

    def text(lines: dict[str, list[str]]) -> str:
        return "".join(f"# {subids.TABLES[kind][0]}\n" + "".join(f"{line}\n" for line in lines[kind]) for kind in lines)

    return {
        "before": text(old),
        "after": text(new),
        "before_header": "subordinate ids",
        "after_header": "subordinate ids",
    }


def run(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    found = known(params["users"])
    problems = refusals(params["users"], found, params["missing"] == "skip", params["count"])
    before = tables()
    plan = subids.plan([Account(name, entry.pw_uid) for name, entry in found.items()], before, params["count"])
    problems += plan.problems
    if problems:
        module.fail_json(msg="\n".join(problems))
    if not module.check_mode:
        for name, given in plan.added.items():
            options = [word for kind, one in given.items() for word in (f"--add-sub{kind}s", str(one))]
            module.run_command(["usermod", *options, name], check_rc=True)
    return {
        "changed": bool(plan.added),
        "users": [describe(entry, before, plan) for entry in found.values()],
        "missing": [name for name in params["users"] if name not in found],
        **({"diff": diff(before, plan)} if plan.added else {}),
    }


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    module.exit_json(**run(module))


if __name__ == "__main__":
    main()
