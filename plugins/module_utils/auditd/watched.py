# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of an engine is worth watching on this host: only what exists, by its real path."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.collect import files
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.proc import PROC, link, text

Json = t.Mapping[str, t.Any]

#: What is found below -> whether all in it is watched, where it is a directory. What containers write to is not: a rule
#: about all of /var/lib/docker records each file that each container makes.
KINDS: t.Final[t.Mapping[str, bool]] = {
    "dockerd": False,
    "containerd": False,
    "containerd_shim": False,
    "containerd_shim_v1": False,
    "containerd_shim_v2": False,
    "runc": False,
    "service_unit": True,
    "socket_unit": True,
    "containerd_unit": True,
    "units": False,
    "api_socket": False,
    "containerd_socket": False,
    "containerd_state": False,
    "data_root": False,
    "directory": True,
    "config": False,
    "containerd_config": True,
    "defaults": False,
    "sysconfig": False,
}
DATA_ROOT, CONTAINERD_STATE, CONTAINERD_ROOT = "/var/lib/docker", "/run/containerd", "/var/lib/containerd"
_PROGRAMS = {
    "dockerd": "dockerd",
    "containerd": "containerd",
    "containerd-shim": "containerd_shim",
    "containerd-shim-runc-v1": "containerd_shim_v1",
    "containerd-shim-runc-v2": "containerd_shim_v2",
    "runc": "runc",
}
_BINARIES = ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/usr/libexec/docker")
_PLACES = {
    "units": "/etc/systemd/system",
    "containerd_state": CONTAINERD_STATE,
    "directory": "/etc/docker",
    "defaults": "/etc/default/docker",
    "sysconfig": "/etc/sysconfig/docker",
}


def find(sockets: t.Iterable[str], daemon: Json, *, coming: bool = False) -> list[dict[str, t.Any]]:
    """``kind``, ``path``, ``tree``: whether all below it is meant, and ``place`` (see ``rules.Watch``).

    ``daemon``: its facts, if it runs. ``coming``: what it will make in /run counts as there.
    """
    found: dict[tuple[str, str], bool] = {}
    for kind, path in _candidates(sockets, daemon):
        real = os.path.realpath(path)
        there = os.path.exists(real) or (coming and real.startswith("/run/"))  # noqa: PTH110 (see proc.text)
        if there and real != os.devnull:
            found[kind, real] = KINDS[kind] and os.path.isdir(real)  # noqa: PTH112
    devices = mounted()
    return [
        {"kind": kind, "path": path, "tree": tree, "place": "" if tree else place(path, devices)}
        for (kind, path), tree in sorted(found.items())
    ]


def mounted() -> dict[str, str]:
    """Where something is mounted, and its device, as the kernel has it: of btrfs, stat's is another."""
    table = [line.split() for line in (text(f"{PROC}/self/mountinfo") or "").splitlines()]
    return {point: device for _id, _parent, device, _root, point, *_more in table}  # the last is what is seen


def place(path: str, devices: t.Mapping[str, str]) -> str:
    """``MAJOR:MINOR:INODE`` of what is mounted there; empty where nothing is."""
    return f"{devices[path]}:{os.stat(path).st_ino}" if path in devices else ""  # noqa: PTH116 (see proc.text)


def _candidates(sockets: t.Iterable[str], daemon: Json) -> t.Iterator[tuple[str, str]]:
    running = link(f"{PROC}/{daemon['pid']}/exe") if daemon.get("pid") else None
    folders = dict.fromkeys((*_BINARIES, *([os.path.dirname(running)] if running else [])))  # noqa: PTH120
    yield from [("dockerd", running)] if running else []
    yield from ((kind, f"{folder}/{name}") for folder in folders for name, kind in _PROGRAMS.items())
    units = files.Units(daemon.get("pid"), 0, "/root")
    yield from ((role, _drop_ins(path)) for role, path in units.files())
    yield from (("containerd_unit", _drop_ins(path)) for path in units.of("containerd.service"))
    yield from (("api_socket", path) for path in sockets)
    yield "containerd_socket", files.containerd(daemon)
    yield "data_root", str(files.setting(daemon, "data-root") or DATA_ROOT)
    config = (daemon.get("config") or {}).get("path") or "/etc/docker/daemon.json"
    yield "config", str(config)
    # its directory, where it is there: to put a file in is to configure it
    yield "containerd_config", "/etc/containerd"
    yield from _PLACES.items()


def _drop_ins(path: str) -> str:
    """The directory of a drop-in: the next one would be put beside it."""
    folder = os.path.dirname(path)  # noqa: PTH120
    return folder if folder.endswith(".d") else path
