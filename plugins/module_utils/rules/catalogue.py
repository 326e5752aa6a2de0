# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All rules, in the order of the catalogue."""

from __future__ import annotations

import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.model import Rule
from ansible_collections.bulkhead.docker.plugins.module_utils.rules import (
    access,
    confinement,
    container,
    container_resources,
    daemon,
    daemon_defaults,
    files,
    firewall,
    host,
    logging,
    proxies,
    rootless,
    tls,
    watches,
)

RULES: t.Final[tuple[Rule, ...]] = (
    *host.RULES,
    *files.RULES,
    *access.RULES,
    *confinement.RULES,
    *watches.RULES,
    *daemon.RULES,
    *tls.RULES,
    *rootless.RULES,
    *firewall.RULES,
    *proxies.RULES,
    *daemon_defaults.RULES,
    *logging.RULES,
    *container.RULES,
    *container_resources.RULES,
)
