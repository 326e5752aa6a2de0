# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes that all modules document."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and says truthfully what it would do, without doing it.
  diff_mode:
    description: Returns what has changed, or would change in check mode, when in diff mode.
  idempotent:
    description: Run again under the same conditions, it changes nothing.
"""

    # Should be used together with the standard fragment
    READ_ONLY = r"""
options: {}
attributes:
  check_mode:
    support: full
    details:
      - It only reads, in check mode and out of it.
  diff_mode:
    support: none
    details:
      - It changes nothing, so there is nothing to show.
  idempotent:
    support: full
    details:
      - It never changes anything.
"""
