# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""own.py DIRECTORY: what each machine gets from its platform, options of its own in a credential for systemd-tmpfiles.

One also gets a file that the build knows nothing of. Neither has a listener or a rootless engine: what these take at a
first boot, scenario docker_image shows on a host of its own.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import typing as t
from pathlib import Path

STRANGE = "/etc/sysctl.d/50-somebody.conf"
TARGET = "/etc/bulkhead.docker/first-boot/60-machine.json"


def private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def told(directory: Path, name: str, options: dict[str, t.Any], *more: str) -> None:
    """As a string of the firmware, which systemd takes for a credential: lines for systemd-tmpfiles."""
    lines = [f"f+~ {TARGET} 0600 root root - {encoded(json.dumps(options))}", *more, ""]
    private(
        directory / f"{name}.firmware", f"io.systemd.credential.binary:tmpfiles.extra={encoded(chr(10).join(lines))}"
    )


def main() -> None:
    directory = Path(sys.argv[1])
    both = {"docker_daemon_timeout": 300, "docker_rootless_users": [], "docker_tls_listen": []}
    told(directory, "golden-one", both)
    told(directory, "golden-two", both, f"f {STRANGE} 0644 root root - kernel.panic=10")


if __name__ == "__main__":
    main()
