# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds a container's processes back: capabilities, filters, namespaces, users."""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils import jmes
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_context import Context
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_shape import (
    Json,
    at,
    mapping,
    number,
    sequence,
    text,
    texts,
)

#: What the engine gives a container when nobody says otherwise.
DEFAULT_CAPABILITIES: t.Final = (
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
)
_MODES: t.Final[t.Mapping[str, str]] = {
    "network": "NetworkMode",
    "pid": "PidMode",
    "ipc": "IpcMode",
    "uts": "UTSMode",
    "user": "UsernsMode",
    "cgroup": "CgroupnsMode",
}
Options = t.Mapping[str, str]
_KERNEL: t.Final[t.Mapping[str, str]] = {"network": "net", "pid": "pid", "ipc": "ipc", "uts": "uts"}
_ALL_IDS = 4294967295  # the length of a uid map that maps everything: none at all


def capability(name: str) -> str:
    """``net_admin``, ``NET_ADMIN`` and ``CAP_NET_ADMIN`` are one; ALL stays."""
    upper = name.upper()
    return upper if upper == "ALL" or upper.startswith("CAP_") else f"CAP_{upper}"


def capabilities(inspect: Json, process: Json | None, policy: Json) -> dict[str, t.Any] | None:
    host = at(inspect, "HostConfig")
    if not isinstance(host, dict):
        return None
    added = [capability(name) for name in texts(host, "CapAdd")]
    dropped = [capability(name) for name in texts(host, "CapDrop")]
    bounding = at(process, "cap_bnd")
    computed = _computed(added, dropped, host.get("Privileged"))
    effective = texts(process, "cap_bnd") if isinstance(bounding, list) else computed
    allowed = [capability(name) for name in policy["allowed_capabilities"]]
    beyond = jmes.subtract(effective, [*DEFAULT_CAPABILITIES, *allowed])
    asked = jmes.subtract(added, allowed)
    return {
        "added": added,
        "dropped": dropped,
        "effective": effective,
        "excess": sorted({*asked, *beyond}),
        "kept": sorted(set(jmes.subtract(effective, [*allowed, *added, *beyond]))),
    }


def _computed(added: list[str], dropped: list[str], privileged: t.Any) -> list[str]:
    """What the engine makes of the two lists."""
    if privileged is True:
        return ["ALL"]
    start = [] if "ALL" in dropped else ["ALL"] if "ALL" in added else list(DEFAULT_CAPABILITIES)
    return [name for name in dict.fromkeys([*start, *added]) if name not in dropped]


def options(inspect: Json) -> dict[str, str] | None:
    """``SecurityOpt`` as a mapping; ``name=value``, the old ``name:value``, and a bare name."""
    host = at(inspect, "HostConfig")
    if not isinstance(host, dict):
        return None
    found = {}
    for option in texts(host, "SecurityOpt"):
        name, separator, value = re.match(r"([\w-]*)([=:]?)(.*)", option, re.DOTALL).groups()  # type: ignore[union-attr]  # matches any text
        key = f"label={value}" if name == "label" else name
        found[key] = value if separator else "true"
    return found


def security(inspect: Json, process: Json | None, around: Context) -> dict[str, t.Any] | None:
    given = options(inspect)
    if given is None:
        return None
    privileged = at(inspect, "HostConfig", "Privileged") is True
    masked = at(inspect, "HostConfig", "MaskedPaths")
    return {
        "no_new_privileges": _no_new_privileges(given, process, around),
        "seccomp": _seccomp(given, process, around, privileged),
        "apparmor": _apparmor(given, inspect, process, privileged),
        "labels_disabled": "label=disable" in given or privileged,
        "systempaths_unconfined": masked == [] or privileged or given.get("systempaths") == "unconfined",
        "writable_cgroups": given.get("writable-cgroups", "false") == "true",
    }


def _no_new_privileges(given: Options, process: Json | None, around: Context) -> bool | None:
    """The kernel's word; else what was asked for; else the daemon's default, which only tells when it is off."""
    seen = at(process, "no_new_privs")
    if isinstance(seen, bool):
        return seen
    asked = given.get("no-new-privileges")
    if asked is not None:
        return asked == "true"
    default = at(around.daemon, "effective", "no-new-privileges", "value")
    return False if default is False else None  # on: it only reached containers created since


