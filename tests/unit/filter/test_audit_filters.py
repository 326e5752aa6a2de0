# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters as Ansible calls them: through real templating, with tagged and lazy input."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.errors import AnsibleError, AnsibleFilterError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.bulkhead.docker.plugins.filter.audit_failures import audit_failures
from ansible_collections.bulkhead.docker.plugins.filter.audit_html import audit_html
from ansible_collections.bulkhead.docker.plugins.filter.audit_table import audit_table

Document = dict[str, t.Any]
Result = t.Callable[[str], Document]


def template(expression: str, **variables: t.Any) -> t.Any:
    """The value of an expression in a playbook whose variables came from YAML, templates and all."""
    loader = DataLoader()
    tagged = {name: loader.load(json.dumps(value), file_name="/vars.yml") for name, value in variables.items()}
    return Templar(loader=loader, variables=tagged).template(trust_as_template("{{ " + expression + " }}"))


def test_page_through_templating_is_the_page(result: Result) -> None:
    bad, good = result("bad"), result("good")
    made = template("after | bulkhead.docker.audit_html(before=before, title='Shop')", after=good, before=bad)
    assert made == audit_html(good, before=bad, title="Shop")
    assert "<bdi>Shop</bdi>" in made


def test_lazy_containers_are_templated_before_they_are_read(result: Result) -> None:
    made = template(
        "{'web1': one, 'web2': two} | bulkhead.docker.audit_html(unreachable={'web3': 'lost'})",
        one=result("bad"),
        two=result("good"),
    )
    assert made == audit_html({"web1": result("bad"), "web2": result("good")}, unreachable={"web3": "lost"})


def test_failures_through_templating(result: Result) -> None:
    found = template("audit | bulkhead.docker.audit_failures('high')", audit=result("bad"))
    assert found == audit_failures(result("bad"), "high")
    assert len(found) == 18
    assert found[0]["host"] == "web1.example.org"
    assert found[0]["severity"] == "critical"
    assert json.loads(json.dumps(found)) == found
    assert template("audit | bulkhead.docker.audit_failures | length", audit=result("bad")) == 44
    assert template("audit | bulkhead.docker.audit_failures(at_least='critical') | length", audit=result("good")) == 0


def test_table_through_templating(result: Result) -> None:
    made = template(
        "after | bulkhead.docker.audit_table(before=before, top=2)", after=result("good"), before=result("bad")
    )
    assert made.splitlines() == [
        "Failed checks           before     now",
        "critical                     5       0",
        "high                        13       5",
        "medium                      17       3",
        "low                          6       0",
        "info                         3       0",
        "all                         44       8",
        "",
        "Mended by               before     now",
        "outside the host             4       3",
        "rebuild image                2       0",
        "recreate container          31       5",
        "role docker_daemon           7       0",
        "",
        "Also: 1 error, 1 waived",
        "",
        "Still to mend",
        "high      container-host-mounts              recreate container   legacy-cron",
        "high      container-no-new-privileges        recreate container   legacy-cron",
        "... and 6 more rules",
    ]


def test_table_of_one_run_of_a_fleet(result: Result) -> None:
    made = audit_table({"web1": result("bad")}, unreachable={"web2": "no route to host"}, top=0).splitlines()
    assert (made[0], made[6]) == ("Failed checks              now", "all                         44")
    assert made[-2:] == ["role docker_daemon           7", "No result from web2: no route to host"]


def test_table_of_a_host_that_went_silent_shows_no_zeros(result: Result) -> None:
    assert audit_table({}, before={"web1": result("bad")}, unreachable=["web1"]) == "No result from web1: no result"


def test_table_cannot_drive_the_terminal(hostile: Document) -> None:
    made = audit_table(hostile, before=hostile, top=100, unreachable={"\x1b[2J": "\x07" * 300})
    assert all(line.isprintable() and len(line) <= 100 for line in made.splitlines())


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("3 | bulkhead.docker.audit_html", "bulkhead.docker.audit_html: the input must be a result document"),
        ("{'changed': true, 'audit': {}} | bulkhead.docker.audit_table", "audit_table: .* pass its member audit"),
        ("audit | bulkhead.docker.audit_html(before='x')", "bulkhead.docker.audit_html: the input must be"),
        ("audit | bulkhead.docker.audit_html(title=[1])", "bulkhead.docker.audit_html: title must be text"),
        ("audit | bulkhead.docker.audit_failures('none')", "bulkhead.docker.audit_failures: at_least must be one of"),
        ("[audit, 1] | bulkhead.docker.audit_failures", "bulkhead.docker.audit_failures: input"),
        ("audit | bulkhead.docker.audit_table(top=-1)", "bulkhead.docker.audit_table: top must be a number"),
    ],
)
def test_errors_name_the_filter(result: Result, expression: str, message: str) -> None:
    with pytest.raises(AnsibleError, match=message):
        template(expression, audit=result("bad"))


def test_errors_keep_their_cause() -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        audit_html("text")
    assert isinstance(caught.value.__cause__, ValueError)
