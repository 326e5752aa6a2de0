# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For every pytest run of the project, also those that Molecule starts."""

from __future__ import annotations

import os

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Leave a report where tools/test counts them: one a process, so that none overwrites another's."""
    if directory := os.environ.get("BULKHEAD_JUNIT"):
        config.option.xmlpath = f"{directory}/{os.getpid()}.xml"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Hosts of the lab are tested side by side, the tests of one host in their order (xdist's --dist loadgroup)."""
    for item in items:
        host = getattr(item, "callspec", None) and item.callspec.params.get("_testinfra_host")
        if host:
            item.add_marker(pytest.mark.xdist_group(host.backend.get_pytest_id()))
