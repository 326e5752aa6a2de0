# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The secrets inside a daemon configuration, so that they can be kept out of prose as well. Pure."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from ansible_collections.bulkhead.docker.plugins.module_utils import redact

_SHORTEST = 6  # shorter ones are words of ordinary prose too; where they stand they are masked all the same


def mask(value: t.Any, key: str = "") -> t.Any:
    """The value of a daemon.json key, or a whole configuration, with every secret replaced."""
    return redact.settings({key: value})[key] if key else redact.settings(value)


def find(value: t.Any) -> Iterator[str]:
    """Every secret in a configuration: what masking takes away."""
    yield from _hidden(value, redact.settings(value))


def _hidden(value: t.Any, shown: t.Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _hidden(inner, shown[name])
    elif isinstance(value, list):
        for inner, one in zip(value, shown):
            yield from _hidden(inner, one)
    elif isinstance(shown, str) and shown != value:
        kept = (re.escape(part) for part in shown.split(redact.HIDDEN))
        match = re.fullmatch("(.+?)".join(kept), str(value), re.S)
        for secret in match.groups() if match else (str(value),):
            yield secret
            if ":" in secret:  # user:password
                yield secret.partition(":")[2]


def telling(secrets: Iterable[str]) -> set[str]:
    """Those that can be looked for in prose, plain and as they stand in a URL."""
    return {form for secret in secrets for form in (secret, unquote(secret)) if len(form) >= _SHORTEST}


def mask_text(text: str, secrets: Iterable[str]) -> str:
    """Prose (a journal, an error message) without the secrets known from the configuration, or seen in it."""
    for secret in sorted(telling(secrets), key=len, reverse=True):
        text = text.replace(secret, redact.HIDDEN)
    return redact.text(text)
