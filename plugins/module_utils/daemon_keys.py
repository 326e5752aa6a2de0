# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every key of daemon.json that matters to us, as data: a new key is a new row.

Checked against the engines themselves: each row's acceptance was probed with ``dockerd --validate`` on 26.1 and 28.5.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """One daemon.json key.

    ``since`` is the first engine that knows it, ``until`` the first that refuses it, ``inert`` the first that
    ignores it.
    ``flag`` is the long option of dockerd when it differs from the name; "" when there is none.
    """

    name: str
    kind: str = "str"
    effect: str = "restart"  # or reload: a SIGHUP suffices
    since: str = "20.10"
    until: str = ""
    inert: str = ""
    recreate: bool = False  # existing containers keep the old default
    bridge: bool = False  # a setting of the default bridge, which keeps it while live-restore carries containers over
    moves_data: bool = False  # another value makes images, containers or volumes invisible
    reset: t.Any = None  # the default: a reload keeps what a removed key said, so it is told this first
    choices: tuple[str, ...] = ()
    flag: str = "="
    short: str = ""
    hint: str = ""

    @property
    def option(self) -> str:
        return self.name if self.flag == "=" else self.flag


_UNKNOWN = "0"  # `until` of keys that no supported engine accepts
_NO_DEFAULT = "the engine has no daemon-wide default for it; set it on each container"

_ROWS: tuple[Key, ...] = (
    # listeners
    Key("hosts", "strings", flag="host", short="H"),
    Key("tls", "bool"),
    Key("tlsverify", "bool"),
    Key("tlscacert", "path"),
    Key("tlscert", "path"),
    Key("tlskey", "path"),
    Key("group", short="G"),
    Key("authorization-plugins", "strings", "reload", flag="authorization-plugin", reset=[]),
    Key("api-cors-header", until="28.0", inert="28.0", hint="put a reverse proxy in front if CORS headers are needed"),
    Key("min-api-version", "api_version", since="29.0", flag=""),
    # the network
    Key("icc", "bool", bridge=True),
    Key("iptables", "bool"),
    Key("ip6tables", "bool"),
    Key("firewall-backend", choices=("", "iptables", "nftables"), since="29.0"),
    Key("bridge-accept-fwmark", since="29.0"),
    Key("allow-direct-routing", "bool", since="28.2"),
    Key("ip-forward", "bool"),
    Key("ip-forward-no-drop", "bool", since="28.0"),
    Key("ip-masq", "bool", bridge=True),
    Key("ip", "ip", bridge=True),
    Key("ipv6", "bool", bridge=True),
    Key("default-network-opts", "map_of_maps", since="24.0", flag="default-network-opt"),
    Key("default-address-pools", "pools", flag="default-address-pool"),
    Key("bridge", short="b", bridge=True),
    Key("bip", "interface", bridge=True),
    Key("bip6", "interface", since="28.0", bridge=True),
    Key("fixed-cidr", "network", bridge=True),
    Key("fixed-cidr-v6", "network", bridge=True),
    Key("default-gateway", "ip", bridge=True),
    Key("default-gateway-v6", "ip", bridge=True),
    Key("host-gateway-ip", "ip", flag="host-gateway-ip"),
    Key("host-gateway-ips", "ips", since="28.0", flag="host-gateway-ip"),
    Key("mtu", "int", bridge=True),
    Key("network-control-plane-mtu", "int"),
    Key("userland-proxy", "bool"),
    Key("userland-proxy-path", "path"),
    Key("dns", "ips", recreate=True),
    Key("dns-opts", "strings", recreate=True, flag="dns-opt"),
    Key("dns-search", "strings", recreate=True),
    # what containers get by default
    Key("userns-remap", moves_data=True),
    Key("no-new-privileges", "bool", recreate=True),
    Key("seccomp-profile", recreate=True),
    Key("selinux-enabled", "bool", recreate=True),
    Key("default-cgroupns-mode", choices=("host", "private"), recreate=True),
    Key("default-ipc-mode", choices=("private", "shareable"), recreate=True),
    Key("default-ulimits", "ulimits", recreate=True, flag="default-ulimit"),
    Key("default-shm-size", "size", "reload", recreate=True, reset="64M"),
    Key("default-runtime", effect="reload", recreate=True, reset="runc"),
    Key("runtimes", "objects", "reload", flag="add-runtime"),
    Key("cgroup-parent"),
    Key("exec-opts", "strings", flag="exec-opt"),
    Key("cpu-rt-period", "int"),
    Key("cpu-rt-runtime", "int"),
    Key("oom-score-adjust", "int", until="26.0", hint="set OOMScoreAdjust= in a drop-in of docker.service"),
    Key("init", "bool", recreate=True),
    Key("init-path", recreate=True),
    # life of the daemon
    Key("live-restore", "bool", "reload", reset=False),
    Key("shutdown-timeout", "int", "reload", reset=15),
    Key("default-stop-timeout", "int", "reload", since="29.7"),
    Key("max-concurrent-downloads", "int", "reload", reset=3),
    Key("max-concurrent-uploads", "int", "reload", reset=5),
    Key("max-download-attempts", "int", "reload", reset=5),
    Key("experimental", "bool"),
    Key("features", "bool_map", flag="feature"),
    Key("labels", "strings", "reload", flag="label", reset=[]),
    Key("node-generic-resources", "strings", flag="node-generic-resource"),
    Key("swarm-default-advertise-addr"),
    Key("pidfile", "path", short="p"),
    Key("rootless", "bool"),
    # logs
    Key("log-driver", recreate=True),
    Key("log-opts", "string_map", recreate=True, flag="log-opt"),
    Key("log-level", choices=("debug", "info", "warn", "error", "fatal"), short="l"),
    Key("log-format", choices=("text", "json"), since="25.0"),
    Key("debug", "bool", "reload", short="D", reset=False),
    Key("raw-logs", "bool"),
    # registries, proxies, builds
    Key("insecure-registries", "strings", "reload", flag="insecure-registry", reset=[]),
    Key("registry-mirrors", "urls", "reload", flag="registry-mirror", reset=[]),
    Key("allow-nondistributable-artifacts", "strings", "reload", inert="28.1"),
    Key("proxies", "proxies", since="23.0", flag=""),
    Key("builder", "object", flag=""),
    # containerd, devices
    Key("containerd"),
    Key("containerd-namespace"),
    Key("containerd-plugins-namespace"),
    Key("cri-containerd", "bool"),
    Key("cdi-spec-dirs", "strings", since="25.0", flag="cdi-spec-dir"),
    Key("nri-opts", "object", "reload", since="29.2", flag="nri-opts"),
    # data
    Key("storage-driver", short="s", moves_data=True),
    Key("storage-opts", "strings", flag="storage-opt"),
    Key("data-root", "path", moves_data=True),
    Key("exec-root", "path"),
    # open doors
    Key("metrics-addr"),
    Key("network-diagnostic-port", "int", "reload"),
    # refused by every engine from some version on
    Key("cluster-store", until="23.0", hint="external key-value stores are gone; use Swarm mode or nothing"),
    Key("cluster-advertise", until="23.0", hint="external key-value stores are gone; use Swarm mode or nothing"),
    Key(
        "cluster-store-opts",
        "string_map",
        until="23.0",
        hint="external key-value stores are gone",
        flag="cluster-store-opt",
    ),
    Key("graph", until="23.0", hint="use data-root"),
    Key("deprecated-key-path", inert="24.0"),
    Key(
        "content-trust",
        "object",
        until=_UNKNOWN,
        flag="",
        hint="it belonged to the Enterprise engine; verify image signatures in the registry or at deployment",
    ),
    Key("default-init", until=_UNKNOWN, flag="", hint="use init and init-path"),
    Key("resolv-conf", until=_UNKNOWN, flag="", hint="use dns, dns-opts and dns-search"),
    Key("containerd-plugin-namespace", until=_UNKNOWN, flag="", hint="it is spelled containerd-plugins-namespace"),
    Key("swarm-raft-heartbeat-tick", "int", until=_UNKNOWN, flag="", hint="use docker swarm update"),
    Key("swarm-raft-election-tick", "int", until=_UNKNOWN, flag="", hint="use docker swarm update"),
    Key("config-file", until=_UNKNOWN, hint="it is an option of dockerd only"),
    Key("http-proxy", until=_UNKNOWN, hint="put it inside proxies; at the top level the engine ignores it"),
    Key("https-proxy", until=_UNKNOWN, hint="put it inside proxies; at the top level the engine ignores it"),
    Key("no-proxy", until=_UNKNOWN, hint="put it inside proxies; at the top level the engine ignores it"),
    Key("pids-limit", until=_UNKNOWN, flag="", hint=_NO_DEFAULT),
    Key("read-only", until=_UNKNOWN, flag="", hint=_NO_DEFAULT),
    Key("cap-drop", until=_UNKNOWN, flag="", hint=_NO_DEFAULT),
    Key("memory", until=_UNKNOWN, flag="", hint=_NO_DEFAULT),
)

KEYS: dict[str, Key] = {row.name: row for row in _ROWS}

# Flags whose daemon.json spelling lies one level deeper.
NESTED_FLAGS: dict[str, tuple[str, str]] = {
    "http-proxy": ("proxies", "http-proxy"),
    "https-proxy": ("proxies", "https-proxy"),
    "no-proxy": ("proxies", "no-proxy"),
}
