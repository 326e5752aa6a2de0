# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of the modules that act on the host's engine."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  docker_host:
    description: The unix socket of the engine.
    type: str
    default: unix:///var/run/docker.sock
  service:
    description: The systemd unit of the daemon.
    type: str
    default: docker.service
"""
