# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules see of the host: its filesystems, what runs on it, and how old that is. Files and people are apart."""

from __future__ import annotations

import fnmatch
import posixpath
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils import versions
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.facts import Facts
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_access import credentials, sudoers, untrusted
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_files import files, open_directories
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_firewall import firewall
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_logging import logging
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_shape import (
    Json,
    at,
    mapping,
    mappings,
    sequence,
    text,
    texts,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_watches import watches

#: Component -> the setting of the policy about its versions.
_VERSIONS = {"engine": "engine_versions", "containerd": "containerd_versions", "runc": "runc_versions"}
_CONTAINERD_STORE = "io.containerd.snapshotter.v1"


def host_document(facts: Facts, daemon: Json, policy: Json) -> dict[str, t.Any]:
    """The document of kind ``host``; a value that could not be read is null. ``daemon`` is the daemon's document."""
    host = facts.host if isinstance(facts.host, dict) else {}
    versions_of = _components(facts)
    trusted = {"root", *texts(policy, "trusted_users")}
    data_root = _data_root(facts.info, host, at(daemon, "userns"))
    return {
        "files": files(host, facts.daemon),
        "open_directories": open_directories(host, facts.daemon),
        "users": {"untrusted": untrusted(host, facts.daemon, trusted), "sudo": sudoers(host, trusted)},
        "credentials": credentials(host),
        "data_root": data_root,
        "containerd_store": _containerd_store(facts.info),
        "containerd_root": _containerd_root(facts, host, data_root),
        "components": versions_of,
        "outdated": {name: _outdated(versions_of[name], mapping(policy, key)) for name, key in _VERSIONS.items()},
        "kernel": text(facts.info, "KernelVersion") or None,
        "services": _services(host, policy),
        "logging": logging(host, policy),
        "watches": watches(host),
        "confinement": _confinement(host),
        "engine_selinux": _engine_selinux(daemon),
        "rootless": at(daemon, "rootless"),
        "firewall": firewall(facts, host, policy),
        "policy": policy,
    }


def _data_root(info: Json, host: Json, remapped: t.Any) -> dict[str, t.Any] | None:
    path = text(info, "DockerRootDir")
    # with remapped users the engine works in a directory of theirs, one below
    return _filesystem([path, *([posixpath.dirname(path)] if remapped else [])], host) if path else None


def _filesystem(paths: t.Sequence[str], host: Json) -> dict[str, t.Any] | None:
    """The first of these paths, and the filesystem mounted on any of them; null when the mounts are not known."""
    if not isinstance(host.get("mounts"), list):
        return None
    found = {text(one, "path"): one for one in mappings(host, "mounts")}
    mount = next((found[path] for path in paths if path in found), None)
    own = mount is not None and text(mount, "device") != text(_around(text(mount, "path"), found), "device")
    return {"path": paths[0], "own": own, "options": texts(mount, "options") if own else []}


def _around(path: str, found: t.Mapping[str, Json]) -> Json | None:
    """The mount that a mount point lies in: of the same device, it is only another name for a directory."""
    while path not in ("/", ""):
        path = posixpath.dirname(path)
        if path in found:
            return found[path]
    return None


def _containerd_store(info: Json) -> bool | None:
    """Whether images and containers lie with containerd."""
    if not isinstance(info.get("DriverStatus"), list):
        return None
    return any(_CONTAINERD_STORE in row for row in sequence(info, "DriverStatus") if isinstance(row, list))


def _containerd_root(facts: Facts, host: Json, data_root: Json | None) -> dict[str, t.Any] | None:
    """Where containerd keeps its data. One that dockerd starts by itself keeps it in the data root."""
    address = text(facts.info, "Containerd", "Address") or text(facts.daemon, "flags", "containerd")
    if "/docker/" in address or facts.daemon.get("euid") not in (0, None):
        return dict(data_root) if data_root else None
    path = text(host, "containerd_root")
    return _filesystem([path], host) if path else None


def _components(facts: Facts) -> dict[str, str | None]:
    found = {text(one, "Name"): text(one, "Version") for one in mappings(facts.version, "Components")}
    engine = text(facts.info, "ServerVersion") or text(facts.version, "Version")
    named = {"engine": engine, "containerd": found.get("containerd"), "runc": found.get("runc")}
    return {name: version if versions.parse(version) else None for name, version in named.items()}


def _outdated(version: str | None, branches: t.Mapping[str, str]) -> dict[str, str]:
    """Why a version is too old, if it is: for its branch, or because its branch is not maintained any more."""
    have = versions.parse(version)
    least = {versions.parse(branch): versions.parse(one) for branch, one in branches.items()}
    if have is None or not least:
        return {}
    floor = next((one for branch, one in least.items() if branch and have[: len(branch)] == branch), None)
    if floor is None and have > max(one for one in least.values() if one):
        return {}
    if floor is not None and have >= floor:
        return {}
    why = "its branch is no longer maintained" if floor is None else "flaws are known in it"
    return {"version": version or "", "because": why, "wanted": " or ".join(f"{one}+" for one in branches.values())}


def _confinement(host: Json) -> dict[str, t.Any] | None:
    if not isinstance(host.get("confinement"), dict):
        return None
    found = mapping(host, "confinement")
    container = found.get("container")
    return {
        "container": container if isinstance(container, str) else None,
        "apparmor": at(found, "apparmor"),
        "selinux": at(found, "selinux"),
    }


def _engine_selinux(daemon: Json) -> bool | None:
    options = at(daemon, "security_options")
    return "selinux" in options if isinstance(options, dict) else None


def _services(host: Json, policy: Json) -> dict[str, t.Any] | None:
    """Units that run or start by themselves; of those, the ones that the policy names."""
    if not isinstance(host.get("services"), dict):
        return None
    running, enabled = texts(host, "services", "running"), texts(host, "services", "enabled")
    unneeded = texts(policy, "unneeded_services")
    keepers = texts(policy, "time_services")
    return {
        "running": running,
        "enabled": enabled,
        "unneeded": [one for one in sorted({*running, *enabled}) if _named(one, unneeded)],
        "time": [one for one in running if _named(one, keepers)],
    }


def _named(unit: str, globs: t.Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(unit.rpartition(".")[0], glob) for glob in globs)
