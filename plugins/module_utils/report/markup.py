# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTML that cannot be injected into: all text is escaped unless this module made it."""

from __future__ import annotations

import html
import typing as t

_VOID = ("meta", "rect")


class Html(str):
    """Text that is markup already. Only ``tag`` and ``join`` make it, and string literals of ours."""


Node = t.Union[str, None, t.Iterable[t.Any]]


def tag(element: str, /, *children: Node, **attributes: object) -> Html:
    """An element; a trailing underscore in an attribute's name is dropped, None and False leave the attribute out."""
    pairs = "".join(
        _attribute(key, value) for key, value in attributes.items() if value is not None and value is not False
    )
    if element in _VOID:
        return Html(f"<{element}{pairs}>" if element == "meta" else f"<{element}{pairs}/>")
    return Html(f"<{element}{pairs}>{join(children)}</{element}>")


def join(children: Node) -> Html:
    """Children side by side: strings are escaped, None is nothing, iterables are flattened."""
    if children is None:
        return Html("")
    if isinstance(children, Html):
        return children
    if isinstance(children, str):
        return Html(html.escape(children, quote=True))
    return Html("".join(join(child) for child in children))


def _attribute(key: str, value: object) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{html.escape(str(value), quote=True)}"'
