# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fake registry on 127.0.0.1:5000 with one image, `tiny`: what `docker save` gave, on standard input."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import sys
import tarfile
import typing as t

KIND = "application/vnd.docker.distribution.manifest.v2+json"
with tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read())) as saved:

    def content(name: str) -> bytes:
        return saved.extractfile(name).read()  # type: ignore[union-attr]  # files alone are asked for

    entry = json.loads(content("manifest.json"))[0]
    parts = [content(entry["Config"]), *(content(layer) for layer in entry["Layers"])]

BLOBS = {f"sha256:{hashlib.sha256(part).hexdigest()}": part for part in parts}


def _described(part: bytes, kind: str) -> dict[str, t.Any]:
    digest = f"sha256:{hashlib.sha256(part).hexdigest()}"
    return {"mediaType": f"application/vnd.docker.{kind}", "size": len(part), "digest": digest}


MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": KIND,
        "config": _described(parts[0], "container.image.v1+json"),
        "layers": [_described(part, "image.rootfs.diff.tar") for part in parts[1:]],
    }
).encode()
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"


class Registry(http.server.BaseHTTPRequestHandler):
    """Reads only."""

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        body = MANIFEST if "/manifests/" in self.path else BLOBS.get(name, b"{}")
        self.send_response(200)
        self.send_header("Content-Type", KIND if body is MANIFEST else "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Content-Digest", DIGEST if body is MANIFEST else name)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 (http.server names it so)

    def log_message(self, *words: t.Any) -> None:
        """Nobody reads it."""


http.server.ThreadingHTTPServer(("127.0.0.1", 5000), Registry).serve_forever()
