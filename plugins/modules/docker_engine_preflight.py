#!/usr/bin/python
# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_engine_preflight
short_description: Plan an installation or upgrade of the Docker engine, and find what it would break
version_added: 0.2.0
author:
  - bulkhead.docker maintainers (@bulkhead)
description:
  - Compares the engine's packages that are installed with those that the repositories of the host offer, chooses the
    versions to install, and judges the step by a table of known breaking changes (removed settings and storage drivers,
    the floor of the API, new firewall rules, limits, image store) against what is on the host - daemon.json, the unit's
    command line, the storage driver, the running containers.
  - A step that would stop the engine or its containers fails the task unless it is accepted by name; the others are
    told in RV(findings).
  - It only reads. M(bulkhead.docker.docker_engine_verify) takes its RV(plan) after the packages are installed.
options:
  manager:
    description: The package manager; empty where there is none that this module knows, and then only the host is read.
    type: str
    choices: [apt, dnf, ""]
    default: apt
  engine:
    description: The packages that carry the engine's own version, the engine itself first.
    type: list
    elements: str
    default: []
  others:
    description: The packages that go with it, such as C(containerd.io).
    type: list
    elements: str
    default: []
  adopt:
    description:
      - Take those of O(engine) and O(others) that are installed as the ones wanted. Otherwise all are wanted.
    type: bool
    default: false
  foreign:
    description: Packages that cannot be installed beside them. If one is, the task fails; nothing is removed.
    type: list
    elements: str
    default: []
  version:
    description:
      - The engine's version, such as V(28.5.2), or a branch, such as V(28.5) or V(28), of which the newest is taken.
      - Empty for what the package manager would choose.
    type: str
    default: ""
  upgrade:
    description: Move packages that are installed. Otherwise only missing ones are planned for.
    type: bool
    default: false
  accept:
    description: Names of blocking steps, as RV(findings) gives them, that are not to stop the task.
    type: list
    elements: str
    default: []
  path:
    description: The daemon's configuration file, for a unit that does not name another.
    type: path
    default: /etc/docker/daemon.json
extends_documentation_fragment:
  - bulkhead.docker.engine
  - bulkhead.docker.attributes
  - bulkhead.docker.attributes.read_only
attributes:
  platform:
    description: The operating systems it runs on.
    support: full
    platforms: linux
seealso:
  - module: bulkhead.docker.docker_engine_verify
"""

EXAMPLES = r"""
- name: What would the upgrade to the newest 29 break?
  bulkhead.docker.docker_engine_preflight:
    engine: [docker-ce, docker-ce-cli]
    others: [containerd.io]
    version: "29"
    upgrade: true
    accept: [containers-stop]
  register: preflight
"""

RETURN = r"""
installed:
  description: The packages of O(engine), O(others) and O(foreign) that are installed, with their versions.
  returned: success
  type: dict
  sample: {docker-ce: "5:28.5.1-1~debian.13~trixie"}
held:
  description: Those of them that apt holds.
  returned: success
  type: list
  elements: str
  sample: [docker-ce]
unavailable:
  description: Wanted packages that no repository offers, each with what is offered instead.
  returned: success
  type: list
  elements: str
  sample: ["docker-ce (offered: 5:28.5.2-1~debian.13~trixie)"]
findings:
  description: The steps of the table that matter on this host, those that block first.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The name to accept it by.
      type: str
      sample: api-floor
    message:
      description: What it means and what to do.
      type: str
      sample: 29.0 refuses clients below API 1.44
    seen:
      description: What on this host it is about.
      type: list
      elements: str
      sample: [traefik]
    blocking:
      description: Whether it must be accepted.
      type: bool
      sample: false
    accepted:
      description: Whether it has been.
      type: bool
      sample: false
notes:
  description: What is left to know - those of RV(findings) that do not stop the task, in words.
  returned: success
  type: list
  elements: str
  sample: ["api-floor: 29.0 refuses clients below API 1.44 (traefik)"]
plan:
  description: What to install, and what M(bulkhead.docker.docker_engine_verify) needs afterwards.
  returned: success
  type: dict
  contains:
    action:
      description:
        - V(none), V(install), V(upgrade) or V(downgrade), or V(restart) when O(upgrade) finds an engine that still
          runs a program that has been replaced.
      type: str
      sample: upgrade
    specs:
      description: Names with versions, as the package manager takes them.
      type: list
      elements: str
      sample: ["docker-ce=5:28.5.2-1~debian.13~trixie"]
    moves:
      description: The packages that change.
      type: list
      elements: dict
      contains:
        name:
          description: The package.
          type: str
          sample: docker-ce
        before:
          description: Its version now; empty when it is not installed.
          type: str
          sample: "5:28.5.1-1~debian.13~trixie"
        after:
          description: Its version then.
          type: str
          sample: "5:28.5.2-1~debian.13~trixie"
    summary:
      description: The same in words.
      type: list
      elements: str
      sample: ["docker-ce 5:28.5.1-1~debian.13~trixie -> 5:28.5.2-1~debian.13~trixie"]
    version:
      description: The engine's version then; empty when it does not change.
      type: str
      sample: 28.5.2
    back:
      description: The command that puts the old packages back; empty when there were none.
      type: str
      sample: apt-get install --allow-downgrades --allow-change-held-packages docker-ce=5:28.5.1-1~debian.13~trixie
    running:
      description: Whether the engine runs now.
      type: bool
      sample: true
    live:
      description: Whether live-restore carries containers over a restart.
      type: bool
      sample: true
    containers:
      description: What runs now.
      type: list
      elements: dict
      sample: [{id: 4f66ad9a0b2e, name: web, pid: 4711, ports: ["0.0.0.0:80->80/tcp"], restart: always}]
    networks:
      description: The networks there are now.
      type: list
      elements: str
      sample: [bridge, host, none]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.engine import EngineError
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import runner
from ansible_collections.bulkhead.docker.plugins.module_utils.upgrade import preflight, steps
from ansible_collections.bulkhead.docker.plugins.module_utils.upgrade.packages import PackagesError

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "manager": {"type": "str", "choices": ["apt", "dnf", ""], "default": "apt"},
    "engine": {"type": "list", "elements": "str", "default": []},
    "others": {"type": "list", "elements": "str", "default": []},
    "adopt": {"type": "bool", "default": False},
    "foreign": {"type": "list", "elements": "str", "default": []},
    "version": {"type": "str", "default": ""},
    "upgrade": {"type": "bool", "default": False},
    "accept": {"type": "list", "elements": "str", "default": []},
    "path": {"type": "path", "default": "/etc/docker/daemon.json"},
    "docker_host": {"type": "str", "default": "unix:///var/run/docker.sock"},
    "service": {"type": "str", "default": "docker.service"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        result, findings = preflight.run(runner(module.run_command), module.params)
    except (preflight.WrongRequestError, EngineError, PackagesError, OSError) as error:
        module.fail_json(msg=str(error))
    stops = [steps.sentence(finding) for finding in findings if finding.stops]
    if stops:
        module.fail_json(msg="\n".join([*stops, preflight.ADVICE]), findings=result["findings"])
    module.exit_json(**result)


if __name__ == "__main__":
    main()
