#!/usr/bin/python
# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_image_manifest
short_description: Write down inside an image what it was made of
version_added: 0.4.0
author:
  - bulkhead.docker maintainers (@bulkhead)
description:
  - Writes a JSON document for root alone - which roles were applied with which options, the versions of packages, each
    file with mode, owner and digest, the units that a boot starts, what was left to the first boot, and a baseline that
    M(bulkhead.docker.docker_baseline) compares a machine with.
  - The same image has the same document, byte by byte. There is no time in it, unless O(source_date_epoch) gives one.
options:
  path:
    description: The file to write, with mode 0600.
    type: path
    default: /var/lib/bulkhead.docker/manifest.json
  roles:
    description: For each role that was applied, its options, secrets redacted, as
      P(bulkhead.docker.docker_image_options#filter) makes them.
    type: dict
    default: {}
  deferred:
    description: What was left to the first boot, or to somebody.
    type: list
    elements: dict
    default: []
  files:
    description: Files to write down, and directories for all in them; with C(*), C(?) and C([]) in each part of the
      path.
    type: list
    elements: str
    default: []
  without:
    description: Patterns of paths among O(files) to leave out.
    type: list
    elements: str
    default: []
  packages:
    description: Packages whose versions matter, as far as they are installed.
    type: list
    elements: str
    default: []
  baseline:
    description:
      - The baseline to keep in it, as RV(bulkhead.docker.docker_baseline#module:baseline) returns it. The host that it
        was made on and the time are left out.
    type: dict
    default: {}
  source_date_epoch:
    description: A time to put into it, in seconds since 1970, as the environment variable C(SOURCE_DATE_EPOCH) has it.
    type: int
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
  - Needs root, and nothing but Python 3.9 on the managed host.
"""

EXAMPLES = r"""
- name: Leave word of what is in this image
  bulkhead.docker.docker_image_manifest:
    files: [/etc/docker, /etc/sysctl.d/99-zz-bulkhead-docker.conf]
    packages: [docker.io, containerd, runc]
"""

RETURN = r"""
manifest:
  description: The document.
  returned: success
  type: dict
  sample: {schema: 1, packages: {runc: "1.1.15"}}
"""

import json
import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.files import OWNER, read, write
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import runner
from ansible_collections.bulkhead.docker.plugins.module_utils.image import manifest
from ansible_collections.bulkhead.docker.plugins.module_utils.image.seal import SealError, Tree

_MODE = 0o600
ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "path": {"type": "path", "default": "/var/lib/bulkhead.docker/manifest.json"},
    "roles": {"type": "dict", "default": {}},
    "deferred": {"type": "list", "elements": "dict", "default": []},
    "files": {"type": "list", "elements": "str", "default": []},
    "without": {"type": "list", "elements": "str", "default": []},
    "packages": {"type": "list", "elements": "str", "default": []},
    "baseline": {"type": "dict", "default": {}},
    "source_date_epoch": {"type": "int"},
}


def run(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    tree, path = Tree(), Path(params["path"])
    found = {
        "baseline": manifest.impersonal(params["baseline"]),
        "files": manifest.files(tree, params["files"], [*params["without"], params["path"]]),
        "units": manifest.enabled(tree),
        "packages": manifest.packages(runner(module.run_command), params["packages"]) if params["packages"] else {},
    }
    text = manifest.document(params["roles"], params["deferred"], found, params["source_date_epoch"])
    before = read(path)
    changed = before.data != text.encode() or (before.mode, before.uid, before.gid) != (_MODE, *OWNER)
    if changed and not module.check_mode:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write(path, text.encode(), _MODE)
    diff = {"before": before.text, "after": text, "before_header": str(path), "after_header": str(path)}
    return {"changed": changed, "manifest": json.loads(text), "diff": diff}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        result = run(module)
    except (SealError, OSError) as error:
        module.fail_json(msg=f"docker_image_manifest: {error}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
