# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making safe, readable text of values that came from containers: names, labels, evidence."""

from __future__ import annotations

import json
import typing as t
import unicodedata

_NAME_LIMIT = 160
_VALUE_LIMIT = 600
#: Characters that are invisible, reorder their neighbours or drive a terminal.
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def clean(text: str, limit: int = _NAME_LIMIT, keep: str = "") -> str:
    """The text with invisible characters spelt out and its length bounded; ``keep`` names exceptions."""
    if len(text) > limit:
        text = f"{text[:limit]}… ({len(text):,} characters)"
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if char in keep or not _invisible(char) else _spelt(char) for char in text)


def readable(value: t.Any) -> str:
    """Evidence in words: one line a list item or mapping entry, anything deeper as compact JSON."""
    if isinstance(value, dict):
        text = "\n".join(f"{clean(str(key))}: {_inline(item)}" for key, item in value.items())
    elif isinstance(value, list) and not _flat(value):
        text = "\n".join(_inline(item) for item in value)
    else:
        text = _inline(value)
    return clean(text or "(empty)", limit=_VALUE_LIMIT, keep="\n")


def plural(number: int, noun: str) -> str:
    """``1 host``, ``2 hosts``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def listing(parts: t.Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def _inline(value: t.Any) -> str:
    if isinstance(value, str):
        return clean(value, limit=_VALUE_LIMIT)
    if _flat(value):
        return ", ".join(map(_inline, value)) or "(none)"
    if isinstance(value, dict) and all(_flat(item) or not isinstance(item, (dict, list)) for item in value.values()):
        return ", ".join(f"{clean(str(key))}={_in_pair(item)}" for key, item in value.items()) or "(none)"
    return clean(json.dumps(value, sort_keys=True, ensure_ascii=False), limit=_VALUE_LIMIT)


def _in_pair(value: t.Any) -> str:
    return f"[{', '.join(map(_inline, value))}]" if isinstance(value, list) else _inline(value)


def _flat(value: t.Any) -> bool:
    """A list of nothing but text, numbers and the like."""
    return isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in value)


def _invisible(char: str) -> bool:
    return unicodedata.category(char) in _INVISIBLE


def _spelt(char: str) -> str:
    return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(char) or f"\\u{ord(char):04x}"
