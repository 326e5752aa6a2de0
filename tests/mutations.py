# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How to break each setting of a hardened host, one at a time, as data.

A mutant differs from the good container, or the good daemon, in what its row says and in nothing else; the audit must
turn red for exactly its rule and for those that the row says are implied.
"""

from __future__ import annotations

import dataclasses
import typing as t

Values = t.Mapping[str, t.Sequence[str]]

#: What the audit is told in the scenario.
POLICY: dict[str, t.Any] = {"declared_ports": {"container-declared-ports*": []}, "logs_shipped_by": "rsyslog"}

#: Options of `docker run` of a container that passes every rule.
GOOD_CONTAINER: dict[str, list[str]] = {
    "user": ["1000:1000"],
    "read-only": ["true"],
    "cap-drop": ["ALL"],
    "security-opt": ["no-new-privileges"],
    "memory": ["32m"],
    "memory-swap": ["32m"],
    "cpus": ["0.25"],
    "pids-limit": ["32"],
    "restart": ["on-failure:5"],
    "network": ["app"],
    "tmpfs": ["/tmp:rw,noexec,nosuid,nodev,size=16m"],
    "publish": ["127.0.0.1::8080"],
    "health-cmd": ["true"],
    "health-interval": ["5m"],
}


@dataclasses.dataclass(frozen=True)
class Container:
    """A container with other values for some options (none: without the option), and what is done to it afterwards."""

    rule: str
    options: Values = dataclasses.field(default_factory=dict)
    implied: t.Sequence[str] = ()
    perhaps: t.Sequence[str] = ()  # implied where the host has what the rule is about
    image: str = "app:1.0"
    command: t.Sequence[str] = ()
    then: str = ""  # a shell command, with {name} for the container
    engine: int = 20  # the first major version that can do this
    variant: str = ""

    @property
    def name(self) -> str:
        return f"{self.rule}{self.variant and '.' + self.variant}"


NO_PORTS: dict[str, list[str]] = {"publish": []}

CONTAINERS: tuple[Container, ...] = (
    Container("container-non-root", {"user": []}),
    Container("container-capabilities-added", {"cap-add": ["NET_RAW"]}),
    Container("container-capabilities-dropped", {"cap-drop": []}),
    Container(
        "container-privileged",
        {"privileged": ["true"]},
        implied=(
            "container-capabilities-added",
            "container-capabilities-dropped",
            "container-devices",
            "container-masked-paths",
            "container-seccomp",
        ),
        perhaps=("container-apparmor", "container-selinux"),
    ),
    Container("container-host-network", {"network": ["host"], **NO_PORTS}),
    Container("container-host-pid", {"pid": ["host"]}),
    Container("container-host-ipc", {"ipc": ["host"]}),
    Container("container-host-uts", {"uts": ["host"]}),
    Container("container-host-userns", {"userns": ["host"]}),
    Container("container-joined-namespaces", {"network": ["container:good"], **NO_PORTS}),
    Container("container-seccomp", {"security-opt": ["no-new-privileges", "seccomp=unconfined"]}),
    Container("container-no-new-privileges", {"security-opt": ["no-new-privileges=false"]}),
    Container("container-masked-paths", {"security-opt": ["no-new-privileges", "systempaths=unconfined"]}),
    Container(
        "container-writable-cgroups", {"security-opt": ["no-new-privileges", "writable-cgroups=true"]}, engine=28
    ),
    Container("container-groups", {"group-add": ["root"]}),
    Container(
        "container-exec-privileged",
        then="docker exec --detach --privileged {name} sleep 1000",
        engine=23,  # older ones ask for capabilities that a lab host may not have
    ),
    Container("container-exec-root", then="docker exec --detach --user 0 {name} sleep 1000"),
    Container("container-sshd", {"volume": ["/srv/sshd:/bin/sshd:ro"]}, command=["/bin/sshd"]),
    Container("container-engine-socket", {"volume": ["/var/run/docker.sock:/docker.sock:ro"]}),
    Container(
        "container-engine-socket",
        {"volume": ["/run:/host:ro"]},
        implied=("container-sensitive-mounts",),
        variant="directory",
    ),
    Container("container-sensitive-mounts", {"volume": ["/etc/systemd:/host:ro"]}),
    Container("container-mount-propagation", {"volume": ["/srv/shared:/shared:rshared"]}),
    Container("container-volumes-from", {"volumes-from": ["good"]}),
    Container("container-devices", {"device": ["/dev/fuse"]}),
    Container("container-devices", {"volume": ["/dev/fuse:/dev/fuse"]}, variant="bind"),
    Container("container-privileged-ports", {"publish": ["127.0.0.1:81:8080"]}),
    Container("container-declared-ports"),
    Container("container-publish-address", {"publish": ["0.0.0.0:8088:8080"]}),
    Container("container-publish-all", {"publish-all": ["true"]}),
    Container("container-default-bridge", {"network": ["bridge"]}),
    Container("container-memory-limit", {"memory": [], "memory-swap": []}),
    Container("container-cpu-limit", {"cpus": []}),
    Container("container-pids-limit", {"pids-limit": []}),
    Container("container-ulimits", {"ulimit": ["core=1:1"]}),
    Container("container-restart-policy", {"restart": ["always"]}),
    Container("container-restart-policy", {"restart": ["on-failure"]}, variant="endless"),
    Container("container-cgroup-parent", {"cgroup-parent": ["elsewhere.slice"]}),
    Container("container-read-only", {"read-only": []}),
    Container("container-health-check", {"health-cmd": [], "health-interval": []}),
    Container("container-image-pinned", image="app:latest"),
    Container("container-logging", {"log-driver": ["none"]}),
    Container("container-secret-environment", {"env": ["DB_PASSWORD=canary-5e1f"]}),
    Container("container-secret-metadata", {"label": ["api_token=canary-5e1f"]}),
)

#: daemon.json of a daemon that passes every rule but those of OPEN.
GOOD_DAEMON: dict[str, t.Any] = {
    "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 1024, "Hard": 1024}},
    "icc": False,
    "live-restore": True,
    "log-driver": "journald",
    "no-new-privileges": True,
    "userland-proxy": False,
}

#: Red on the good daemon, too.
OPEN: dict[str, str] = {
    "daemon-rootless": "the lab's engines are run by root",
    "daemon-userns-remap": "see MENDED",
    "daemon-authorization-plugin": "the lab has no plugin",
}


@dataclasses.dataclass(frozen=True)
class Daemon:
    """Other values for some keys (None: without the key), options of dockerd, lines of the unit; then a restart."""

    rule: str
    keys: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    flags: str = ""
    unit: str = ""
    then: str = ""
    undo: str = ""
    restart: bool = True
    policy: t.Mapping[str, t.Any] = dataclasses.field(default_factory=lambda: POLICY)
    engine: int = 20
    variant: str = ""

    @property
    def name(self) -> str:
        return f"{self.rule}{self.variant and '.' + self.variant}"


TLS = "--tlsverify --tlscacert=/srv/tls/cert.pem --tlscert=/srv/tls/cert.pem --tlskey=/srv/tls/key.pem"

DAEMONS: tuple[Daemon, ...] = (
    Daemon("daemon-icc", {"icc": True}),
    Daemon("daemon-log-level", {"log-level": "warn"}),
    Daemon("daemon-log-level", {"debug": True}, variant="debug"),
    Daemon("daemon-iptables", {"ip6tables": False}),
    Daemon("daemon-insecure-registries", {"insecure-registries": ["registry.example:5000"]}),
    Daemon("daemon-tls", flags="-H tcp://127.0.0.1:2375"),
    Daemon("daemon-tcp-address", flags=f"-H tcp://0.0.0.0:2376 {TLS}"),
    Daemon("daemon-default-ulimits", {"default-ulimits": None}),
    Daemon("daemon-cgroup-parent", {"cgroup-parent": "elsewhere.slice"}),
    Daemon("daemon-log-driver", {"log-driver": "json-file"}),
    Daemon("daemon-logs-off-host", restart=False, policy={}),
    Daemon("daemon-no-new-privileges", {"no-new-privileges": False}),
    Daemon("daemon-live-restore", {"live-restore": None}),
    Daemon("daemon-userland-proxy", {"userland-proxy": None}),
    Daemon("daemon-userland-proxy", {"userland-proxy": None}, flags="--userland-proxy=true", variant="flag"),
    Daemon("daemon-seccomp-profile", {"seccomp-profile": "unconfined"}, engine=23),
    Daemon("daemon-experimental", {"experimental": True}),
    Daemon(
        "daemon-swarm",
        {"live-restore": None},  # does not go with Swarm, and the rule about it knows
        then="docker swarm init --advertise-addr 127.0.0.1",
        undo="docker swarm leave --force",
    ),
    Daemon("daemon-settings-live", {"log-driver": "local"}, restart=False),
    Daemon("daemon-metrics-address", {"metrics-addr": "0.0.0.0:9323"}),
    Daemon("daemon-raw-rules", unit="Environment=DOCKER_INSECURE_NO_IPTABLES_RAW=1", engine=28),
    Daemon("daemon-raw-rules", {"allow-direct-routing": True}, engine=28, variant="key"),
)

#: Other way round: red on the good daemon, and green with these keys.
MENDED: dict[str, dict[str, t.Any]] = {"daemon-userns-remap": {"userns-remap": "default"}}

#: Rules that nothing on a lab host can turn red, or green, and why; their cases must do.
IMMUTABLE: dict[str, str] = {
    "container-apparmor": "a host that is itself a container has no AppArmor of its own",
    "container-selinux": "a host that is itself a container has no SELinux of its own",
    "container-host-cgroupns": "on cgroup v1, which lab hosts may be on, it does not apply",
    "daemon-rootless": "another engine, not another setting",
    "daemon-authorization-plugin": "needs a plugin, which has to be fetched",
    "daemon-authorization-bypass": "needs a plugin, which has to be fetched",
    "daemon-base-device-size": "needs devicemapper, which the kernel or the engine no longer has",
    "daemon-storage-aufs": "needs aufs, which the kernel or the engine no longer has",
    "daemon-storage-devicemapper": "needs devicemapper, which the kernel or the engine no longer has",
    "daemon-min-api-version": "no Debian release has an engine that is new enough",
}
