# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.report.compare import compare
from ansible_collections.bulkhead.docker.plugins.module_utils.report.documents import Sighting, read_results

Document = dict[str, t.Any]
Result = t.Callable[[str], Document]


def rules(sightings: t.Iterable[Sighting]) -> set[tuple[str, str]]:
    return {(sighting.finding.rule, sighting.finding.subject["name"]) for sighting in sightings}


def with_verdict(document: Document, rule: str, name: str, verdict: str) -> Document:
    for finding in document["findings"]:
        if (finding["rule"], finding["subject"]["name"]) == (rule, name):
            finding["verdict"] = verdict
    return document


def test_each_failure_has_one_fate(result: Result) -> None:
    change = compare(read_results(result("bad")), read_results(result("good")))
    assert (len(change.before), len(change.after)) == (44, 8)
    fates = (change.fixed, change.waived, change.gone, change.unsure, change.remaining)
    assert sum(map(len, fates)) == 44
    assert rules(change.new) == {("container-publish-all-interfaces", "shop-web")}
    assert rules(change.waived) == {("daemon-authorization", "web1.example.org")}
    assert {name for _rule, name in rules(change.gone)} == {"metrics-agent"}
    assert ("daemon-icc", "web1.example.org") in rules(change.fixed)
    assert change.count("critical") == (5, 0)
    assert change.severities == ("critical", "high", "medium", "low", "info")


def test_a_recreated_container_is_the_same_one(result: Result) -> None:
    after = result("bad")
    for finding in after["findings"]:
        finding["subject"]["id"] = "0" * 64
    change = compare(read_results(result("bad")), read_results(after))
    assert not change.new
    assert len(change.remaining) == 44


def test_what_could_not_be_judged_again_is_not_fixed(result: Result) -> None:
    rule, name = "container-seccomp", "ci-runner"
    for verdict in ("unknown", "error"):
        after = with_verdict(result("bad"), rule, name, verdict)
        change = compare(read_results(result("bad")), read_results(after))
        assert rules(change.unsure) == {(rule, name)}
        assert not change.fixed


def test_a_container_that_hangs_now_is_not_gone(result: Result) -> None:
    before, after = result("bad"), result("bad")
    hung = next(finding for finding in result("good")["findings"] if finding["verdict"] == "error")
    hung["subject"]["name"] = "ci-runner"
    after["findings"] = [f for f in after["findings"] if f["subject"]["name"] != "ci-runner"] + [hung]
    change = compare(read_results(before), read_results(after))
    assert not change.gone
    assert {name for _rule, name in rules(change.unsure)} == {"ci-runner"}


def test_a_host_without_result_has_fixed_nothing(result: Result) -> None:
    both, mended = {"web1": result("bad"), "web2": result("bad")}, {"web2": result("good")}
    for after in (read_results(mended), read_results(mended, unreachable=["web1"])):
        change = compare(read_results(both), after)
        assert change.left_out == ("web1",)
        assert (len(change.before), len(change.after)) == (44, 8)


def test_a_host_that_is_new_has_broken_nothing(result: Result) -> None:
    change = compare(
        read_results({"web1": result("good")}), read_results({"web1": result("good"), "web2": result("bad")})
    )
    assert change.left_out == ("web2",)
    assert (len(change.before), len(change.after), change.new) == (8, 8, ())


def test_passes_that_were_not_asked_for_count_as_fixed(result: Result) -> None:
    after = result("good")
    after["findings"] = [finding for finding in after["findings"] if finding["verdict"] == "fail"]
    change = compare(read_results(result("bad")), read_results(after))
    assert not change.gone
    assert ("daemon-icc", "web1.example.org") in rules(change.fixed)


def test_nothing_to_compare() -> None:
    change = compare((), ())
    assert (change.before, change.after, change.severities) == ((), (), ())
