# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what may be missing, null or of the wrong type: each reader returns its type, empty at worst."""

from __future__ import annotations

import typing as t

Json = t.Mapping[str, t.Any]


def at(document: t.Any, *path: str) -> t.Any:
    """The value at a path of keys; None when there is none."""
    for key in path:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


def mapping(document: t.Any, *path: str) -> dict[str, t.Any]:
    value = at(document, *path)
    return value if isinstance(value, dict) else {}


def sequence(document: t.Any, *path: str) -> list[t.Any]:
    value = at(document, *path)
    return value if isinstance(value, list) else []


def mappings(document: t.Any, *path: str) -> list[dict[str, t.Any]]:
    return [entry for entry in sequence(document, *path) if isinstance(entry, dict)]


def texts(document: t.Any, *path: str) -> list[str]:
    return [entry for entry in sequence(document, *path) if isinstance(entry, str)]


def text(document: t.Any, *path: str) -> str:
    value = at(document, *path)
    return value if isinstance(value, str) else ""


def number(value: t.Any) -> int | None:
    """A whole number, also when written as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    try:
        return int(value)
    except ValueError:
        return None
