# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter openpgp_pinned."""

from __future__ import annotations

DOCUMENTATION = r"""
name: openpgp_pinned
short_description: An OpenPGP key file, if it holds the expected keys and no other
version_added: 0.2.0
author: bulkhead.docker maintainers (@bulkhead)
description:
  - Returns the text of a file of public keys unchanged when the fingerprint of every key in it is among those expected,
    and fails otherwise. So what was checked is what is used, whatever it was fetched from.
positional: _input, fingerprints
options:
  _input:
    description: The ASCII-armored public keys.
    type: str
    required: true
  fingerprints:
    description: The fingerprints of the keys that may be in it; blanks and letter case do not matter.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Install the key that packages are signed with
  ansible.builtin.copy:
    content: "{{ lookup('ansible.builtin.file', 'site.asc') | bulkhead.docker.openpgp_pinned(fingerprints) }}"
    dest: /etc/apt/keyrings/site.asc
    mode: "0644"
  vars:
    fingerprints: ["0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567"]
"""

RETURN = r"""
_value:
  description: The text that was given.
  type: str
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.bulkhead.docker.plugins.module_utils import openpgp


def openpgp_pinned(text: object, fingerprints: t.Sequence[str]) -> str:
    """The text itself, or an error."""
    if not isinstance(text, str):
        raise AnsibleFilterError("bulkhead.docker.openpgp_pinned: the key must be text")
    try:
        expected = [openpgp.normalise(fingerprint) for fingerprint in fingerprints]
        found = openpgp.fingerprints(text)
    except openpgp.KeyFileError as exc:
        raise AnsibleFilterError(f"bulkhead.docker.openpgp_pinned: {exc}") from exc
    strange = [fingerprint for fingerprint in found if fingerprint not in expected]
    if strange:
        raise AnsibleFilterError(
            f"bulkhead.docker.openpgp_pinned: the file holds the key {', '.join(strange)}, and only "
            f"{', '.join(expected) or 'none'} is trusted: do not use it before you know why"
        )
    return text


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., object]]:
        return {"openpgp_pinned": openpgp_pinned}
