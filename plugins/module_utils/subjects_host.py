# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules see of the host."""

from __future__ import annotations

import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.collect.facts import Facts
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_shape import Json


def host_document(facts: Facts, daemon: Json, policy: Json) -> dict[str, t.Any]:
    """The document of kind ``host``; a value that could not be read is null."""
    return {"policy": policy}
