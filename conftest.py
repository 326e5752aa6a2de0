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
