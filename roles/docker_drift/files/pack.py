# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pack installed collections into one archive, where Ansible runs: pack.py ARCHIVE NAME=DIRECTORY...

The same collections make the same bytes, on any machine and in any checkout; prints their SHA-256. One archive, not a
copy of the directories: that would be some thousand files, each with a round trip of its own.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

#: Of a collection, what it takes to run it. A checkout holds more: tests, virtual environments, what was built.
PARTS = (
    "FILES.json",
    "LICENSE",
    "COPYING",
    "MANIFEST.json",
    "README.md",
    "galaxy.yml",
    "meta",
    "playbooks",
    "plugins",
    "roles",
)
#: The time of every file: zip archives, which Ansible makes of modules, know none before 1980.
TIME = 315_619_200


def files(root: Path) -> Iterator[Path]:
    """In a fixed order. What a link points at is packed as a file: aliases of plugins are links."""
    for part in PARTS:
        path = root / part
        found = [path] if path.is_file() else sorted(path.rglob("*"))
        yield from (one for one in found if one.is_file() and "__pycache__" not in one.parts)


def pack(collections: dict[str, Path]) -> bytes:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, root in sorted(collections.items()):
            for path in files(root):
                content = path.read_bytes()
                entry = tarfile.TarInfo(f"ansible_collections/{name.replace('.', '/')}/{path.relative_to(root)}")
                entry.size, entry.mtime, entry.mode = len(content), TIME, 0o644
                archive.addfile(entry, io.BytesIO(content))
    packed = io.BytesIO()
    # level 6: 9 takes three times as long for a hundredth of the size
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6, filename="", mtime=TIME) as compressed:
        compressed.write(tar.getvalue())
    return packed.getvalue()


def main(target: str, *collections: str) -> None:
    content = pack({name: Path(root) for name, _equals, root in (one.partition("=") for one in collections)})
    Path(target).write_bytes(content)
    print(hashlib.sha256(content).hexdigest())


if __name__ == "__main__":
    main(*sys.argv[1:])
