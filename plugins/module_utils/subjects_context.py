# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container's document takes from its surroundings."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.collect.facts import Facts
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_shape import Json, mapping, text


@dataclasses.dataclass(frozen=True)
class Context:
    """The engine's own document, and the other containers."""

    daemon: Json
    inspects: t.Mapping[str, Json]  # by id and by name
    volumes: t.Mapping[str, str] | None  # by name, the path of the host behind it, if there is one
    internal: t.Collection[str]  # networks without a way out


def context(daemon: Json, facts: Facts) -> Context:
    inspects: dict[str, Json] = {}
    for raw in facts.containers:
        inspect = mapping(raw, "inspect")
        inspects.update({key: inspect for key in (text(inspect, "Id"), text(inspect, "Name").lstrip("/")) if key})
    internal = [text(network, "Name") for network in facts.networks if network.get("Internal") is True]
    return Context(daemon, inspects, facts.volumes, internal)
