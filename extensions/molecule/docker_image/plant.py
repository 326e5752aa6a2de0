# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""plant.py NAME PATH...: make these files, with a content that names the machine."""

from __future__ import annotations

import sys
from pathlib import Path

name, *paths = sys.argv[1:]
for path in map(Path, paths):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"of {name}\n", encoding="utf-8")
