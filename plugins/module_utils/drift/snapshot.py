# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's state as a baseline keeps it: normalised, so that only what somebody changed is different. Pure.

A snapshot: ``schema``, ``tool``, ``host``, ``collected_at``; ``state``, what is compared; ``context``, what is not
compared but says what differences mean: ``config_changed_at`` and ``started_at`` of the daemon (seconds since the
epoch), ``pending`` (settings that are not in effect yet, each with ``configured`` and ``running``) and ``created_at``
of the containers. A null in the state could not be read.
"""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.collect.facts import Facts, Tenant
from ansible_collections.bulkhead.docker.plugins.module_utils.drift.containers import container
from ansible_collections.bulkhead.docker.plugins.module_utils.model import SCHEMA, TOOL, VERSION
from ansible_collections.bulkhead.docker.plugins.module_utils.rules.policy import POLICY
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_daemon import daemon_document, security_options
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_shape import (
    Json,
    at,
    mapping,
    mappings,
    sequence,
    text,
    texts,
)

State = dict[str, t.Any]

#: Variables that systemd sets for every service, each time anew.
_SYSTEMD = (
    "FDSTORE HOME INVOCATION_ID JOURNAL_STREAM LANG LISTEN_FDNAMES LISTEN_FDS LISTEN_PID LOGNAME MEMORY_PRESSURE_WATCH "
    "MEMORY_PRESSURE_WRITE NOTIFY_SOCKET PATH SHELL SYSTEMD_EXEC_PID USER WATCHDOG_PID WATCHDOG_USEC"
)
#: Chains that Docker fills, with the addresses of its containers.
_DOCKERS = re.compile(r"DOCKER(?!-USER)|BULKHEAD-|KUBE-|f2b-|FAIL2BAN")
_DOCKERS_RULES = re.compile(
    r"-[io] (?:docker0|br-[0-9a-f]{12})\b|-j (?:DOCKER(?!-USER)|BULKHEAD-)|--match-set docker-ext"
)
_BUILT_IN = ("bridge", "host", "none")
_CERTIFICATE = ("subject", "issuer", "names", "addresses", "key", "bits", "signature")
_NOTHING: Json = {}


def snapshot(facts: Facts, tenants: t.Sequence[Tenant], more: Json, collected_at: str) -> State:
    """``more``: what ``collect.baseline`` adds."""
    state = {**_engine_parts(facts, more), **_host_parts(facts, more)}
    state["users"] = {one.name: _engine_parts(one.facts, _NOTHING) if one.facts else None for one in tenants}
    return {
        "schema": SCHEMA,
        "tool": {"name": TOOL, "version": VERSION},
        "host": {"name": text(facts.info, "Name")},
        "collected_at": collected_at,
        "state": json.loads(json.dumps(state)),
        "context": context(facts),
    }


def context(facts: Facts) -> State:
    pending = daemon_document(facts, POLICY)["pending"] if facts.version else None
    return {
        "config_changed_at": facts.daemon.get("config_mtime"),
        "started_at": facts.daemon.get("started_at"),
        "pending": {one["key"]: {"configured": one["configured"], "running": one["running"]} for one in pending or []},
        "created_at": {one["name"]: text(one, "inspect", "Created") for one in facts.containers},
    }


def _engine_parts(facts: Facts, more: Json) -> State:
    """Nothing is known of an engine that does not run."""
    config = mapping(facts.daemon, "config")
    readable = not config.get("error") and isinstance(config.get("values"), (dict, type(None)))
    flags, names = facts.daemon.get("flags"), facts.daemon.get("environment")
    found: State = {
        "daemon": {
            "configured": _settings(mapping(config, "values")) if config and readable else None,
            "flags": _settings(flags) if isinstance(flags, dict) else None,
            "environment": sorted(set(names) - {*_SYSTEMD.split()}) if isinstance(names, list) else None,
        }
    }
    if not facts.version:
        return {
            **found,
            **dict.fromkeys(("engine", "defaults", "listeners", "containers", "networks", "volumes", "plugins")),
        }
    by_id = {one["id"]: one["name"] for one in facts.containers}
    return {
        **found,
        "engine": _engine(facts),
        "defaults": _defaults(facts),
        "listeners": _listeners(facts.daemon),
        "certificates": _certificates(facts.daemon.get("certificates")),
        "containers": {one["name"]: container(one, by_id) for one in facts.containers},
        "images": _images(facts, more),
        "networks": {text(one, "Name"): _network(one) for one in facts.networks},
        "volumes": _volumes(more.get("volumes")),
        "plugins": _plugins(more.get("plugins")),
    }


def _settings(values: Json) -> State:
    """Lists of daemon.json are sets, but for those that name who is asked first."""
    ordered = ("dns", "authorization-plugins", "registry-mirrors", "dns-search")
    return {
        key: sorted(value, key=repr) if isinstance(value, list) and key not in ordered else value
        for key, value in values.items()
        if value is not None
    }


def _engine(facts: Facts) -> State:
    info, registry = facts.info, mapping(facts.info, "RegistryConfig")
    options = security_options(info)
    networks = mapping(registry, "IndexConfigs").items()
    return {
        "version": text(facts.version, "Version") or text(info, "ServerVersion"),
        "components": {
            text(one, "Name"): text(one, "Version")
            for one in mappings(facts.version, "Components")
            if one.get("Name") != "Engine"
        },
        "security_options": None
        if options is None
        else {name: {key: value for key, value in one.items() if key != "name"} for name, one in options.items()},
        "storage_driver": text(info, "Driver"),
        "data_root": text(info, "DockerRootDir"),
        "cgroup_driver": text(info, "CgroupDriver"),
        "runtimes": {
            name: [text(one, "path"), *texts(one, "runtimeArgs")] for name, one in mapping(info, "Runtimes").items()
        },
        "authorization": texts(info, "Plugins", "Authorization"),
        "live_restore": at(info, "LiveRestoreEnabled"),
        "debug": at(info, "Debug"),
        "experimental": at(info, "ExperimentalBuild"),
        "insecure_registries": sorted(
            {*texts(registry, "InsecureRegistryCIDRs"), *(name for name, one in networks if at(one, "Secure") is False)}
        ),
        "registry_mirrors": texts(registry, "Mirrors"),
        "swarm": text(info, "Swarm", "LocalNodeState") or "inactive",
        "proxies": {name: text(info, name) for name in ("HttpProxy", "HttpsProxy", "NoProxy")},
    }  # fmt: skip


def _defaults(facts: Facts) -> State:
    """What containers get that are made now, where a container shows what it got."""
    told = {**mapping(facts.daemon, "config", "values"), **mapping(facts.daemon, "flags")}
    second = text(facts.info, "CgroupVersion") == "2"
    return {
        "log-driver": text(facts.info, "LoggingDriver"),
        "default-runtime": text(facts.info, "DefaultRuntime"),
        "no-new-privileges": told.get("no-new-privileges", False),
        "default-ipc-mode": told.get("default-ipc-mode", "private"),
        "default-cgroupns-mode": told.get("default-cgroupns-mode", "private" if second else "host"),
    }


def _listeners(daemon: Json) -> State | None:
    """The API's on TCP, by address; its Unix sockets are among the files."""
    if not isinstance(daemon.get("listeners"), list):
        return None
    return {
        f"{text(one, 'address')}:{one.get('port')}": {
            "protocol": at(one, "tls", "protocol"),
            "client_certificate": at(one, "tls", "client_certificate"),
        }
        for one in mappings(daemon, "listeners")
        if one.get("proto") == "tcp"
    }


