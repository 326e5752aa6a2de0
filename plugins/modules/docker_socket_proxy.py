#!/usr/bin/python
# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_socket_proxy
short_description: Serve the filtering proxies of the Docker socket, and no others
version_added: 0.2.0
author:
  - bulkhead.docker maintainers (@bulkhead)
description:
  - The part of the role P(bulkhead.docker.docker_socket#role) that touches its proxies. For each consumer it writes
    HAProxy's configuration and a systemd service, validates, starts or reloads without cutting connections, and asks
    the running proxy which rules it has. One that does not come up with its own gets its
    old files back, and the task fails.
  - Proxies of consumers that are not named are stopped and removed.
options:
  proxies:
    description: The consumers to serve, all of them.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The consumer's name.
        type: str
        required: true
      config:
        description: HAProxy's configuration, with C(RULES_DIGEST) where every refusal names the rules it comes from.
        type: str
        required: true
      unit:
        description: The systemd service.
        type: str
        required: true
      group:
        description: Group of the socket's directory, by name or number. The proxy's own, by default.
        type: str
        default: ""
  user:
    description: The user they run as; also the beginning of their services' names.
    type: str
    default: bulkhead-docker-proxy
  config_dir:
    description: Where their configurations lie.
    type: path
    default: /etc/bulkhead.docker/proxy
  run_dir:
    description: Where their sockets lie, each in a directory of its own that outlives the service.
    type: path
    default: /run/bulkhead-docker-proxy
  timeout:
    description: Seconds to wait for a proxy to answer with its new rules.
    type: int
    default: 10
  offline:
    description: Nothing runs here, as while an image is built. Files are written, HAProxy judges them, and services are
      enabled for the next boot, which makes their directories, too. Nothing is started.
    type: bool
    default: false
    version_added: 0.4.0
extends_documentation_fragment:
  - bulkhead.docker.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Shows the files before and after.
  idempotent:
    support: full
  platform:
    description: The operating systems it runs on.
    support: full
    platforms: linux
notes:
  - Needs root and systemd on the managed host.
seealso:
  - plugin: bulkhead.docker.docker_proxy_consumers
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Remove all proxies
  bulkhead.docker.docker_socket_proxy:
    proxies: []
"""

RETURN = r"""
pending:
  description: What was not as it should be, by consumer - files, the socket's directory, the service.
  returned: success
  type: dict
  sample: {traefik: [/etc/bulkhead.docker/proxy/traefik.cfg, bulkhead-docker-proxy@traefik.service]}
removed:
  description: The consumers whose proxies were removed.
  returned: success
  type: list
  elements: str
  sample: []
"""

import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.files import read
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import runner
from ansible_collections.bulkhead.docker.plugins.module_utils.socket_proxy_service import (
    Places,
    Proxies,
    ServiceError,
    Wanted,
)

CONSUMER = {
    "name": {"type": "str", "required": True},
    "config": {"type": "str", "required": True},
    "unit": {"type": "str", "required": True},
    "group": {"type": "str", "default": ""},
}


def main() -> None:
    """Compare, apply one by one, remove the rest."""
    module = AnsibleModule(
        argument_spec={
            "proxies": {"type": "list", "elements": "dict", "required": True, "options": CONSUMER},
            "user": {"type": "str", "default": "bulkhead-docker-proxy"},
            "config_dir": {"type": "path", "default": "/etc/bulkhead.docker/proxy"},
            "run_dir": {"type": "path", "default": "/run/bulkhead-docker-proxy"},
            "timeout": {"type": "int", "default": 10},
            "offline": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    params = module.params
    places = Places(params["user"], Path(params["config_dir"]), Path(params["run_dir"]))
    proxies = Proxies(places, runner(module.run_command), params["timeout"], offline=params["offline"])
    wanted = [Wanted(**proxy) for proxy in params["proxies"]]
    pending = {one.name: found for one in wanted if (found := proxies.pending(one))}
    removed = sorted(set(places.names()) - {one.name for one in wanted})
    diff = _diff(proxies, places, wanted, removed)
    if not module.check_mode:
        try:
            for one in wanted:
                if one.name in pending:
                    proxies.apply(one)
            for name in removed:
                proxies.remove(name)
        except ServiceError as error:
            module.fail_json(msg=f"docker_socket_proxies: {error}")
    module.exit_json(changed=bool(pending or removed), pending=pending, removed=removed, diff=diff)


def _diff(proxies: Proxies, places: Places, wanted: list[Wanted], removed: list[str]) -> list[dict[str, t.Any]]:
    """Files that change, whole."""
    after = {path: text for one in wanted for path, text in proxies.files(one).items()}
    after.update({path: "" for name in removed for path in (places.cfg(name), places.unit(name))})
    pairs = {path: (read(path).text, text) for path, text in after.items()}
    return [
        {"before_header": str(path), "after_header": str(path), "before": old, "after": new}
        for path, (old, new) in pairs.items()
        if old != new
    ]


if __name__ == "__main__":
    main()
