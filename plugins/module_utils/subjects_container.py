# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules see of a container: the engine's inspection joined with the kernel's view of the process, normalised."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils import jmes
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_confinement import (
    capabilities,
    joined,
    namespaces,
    networks,
    security,
    user,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_context import Context
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_exposure import (
    declared_ports,
    devices,
    judged_ports,
    loose_ulimits,
    mounted,
    mounts,
    ports,
    proxy,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_logging import driver
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_shape import (
    Json,
    at,
    mapping,
    number,
    sequence,
    text,
)


def container_document(raw: Json, around: Context, policy: Json) -> dict[str, t.Any]:
    """The document of kind ``container``; what could not be read is null."""
    inspect = mapping(raw, "inspect")
    process = at(raw, "process") if isinstance(at(raw, "process"), dict) else None
    running = at(inspect, "State", "Running")
    entries = mounted(inspect, around)
    published = judged_ports(ports(inspect, running is True), policy)
    mounted_as = mounts(entries, around, policy)
    return {
        "inspect": inspect,
        "process": process,
        "execs": raw.get("execs") if isinstance(raw.get("execs"), list) else None,
        "secrets": raw.get("secrets") if isinstance(raw.get("secrets"), dict) else None,
        "running": running if isinstance(running, bool) else None,
        "privileged": at(inspect, "HostConfig", "Privileged"),
        "ports": published,
        "declared_ports": declared_ports(inspect, published, policy),
        "mounts": mounted_as,
        "proxy": proxy(raw, around, mounted_as, published),
        "devices": devices(inspect, entries, policy),
        "capabilities": capabilities(inspect, process, policy),
        "security": security(inspect, process, around),
        "namespaces": namespaces(inspect, process, around),
        "joined": joined(inspect, around),
        "networks": networks(inspect),
        "user": user(inspect, process, around),
        "groups": jmes.intersect(sequence(inspect, "HostConfig", "GroupAdd"), policy["sensitive_groups"]),
        "image": _image(inspect),
        "health": _health(inspect),
        "limits": _limits(inspect),
        "loose_ulimits": loose_ulimits(inspect, policy),
        "logs": driver(mapping(inspect, "HostConfig", "LogConfig"), "Type", "Config"),
        "engine": _engine(around.daemon),
        "policy": policy,
    }


def _engine(daemon: Json) -> dict[str, t.Any]:
    return {
        "version": at(daemon, "engine"),
        "rootless": at(daemon, "rootless"),
        "userns": at(daemon, "userns"),
        "security_options": at(daemon, "security_options"),
        "cgroup_version": at(daemon, "info", "CgroupVersion"),
        "log_driver": at(daemon, "info", "LoggingDriver"),
    }


def _image(inspect: Json) -> dict[str, t.Any] | None:
    """The image as it was asked for: name, tag and digest."""
    reference = text(inspect, "Config", "Image")
    if not reference:
        return None
    if re.fullmatch(r"(sha256:)?[0-9a-f]{64}", reference):
        return {"reference": reference, "name": "", "tag": "", "digest": reference}
    rest, _dummy, digest = reference.partition("@")
    path, slash, last = rest.rpartition("/")
    name, _dummy, tag = last.partition(":")
    return {"reference": reference, "name": f"{path}{slash}{name}", "tag": tag, "digest": digest}


def _health(inspect: Json) -> dict[str, t.Any] | None:
    """The health check of the image or of the container itself, which the engine writes into the container."""
    if not isinstance(at(inspect, "Config"), dict):
        return None
    test = sequence(inspect, "Config", "Healthcheck", "Test")
    return {"defined": bool(test) and test[0] != "NONE", "test": test}


_LIMITS: t.Final[t.Mapping[str, str]] = {
    "memory": "Memory",
    "nano_cpus": "NanoCpus",
    "cpu_shares": "CpuShares",
    "cpu_quota": "CpuQuota",
    "pids": "PidsLimit",
}


def _limits(inspect: Json) -> dict[str, t.Any] | None:
    """Numbers; 0 for what is not limited."""
    host = at(inspect, "HostConfig")
    if not isinstance(host, dict):
        return None
    found: dict[str, t.Any] = {name: number(host.get(field)) or 0 for name, field in _LIMITS.items()}
    restarts = {"restart_retries": number(at(host, "RestartPolicy", "MaximumRetryCount")) or 0}
    return {**found, **restarts, "cpuset": text(host, "CpusetCpus")}
