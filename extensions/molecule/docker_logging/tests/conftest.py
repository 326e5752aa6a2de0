# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The docker host that is tested, with its collector."""

from __future__ import annotations

import json
import typing as t

import pytest
import testinfra
from ansible_collections.bulkhead.docker.tests.log_site import Site
from ansible_collections.bulkhead.docker.tests.support import ROOT


@pytest.fixture(scope="module")
def site(host: t.Any) -> Site:
    name = str(host.backend.get_hostname())
    variables = json.loads((ROOT / "build" / "docker_logging" / f"{name}.json").read_text())
    return Site(host, testinfra.get_host("docker://bulkhead-collector"), name, variables)
