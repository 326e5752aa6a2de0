# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done about drift: by which roles, in which order, and what is left to people. Pure."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.drift.compare import DriftError
from ansible_collections.bulkhead.docker.plugins.module_utils.model import SEVERITIES
from ansible_collections.bulkhead.docker.plugins.module_utils.redact import HIDDEN
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_shape import mapping

Document = t.Mapping[str, t.Any]

#: The order of playbooks/harden.yml.
ROLES = (
    "docker_host",
    "docker_engine",
    "docker_confinement",
    "docker_tls",
    "docker_daemon",
    "docker_socket",
    "docker_rootless",
    "docker_logging",
    "docker_auditd",
    "docker_firewall",
)
#: What no role does, by the entry's lever.
BY_HAND = {
    "recreate": "recreate the container, or approve it",
    "rebuild": "rebuild the image",
    "external": "mend it where it comes from, outside of this host",
}
#: Keys that docker_daemon_listen and the certificates say.
_LISTENING = ("hosts", "tls", "tlsverify", "tlscacert", "tlscert", "tlskey")
_KEY = re.compile(r"daemon\.configured\.(?:\"([^\"]+)\"|(\w+))")


def entries(drift: object) -> list[Document]:
    """All entries, the worst first. Raises DriftError for what docker_baseline did not return."""
    if not isinstance(drift, dict) or not isinstance(found := drift.get("entries"), list):
        raise DriftError("this is no drift document, as docker_baseline returns it under drift")
    return sorted(found, key=lambda entry: (SEVERITIES.index(entry["severity"]), entry["path"]))


def at_least(drift: object, mildest: str) -> list[Document]:
    """The entries at or above a severity; none for ``none``."""
    if mildest == "none":
        return []
    return [entry for entry in entries(drift) if SEVERITIES.index(entry["severity"]) <= SEVERITIES.index(mildest)]


def plan(
    drift: object, severities: t.Collection[str], roles: t.Collection[str], attempts: int = 0, baseline: object = None
) -> dict[str, t.Any]:
    """Which roles mend which entries, and why the others are left; after some attempts, all that are there."""
    reasons = [(entry, _obstacle(entry, severities, roles)) for entry in entries(drift)]
    mend = [entry for entry, reason in reasons if not reason]
    wanted = {entry["role"] for entry in mend}
    still = f"still there after {attempts} attempt{'' if attempts == 1 else 's'} of role"
    left = [
        {
            "path": entry["path"],
            "severity": entry["severity"],
            "why": reason or f"{still if attempts else 'run role'} {entry['role']}",
        }
        for entry, reason in reasons
    ]
    return {
        "roles": [role for role in ROLES if role in wanted],
        "mend": [entry["path"] for entry in mend],
        "settings": settings(drift, baseline) if attempts else {},
        "left": left,
    }


def settings(drift: object, baseline: object) -> dict[str, t.Any]:
    """The keys of daemon.json that drifted, as they were approved; null for those that nobody approved.

    For what no variable of the role says: a key that somebody added stays there otherwise, as a key of somebody's own.
    """
    approved = mapping(baseline, "state", "daemon", "configured")
    found = (_KEY.match(entry["path"]) for entry in entries(drift))
    values = {key: approved.get(key) for key in sorted({match[1] or match[2] for match in found if match})}
    return {key: value for key, value in values.items() if key not in _LISTENING and HIDDEN not in repr(value)}


def _obstacle(entry: Document, severities: t.Collection[str], roles: t.Collection[str]) -> str:
    """Why no role is to mend it; empty when one is."""
    if entry["lever"] in BY_HAND:
        return BY_HAND[entry["lever"]]
    if entry["role"] == "docker_drift":
        return "run the playbook bulkhead.docker.drift_schedule"
    if entry["role"] not in ROLES:
        return "mend it by hand: no role does"
    if entry["severity"] not in severities:
        return f"docker_drift_remediate_severities leaves {entry['severity']} out"
    if entry["role"] not in roles:
        return f"docker_drift_remediate_roles leaves {entry['role']} out"
    return ""
