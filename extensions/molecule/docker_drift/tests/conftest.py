# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host that is tested, and the playbooks with the site's variables."""

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests import support

SITE = support.ROOT / "extensions" / "molecule" / "docker_drift" / "vars" / "site.yml"


@dataclasses.dataclass(frozen=True)
class Hardened:
    """A hardened host with a baseline."""

    host: t.Any
    name: str

    def play(self, book: str, *options: str, **variables: t.Any) -> support.Run:
        """A playbook of the collection, as the site runs it."""
        extra = json.dumps(variables)
        return support.playbook(
            f"bulkhead.docker.{book}", self.name, f"--extra-vars=@{SITE}", f"--extra-vars={extra}", *options
        )

    def check(self, **variables: t.Any) -> tuple[support.Run, dict[str, t.Any]]:
        """The run of the playbook drift, and its report on the host."""
        run = self.play("drift", **variables)
        report = support.ROOT / "build" / "docker_drift" / "report" / "drift" / f"{self.name}.json"
        document: dict[str, t.Any] = json.loads(report.read_text())
        return run, document

    def approve(self, *paths: str) -> None:
        state = {"docker_drift_baseline_state": "approved", "docker_drift_approved_by": "test"}
        run, report = self.check(**state, docker_drift_approve=list(paths))
        assert run.rc == 0, run.output
        assert report["drift"]["entries"] == []


@pytest.fixture(scope="module")
def hardened(host: t.Any) -> Hardened:
    return Hardened(host, str(host.backend.get_hostname()))
