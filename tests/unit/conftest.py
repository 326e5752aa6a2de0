# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several test modules need."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible.plugins.loader import init_plugin_loader

# Before any test imports from the collection: templating finds its filters only through Ansible's own loader.
init_plugin_loader()

Document = dict[str, t.Any]

RESULTS = Path(__file__).parent / "fixtures" / "results"

#: What a hostile image or compose file may call things.
HOSTILE = (
    "<script>document.getElementById('marker').textContent='pwned'</script>",
    "\"><img src=x onerror=\"document.getElementById('marker').textContent='pwned'\">",
    "'><svg/onload=document.title='pwned'>",
    "</style><script>document.title='pwned'</script>",
    "</title><meta http-equiv=refresh content='0;url=http://192.0.2.1/'>",
    "<link rel=stylesheet href=http://192.0.2.1/x.css>",
    "javascript:alert(1)",
    "{{ lookup('pipe','touch /nonexistent') }} {% raw %} {# #}",
    "\u202etxt.exe\u2066\u200b\ufeff",
    "\x1b[2J\x1b]0;pwned\x07\x00\x9b31m",
    "line one\nline two\r\ttabbed\u2028end",
    "\udc80 lone surrogate",
    "&lt;b&gt; &amp; &#x3c;",
    "`code` and ``` more",
    "x" * 20000,
    "",
)


@pytest.fixture
def result() -> t.Callable[[str], Document]:
    """A fresh copy of the sample result documents: bad, good (the same host mended), unprivileged."""

    def read(name: str) -> Document:
        document: Document = json.loads((RESULTS / f"{name}.json").read_text())
        return document

    return read


@pytest.fixture
def hostile(result: t.Callable[[str], Document]) -> Document:
    """A result in which everything that came from containers, and from a user's own rules, is an attack."""
    document = result("bad")
    sample = document["findings"][0]
    document["findings"] = [_poisoned(sample, verdict, text) for verdict in document["counts"] for text in HOSTILE]
    document["host"]["name"] = HOSTILE[0]
    document["engine"]["version"] = HOSTILE[1]
    document["collected_at"] = HOSTILE[2]
    document["tool"]["version"] = HOSTILE[4]
    return document


def _poisoned(sample: Document, verdict: str, text: str) -> Document:
    return {
        **sample,
        "rule": f"rule {text}",
        "verdict": verdict,
        "subject": {"kind": "container", "id": text, "name": text},
        **dict.fromkeys(("title", "threat", "remedy", "role"), text),
        "evidence": {"observed": {text: [text, {text: text}]}, "reason": text, "expected": text, "source": [text]},
        "cis": {text: [text]},
        "waiver": {text: text},
    }
