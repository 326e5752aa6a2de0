# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Completes a machine after its first boot from an image: runs the collection's own playbook here, once it succeeds.

What is left to do, and what belongs to this machine alone, is in files of options: those of the image, and those that
somebody has put beside them since. The last of two that say the same wins.
"""

from __future__ import annotations

import json
import subprocess
import sys
import typing as t
from pathlib import Path

STATE = Path("/var/lib/bulkhead.docker/first-boot")
TOLD = Path("/etc/bulkhead.docker/first-boot")
COLLECTIONS = "/usr/share/ansible/collections"
PLAYBOOK = "bulkhead.docker.first_boot"
SUFFIXES = (".json", ".yml", ".yaml")
ERROR, NOTICE = "<3>", "<5>"  # as the journal takes them


def command(told: Path = TOLD) -> list[str]:
    """The playbook on this machine, with its options."""
    found = sorted(path for path in told.glob("*") if path.suffix in SUFFIXES)
    options = [word for path in found for word in ("--extra-vars", f"@{path}")]
    return ["ansible-playbook", "--inventory", "localhost,", "--connection", "local", *options, PLAYBOOK]


def environment() -> dict[str, str]:
    return {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS,
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_INJECT_FACT_VARS": "false",
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_RETRY_FILES_ENABLED": "false",
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
    }


def summary(audit: t.Mapping[str, t.Any]) -> str:
    counts = audit.get("counts") or {}
    failing = sorted({str(one.get("rule")) for one in audit.get("findings") or [] if one.get("verdict") == "fail"})
    said = ", ".join(f"{number} {verdict.replace('_', ' ')}" for verdict, number in counts.items())
    return f"first audit: {said}" + (f"; failing: {', '.join(failing)}" if failing else "")


def changes(drift: t.Mapping[str, t.Any]) -> str:
    paths = [str(one.get("path")) for one in drift.get("entries") or []]
    return f"since the image was built: {', '.join(paths) or 'nothing'} changed"


def say(level: str, text: str) -> None:
    print(f"{level}{text}", flush=True)


def complain(text: str) -> None:
    print(f"{ERROR}{text}", file=sys.stderr, flush=True)


def main() -> int:
    status = subprocess.run(command(), env=environment(), check=False).returncode
    if status:
        complain(
            f"This machine is not complete: its first boot failed (ansible-playbook: exit status {status}; journalctl "
            "--unit bulkhead-docker-first-boot). It is tried again at the next boot."
        )
        return 1
    try:
        audit, drift = (
            json.loads(Path(STATE, name).read_text(encoding="utf-8")) for name in ("audit.json", "drift.json")
        )
    except (OSError, ValueError) as error:
        complain(f"This machine is complete, but its first check left no result: {error}")
        return 1
    Path(STATE, "done").touch(mode=0o600)
    say(NOTICE, changes(drift))
    say(NOTICE, summary(audit))
    return 0


if __name__ == "__main__":
    sys.exit(main())
