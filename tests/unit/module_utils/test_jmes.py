# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JMESPath as the rules speak it."""

from __future__ import annotations

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils import jmes


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("matches(name, '^we')", True),
        ("matches(name, 'x')", False),
        ("matches(none, 'x')", False),
        ("matches(list, 'a')", False),
        ("overlaps('/etc/ssh', paths)", ["/etc"]),
        ("overlaps('/', paths)", ["/etc", "/var/lib/docker"]),
        ("overlaps('/var', paths)", ["/var/lib/docker"]),
        ("overlaps('/etcetera', paths)", []),
        ("overlaps('/etc/', paths)", ["/etc"]),
        ("overlaps('/opt/../etc', paths)", ["/etc"]),
        ("overlaps(none, paths)", []),
        ("overlaps('/etc', none)", []),
        ("subtract(list, ['a'])", ["b"]),
        ("subtract(none, list)", []),
        ("intersect(list, ['b', 'c'])", ["b"]),
        ("lower('ABC')", "abc"),
        ("lower(none)", None),
        ("version_at_least('28.5.2', '20.10')", True),
        ("version_at_least('9.0', '20.10')", False),
        ("version_at_least(none, '20.10')", False),
        ("as_list(none)", []),
        ("as_list(name)", ["web"]),
        ("as_list(list)", ["a", "b"]),
        ("length(list)", 2),
    ],
)
def test_functions(expression: str, value: object) -> None:
    document = {"name": "web", "none": None, "list": ["a", "b"], "paths": ["/etc", "/var/lib/docker"]}
    assert jmes.compiled(expression)(document) == value


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("a..b", "at position 2"),
        ("a[", "at position 2"),
        ("a == 'x", "Unclosed"),
        ("", "cannot be empty"),
        ("nope(@)", r"unknown function nope\(\) \(known: .*overlaps"),
        ("length(@, @)", r"length\(\) takes 1 argument"),
        ("list[?overlaps(@)]", r"overlaps\(\) takes 2 argument"),
        ("matches(name, '(')", "bad regular expression"),
    ],
)
def test_what_can_never_work_is_found_when_compiling(expression: str, said: str) -> None:
    with pytest.raises(jmes.InvalidExpressionError, match=said):
        jmes.compiled(expression)


@pytest.mark.parametrize("expression", ["length(none)", "sort(mixed)", "sum(list)"])
def test_unexpected_data_is_an_evaluation_error(expression: str) -> None:
    with pytest.raises(jmes.EvaluationError):
        jmes.compiled(expression)({"none": None, "mixed": [1, "a"], "list": ["a"]})
