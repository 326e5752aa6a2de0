# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""For every pytest run of the project, also those that Molecule starts."""

from __future__ import annotations

import os
import re
import typing as t

import pytest
from xdist.scheduler import LoadScopeScheduling


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Leave a report where tools/test counts them: one a process, so that none overwrites another's."""
    if directory := os.environ.get("BULKHEAD_JUNIT"):
        config.option.xmlpath = f"{directory}/{os.getpid()}.xml"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test marked ``debian(13)`` is shown on that lab host alone: what it shows does not depend on the engine.

    With two releases, on those two.
    """
    marks = {item: item.get_closest_marker("debian") for item in items}
    elsewhere = [
        item for item, mark in marks.items() if mark and not any(f"-debian{one}" in item.nodeid for one in mark.args)
    ]
    config.hook.pytest_deselected(items=elsewhere)
    items[:] = [item for item in items if item not in elsewhere]


class HostByHost(LoadScopeScheduling):
    """Lab hosts are tested side by side, the tests of one host in their order, by one worker."""

    def _split_scope(self, nodeid: str) -> str:
        host = re.search(r"\[ansible://(\w+-\w+)", nodeid)
        return host[1] if host else str(super()._split_scope(nodeid))


def pytest_xdist_make_scheduler(config: pytest.Config, log: t.Any) -> HostByHost:
    """What --numprocesses means here."""
    return HostByHost(config, log)
