# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engines of a host: its own, and those of its users."""

from __future__ import annotations

import dataclasses
import socket
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.collect import engine, gather, rootless
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.facts import Facts, Tenant


def collected(options: t.Mapping[str, t.Any], containers: bool, host: bool) -> tuple[Facts, list[Tenant]]:
    """Of the options ``docker_host``, ``timeout`` and ``rootless``. Raises EngineUnavailableError.

    Where there are only users' engines, the first speaks for the host.
    """
    others = rootless.around(options["docker_host"]) if options["rootless"] else []
    with rootless.Tenants(others, options["timeout"], containers) as tenants:
        try:
            facts = gather.collect(options["docker_host"], options["timeout"], containers, host)
        except engine.NoEngineError:
            heard = tenants.gathered()
            speaker = next((tenant.facts for tenant in heard if tenant.facts), None)
            if speaker is None:
                raise
            return dataclasses.replace(speaker, absent=True, info={**speaker.info, "Name": socket.gethostname()}), heard
        return facts, tenants.gathered()
