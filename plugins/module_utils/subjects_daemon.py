# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules see of the daemon: its effective settings, each with its source, and what follows from them."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils import versions
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.facts import Facts
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_logging import driver, logging
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_rootless import owner, proxies
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_shape import (
    Json,
    at,
    mapping,
    mappings,
    number,
    text,
    texts,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_tls import certificates, tcp

Setting = t.Mapping[str, t.Any]  # {value, source}

#: daemon.json keys that rules read, with the value that holds when nobody sets them.
DEFAULTS: t.Final[t.Mapping[str, t.Any]] = {
    "authorization-plugins": [],
    "bridge": "",
    "cgroup-parent": "",
    "data-root": "/var/lib/docker",
    "debug": False,
    "default-ulimits": {},
    "experimental": False,
    "hosts": [],
    "icc": True,
    "iptables": True,
    "live-restore": False,
    "log-driver": "json-file",
    "log-level": "info",
    "log-opts": {},
    "metrics-addr": "",
    "network-diagnostic-port": 0,
    "no-new-privileges": False,
    "seccomp-profile": "",
    "storage-opts": [],
    "tlsverify": False,
    "userland-proxy": True,
    "userns-remap": "",
}

_BRIDGE = "com.docker.network.bridge."


def daemon_document(facts: Facts, policy: Json) -> dict[str, t.Any]:
    """The document of kind ``daemon``; a value that could not be read is null."""
    options = security_options(facts.info)
    version = text(facts.info, "ServerVersion") or text(facts.version, "Version")
    truth = _live(facts, options, version)
    configured = _configured(facts.daemon)
    effective = _effective(configured, truth)
    swarm = text(facts.info, "Swarm", "LocalNodeState") or None
    listeners = tcp(facts.daemon, effective, swarm not in (None, "inactive"))
    return {
        "info": facts.info,
        "version": facts.version,
        "bridge": facts.bridge,
        "daemon": facts.daemon,
        "effective": effective,
        "pending": _pending(configured, truth),
        "security_options": options,
        "rootless": None if options is None else "rootless" in options,
        "owner": owner(facts.daemon),
        "userns": None if options is None else "userns" in options,
        "swarm": None if swarm is None else swarm != "inactive",
        "engine": version or None,
        "insecure_registries": _insecure_registries(facts.info),
        "tcp": listeners,
        "tcp_is_known": None if any(listener["verified"] is None for listener in listeners or []) else True,
        "tls": certificates(facts.daemon, listeners, policy),
        "sockets": _sockets(facts.daemon),
        "proxies": proxies(facts.daemon),
        "metrics": _metrics(effective),
        "logs": _logs(effective),
        "logs_shipped": at(logging(facts.host if isinstance(facts.host, dict) else {}, policy), "shipped"),
        "loose_ulimits": _loose_ulimits(effective, mapping(policy, "max_ulimits")),
        "policy": policy,
    }


def security_options(info: Json) -> dict[str, dict[str, str]] | None:
    """``name=seccomp,profile=builtin`` under its name; None when the engine did not say."""
    if not isinstance(info.get("SecurityOptions"), list):
        return None
    found = {}
    for option in texts(info, "SecurityOptions"):
        fields = {part.partition("=")[0]: part.partition("=")[2] for part in option.split(",")}
        found[fields.get("name", option)] = fields
    return found


def _live(facts: Facts, options: Json | None, version: str) -> dict[str, Setting]:
    """Settings that the running daemon itself tells: they win over what flags and files say."""
    info = facts.info
    found: dict[str, Setting] = {
        key: {"value": at(info, *path), "source": f"GET /info: {'.'.join(path)}"}
        for key, path in {
            "authorization-plugins": ("Plugins", "Authorization"),
            "data-root": ("DockerRootDir",),
            "debug": ("Debug",),
            "experimental": ("ExperimentalBuild",),
            "live-restore": ("LiveRestoreEnabled",),
            "log-driver": ("LoggingDriver",),
        }.items()
        if isinstance(info.get(path[0]), (bool, str, dict))
    }
    if "authorization-plugins" in found:
        found["authorization-plugins"] = {
            **found["authorization-plugins"],
            "value": texts(info, "Plugins", "Authorization"),
        }
    icc = text(facts.bridge, "Options", f"{_BRIDGE}enable_icc")
    if icc:
        found["icc"] = {"value": icc == "true", "source": "network bridge: enable_icc"}
    if options is not None and _tells_no_new_privileges(version):
        found["no-new-privileges"] = {"value": "no-new-privileges" in options, "source": "GET /info: SecurityOptions"}
    return found


def _tells_no_new_privileges(version: str) -> bool:
    """Engines list this default among their security options since 24.0."""
    parsed = versions.parse(version)
    return parsed is not None and parsed >= (24,)


def _configured(daemon: Json) -> dict[str, Setting]:
    """Settings by flags, then by file. With the file unreadable, keys that no flag sets are unknown."""
    config = mapping(daemon, "config")
    path = text(config, "path") or "daemon.json"
    known = isinstance(daemon.get("flags"), dict)
    values = mapping(config, "values")
    readable = known and not config.get("error") and isinstance(config.get("values"), (dict, type(None)))
    found: dict[str, Setting] = {}
    for key, default in DEFAULTS.items():
        found[key] = {"value": default, "source": "default"} if readable else {"value": None, "source": path}
    found.update({key: {"value": value, "source": path} for key, value in values.items() if value is not None})
    found.update({key: {"value": value, "source": "dockerd flag"} for key, value in mapping(daemon, "flags").items()})
    return found


def _effective(configured: Json, truth: Json) -> dict[str, Setting]:
    return {**configured, **truth}


def _pending(configured: Json, truth: Json) -> list[dict[str, t.Any]] | None:
    """Keys that are set to one thing while the running daemon does another: it was not restarted since."""
    if any(setting["value"] is None for setting in configured.values()):
        return None
    return [
        {
            "key": key,
            "configured": configured[key]["value"],
            "running": truth[key]["value"],
            "source": configured[key]["source"],
        }
        for key in sorted(set(configured) & set(truth))
        if configured[key]["source"] != "default" and configured[key]["value"] != truth[key]["value"]
    ]


def _insecure_registries(info: Json) -> list[str] | None:
    """Registries spoken to without verified TLS, less the loopback ones that the engine adds by itself."""
    registry = info.get("RegistryConfig")
    if not isinstance(registry, dict):
        return None
    named = [name for name, index in mapping(registry, "IndexConfigs").items() if at(index, "Secure") is False]
    return sorted(name for name in {*texts(registry, "InsecureRegistryCIDRs"), *named} if not _is_loopback(name))


def _is_loopback(address: str) -> bool:
    """Whether a host, host:port or network is this machine only."""
    host = address if "/" in address else address.rpartition("]")[0].lstrip("[") or address.partition(":")[0]
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_network(host, strict=False).is_loopback
    except ValueError:
        return False


def _metrics(effective: Json) -> dict[str, t.Any] | None:
    """Where metrics are served, and whether other machines can read them."""
    address = at(effective, "metrics-addr", "value")
    if not isinstance(address, str):
        return None
    return {"address": address, "exposed": address != "" and not _is_loopback(address)}


def _logs(effective: Json) -> dict[str, t.Any] | None:
    """Null when the options are not known."""
    options = at(effective, "log-opts", "value")
    found = {"driver": at(effective, "log-driver", "value"), "options": options}
    return driver(found, "driver", "options") if isinstance(options, dict) else None


def _sockets(daemon: Json) -> list[str]:
    """Unix sockets that the daemon answers on; those in its own run directory are for its parts and plugins."""
    paths = [re.sub("^/var/run/", "/run/", text(entry, "path")) for entry in mappings(daemon, "listeners")]
    return sorted({path for path in paths if path.startswith("/") and "/docker/" not in path})


def _loose_ulimits(effective: Json, limits: Json) -> list[str] | None:
    """What is wrong with the default ulimits; None when they are unknown."""
    ulimits = at(effective, "default-ulimits", "value")
    if not isinstance(ulimits, dict):
        return None
    missing = [] if "nofile" in ulimits else ["nofile is not set"]
    hard = {name: number(at(limit, "Hard")) for name, limit in ulimits.items()}
    return missing + [f"{name}={value}" for name, value in sorted(hard.items()) if exceeds(value, limits.get(name))]


def exceeds(limit: int | None, most: int | None) -> bool:
    """Whether a hard limit is none at all (-1, absent), or above the most that the policy lets it be."""
    return limit is None or limit < 0 or (most is not None and limit > most)