def _certificates(found: t.Any) -> State | None:
    """A renewed one, by the same authority and for the same names, is no drift; another authority is."""
    if not isinstance(found, dict):
        return None
    return {
        option: {
            "path": text(one, "path"),
            "certificates": [
                {key: at(cert, key) for key in (*_CERTIFICATE, *(["fingerprint"] if option == "tlscacert" else []))}
                for cert in mappings(one, "certificates")
            ],
        }
        for option, one in found.items()
    }


def _network(network: Json) -> State:
    own = text(network, "Name") not in _BUILT_IN
    return {
        "driver": text(network, "Driver"),
        "internal": at(network, "Internal") is True,
        "attachable": at(network, "Attachable") is True,
        "ipv6": at(network, "EnableIPv6") is True,
        "options": mapping(network, "Options"),
        "labels": mapping(network, "Labels") if own else {},
    }


def _volumes(listed: t.Any) -> State | None:
    if not isinstance(listed, list):
        return None
    return {text(one, "Name"): {"driver": text(one, "Driver"), "options": mapping(one, "Options")} for one in listed}


def _plugins(listed: t.Any) -> State | None:
    if not isinstance(listed, list):
        return None
    return {
        text(one, "Name"): {
            "enabled": at(one, "Enabled") is True,
            "reference": text(one, "PluginReference"),
            "network": text(one, "Config", "Network", "Type"),
            "capabilities": sorted(texts(one, "Config", "Linux", "Capabilities")),
            "mounts": sorted(
                f"{text(m, 'Source')}:{text(m, 'Destination')}" for m in mappings(one, "Settings", "Mounts")
            ),
            "devices": sorted(text(d, "Path") for d in mappings(one, "Settings", "Devices")),
        }
        for one in listed
    }


def _images(facts: Facts, more: Json) -> State | None:
    """Digests of the images that containers were made from, by image id."""
    if not isinstance(more.get("images"), list):
        return None
    used = {text(one, "inspect", "Image") for one in facts.containers}
    return {one["id"]: sorted(one["digests"]) for one in more["images"] if one["id"] in used}


