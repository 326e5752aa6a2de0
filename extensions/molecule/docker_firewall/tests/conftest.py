# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What does not depend on the engine is shown on one."""

from __future__ import annotations

import pytest

WHERE = {
    "test_life.py": "bulkhead-debian13",
    "test_nftables.py": "bulkhead-debian12",
    "test_watched.py": "bulkhead-debian14",
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    surplus = [item for item in items if WHERE.get(item.path.name, "") not in item.nodeid]
    config.hook.pytest_deselected(items=surplus)
    items[:] = [item for item in items if item not in surplus]
