#!/usr/bin/python
# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_change_guard
short_description: Undo a change on the managed host unless a fresh connection confirms it
version_added: 0.2.0
author:
  - bulkhead.docker maintainers (@bulkhead)
description:
  - For changes that may cut you off, such as firewall rules, TLS or the SSH server. Arm the guard, make the change,
    connect anew, confirm. If that does not come in time, the host itself puts the old state back.
  - Arming saves the named files on the managed host and starts a timer of systemd there. When it ends, a shell script
    restores the files and runs the named steps. It needs neither the controller, nor Ansible, nor Python, so it makes
    no difference what dies in between. The timer is an enabled unit, so that it starts again after a reboot.
  - Each file is restored at once, by a rename, byte for byte, with its owner, group, mode, time of change, ACL and
    other extended attributes; a link as a link. A file that did not exist is removed. A step or a file that fails
    keeps none of the others from being restored; all of it is in the journal of the service
    C(bulkhead-guard-NAME.service).
options:
  name:
    description:
      - Name of the guard - letters, digits and hyphens, at most 64. Guards of different names know nothing of each
        other.
    type: str
    required: true
  state:
    description:
      - V(armed) saves the files and starts the timer. On an armed guard it keeps what was saved first, and the time
        that is left.
      - V(confirmed) keeps the change. It fails when the guard has fired, and over an SSH connection that armed it -
        use C(meta=reset_connection) in between. On a host without such a guard it does nothing.
      - V(restored) restores the old state now, and waits for it. After a restore that failed in part it tries again.
    type: str
    choices: [armed, confirmed, restored]
    default: armed
  files:
    description:
      - Absolute paths of the files and links to save, also of those that the change will create. Not directories.
      - Directories that the change creates stay, empty.
    type: list
    elements: path
    default: []
  restore:
    description:
      - Programs to run once the files are back, in this order, each as a list of the program and its arguments. No
        shell is involved.
      - Each may take 300 seconds.
    type: list
    elements: list
    default: []
  timeout:
    description: Seconds until the guard fires, 5 to 86400. After a reboot they are counted anew.
    type: int
    default: 120
  extend:
    description: Let an armed guard, too, have the whole O(timeout) from now on.
    type: bool
    default: false
extends_documentation_fragment:
  - bulkhead.docker.attributes
attributes:
  check_mode:
    support: full
    details:
      - As nothing is armed in check mode, V(confirmed) then finds no guard, and changes nothing.
  diff_mode:
    support: full
    details:
      - Shows the guard before and after, not the content of the files.
  idempotent:
    support: full
  platform:
    description: The operating systems it runs on.
    support: full
    platforms: linux
notes:
  - Needs root and a running systemd on the managed host.
  - Which SSH connection a call came over is read from C(SSH_CONNECTION) in the environment of the module or of the
    processes that started it. Where there is none, as with the connections C(local) and C(community.docker.docker),
    or with the become method C(machinectl), any call may confirm.
  - The saved files lie in C(/var/lib/bulkhead.docker/guards), which only root can enter, until the guard is confirmed
    or all is restored. The report of what it restored stays until the guard is armed again.
  - To stop a guard by hand, run C(systemctl disable --now bulkhead-guard-NAME.timer) on the host.
"""

EXAMPLES = r"""
- name: Guard the firewall
  bulkhead.docker.docker_change_guard:
    name: firewall
    files: [/etc/nftables.conf]
    restore:
      - [systemctl, reload, nftables.service]
    timeout: 60

- name: Change it
  ansible.builtin.copy:
    src: nftables.conf
    dest: /etc/nftables.conf
    mode: "0644"

- name: Load it
  ansible.builtin.systemd_service:
    name: nftables.service
    state: reloaded

- name: Let go of the connection that was there before
  ansible.builtin.meta: reset_connection

- name: Keep the change, which a new connection has survived
  bulkhead.docker.docker_change_guard:
    name: firewall
    state: confirmed
"""

RETURN = r"""
armed:
  description: Whether the guard will fire unless it is confirmed.
  returned: always
  type: bool
  sample: true
expires_at:
  description: When it will fire; empty when it is not armed, and in check mode.
  returned: always
  type: str
  sample: "2026-11-21T21:02:00Z"
fired:
  description: Whether the old state was put back.
  returned: always
  type: bool
  sample: false
report:
  description: What the guard restored; empty when it has not fired.
  returned: always
  type: dict
  contains:
    at:
      description: When it fired.
      type: str
      sample: "2026-11-21T21:02:00Z"
    complete:
      description: Whether all files are back and all steps succeeded.
      type: bool
      sample: true
    files:
      description: Each file, and whether it was V(restored), V(removed) as it had not existed, or V(failed).
      type: list
      elements: dict
      sample: [{"path": "/etc/nftables.conf", "result": "restored"}]
    steps:
      description: Each step that was run, and its exit status; 124 when it took too long.
      type: list
      elements: dict
      sample: [{"argv": ["systemctl", "reload", "nftables.service"], "rc": 0}]
"""

import typing as t
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.files import StateError
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import runner
from ansible_collections.bulkhead.docker.plugins.module_utils.guard.change import Change, FiredError, Result
from ansible_collections.bulkhead.docker.plugins.module_utils.guard.connection import ssh_connection
from ansible_collections.bulkhead.docker.plugins.module_utils.guard.record import GuardError, check_timeout, plan

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["armed", "confirmed", "restored"], "default": "armed"},
    "files": {"type": "list", "elements": "path", "default": []},
    "restore": {"type": "list", "elements": "list", "default": []},
    "timeout": {"type": "int", "default": 120},
    "extend": {"type": "bool", "default": False},
}


def run(module: AnsibleModule) -> Result:
    params = module.params
    change = Change(params["name"], ssh_connection(), runner(module.run_command), module.check_mode)
    if params["state"] == "confirmed":
        return change.confirm()
    if params["state"] == "restored":
        return change.restore()
    wanted = plan(params["files"], [[str(word) for word in argv] for argv in params["restore"]])
    return change.arm(wanted, check_timeout(params["timeout"]), params["extend"])


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        done = run(module)
    except FiredError as error:
        module.fail_json(msg=str(error), armed=False, expires_at="", fired=True, report=error.told)
    except (GuardError, StateError, OSError) as error:
        module.fail_json(msg=str(error))
    if done.warning:
        module.warn(done.warning)
    result = asdict(done)
    del result["warning"]
    if done.changed:
        told = {name: module.params[name] for name in ("files", "restore") if done.armed}
        result["diff"] = {"before": {"armed": not done.armed}, "after": {"armed": done.armed, **told}}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
