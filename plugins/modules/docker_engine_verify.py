#!/usr/bin/python
# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_engine_verify
short_description: Prove that the Docker engine that was installed is the one that runs
version_added: 0.2.0
author:
  - bulkhead.docker maintainers (@bulkhead)
description:
  - Restarts the daemon if it still runs a program that its package has replaced (Debian's packages do not restart it),
    or starts it if it ran before or O(start) says so.
  - Then the engine must answer, have the version that M(bulkhead.docker.docker_engine_preflight) planned, and run the
    same containers with the same networks and published ports. With live-restore they must be the same processes;
    without, those whose restart policy brings them back are waited for.
  - Fails with the reason and the end of the daemon's journal. It installs and removes nothing.
options:
  plan:
    description: RV(bulkhead.docker.docker_engine_preflight#module:plan), from before the packages changed.
    type: dict
    default: {}
  start:
    description: Start an engine that did not run before, as after its first installation.
    type: bool
    default: false
  timeout:
    description: Seconds to wait for the daemon; at least 1.
    type: int
    default: 60
extends_documentation_fragment:
  - bulkhead.docker.engine
  - bulkhead.docker.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details:
      - It changes no file.
  idempotent:
    support: full
  platform:
    description: The operating systems it runs on.
    support: full
    platforms: linux
seealso:
  - module: bulkhead.docker.docker_engine_preflight
"""

EXAMPLES = r"""
- name: Is the engine that is installed the one that runs? (Restarts it if it is not.)
  bulkhead.docker.docker_engine_verify:

- name: After an upgrade
  bulkhead.docker.docker_engine_verify:
    plan: "{{ preflight.plan }}"
"""

RETURN = r"""
reason:
  description: Why the daemon was restarted or started; empty when it was not.
  returned: success
  type: str
  sample: it runs a program that has been replaced
version:
  description: The engine's version.
  returned: success, when not in check mode
  type: str
  sample: 28.5.2
journal:
  description: The last lines of the daemon's journal.
  returned: failure
  type: list
  elements: str
  sample: ["failed to start daemon: ..."]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.control import ControlError, last_words
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.engine import Engine, EngineError
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import runner
from ansible_collections.bulkhead.docker.plugins.module_utils.upgrade.verify import Verify

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "plan": {"type": "dict", "default": {}},
    "start": {"type": "bool", "default": False},
    "docker_host": {"type": "str", "default": "unix:///var/run/docker.sock"},
    "service": {"type": "str", "default": "docker.service"},
    "timeout": {"type": "int", "default": 60},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    params = module.params
    if params["timeout"] < 1:
        module.fail_json(msg=f"timeout must be at least 1 second, not {params['timeout']}")
    result: dict[str, t.Any] = {"changed": False, "reason": ""}
    verify = None
    try:
        engine = Engine(params["docker_host"])
        verify = Verify(runner(module.run_command), params["service"], engine, params["timeout"])
        result["reason"] = verify.due(params["plan"], params["start"])
        result["changed"] = bool(result["reason"])
        if not module.check_mode:
            if result["reason"]:
                verify.restart()
            result["version"] = verify.prove(params["plan"])
    except (ControlError, EngineError, OSError) as error:
        cause, tail = last_words(verify.daemon.journal()) if verify else ("", [])
        module.fail_json(msg=f"{error}: {cause}" if cause else str(error), journal=tail, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
