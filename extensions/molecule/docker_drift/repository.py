# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On a lab host, which reaches no archive: an apt repository of the packages that lie in /var/cache/lab-ansible."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

DEBS = Path("/var/cache/lab-ansible")


def entry(deb: Path) -> str:
    fields = subprocess.run(["dpkg-deb", "--field", deb], check=True, capture_output=True, text=True).stdout.strip()
    content = deb.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return f"{fields}\nFilename: ./{deb.name}\nSize: {len(content)}\nSHA256: {digest}\n"


if __name__ == "__main__":
    (DEBS / "Packages").write_text("\n".join(map(entry, sorted(DEBS.glob("*.deb")))))
    Path("/etc/apt/sources.list").write_text(f"deb [trusted=yes] file:{DEBS} ./\n")
    subprocess.run(["apt-get", "update"], check=True)
