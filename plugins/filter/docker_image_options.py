# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter docker_image_options."""

from __future__ import annotations

DOCUMENTATION = r"""
name: docker_image_options
short_description: Options of a role, as an image may keep them
version_added: 0.4.0
author: bulkhead.docker maintainers (@bulkhead)
description:
  - Returns values of a role's options without those that are secrets - private keys, passphrases, and what the role's
    C(argument_specs) marks with C(no_log).
positional: _input, specs
options:
  _input:
    description: Values by name.
    type: dict
    required: true
  specs:
    description: C(options) of the role's C(argument_specs).
    type: dict
    required: true
  mode:
    description:
      - V(redacted) returns all of them, with secrets hidden. V(given) returns those that differ from their defaults
        and are no secrets. V(withheld) returns the names of those that are secrets and set.
    type: str
    choices: [redacted, given, withheld]
    default: redacted
"""

EXAMPLES = r"""
- name: Show what role docker_tls was told
  ansible.builtin.debug:
    msg: "{{ {'docker_tls_ca_passphrase': 'x'} | bulkhead.docker.docker_image_options({}) }}"
"""

RETURN = r"""
_value:
  description: The options, or their names.
  type: raw
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.bulkhead.docker.plugins.module_utils.image import options

_MODES: dict[str, t.Callable[..., t.Any]] = {
    "redacted": options.redacted,
    "given": options.given,
    "withheld": options.withheld,
}


def docker_image_options(
    values: t.Mapping[str, t.Any], specs: t.Mapping[str, t.Mapping[str, t.Any]], mode: str = "redacted"
) -> t.Any:
    """Values to what of them an image may keep."""
    if mode not in _MODES:
        raise AnsibleFilterError(f"docker_image_options: mode {mode!r} is none of {', '.join(_MODES)}")
    return _MODES[mode](values, specs)


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., object]]:
        return {"docker_image_options": docker_image_options}
