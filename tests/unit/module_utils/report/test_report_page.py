# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import hashlib
import re
import time
import typing as t
from html.parser import HTMLParser

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.report.documents import read_results
from ansible_collections.bulkhead.docker.plugins.module_utils.report.page import render
from ansible_collections.bulkhead.docker.plugins.module_utils.report.style import STYLE

Document = dict[str, t.Any]
Result = t.Callable[[str], Document]

VOID = {"meta"}
ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "section", "nav", "article"),
    *("details", "summary", "h1", "h2", "h3", "p", "ul", "ol", "li", "dl", "dt", "dd", "div", "span", "strong", "a"),
    *("table", "thead", "tbody", "tr", "th", "td", "code", "pre", "bdi", "svg", "rect"),
}
ATTRIBUTES = {
    *("lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "aria-hidden", "aria-label"),
    *("scope", "colspan", "open", "height", "width", "y", "rx"),
}


class Page(HTMLParser):
    """The elements, attributes and text of a page; complains about unbalanced tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.setdefault(self.open[-1] if self.open else "", []).append(data)

    def ids(self) -> list[str]:
        return [attributes["id"] or "" for _tag, attributes in self.elements if "id" in attributes]

    def words(self, tag: str) -> str:
        return " ".join(self.text.get(tag, []))


def harmless(text: str) -> Page:
    """Only our own elements and attributes, links only into the page, styles only by hash."""
    page = Page(text)
    assert {tag for tag, _attributes in page.elements} <= ELEMENTS
    assert {name for _tag, attributes in page.elements for name in attributes} <= ATTRIBUTES
    links = [attributes["href"] or "" for _tag, attributes in page.elements if "href" in attributes]
    assert all(re.fullmatch(r"#[a-z0-9_-]+", link) for link in links)
    assert set(links) <= {f"#{name}" for name in page.ids()}
    assert len(page.ids()) == len(set(page.ids()))
    text.encode()
    return page


def test_style_is_allowed_by_its_hash_alone(result: Result) -> None:
    page = Page(render(read_results(result("bad"))))
    (style,) = page.text["style"]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = [a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert not re.search(r"url\(|@import|@font-face", STYLE)


def test_report_of_a_bad_host(result: Result) -> None:
    document = result("bad")
    page = harmless(render(read_results(document)))
    assert "web1.example.org" in page.text["bdi"]
    assert "5 critical and 13 high to mend." in page.text["p"]
    failing = {f"rule-{f['rule']}" for f in document["findings"] if f["verdict"] == "fail"}
    assert failing <= set(page.ids())
    assert "44 failed · 60 passed · 7 not applicable" in page.text["p"]
    headings = [text for text in page.text["h2"] if text.startswith(("Mend", "Recreate", "Rebuild", "Outside"))]
    assert headings == [
        "Mend on this host with Ansible: role docker_daemon",
        "Recreate containers",
        "Outside this host",
        "Rebuild images",
    ]


def test_the_same_rule_on_many_containers_is_one_entry(result: Result) -> None:
    page = harmless(render(read_results(result("bad"))))
    assert page.ids().count("rule-container-memory-limit") == 1
    assert page.text["h3"].count("Memory is limited") == 1


def test_before_and_after(result: Result) -> None:
    page = harmless(render(read_results(result("good")), read_results(result("bad"))))
    fates = [text.strip() for text in page.text["summary"] if text.strip()]
    assert fates[:5] == [
        "Fixed",
        "New, or newly checked",
        "Still failing",
        "Waived since",
        "No longer there, or no longer checked",
    ]
    assert page.text["span"].count("new") == 1
    assert {"passed", "not-applicable", "waived", "unjudged", "changes"} <= set(page.ids())
    assert "no answer within 10 seconds" in page.words("bdi")


def test_a_waived_finding_says_why_who_until_when_and_where(result: Result) -> None:
    document = result("good")
    (waived,) = [finding for finding in document["findings"] if finding["waiver"]]
    waived["waiver"] |= {
        "rule": "container-*",
        "hosts": ["web*", "<b>"],
        "containers": [],
        "compensating_control": None,
    }
    page = harmless(render(read_results(document)))
    at = page.text["dt"].index("Reason")
    assert page.text["dt"][at : at + 6] == ["Reason", "Owner", "Until", "Ticket", "Waives", "On hosts"]
    said = ["The socket's group has one member, the deployer.", "platform@example.org", "2027-01-31", "OPS-1207"]
    start = page.text["bdi"].index(said[0])
    assert page.text["bdi"][start : start + 6] == [*said, "container-*", "web*, <b>"]


def test_a_clean_host_is_said_to_be_clean(result: Result) -> None:
    document = result("good")
    for finding in document["findings"]:
        finding["verdict"] = "pass"
    document["counts"] = {"pass": len(document["findings"])}
    page = harmless(render(read_results(document)))
    assert "Nothing to mend." in page.text["p"]
    assert "80 checks passed." in page.text["p"]
    assert not [name for name in page.ids() if name.startswith("to-do")]


def test_a_fleet_shows_every_host(result: Result) -> None:
    hosts = {"web1": result("bad"), "web2": result("unprivileged")}
    page = harmless(render(read_results(hosts, {"web3": "no route to host"}), title="Web servers"))
    assert {"Web servers", "web1", "web2", "web3"} <= set(page.text["bdi"])
    assert ": no route to host" in page.text["td"]
    assert "1 host gave no result" in page.words("p")
    assert "web1: daemon" in page.text["bdi"]
    assert "Mend on these hosts with Ansible: role docker_daemon" in page.text["h2"]


def test_no_result_at_all_is_not_good_news() -> None:
    page = harmless(render(read_results({}, ["web1", "web2"])))
    assert "No result." in page.text["p"]
    assert "Nothing to mend." not in page.text["p"]
    assert "strong" in page.text
    assert "0" not in page.text["strong"]


def test_a_host_that_went_silent_does_not_look_mended(result: Result) -> None:
    page = harmless(render(read_results({}, ["web1"]), read_results({"web1": result("bad")})))
    assert "1 host without a result in both runs left out: web1." in page.text["p"]
    assert "td" in page.text
    assert "44" not in page.text["td"]


def test_nothing_in_a_document_becomes_markup(hostile: Document) -> None:
    page = harmless(render(read_results(hostile), read_results(hostile), title="</title><script>"))
    assert "<script>document.getElementById('marker').textContent='pwned'</script>" in page.text["bdi"]
    assert "{{ lookup('pipe','touch /nonexistent') }} {% raw %} {# #}" in page.text["bdi"]
    everything = "".join(text for texts in page.text.values() for text in texts)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufeff]", everything)


def test_the_same_input_gives_the_same_bytes(result: Result) -> None:
    document = result("bad")
    shuffled = {**document, "findings": document["findings"][::-1]}
    assert render(read_results(document)) == render(read_results(shuffled))


def test_two_hundred_containers_stay_small_and_quick(result: Result) -> None:
    document = result("bad")
    samples = [f for f in document["findings"] if f["subject"]["name"] == "ci-runner"]
    samples = [{**f, "rule": f"{f['rule']}-{copy}"} for copy in range(3) for f in samples][:40]
    document["findings"] = [
        {
            **sample,
            "subject": {"kind": "container", "id": f"{number:064x}", "name": f"shop-service-{number}"},
            "evidence": {**sample["evidence"], "observed": [{"Source": f"/srv/data/{number}", "RW": True}]},
        }
        for sample in samples
        for number in range(200)
    ]
    assert len(document["findings"]) == 8000
    begin = time.process_time()
    text = render(read_results(document), read_results(document))
    assert time.process_time() - begin < 10
    assert len(text.encode()) < 3_000_000
    harmless(text)


def colours(text: str) -> dict[str, str]:
    return dict(re.findall(r"--(\w+): (#[0-9a-f]+);", text))


def contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
        parts = [int(digits[index : index + 2], 16) / 255 for index in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(scheme: str) -> None:
    light, dark = STYLE.split("@media (prefers-color-scheme: dark)")
    palette = colours(light if scheme == "light" else dark.split("\n* {")[0])
    texts = set(palette) - {"paper", "panel", "line"}
    assert texts == {"ink", "soft", "link", "critical", "high", "medium", "low", "info", "good"}
    low = {(name, ground): contrast(palette[name], palette[ground]) for name in texts for ground in ("paper", "panel")}
    assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}
