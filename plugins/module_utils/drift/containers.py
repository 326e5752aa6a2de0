# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a baseline keeps of a container: how it was made, and how its process is confined. Pure.

What changes by itself is left out: ids, addresses, times, states, ports and names that the engine chose.
"""

from __future__ import annotations

import hashlib
import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_shape import (
    Json,
    at,
    mapping,
    mappings,
    sequence,
    text,
    texts,
)

#: Of HostConfig, under names of ours: what of it limits the container.
_LIMITS: t.Final = {
    "memory": "Memory",
    "memory_swap": "MemorySwap",
    "memory_reservation": "MemoryReservation",
    "nano_cpus": "NanoCpus",
    "cpu_shares": "CpuShares",
    "cpu_quota": "CpuQuota",
    "cpuset": "CpusetCpus",
    "pids": "PidsLimit",
    "oom_kill_disable": "OomKillDisable",
    "oom_score_adj": "OomScoreAdj",
    "cgroup_parent": "CgroupParent",
}
_NAMESPACES: t.Final = {
    "cgroup": "CgroupnsMode",
    "ipc": "IpcMode",
    "network": "NetworkMode",
    "pid": "PidMode",
    "userns": "UsernsMode",
    "uts": "UTSMode",
}
_ANONYMOUS = re.compile(r"[0-9a-f]{64}")
#: Labels that tools change without changing the container.
_TOOLS = ("com.docker.compose.config-hash", "com.docker.compose.container-number", "com.docker.compose.depends_on",
          "com.docker.compose.image", "com.docker.compose.replace", "com.docker.compose.version")  # fmt: skip


def container(raw: Json, names: t.Mapping[str, str]) -> dict[str, t.Any] | None:
    """``names``: of the containers by id. Null when it could not be inspected."""
    inspect = raw.get("inspect")
    if not isinstance(inspect, dict):
        return None
    config, host = mapping(inspect, "Config"), mapping(inspect, "HostConfig")
    networks = mapping(inspect, "NetworkSettings", "Networks")
    return {
        "image": {"reference": text(config, "Image"), "id": text(inspect, "Image")},
        "command": [*sequence(config, "Entrypoint"), *sequence(config, "Cmd")],
        "user": text(config, "User"),
        "hostname": _unless(text(config, "Hostname"), text(inspect, "Id")[:12]),
        "environment": sorted({one.partition("=")[0] for one in texts(config, "Env")}),
        "labels": {name: value for name, value in mapping(config, "Labels").items() if name not in _TOOLS},
        "healthcheck": at(config, "Healthcheck") or {},
        "stop_signal": text(config, "StopSignal"),
        "privileged": at(host, "Privileged") is True,
        "read_only": at(host, "ReadonlyRootfs") is True,
        "init": at(host, "Init") is True,
        "auto_remove": at(host, "AutoRemove") is True,
        "capabilities": {"add": _capabilities(host, "CapAdd"), "drop": _capabilities(host, "CapDrop")},
        "security_options": sorted(map(_security_option, texts(host, "SecurityOpt"))),
        "namespaces": {name: _mode(text(host, key), names) for name, key in _NAMESPACES.items()},
        "groups": sorted(texts(host, "GroupAdd")),
        "devices": _devices(host),
        "mounts": dict(sorted(map(_mount, mappings(inspect, "Mounts")))),
        "volumes_from": sorted(_mode(one, names) for one in texts(host, "VolumesFrom")),
        "tmpfs": mapping(host, "Tmpfs"),
        "ports": {port: _bindings(found) for port, found in mapping(host, "PortBindings").items()},
        "publish_all": at(host, "PublishAllPorts") is True,
        "networks": {name: _network(found, inspect) for name, found in networks.items()},
        "dns": sorted({*texts(host, "Dns"), *texts(host, "DnsOptions"), *texts(host, "DnsSearch")}),
        "extra_hosts": sorted(texts(host, "ExtraHosts")),
        "limits": {name: at(host, key) or 0 for name, key in _LIMITS.items()},
        "ulimits": {text(one, "Name"): f"{at(one, 'Soft')}:{at(one, 'Hard')}" for one in mappings(host, "Ulimits")},
        "shm_size": at(host, "ShmSize"),
        "sysctls": mapping(host, "Sysctls"),
        "runtime": text(host, "Runtime"),
        "restart": text(host, "RestartPolicy", "Name") or "no",
        "log": {"driver": text(host, "LogConfig", "Type"), "options": mapping(host, "LogConfig", "Config")},
        "masked_paths": {"masked": _paths(host, "MaskedPaths"), "read_only": _paths(host, "ReadonlyPaths")},
        "live": live(raw.get("process")),
    }  # fmt: skip


def live(process: t.Any) -> dict[str, t.Any] | None:
    """How the kernel confines it; null when it does not run, which is no drift."""
    if not isinstance(process, dict):
        return None
    return {
        "seccomp": at(process, "seccomp"),
        "no_new_privileges": at(process, "no_new_privs"),
        "apparmor": at(process, "apparmor"),
        "selinux": ":".join(
            (text(process, "selinux") or "").split(":")[:3]
        ),  # its categories are made up at each start
        "capabilities": sorted(texts(process, "cap_bnd")) if isinstance(at(process, "cap_bnd"), list) else None,
    }


def _unless(value: str, chosen: str) -> str:
    """Empty when the engine chose it."""
    return "" if value == chosen else value


def _capabilities(host: Json, key: str) -> list[str]:
    return sorted({one.upper().removeprefix("CAP_") for one in texts(host, key)})


def _security_option(option: str) -> str:
    """A seccomp profile is there as a whole: by its digest it can be read."""
    name, sign, value = option.partition("=")
    if value.startswith("{"):
        return f"{name}=sha256:{hashlib.sha256(value.encode()).hexdigest()}"
    return f"{name}{sign}{value}"


def _mode(mode: str, names: t.Mapping[str, str]) -> str:
    """``container:ID`` by name, as a new one has another id; ``default`` and none say the same."""
    kind, colon, rest = mode.partition(":")
    if kind == "container" and colon:
        return f"container:{names.get(rest, rest)}"
    if kind in names:  # of VolumesFrom
        return f"{names[kind]}{colon}{rest}"
    return "" if mode == "default" else mode


def _devices(host: Json) -> list[str]:
    found = [
        f"{text(one, 'PathOnHost')}:{text(one, 'PathInContainer')}:{text(one, 'CgroupPermissions')}"
        for one in mappings(host, "Devices")
    ]
    found += [f"rule {one}" for one in texts(host, "DeviceCgroupRules")]
    fields = ("Driver", "Count", "DeviceIDs", "Capabilities")
    found += [f"request {[at(one, field) for field in fields]}" for one in mappings(host, "DeviceRequests")]
    return sorted(found)


def _mount(mount: Json) -> tuple[str, dict[str, t.Any]]:
    name = text(mount, "Name")
    source = "" if _ANONYMOUS.fullmatch(name) else name or text(mount, "Source")
    return text(mount, "Destination"), {
        "type": text(mount, "Type"),
        "source": source,
        "writable": at(mount, "RW"),
        "propagation": text(mount, "Propagation"),
    }


def _bindings(found: t.Any) -> list[str]:
    """Where a port of the container is published; a port that the engine picks is another after each start."""
    bindings = found if isinstance(found, list) else []
    return sorted(
        f"{text(one, 'HostIp') or '*'}:{'ephemeral' if text(one, 'HostPort') in ('', '0') else text(one, 'HostPort')}"
        for one in bindings
    )


def _network(found: t.Any, inspect: Json) -> dict[str, t.Any]:
    """Only what was asked for: the address that the engine gave it is another after each start."""
    chosen = {text(inspect, "Id")[:12], text(inspect, "Name").lstrip("/")}
    return {
        "aliases": sorted({*texts(found, "Aliases")} - chosen),
        "ipv4": text(found, "IPAMConfig", "IPv4Address"),
        "ipv6": text(found, "IPAMConfig", "IPv6Address"),
        "options": mapping(found, "DriverOpts"),
    }


def _paths(host: Json, key: str) -> list[str] | None:
    """Null is how the engine says that none are; older ones say nothing."""
    return sorted(texts(host, key)) if key in host else None
