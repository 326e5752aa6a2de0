# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JMESPath as the rules speak it: the standard language and the few functions below, compiled once."""

from __future__ import annotations

import contextlib
import functools
import inspect
import posixpath
import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils import versions

# a module makes sure of its libraries, and says what is missing, before it calls anything here
with contextlib.suppress(ImportError):
    from jmespath import exceptions, functions, parser, visitor

Node = t.Mapping[str, t.Any]
Expression = t.Callable[[t.Any], t.Any]


class InvalidExpressionError(ValueError):
    """An expression that can never work: what is wrong, and where."""


class EvaluationError(ValueError):
    """An expression met data that it cannot work on."""


def matches(text: t.Any, pattern: str) -> bool:
    """Whether the regular expression is found anywhere in the text; nothing is found in what is not text."""
    return isinstance(text, str) and re.search(pattern, text) is not None


def overlaps(path: t.Any, paths: t.Any) -> list[str]:
    """Those of ``paths`` that are ``path`` itself, lie under it, or lead to it."""
    if not isinstance(path, str) or not path:
        return []
    wanted = _directory(path)
    others = [(other, _directory(other)) for other in as_list(paths) if isinstance(other, str) and other]
    return [other for other, at in others if at.startswith(wanted) or wanted.startswith(at)]


@functools.cache
def _directory(path: str) -> str:
    """Normalised, with a slash at its end, so that a prefix is a parent."""
    return "/" + posixpath.normpath(path).strip("/") + "/" if path.strip("/") else "/"


def subtract(values: t.Any, others: t.Any) -> list[t.Any]:
    """The values that are not among the others."""
    taken = as_list(others)
    return [value for value in as_list(values) if value not in taken]


def intersect(values: t.Any, others: t.Any) -> list[t.Any]:
    """The values that are among the others."""
    taken = as_list(others)
    return [value for value in as_list(values) if value in taken]


def lower(text: t.Any) -> t.Any:
    """Text in small letters; anything else as it is."""
    return text.lower() if isinstance(text, str) else text


def version_at_least(version: t.Any, least: t.Any) -> bool:
    """Whether a version is this one or a later one; false for what is not a version."""
    have, want = versions.parse(version), versions.parse(least)
    return have is not None and want is not None and have >= want


def mode_beyond(mode: t.Any, most: str) -> bool:
    """Whether a file's mode, in octal, allows what another does not; false for what is not a mode."""
    try:
        return bool(int(mode, 8) & ~int(most, 8) & ~0o1000)  # the sticky bit allows nothing
    except (TypeError, ValueError):
        return False


def as_list(value: t.Any) -> list[t.Any]:
    """A list as it is, null as no value, anything else as the only value."""
    if isinstance(value, list):
        return value
    return [] if value is None else list(value) if isinstance(value, tuple) else [value]


_OWN = (matches, overlaps, subtract, intersect, lower, version_at_least, mode_beyond, as_list)
OWN: t.Mapping[str, t.Callable[..., t.Any]] = {function.__name__: function for function in _OWN}


class _Functions:
    """What the interpreter calls: our functions, then JMESPath's own."""

    def __init__(self) -> None:
        self._standard = functions.Functions()

    def call_function(self, name: str, arguments: list[t.Any]) -> t.Any:
        own = OWN.get(name)
        return own(*arguments) if own else self._standard.call_function(name, arguments)


@functools.cache
def _interpreter() -> visitor.TreeInterpreter:
    """One for all: it keeps no state between searches, and making one for each search costs more than most searches."""
    ours = t.cast("functions.Functions", _Functions())  # all that is asked of it is call_function
    return visitor.TreeInterpreter(visitor.Options(custom_functions=ours))


@functools.cache
def compiled(expression: str) -> Expression:
    """A function from document to value. Raises InvalidExpressionError; the function itself raises EvaluationError."""
    try:
        tree = parser.Parser().parse(expression).parsed
    except exceptions.JMESPathError as error:
        at = getattr(error, "lex_position", None)
        where = "" if at is None else f" at position {at}"
        raise InvalidExpressionError(f"{_first_line(error)}{where}: {expression!r}") from error
    _check(tree, expression)
    visit = _interpreter().visit

    def search(document: t.Any) -> t.Any:
        try:
            return visit(tree, document)
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError, re.error) as error:
            raise EvaluationError(_first_line(error)) from error

    return search


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(":.")


#: What takes a further step from the value of its first child.
_STEPS = frozenset({"subexpression", "projection", "filter_projection", "value_projection", "flatten"})


def _check(node: t.Any, expression: str) -> None:
    """Find what JMESPath would only find while searching: unknown functions, wrong arities, bad patterns."""
    if not isinstance(node, dict):
        return
    children = node.get("children", [])
    if node["type"] == "function_expression":
        _check_call(node["value"], children, expression)
    if node["type"] in _STEPS and children[0]["type"] == "not_expression":
        raise InvalidExpressionError(f"!a.b means (!a).b, which is never true; write !(a.b): {expression!r}")
    for child in children:
        _check(child, expression)


def _check_call(name: str, arguments: t.Sequence[Node], expression: str) -> None:
    least, most = _arity(name, expression)
    if not least <= len(arguments) <= most:
        raise InvalidExpressionError(f"{name}() takes {least} argument(s), not {len(arguments)}: {expression!r}")
    pattern = arguments[1] if name == "matches" else {}
    if pattern.get("type") == "literal":
        try:
            re.compile(pattern["value"])
        except (re.error, TypeError) as error:
            raise InvalidExpressionError(f"bad regular expression, {error}: {expression!r}") from error


def _arity(name: str, expression: str) -> tuple[int, float]:
    if name in OWN:
        count = len(inspect.signature(OWN[name]).parameters)
        return count, count
    known = functions.Functions.FUNCTION_TABLE
    if name not in known:
        names = ", ".join(sorted([*known, *OWN]))
        raise InvalidExpressionError(f"unknown function {name}() (known: {names}): {expression!r}")
    signature = known[name]["signature"]
    return len(signature), float("inf") if signature and signature[-1].get("variadic") else len(signature)
