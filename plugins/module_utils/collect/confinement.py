# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the host's kernel confines containers: AppArmor and SELinux, as the kernel itself says.

``container``: what this host is itself a container of, empty when of nothing: then the kernel is another machine's.
``apparmor``: ``enabled``, ``docker_default`` (the mode of the engine's profile, empty when it is not loaded).
``selinux``: ``enabled``, ``enforcing``, ``container_policy`` (whether the policy has a type for containers).
What could not be read is null.
"""

from __future__ import annotations

import errno
import os
import re
import typing as t
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils.collect.proc import PROC, text

APPARMOR_PROFILES = "/sys/kernel/security/apparmor/profiles"
SELINUX = "/sys/fs/selinux"
NOTED = "/run/systemd/container"
_CONTAINER_LABEL = "system_u:system_r:container_t:s0"
DEFAULT_PROFILE = "docker-default"


def describe() -> dict[str, t.Any]:
    return {"container": _container(), "apparmor": apparmor(), "selinux": selinux()}


def _container() -> str | None:
    """As systemd found out, or as PID 1 was told; null without root where systemd left no word."""
    noted = text(NOTED)
    if noted is not None:
        return noted.strip() or "container"
    variables = text(f"{PROC}/1/environ")
    if variables is None:
        return "" if Path("/run/systemd/system").is_dir() else None
    found = [one.partition("=")[2] for one in variables.split("\0") if one.startswith("container=")]
    return found[0] if found else ""


def apparmor() -> dict[str, t.Any]:
    enabled = (text("/sys/module/apparmor/parameters/enabled") or "").startswith("Y")
    loaded = profiles() if enabled else {}
    return {"enabled": enabled, "docker_default": None if loaded is None else loaded.get(DEFAULT_PROFILE, "")}


def profiles() -> dict[str, str] | None:
    """The profiles that the kernel has, with their modes; None when it would not say."""
    listed = text(APPARMOR_PROFILES)
    return None if listed is None else dict(re.findall(r"(?m)^(.+) \((\w+)\)$", listed))


def selinux() -> dict[str, t.Any]:
    enforce = text(f"{SELINUX}/enforce")
    enabled = enforce is not None
    return {
        "enabled": enabled,
        "enforcing": enforce == "1" if enabled else None,
        "container_policy": _valid(_CONTAINER_LABEL) if enabled else None,
    }


def apparmor_installed() -> bool:
    """Whether the next boot can load profiles, for all that the disk says."""
    return Path("/etc/apparmor.d").is_dir() and any(
        Path(folder, "apparmor_parser").exists() for folder in ("/usr/sbin", "/sbin")
    )


def selinux_installed() -> dict[str, t.Any]:
    """As selinux() of the next boot, for all that the disk says: its configuration, and the modules of its policy."""
    said = dict(re.findall(r"(?m)^(SELINUX|SELINUXTYPE)=(\S+)", text("/etc/selinux/config") or ""))
    enabled = said.get("SELINUX", "disabled") in ("enforcing", "permissive")
    policy = Path("/var/lib/selinux", said.get("SELINUXTYPE", "targeted"), "active/modules")
    return {
        "enabled": enabled,
        "enforcing": said["SELINUX"] == "enforcing" if enabled else None,
        "container_policy": any(policy.glob("*/container")) if enabled else None,
    }


def _valid(label: str) -> bool | None:
    """Whether the loaded policy knows a label: the kernel checks what is written here, and changes nothing."""
    try:
        descriptor = os.open(f"{SELINUX}/context", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        os.write(descriptor, label.encode() + b"\0")
    except OSError as error:
        return False if error.errno == errno.EINVAL else None
    finally:
        os.close(descriptor)
    return True
