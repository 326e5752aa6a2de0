# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host around the engine: read from files and the kernel; of programs only those that list packet filters are run.

``files`` by path: ``role``, ``real`` (without links), ``uid``, ``gid``, ``owner`` (both by name), ``mode``, ``acl``
(in hexadecimal), ``group_set`` (of a socket: the group that it is meant to have), or ``error``. The engine's are all
there when ``sockets_known`` and ``config_known``. ``config_holds_secrets``. ``directories``: those above them, alike.
``users`` and ``groups``: names and members, by number, of those that may write to a socket.
``sudo``: ``grants`` (``who``, ``users``, ``commands``) and ``unseen`` sources. ``credentials``: ``user``, ``path`` and
``registries``. ``mounts``: ``path``, ``device``, ``type``, ``options``, as the daemon sees them. ``containerd_root``.
``services``: ``running`` and ``enabled`` units. ``logging``: see ``collect.logging``.
``confinement``: see ``collect.confinement``. ``firewall``: see ``collect.firewall``. ``auditing``: see
``auditd.kernel``. ``watched``: what of root's engine is worth it (see ``auditd.watched``). What could not be read is
null.
"""

from __future__ import annotations

import os
import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.auditd import kernel, watched
from ansible_collections.bulkhead.docker.plugins.module_utils.collect import (
    access,
    confinement,
    files,
    firewall,
    logging,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.names import Names
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.proc import PROC, text
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.reading import names as listed
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.reading import regular

Json = t.Mapping[str, t.Any]

CONTAINERD_ROOT = "/var/lib/containerd"
_CONTAINERD_CONFIG = "/etc/containerd/config.toml"
_CGROUPS = ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup")
#: Where units are enabled and masked; what the vendor starts by itself is part of systemd.
_UNITS = ("/etc/systemd/system", "/run/systemd/system", "/run/systemd/generator", "/run/systemd/generator.late")
_RUNS = (".service", ".socket")


def describe(socket_path: str, daemon: Json) -> dict[str, t.Any]:
    """The ``host`` part of the facts."""
    names = Names.read()
    found = files.describe(socket_path, daemon, names)
    listening = [path for path, one in found["files"].items() if one["role"] == "api_socket"]
    sockets = [one for one in found["files"].values() if one["role"] in ("api_socket", "containerd_socket")]
    return {
        **found,
        **access.describe(sockets, daemon["euid"] or 0, names),
        "config_holds_secrets": files.holds_secrets(daemon),
        "mounts": mounts(text(f"{PROC}/{daemon['pid']}/mountinfo") if daemon["pid"] else None),
        "containerd_root": _containerd_root(),
        "services": services(),
        "logging": logging.describe(not daemon["euid"]),
        "firewall": firewall.describe(socket_path, daemon["euid"]),
        "confinement": confinement.describe(),
        "auditing": kernel.read(),
        "watched": [] if daemon["euid"] else watched.find(listening, daemon),
    }


def mounts(table: str | None) -> list[dict[str, t.Any]] | None:
    """Of file systems that files are kept on: those of containers and namespaces are many, and say nothing."""
    if table is None:
        return None
    found = []
    for line in table.splitlines():
        fields, _dash, rest = line.partition(" - ")
        _id, _parent, device, _root, path, options, *_more = fields.split()
        kind = rest.split()[0]
        if kind != "nsfs" and (kind != "overlay" or path == "/"):
            path = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)
            found.append({"path": path, "device": device, "type": kind, "options": options.split(",")})
    return found


def _containerd_root() -> str | None:
    """Where containerd keeps its data, by its own file."""
    try:
        config = regular(_CONTAINERD_CONFIG)
    except FileNotFoundError:
        return CONTAINERD_ROOT
    except OSError:
        return None
    top = re.split(r"^\s*\[", config, maxsplit=1, flags=re.MULTILINE)[0]
    found = re.search(r"""^\s*root\s*=\s*["']([^"']+)["']""", top, re.MULTILINE)
    return found.group(1) if found else CONTAINERD_ROOT


def services() -> dict[str, list[str]] | None:
    """Running ones by their control groups, enabled ones by the links that start them; null without systemd."""
    slices = [f"{one}/system.slice" for one in _CGROUPS]
    inner = [f"{one}/{name}" for one in slices for name in listed(one) if name.endswith(".slice")]
    running = {name for one in (*slices, *inner) for name in listed(one) if name.endswith(_RUNS)}
    wants = [f"{one}/{name}" for one in _UNITS for name in listed(one) if name.endswith((".wants", ".requires"))]
    enabled = {name for one in wants for name in listed(one) if name.endswith(_RUNS) and _starts(f"{one}/{name}")}
    masked = {name for one in _UNITS for name in listed(one) if name in enabled and not _starts(f"{one}/{name}")}
    return {"running": sorted(running), "enabled": sorted(enabled - masked)} if running or enabled else None


def _starts(link: str) -> bool:
    """Whether a link leads to a unit: that of one that must not start leads to /dev/null, of a removed one nowhere."""
    target = os.path.realpath(link)
    return target != "/dev/null" and os.path.exists(target)  # noqa: PTH110 (see proc.text)
