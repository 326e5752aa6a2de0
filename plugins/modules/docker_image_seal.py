#!/usr/bin/python
# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_image_seal
short_description: Take out of an image what makes one machine of it, and prove that it is gone
version_added: 0.4.0
author:
  - bulkhead.docker maintainers (@bulkhead)
description:
  - Removes ids, keys, logs and other traces of one machine from a file system that others will start from, by a list,
    then looks again and fails by name for what is left, and for private keys that no list knows of.
  - In check mode RV(removed) lists what it would remove.
  - Links are never followed, and other file systems that are mounted at the moment are not entered. Where a link leads
    to what is listed, the module fails.
options:
  state:
    description: V(sealed) removes and looks again; V(proved) only looks.
    type: str
    choices: [sealed, proved]
    default: sealed
  items:
    description: What must not be in an image.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: An absolute path, with C(*), C(?) and C([]) in each of its parts.
        type: str
        required: true
      action:
        description:
          - V(remove) removes what matches with all in it, V(clear) all in it, V(files) all in it but directories and
            links. V(empty) keeps the file without content.
        type: str
        choices: [remove, clear, files, empty]
        default: remove
      why:
        description: What it is, for the message.
        type: str
        default: ""
  refuse:
    description: Paths, written as those of O(items), that no image may have, but that nobody wants to lose. Where there
      is one, nothing is removed.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: An absolute path, with C(*), C(?) and C([]) in each of its parts.
        type: str
        required: true
      why:
        description: What it is, for the message.
        type: str
        default: ""
  search:
    description: Directories in which no file may hold a private key, whatever its name.
    type: list
    elements: str
    default: []
  accept_keys:
    description: Patterns of paths below O(search) whose private keys are meant to be in the image.
    type: list
    elements: str
    default: []
  root:
    description: Where the file system is seen. All paths are paths in it.
    type: path
    default: /
  accept_live:
    description: Seal the system that runs, too, as one that Packer has started only to make an image of it. It loses
      its own ids and keys.
    type: bool
    default: false
extends_documentation_fragment:
  - bulkhead.docker.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details:
      - RV(removed) says what goes; its content is what must not be shown.
  idempotent:
    support: full
  platform:
    description: The operating systems it runs on.
    support: full
    platforms: linux
notes:
  - Needs root, and nothing but Python 3.9 on the managed host.
  - The list that a Docker host needs is in role docker_image, which applies this module.
"""

EXAMPLES = r"""
- name: No two machines with one id
  bulkhead.docker.docker_image_seal:
    items:
      - path: /etc/machine-id
        action: empty
        why: the id of the machine
      - path: /var/lib/docker/engine-id
        why: the id of the engine
    search: [/etc, /root]
"""

RETURN = r"""
removed:
  description: What was removed or emptied, or would be.
  returned: O(state=sealed)
  type: list
  elements: str
  sample: [/etc/machine-id, /var/lib/docker/engine-id]
left:
  description: What must not be in an image and is there.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: Where it is.
      type: str
      sample: /etc/ssh/ssh_host_ed25519_key
    why:
      description: What it is.
      type: str
      sample: a key of the machine
  sample: []
"""

import os
import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.bulkhead.docker.plugins.module_utils import offline
from ansible_collections.bulkhead.docker.plugins.module_utils.image import seal

_PATH = {"path": {"type": "str", "required": True}, "why": {"type": "str", "default": ""}}
ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "state": {"type": "str", "choices": ["sealed", "proved"], "default": "sealed"},
    "items": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {**_PATH, "action": {"type": "str", "choices": list(seal.ACTIONS), "default": "remove"}},
    },
    "refuse": {"type": "list", "elements": "dict", "default": [], "options": _PATH},
    "search": {"type": "list", "elements": "str", "default": []},
    # patterns of paths, no keys
    "accept_keys": {"type": "list", "elements": "str", "default": [], "no_log": False},
    "root": {"type": "path", "default": "/"},
    "accept_live": {"type": "bool", "default": False},
}


def live(root: str) -> bool:
    """Whether it is the system that runs."""
    return Path(root).samefile("/") and offline.place(offline.look()) == offline.RUNNING


def payload() -> str:
    """The directory of the archive that Ansible runs this module from."""
    archive, found, _rest = str(seal.__file__).partition(".zip/")
    return os.path.dirname(archive) if found else ""  # noqa: PTH120 (a name)


def words(hits: t.Iterable[seal.Hit]) -> str:
    return ", ".join(f"{hit.path} ({hit.why})" if hit.why else hit.path for hit in hits)


def refused(tree: seal.Tree, params: dict[str, t.Any]) -> list[seal.Hit]:
    return [seal.Hit(path, one["why"]) for one in params["refuse"] for path in tree.match(one["path"])]


def run(module: AnsibleModule) -> dict[str, t.Any]:
    params = module.params
    items = [seal.Item(one["path"], one["action"], one["why"]) for one in params["items"]]
    if wrong := seal.problems([*items, *(seal.Item(one["path"]) for one in params["refuse"])]):
        module.fail_json(msg="items: " + "; ".join(wrong))
    if live(params["root"]) and not params["accept_live"]:
        module.fail_json(
            msg="This is a running system, which would lose its own ids and keys: seal a chroot or a mounted image, "
            "or, if it was started only to become an image, set accept_live (docker_image_accept_live of the role)."
        )
    tree = seal.Tree(params["root"], (item.path for item in items), payload() if params["root"] == "/" else "")
    if there := refused(tree, params):
        module.fail_json(msg=f"An image must not have this, and it is not ours to remove: {words(there)}", left=[])
    look = (items, params["search"], params["accept_keys"])
    if params["state"] == "proved":
        return {"changed": False, "left": prove(module, tree, *look)}
    going = sorted({path for item in items for path in tree.hits(item)})
    if module.check_mode:
        return {"changed": bool(going), "removed": going, "left": []}
    for item in items:
        tree.take(item)
    return {"changed": bool(going), "removed": going, "left": prove(module, tree, *look)}


def prove(
    module: AnsibleModule, tree: seal.Tree, items: list[seal.Item], search: list[str], accept: list[str]
) -> list[dict[str, str]]:
    left = seal.left(tree, items, search, accept)
    found = [{"path": hit.path, "why": hit.why} for hit in left]
    if left:
        module.fail_json(msg=f"The image is not sealed. It still has {words(left)}", left=found)
    return found


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        result = run(module)
    except (seal.SealError, OSError) as error:
        module.fail_json(msg=f"docker_image_seal: {error}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