def _host_parts(facts: Facts, more: Json) -> State:
    host: Json = facts.host if isinstance(facts.host, dict) else {}
    return {
        "files": _files(host, more, _told(facts.daemon)),
        "units": _units(more.get("units")),
        "sysctl": more.get("sysctl"),
        "groups": _groups(host),
        "sudo": _sudo(host),
        "mounts": _mounts(host, text(facts.info, "DockerRootDir")),
        "firewall": _firewall(host.get("firewall")),
        "logging": _logging(host.get("logging")),
        "auditing": _auditing(host.get("auditing")),
        "confinement": _confinement(host.get("confinement")),
    }


def _told(daemon: Json) -> set[str]:
    """Files whose content is told in words of its own: daemon.json, certificates."""
    return {text(daemon, "config", "path"), *(text(one, "path") for one in mapping(daemon, "certificates").values())}


def _files(host: Json, more: Json, told: t.Collection[str]) -> State:
    """Sockets and directories, too."""
    found = {path: _file(one) for path, one in mapping(host, "files").items() if not at(one, "abstract")}
    found.update({path: _file(one) for path, one in mapping(host, "directories").items()})
    for path, one in mapping(more, "files").items():
        found[path] = {
            **_file(one),
            "acl": at(found.get(path), "acl"),
            "content": None if path in told else at(one, "content"),
        }
    return found


def _file(seen: t.Any) -> State:
    if at(seen, "error"):
        return dict.fromkeys(("owner", "mode", "acl", "link", "content"))
    return {
        "owner": text(seen, "owner"),
        "mode": text(seen, "mode"),
        "acl": at(seen, "acl"),
        "link": at(seen, "link"),
        "content": None,
    }


def _units(found: t.Any) -> State | None:
    if not isinstance(found, dict):
        return None
    return {name: {key: value for key, value in one.items() if value is not None} for name, one in found.items()}


def _groups(host: Json) -> State | None:
    if not isinstance(host.get("groups"), dict):
        return None
    return {text(one, "name"): sorted(texts(one, "members")) for one in mapping(host, "groups").values()}


def _sudo(host: Json) -> State | None:
    if not isinstance(host.get("sudo"), dict):
        return None
    return {text(one, "who"): sorted(texts(one, "commands")) for one in mappings(host, "sudo", "grants")}


def _mounts(host: Json, data_root: str) -> State | None:
    """Of the file systems that hold the engine's data."""
    if not isinstance(host.get("mounts"), list):
        return None
    homes = [data_root or "/var/lib/docker", text(host, "containerd_root") or "/var/lib/containerd"]
    entries = mappings(host, "mounts")
    found = {}
    for home in homes:
        above = [one for one in entries if f"{home}/".startswith(text(one, "path").rstrip("/") + "/")]
        if above:
            one = max(above, key=lambda entry: len(text(entry, "path")))
            found[home] = {
                "path": text(one, "path"),
                "type": text(one, "type"),
                "options": sorted(texts(one, "options")),
            }
    return found


def _firewall(found: t.Any) -> State | None:
    """Chains but Docker's, which follow its containers, and ours, of which ``pending`` says whether all is in force."""
    if not isinstance(found, dict):
        return None
    return {
        "pending": sorted(texts(found, "pending")),
        "managed": at(found, "managed") is True,
        "ipv4": chains(found.get("iptables")),
        "ipv6": chains(found.get("ip6tables")),
    }


def chains(lines: t.Any) -> State | None:
    """The policy and the rules of each chain, in their order."""
    if not isinstance(lines, list):
        return None
    found: State = {}
    for line in lines:
        fields = line.split()
        name = fields[0][1:] if line.startswith(":") else fields[1]
        if _DOCKERS.match(name):
            continue
        if line.startswith(":"):
            found[name] = {"policy": fields[1], "rules": []}
        elif not _DOCKERS_RULES.search(line):
            found.setdefault(name, {"policy": "-", "rules": []})["rules"].append(" ".join(fields[2:]))
    return found


def _logging(found: t.Any) -> State | None:
    if not isinstance(found, dict):
        return None
    return {
        "forwards": {
            f"{text(one, 'source')} {text(one, 'target')}": {
                "tls": at(one, "tls"), "auth": text(one, "auth"), "peers": sorted(texts(one, "peer"))
            }
            for one in mappings(found, "forwards")
        },
        "recorder": at(found, "pulse") is not None,
    }  # fmt: skip


def _auditing(found: t.Any) -> State | None:
    if not isinstance(found, dict) or found.get("rules") is None:
        return None
    enabled = {0: "off", 1: "on", 2: "locked"}.get(at(found, "enabled"))
    rules = [
        " ".join(f"{key}={one[key]}" for key in sorted(one) if one[key] not in (None, [], ""))
        for one in sequence(found, "rules")
    ]
    return {"enabled": enabled, "rules": dict.fromkeys(rules, True)}


def _confinement(found: t.Any) -> State | None:
    if not isinstance(found, dict):
        return None
    return {name: mapping(found, name) for name in ("apparmor", "selinux")}