def _seccomp(given: Options, process: Json | None, around: Context, privileged: bool) -> str | None:
    """The profile in force, by a short name."""
    asked = given.get("seccomp")
    supported = at(around.daemon, "security_options")
    if at(process, "seccomp") == 0 or asked == "unconfined" or (privileged and asked is None):
        return "unconfined"
    if asked is not None:
        return "builtin" if asked == "builtin" else "permissive" if _permits(asked) else "custom"
    if supported is None:
        return "filtered" if at(process, "seccomp") == 2 else None
    return text(supported, "seccomp", "profile") or "unconfined"


def _permits(profile: str) -> bool:
    """Whether a profile, which the client sends as JSON, lets through what it does not name."""
    try:
        return text(json.loads(profile), "defaultAction") in ("SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE")
    except ValueError:
        return False


def _apparmor(given: Options, inspect: Json, process: Json | None, privileged: bool) -> str | None:
    """The label of the live process, else what the engine wrote down; privileged containers have none unless asked."""
    seen = at(process, "apparmor")
    if isinstance(seen, str):
        return seen or "unconfined"
    asked = given.get("apparmor") or text(inspect, "AppArmorProfile")
    if asked:
        return asked
    return "unconfined" if privileged or isinstance(inspect.get("AppArmorProfile"), str) else None


def _mode(inspect: Json, kind: str) -> str | None:
    host = at(inspect, "HostConfig")
    return text(host, _MODES[kind]) if isinstance(host, dict) else None


def namespaces(inspect: Json, process: Json | None, around: Context) -> dict[str, str | None]:
    """For each kind, "host", "private", or what else the engine calls it; joined ones as those they join."""
    found: dict[str, str | None] = {}
    for kind in _MODES:
        mode = _resolved(inspect, kind, around)
        shared = kind in _KERNEL and at(process, "namespaces", _KERNEL[kind]) is True
        found[kind] = "host" if shared else mode if mode is None else mode or "private"
    return found


def _resolved(inspect: Json, kind: str, around: Context) -> str | None:
    """The mode, after following ``container:`` to its end; a target that is gone, or a circle, stays as it is."""
    mode, seen = _mode(inspect, kind), set()
    while mode and mode.startswith("container:") and mode not in seen:
        seen.add(mode)
        target = around.inspects.get(mode.partition(":")[2])
        if target is None:
            break
        mode = _mode(target, kind)
    return mode


def joined(inspect: Json, around: Context) -> dict[str, str] | None:
    """Namespaces taken from another container, with that container's name."""
    if not isinstance(at(inspect, "HostConfig"), dict):
        return None
    modes = {kind: text(inspect, "HostConfig", field) for kind, field in _MODES.items()}
    targets = {kind: mode.partition(":")[2] for kind, mode in modes.items() if mode.startswith("container:")}
    return {kind: text(around.inspects.get(target), "Name").lstrip("/") or target for kind, target in targets.items()}


def networks(inspect: Json) -> list[str] | None:
    """Networks by name; ``default`` is the engine's word for the default bridge."""
    if not isinstance(at(inspect, "NetworkSettings"), dict):
        return None
    mode = text(inspect, "HostConfig", "NetworkMode")
    named = mapping(inspect, "NetworkSettings", "Networks")
    return sorted({*named, *(["bridge"] if mode in ("default", "bridge") else [])})


def user(inspect: Json, process: Json | None, around: Context) -> dict[str, t.Any]:
    """Who the container's first process is: as the kernel sees it, else as the container's configuration says."""
    config = at(inspect, "Config")
    configured = text(config, "User") if isinstance(config, dict) else None
    uids, rows = sequence(process, "uid"), [row for row in sequence(process, "uid_map") if _is_row(row)]
    if uids and rows and number(uids[0]) is not None:
        inside = [row[0] + uids[0] - row[1] for row in rows if row[1] <= uids[0] < row[1] + row[2]]
        identity = len(rows) == 1 and list(rows[0]) == [0, 0, _ALL_IDS]
        return {"configured": configured, "root": inside[:1] == [0], "remapped": not identity, "source": "process"}
    remapped = bool(at(around.daemon, "rootless")) or (
        bool(at(around.daemon, "userns")) and text(inspect, "HostConfig", "UsernsMode") != "host"
    )
    root = None if configured is None else is_root(configured)
    return {"configured": configured, "root": root, "remapped": remapped, "source": "configuration"}


def _is_row(row: t.Any) -> bool:
    return isinstance(row, list) and len(row) == 3 and all(isinstance(value, int) for value in row)


def is_root(user: str) -> bool:
    """Whether ``user[:group]`` is root: nothing, root, 0, 00, with any group."""
    name = user.partition(":")[0].strip()
    return name in ("", "root") or number(name) == 0
