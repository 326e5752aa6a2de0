# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which parts of a daemon configuration are secret, and the configuration without them. Pure."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator
from urllib.parse import unquote

MASK = "********"

_SECRET_NAME = re.compile(r"token|passw|secret|credential|api[-_.]?key|access[-_.]?key|private[-_.]?key|auth$", re.I)
_CREDENTIALS = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]*://)(?P<user>[^\s/@]*)@")
_PAIR = re.compile(r"(?P<name>[\w.-]+)=(?P<value>.+)", re.S)


def find(value: t.Any, name: str = "") -> Iterator[str]:
    """Every secret inside a value: whole values under telling names, user:password inside URLs."""
    if isinstance(value, dict):
        for member, inner in value.items():
            yield from find(inner, str(member))
    elif isinstance(value, list):
        for inner in value:
            yield from find(inner, name)
    elif isinstance(value, str) and value:
        yield from _in_text(value, name)


def _in_text(text: str, name: str) -> Iterator[str]:
    if _SECRET_NAME.search(name):
        yield text
    pair = _PAIR.fullmatch(text)
    if pair and _SECRET_NAME.search(pair.group("name")):
        yield pair.group("value")
    for match in _CREDENTIALS.finditer(text):
        user, _, password = match.group("user").partition(":")
        secret = password or user
        yield from {match.group("user"), secret, unquote(secret)} - {""}


def mask(value: t.Any, name: str = "") -> t.Any:
    """The same shape with every secret replaced."""
    if isinstance(value, dict):
        return {member: mask(inner, str(member)) for member, inner in value.items()}
    if isinstance(value, list):
        return [mask(inner, name) for inner in value]
    if not isinstance(value, str) or not value:
        return value
    if _SECRET_NAME.search(name):
        return MASK
    pair = _PAIR.fullmatch(value)
    if pair and _SECRET_NAME.search(pair.group("name")):
        return f"{pair.group('name')}={MASK}"
    return _CREDENTIALS.sub(rf"\g<scheme>{MASK}@", value)


def mask_text(text: str, secrets: t.Iterable[str]) -> str:
    """Prose (a journal, an error message) without the secrets known from the configuration or seen in a URL."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return _CREDENTIALS.sub(rf"\g<scheme>{MASK}@", text)
