# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""own.py DIRECTORY: what each machine gets from its platform, options of its own in a credential for systemd-tmpfiles.

One gets a certificate for its API, signed by the site's authority; the other none, and no listener, but a file that the
build knows nothing of. Neither has a rootless engine: scenario docker_image has one, at the first boot of its own host.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import typing as t
from pathlib import Path

from ansible_collections.bulkhead.docker.tests import pki

ADDRESS = "10.0.2.15"
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
    site = pki.Authority("Site")
    server = site.sign("golden-one", pki.SERVER, [ADDRESS])
    client = site.sign("ci", pki.CLIENT)
    private(directory / "client.json", json.dumps({"ca": site.pem, "cert": client.cert, "key": client.key}))
    both: dict[str, t.Any] = {f"docker_{name}_timeout": 300 for name in ("daemon", "tls")}
    both.update(docker_daemon_guard_timeout=900, docker_rootless_users=[])
    pem = {
        "docker_tls_supplied_ca": site.pem,
        "docker_tls_supplied_cert": server.cert,
        "docker_tls_supplied_key": server.key,
    }
    told(directory, "golden-one", {**both, **pem})
    told(directory, "golden-two", {**both, "docker_tls_listen": []}, f"f {STRANGE} 0644 root root - kernel.panic=10")


if __name__ == "__main__":
    main()
