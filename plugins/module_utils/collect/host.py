# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host around the engine: read from files and the kernel alone, no program is started."""

from __future__ import annotations

import typing as t


def describe(socket_path: str, daemon: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The ``host`` part of the facts."""
    return {"root": daemon["root"]}
