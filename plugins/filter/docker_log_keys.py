# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter docker_log_keys."""

from __future__ import annotations

DOCUMENTATION = r"""
name: docker_log_keys
short_description: The keys of daemon.json for a choice of log driver
version_added: 0.3.0
author: bulkhead.docker maintainers (@bulkhead)
description:
  - Completes the choice with limits, or with the image's id as tag, and refuses what would hold containers up.
positional: _input, options, accept_blocking
options:
  _input:
    description: The log driver; empty for none of ours.
    type: str
    required: true
  options:
    description: Its options, over the defaults.
    type: dict
    default: {}
  accept_blocking:
    description: Allow a driver that sends to another machine to make containers wait for it.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Keep container logs in the journal
  bulkhead.docker.docker_daemon_config:
    config: "{{ 'journald' | bulkhead.docker.docker_log_keys }}"
"""

RETURN = r"""
_value:
  description: C(log-driver) and C(log-opts); empty when no driver is chosen.
  type: dict
  sample: {"log-driver": "local", "log-opts": {"max-size": "20m", "max-file": "5"}}
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.bulkhead.docker.plugins.module_utils.log_drivers import LogDriverError, daemon_keys


def docker_log_keys(
    value: str, options: dict[str, t.Any] | None = None, accept_blocking: bool = False
) -> dict[str, t.Any]:
    """The site's choice to keys of daemon.json."""
    try:
        return daemon_keys(value, options or {}, accept_blocking)
    except LogDriverError as exc:
        raise AnsibleFilterError(str(exc)) from exc


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., object]]:
        return {"docker_log_keys": docker_log_keys}
