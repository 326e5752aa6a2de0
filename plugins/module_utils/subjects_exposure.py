# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the host a container can reach: published ports, mounts, devices, ulimits."""

from __future__ import annotations

import fnmatch
import posixpath
import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils import jmes
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_context import Context
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_daemon import exceeds
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_shape import (
    Json,
    at,
    mapping,
    mappings,
    number,
    sequence,
    text,
    texts,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_tls import is_wildcard


def ports(inspect: Json, running: bool) -> list[dict[str, t.Any]] | None:
    """Published ports: of a running container as they are, of a stopped one as they are asked for."""
    source = at(inspect, "NetworkSettings", "Ports") if running else at(inspect, "HostConfig", "PortBindings")
    if not isinstance(at(inspect, "NetworkSettings" if running else "HostConfig"), dict):
        return None
    entries = source.items() if isinstance(source, dict) else ()
    return [_port(str(name), binding) for name, bindings in entries for binding in mappings({"": bindings}, "")]


def _port(name: str, binding: Json) -> dict[str, t.Any]:
    port, _dummy, protocol = name.partition("/")
    return {
        "container_port": number(port),
        "protocol": protocol or "tcp",
        "host_ip": text(binding, "HostIp"),
        "host_port": number(text(binding, "HostPort").partition("-")[0]),
    }


def judged_ports(ports: list[dict[str, t.Any]] | None, policy: Json) -> list[dict[str, t.Any]] | None:
    if ports is None:
        return None
    addresses = policy["allowed_publish_addresses"]
    return [
        {
            **port,
            "binding": f"{_bracketed(port['host_ip'])}:{port['host_port']}/{port['protocol']}",
            "privileged": bool(port["host_port"])
            and port["host_port"] < policy["privileged_ports_below"]
            and port["host_port"] not in policy["allowed_host_ports"],
            "exposed": port["host_ip"] not in addresses if addresses else is_wildcard(port["host_ip"]),
        }
        for port in ports
    ]


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address or "0.0.0.0"  # noqa: S104 - what the engine makes of ""


def declared_ports(inspect: Json, published: list[dict[str, t.Any]] | None, policy: Json) -> Json | None:
    """Those of the published ports that the policy grants this container; None when it says nothing of it."""
    name = text(inspect, "Name").lstrip("/")
    granted = [ports for glob, ports in policy["declared_ports"].items() if fnmatch.fnmatchcase(name, glob)]
    if not granted:
        return None
    declared = {str(port) for ports in granted for port in ports}
    bindings = [port["binding"] for port in published or []]
    return {"granted": [binding for binding in bindings if {binding, binding.rpartition(":")[2]} & declared]}


def mounted(inspect: Json, around: Context) -> list[dict[str, t.Any]] | None:
    """The engine's list of mounts; a volume that is a path of the host under another name as the bind mount it is."""
    # the engine lists them in the order of a hash table, another one each time
    entries = sorted(mappings(inspect, "Mounts"), key=lambda entry: text(entry, "Destination"))
    if not isinstance(inspect.get("Mounts"), list) or (around.volumes is None and any(map(_is_local, entries))):
        return None
    return [_unmasked(entry, around.volumes or {}) if _is_local(entry) else entry for entry in entries]


def _is_local(entry: Json) -> bool:
    return entry.get("Type") == "volume" and entry.get("Driver") == "local"


def _unmasked(entry: dict[str, t.Any], paths: t.Mapping[str, str]) -> dict[str, t.Any]:
    path = paths.get(text(entry, "Name"))
    return {**entry, "Type": "bind", "Source": path} if path else entry


def mounts(entries: list[dict[str, t.Any]] | None, around: Context, policy: Json) -> list[dict[str, t.Any]] | None:
    if entries is None:
        return None
    sockets = sorted({*policy["engine_sockets"], *sequence(around.daemon, "sockets")})
    root = text(around.daemon, "info", "DockerRootDir")
    sensitive = sorted({*policy["sensitive_paths"], *([root] if root else [])})
    found = []
    for entry in entries:
        source = normalised(text(entry, "Source"))
        bind = entry.get("Type") == "bind"
        mount = {
            "type": text(entry, "Type"),
            "source": source,
            "destination": text(entry, "Destination"),
            "rw": entry.get("RW") is not False,
            "propagation": text(entry, "Propagation"),
            "name": text(entry, "Name"),
        }
        mount["engine_sockets"] = jmes.overlaps(source, sockets) if bind else []
        mount["sensitive"] = _sensitive(mount, sensitive, policy) if bind else []
        found.append(mount)
    return found


def normalised(path: str) -> str:
    """A host path without its detours: every distribution links /var/run to /run."""
    plain = posixpath.normpath(path) if path else ""
    return re.sub(r"^/var/run(?=/|$)", "/run", plain.replace("//", "/"))


def _sensitive(mount: Json, paths: list[str], policy: Json) -> list[str]:
    source = mount["source"]
    harmless = not mount["rw"] and any(_is_under(source, path) for path in policy["harmless_paths"])
    if harmless or source in policy["engine_sockets"]:
        return []
    whole = [path for path in policy["whole_directories"] if _is_under(path, source)]
    return sorted({*jmes.overlaps(source, paths), *whole})


def _is_under(path: str, directory: str) -> bool:
    """Whether a path is the directory or lies in it."""
    inner, outer = posixpath.normpath(path), posixpath.normpath(directory)
    return inner == outer or inner.startswith(outer.rstrip("/") + "/")


def devices(inspect: Json, entries: list[dict[str, t.Any]] | None, policy: Json) -> list[str] | None:
    """Host devices that the container may use, however it was given them."""
    host = at(inspect, "HostConfig")
    if not isinstance(host, dict) or entries is None:
        return None
    paths = [text(device, "PathOnHost") for device in mappings(host, "Devices")]
    binds = [normalised(text(mount, "Source")) for mount in entries if mount.get("Type") == "bind"]
    paths += [path for path in binds if _is_under(path, "/dev")]
    found = [path for path in paths if path not in policy["allowed_devices"]]
    found += [f"cgroup rule {rule}" for rule in texts(host, "DeviceCgroupRules")]
    found += [f"request to {text(request, 'Driver') or 'any driver'}" for request in mappings(host, "DeviceRequests")]
    return ["all devices of the host (privileged)"] if host.get("Privileged") is True else found


def loose_ulimits(inspect: Json, policy: Json) -> list[str] | None:
    host = at(inspect, "HostConfig")
    if not isinstance(host, dict):
        return None
    found = [(text(limit, "Name"), number(limit.get("Hard"))) for limit in mappings(host, "Ulimits")]
    return [f"{name}={hard}" for name, hard in found if exceeds(hard, policy["max_ulimits"].get(name))]


def proxy(raw: Json, around: Context, mounts: list[dict[str, t.Any]] | None, ports: t.Any) -> dict[str, t.Any] | None:
    """A known filtering proxy of the engine's socket: what it opens, and to whom. None: it is no such thing."""
    found = raw.get("proxy")
    if not isinstance(found, dict) or not any(mount["engine_sockets"] for mount in mounts or []):
        return None
    mode, inspect = text(raw, "inspect", "HostConfig", "NetworkMode"), mapping(raw, "inspect")
    joined = {*mapping(inspect, "NetworkSettings", "Networks"), *([mode] if mode == "host" else [])}
    problems = {
        "opens": texts(found, "opens"),
        "published": [port["binding"] for port in ports or []],
        "networks": sorted(joined - {"none", *around.internal}),
        "switches": texts(found, "switches"),
    }
    harmless = not any(problems[name] for name in ("opens", "published", "networks"))
    unknown = harmless and not isinstance(found.get("opens"), list)
    told = {name: value for name, value in problems.items() if value}
    return {"image": text(found, "image"), "problems": None if unknown else {} if harmless else told}
