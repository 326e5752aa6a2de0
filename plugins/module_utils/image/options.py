# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of roles as an image may keep them: without the secrets that all machines would share. Pure."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from ansible_collections.bulkhead.docker.plugins.module_utils import redact
from ansible_collections.bulkhead.docker.plugins.module_utils.image.seal import PRIVATE_KEY

#: Names of options that hold a secret; one that ends in _key_type or _dir does not.
_SECRET = re.compile(r"_(?:key|passphrase|password|token|secret)$")


def secret(name: str, value: t.Any, spec: Mapping[str, t.Any]) -> bool:
    """Whether an option's value must not be in an image. A path to a key is none; a key's text is, wherever."""
    if not isinstance(value, str) or not value:
        return False
    return (
        bool(PRIVATE_KEY.search(value.encode(errors="replace")))
        or bool(spec.get("no_log"))
        or (spec.get("type") == "str" and bool(_SECRET.search(name)))
    )


def redacted(values: Mapping[str, t.Any], specs: Mapping[str, Mapping[str, t.Any]]) -> dict[str, t.Any]:
    """For people: names stay, secrets are hidden, also those within keys of daemon.json and the like."""
    return {
        name: redact.HIDDEN if secret(name, values[name], specs.get(name, {})) else redact.settings(values[name])
        for name in sorted(values)
    }


def given(values: Mapping[str, t.Any], specs: Mapping[str, Mapping[str, t.Any]]) -> dict[str, t.Any]:
    """For the first boot: what differs from the defaults, without secrets, whose owner brings them to the machine."""
    return {
        name: values[name]
        for name in sorted(values)
        if values[name] != specs.get(name, {}).get("default") and not secret(name, values[name], specs.get(name, {}))
    }


def withheld(values: Mapping[str, t.Any], specs: Mapping[str, Mapping[str, t.Any]]) -> list[str]:
    """Options that are set, and that the first boot must get from elsewhere."""
    return [name for name in sorted(values) if secret(name, values[name], specs.get(name, {}))]
