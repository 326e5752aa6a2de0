# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program on the host: the very modules that run here, taken from where Python found them."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path, PurePath

from ansible_collections.bulkhead.docker.plugins.module_utils.firewall.host import write

PROGRAM = Path("/usr/local/sbin/bulkhead-docker-firewall")
LIBRARY = Path("/usr/local/lib/bulkhead.docker")
_UTILS = "ansible_collections.bulkhead.docker.plugins.module_utils"
_MODULES = (
    *(
        f"firewall.{name}"
        for name in ("apply", "host", "iptables", "model", "nftables", "policy", "program", "sight", "watch")
    ),
    "dockerd.engine",
    "dockerd.run",
)
_START = """\
#!{python} -I
# Applies /etc/bulkhead.docker/firewall.json. Managed by Ansible, role bulkhead.docker.docker_firewall.
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, "{library}")
from {utils}.firewall.program import main

sys.exit(main(sys.argv[1:]))
"""


def files() -> dict[Path, tuple[str, int]]:
    """Path -> content and mode."""
    found = {PROGRAM: (_START.format(python=sys.executable, library=LIBRARY, utils=_UTILS), 0o755)}
    for name in _MODULES:
        path = LIBRARY.joinpath(*f"{_UTILS}.{name}".split(".")).with_suffix(".py")
        found[path] = (_source(f"{_UTILS}.{name}"), 0o644)
        for parent in path.relative_to(LIBRARY).parents:
            if parent != PurePath():  # packages of their own: they are not mixed with an Ansible on the host
                found[LIBRARY / parent / "__init__.py"] = ("", 0o644)
    return found


def _source(name: str) -> str:
    spec = importlib.util.find_spec(name)
    found = spec.loader.get_source(name) if spec and spec.loader else None  # type: ignore[attr-defined]
    if not found:
        raise OSError(f"cannot read the source of {name}")
    return found.decode() if isinstance(found, bytes) else str(found)  # bytes: Ansible's own loader


def pending() -> list[str]:
    """Files that are not as they should be."""
    return sorted(str(path) for path, (text, mode) in files().items() if not _is(path, text, mode))


def _is(path: Path, text: str, mode: int) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text and path.stat().st_mode & 0o7777 == mode
    except OSError:
        return False


def present() -> list[str]:
    return [str(path) for path in (PROGRAM, LIBRARY) if path.exists()]


def install() -> None:
    for path, (text, mode) in files().items():
        write(path, text, mode)


def remove() -> None:
    PROGRAM.unlink(missing_ok=True)
    shutil.rmtree(LIBRARY, ignore_errors=True)
