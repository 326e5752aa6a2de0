# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter collection_path."""

from __future__ import annotations

DOCUMENTATION = r"""
name: collection_path
short_description: Where a collection is installed on the controller
version_added: 0.4.0
author: bulkhead.docker maintainers (@bulkhead)
description:
  - The directory from which this run of Ansible takes a collection, wherever it was found.
positional: _input
options:
  _input:
    description: Name of the collection, as V(community.general).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show where it is
  ansible.builtin.debug:
    msg: "{{ 'community.general' | bulkhead.docker.collection_path }}"
"""

RETURN = r"""
_value:
  description: The directory.
  type: path
  sample: /usr/share/ansible/collections/ansible_collections/community/general
"""

import importlib
import re
import typing as t

from ansible.errors import AnsibleFilterError


def collection_path(name: object) -> str:
    """Ask the import system, into which Ansible has put its own search."""
    if not isinstance(name, str) or not re.fullmatch(r"[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*", name):
        raise AnsibleFilterError(f"bulkhead.docker.collection_path: {name!r} is no name of a collection")
    try:
        package = importlib.import_module(f"ansible_collections.{name}")
    except ImportError as exc:
        raise AnsibleFilterError(
            f"bulkhead.docker.collection_path: {name} is not installed where Ansible runs:"
            f" ansible-galaxy collection install {name}"
        ) from exc
    return str(next(iter(package.__path__)))


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., object]]:
        return {"collection_path": collection_path}
