# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site of the lab host that is tested, and what every step must leave unharmed."""

from __future__ import annotations

import json
import typing as t

import pytest
import testinfra
from ansible_collections.bulkhead.docker.tests.support import ROOT
from ansible_collections.bulkhead.docker.tests.tls_site import CLIENT, Site


@pytest.fixture(scope="session")
def client() -> t.Any:
    return testinfra.get_host(f"docker://{CLIENT}")


@pytest.fixture(scope="module")
def site(host: t.Any, client: t.Any) -> Site:
    name = str(host.backend.get_hostname())
    shown = json.loads(host.check_output("ip -json -4 address show dev eth0"))
    found = Site(host, client, name, shown[0]["addr_info"][0]["local"], ROOT / "build" / "docker_tls" / name)
    found.hand_out(*(path.name for path in (found.directory / "clients").iterdir()))
    return found


@pytest.fixture(autouse=True)
def unharmed(site: Site) -> t.Iterator[None]:
    """Whatever a step did, the container runs as before and answers, and the API is reached with a good certificate."""
    before = site.survivor()
    site.host.run("systemctl reset-failed docker.service")
    yield
    assert site.survivor() == before
    assert site.host.check_output("curl -fsS --max-time 5 http://127.0.0.1:8099/") == "ok"
