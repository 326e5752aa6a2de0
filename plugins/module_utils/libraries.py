# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The libraries that modules take from the distribution: found, found under another interpreter, or asked for."""

from __future__ import annotations

import importlib
import typing as t
from pathlib import Path

from ansible.module_utils.common import respawn
from ansible_collections.bulkhead.docker.plugins.module_utils import versions

INTERPRETERS = ("/usr/bin/python3", "/usr/libexec/platform-python")

#: Library -> oldest version that works.
LEAST = {"docker": "5.0.3", "jmespath": "0.9.4"}

#: Distribution (os-release ID or ID_LIKE) -> packages, and how to install them.
_PACKAGES = {
    "debian": ("apt install", {"docker": "python3-docker", "jmespath": "python3-jmespath"}),
    "rhel": ("dnf install", {"docker": "python3-docker (from EPEL)", "jmespath": "python3-jmespath"}),
    "fedora": ("dnf install", {"docker": "python3-docker", "jmespath": "python3-jmespath"}),
    "suse": ("zypper install", {"docker": "python3-docker", "jmespath": "python3-jmespath"}),
    "arch": ("pacman -S", {"docker": "python-docker", "jmespath": "python-jmespath"}),
    "alpine": ("apk add", {"docker": "py3-docker-py", "jmespath": "py3-jmespath"}),
}


def ensure() -> str:
    """Make sure that the libraries are there: "" when they are, else what is missing, for the user.

    Does not return when another interpreter of this host has them: the module then starts over under that one.
    """
    problem = missing(_versions())
    if problem and not respawn.has_respawned():
        other = respawn.probe_interpreters_for_module(list(INTERPRETERS), ", ".join(LEAST))
        if other:
            respawn.respawn_module(other)
    return problem


def _versions() -> dict[str, str | None]:
    return {name: _version(name) for name in LEAST}


def _version(name: str) -> str | None:
    try:
        return str(importlib.import_module(name).__version__)
    except (ImportError, AttributeError):  # the latter: an empty directory, left of a removed package
        return None


def missing(found: t.Mapping[str, str | None], os_release: str | None = None) -> str:
    """What to install, given the versions found; "" when all is well."""
    wrong = {name: version for name, version in found.items() if not _suffices(name, version)}
    if not wrong:
        return ""
    install, packages = _packages(_read_os_release() if os_release is None else os_release)
    have = ", ".join(f"{name} {version or 'is missing'}" for name, version in wrong.items())
    need = ", ".join(f"{name} >= {LEAST[name]}" for name in wrong)
    names = " ".join(packages[name] for name in wrong)
    return f"this module needs the Python libraries {need} on the managed host ({have}): {install} {names}"


def _suffices(name: str, version: str | None) -> bool:
    have, least = versions.parse(version), versions.parse(LEAST[name])
    return have is not None and least is not None and have >= least


def _packages(os_release: str) -> tuple[str, dict[str, str]]:
    fields = dict(line.partition("=")[::2] for line in os_release.splitlines())
    ids = " ".join(fields.get(key, "").strip("\"'") for key in ("ID", "ID_LIKE")).split()
    known = [_PACKAGES[part] for one in ids for part in (one, one.partition("-")[0]) if part in _PACKAGES]
    return known[0] if known else ("install", {"docker": "python3-docker", "jmespath": "python3-jmespath"})


def _read_os_release() -> str:
    try:
        return Path("/etc/os-release").read_text(encoding="utf-8")
    except OSError:
        return ""
