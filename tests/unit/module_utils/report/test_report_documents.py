# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils import model
from ansible_collections.bulkhead.docker.plugins.module_utils.report import documents

Document = dict[str, t.Any]
Result = t.Callable[[str], Document]


def test_every_member_of_a_finding_is_checked() -> None:
    assert list(documents._FIELDS) == [field.name for field in dataclasses.fields(model.Finding)]


@pytest.mark.parametrize("name", ["bad", "good", "unprivileged"])
def test_samples_follow_the_contract(result: Result, name: str) -> None:
    document = result(name)
    (read,) = documents.read_results(document)
    assert dataclasses.asdict(read.sightings[0].finding) == document["findings"][0]
    verdicts = [finding["verdict"] for finding in document["findings"]]
    assert read.counts == {verdict: verdicts.count(verdict) for verdict in model.VERDICTS}


def test_one_document_a_list_and_a_mapping(result: Result) -> None:
    one = documents.read_results(result("bad"))
    listed = documents.read_results([result("unprivileged"), result("bad")])
    named = documents.read_results({"b": result("bad"), "a": result("bad")}, unreachable=["c"])
    assert [host.name for host in one] == ["web1.example.org"]
    assert [host.name for host in listed] == ["web1.example.org", "web2.example.org"]
    assert [(host.name, host.reason) for host in named] == [("a", ""), ("b", ""), ("c", "no result")]
    assert {sighting.host for sighting in named[0].sightings} == {"a"}


def test_unreachable_hosts_may_have_reasons() -> None:
    (silent,) = documents.read_results({}, unreachable={"web9": "no route to host"})
    assert (silent.name, silent.reason) == ("web9", "no route to host")


@pytest.mark.parametrize(
    ("value", "unreachable", "message"),
    [
        (None, None, "must be a result document, a list of them or a mapping"),
        ("text", None, "must be a result document, a list of them or a mapping"),
        (
            {"changed": False, "audit": {}},
            None,
            "input is not a result document of docker_audit; pass its member audit",
        ),
        ([{"findings": {}}], None, r"input\[0\] is not a result document"),
        ({"web1": {"findings": [], "schema": 2}}, None, r"input\.web1\.schema is 2; this version reads schema 1"),
        ({"findings": [], "schema": 1, "host": []}, None, None),
        ({"findings": [], "schema": 1, "host": ["x"]}, None, r"input\.host must be a mapping"),
        ({"findings": [], "schema": 1, "counts": {"pass": "1"}}, None, r"input\.counts\.pass must be a number"),
        ({"findings": [3], "schema": 1}, None, r"input\.findings\[0\] must be a mapping"),
        ([{"findings": [], "schema": 1}] * 2, None, "more than one result for this host"),
        ({}, 7, "unreachable must be a list of host names or a mapping"),
        ({"x": object()}, None, r"input\.x is neither text, number, list nor mapping"),
        (b"bytes", None, "neither text"),
    ],
)
def test_wrong_input_is_named(value: object, unreachable: object, message: str | None) -> None:
    if message is None:
        assert len(documents.read_results(value, unreachable)) == 1
        return
    with pytest.raises(documents.DocumentError, match=message):
        documents.read_results(value, unreachable)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("rule", None),
        ("subject", {"kind": "container", "name": "x"}),
        ("subject", {"kind": "container", "id": "1", "name": 4}),
        ("verdict", "bad"),
        ("severity", "terrible"),
        ("lever", ""),
        ("role", 1),
        ("evidence", "text"),
        ("cis", {"1.6": "5.5"}),
        ("cis", {"1.6": [5.5]}),
        ("waiver", "yes"),
    ],
)
def test_wrong_findings_are_named(result: Result, member: str, value: object) -> None:
    document = result("bad")
    document["findings"][2][member] = value
    with pytest.raises(documents.DocumentError, match=rf"input\.findings\[2\]\.{member} must be "):
        documents.read_results(document)


def test_failures_are_ordered_and_cut(result: Result) -> None:
    read = documents.read_results(result("bad"))
    high = documents.failures(read, "high")
    assert {sighting.finding.severity for sighting in high} == {"critical", "high"}
    assert {sighting.finding.verdict for sighting in high} == {"fail"}
    assert [sighting.finding.severity for sighting in high] == ["critical"] * 5 + ["high"] * 13
    assert len(documents.failures(read)) == 44
