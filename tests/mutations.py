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
    Container(
        "container-seccomp", {"security-opt": ["no-new-privileges", "seccomp=/srv/allow.json"]}, variant="permissive"
    ),
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
    Container(
        "container-socket-proxy",
        {"volume": ["/var/run/docker.sock:/var/run/docker.sock:ro"], "env": ["CONTAINERS=1", "POST=0"], "publish": []},
        implied=("container-engine-socket",),
        image="tecnativa/docker-socket-proxy:1.0",
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
    Container("container-log-driver", {"log-driver": ["local"]}),
    Container("container-log-limits", {"log-driver": ["json-file"]}, implied=("container-log-driver",)),
    Container(
        "container-log-blocking",
        {"log-driver": ["syslog"], "log-opt": ["syslog-address=udp://127.0.0.1:514"]},
        implied=("container-log-driver",),
    ),
    Container("container-secret-environment", {"env": ["DB_PASSWORD=canary-5e1f"]}),
    Container("container-secret-metadata", {"label": ["api_token=canary-5e1f"]}),
)

#: What only a machine of its own can show, as VM_HOSTS.
VM_CONTAINERS: tuple[Container, ...] = (
    Container("container-apparmor", {"security-opt": ["no-new-privileges", "apparmor=unconfined"]}),
)
SELINUX_CONTAINERS: tuple[Container, ...] = (
    Container("container-selinux", {"security-opt": ["no-new-privileges", "label=disable"]}),
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


def tls(name: str = "cert", more: str = "-H tcp://127.0.0.1:2376") -> str:
    """Options for a port with TLS and one of the certificates in /srv/tls, each its own authority."""
    return (
        f"{more} --tlsverify --tlscacert=/srv/tls/cert.pem --tlscert=/srv/tls/{name}.pem --tlskey=/srv/tls/{name}.key"
    )


#: Certificates for the rows below: what `openssl req` makes them with.
CERTIFICATES: dict[str, str] = {
    "cert": "-days 400 -newkey rsa:2048 -addext subjectAltName=DNS:lab",
    "other": "-days 400 -newkey rsa:2048 -addext subjectAltName=DNS:lab",
    "soon": "-days 5 -newkey rsa:2048 -addext subjectAltName=DNS:lab",
    "nameless": "-days 400 -newkey rsa:2048",
    "weak": "-days 400 -newkey rsa:1024 -addext subjectAltName=DNS:lab",
}

_PUBLIC = "/etc/ssl/certs/ca-certificates.crt"
_PROXY = "/run/bulkhead-docker-proxy/mutant"

DAEMONS: tuple[Daemon, ...] = (
    Daemon("daemon-icc", {"icc": True}),
    Daemon("daemon-log-level", {"log-level": "warn"}),
    Daemon("daemon-log-level", {"debug": True}, variant="debug"),
    Daemon("daemon-iptables", {"ip6tables": False}),
    Daemon("daemon-insecure-registries", {"insecure-registries": ["registry.example:5000"]}),
    Daemon("daemon-tls", flags="-H tcp://127.0.0.1:2375"),
    Daemon("daemon-tcp-address", flags=tls(more="-H tcp://0.0.0.0:2376")),
    Daemon("daemon-tls-certificate-expiry", flags=tls("soon")),
    Daemon("daemon-tls-certificate-names", flags=tls("nameless")),
    Daemon("daemon-tls-key-strength", flags=tls("weak")),
    Daemon(
        "daemon-tls-served-certificate",
        flags=tls(),
        then="cd /srv/tls && mv cert.pem kept.pem && cp other.pem cert.pem && touch --reference=kept.pem cert.pem",
        undo="mv /srv/tls/kept.pem /srv/tls/cert.pem",
    ),
    Daemon(
        "daemon-tls-served-certificate",
        flags=tls("other"),
        then="sleep 1; touch /srv/tls/cert.pem",
        variant="authorities",
    ),
    Daemon(
        "daemon-tls-client-ca",
        flags=tls(),
        then=f"cp {_PUBLIC} /srv/public && cat /srv/tls/cert.pem >>{_PUBLIC}",
        undo=f"cp /srv/public {_PUBLIC}",
    ),
    Daemon(
        "daemon-proxy-sockets",
        then=f"mkdir -p {_PROXY} && python3 -c \"import socket as s; s.socket(s.AF_UNIX).bind('{_PROXY}/docker.sock')\""
        f" && chmod 0666 {_PROXY}/docker.sock",
        undo=f"rm -r {_PROXY}",
    ),
    Daemon("daemon-default-ulimits", {"default-ulimits": None}),
    Daemon("daemon-cgroup-parent", {"cgroup-parent": "elsewhere.slice"}),
    Daemon("daemon-log-driver", {"log-driver": "json-file", "log-opts": {"max-size": "10m"}}),
    Daemon("daemon-log-limits", {"log-driver": "json-file"}, policy={**POLICY, "allowed_log_drivers": ["json-file"]}),
    Daemon("daemon-log-blocking", {"log-driver": "syslog", "log-opts": {"syslog-address": "udp://127.0.0.1:514"}}),
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
    Daemon("daemon-environment", unit="Environment=DOCKER_RAMDISK=1"),
    Daemon("daemon-raw-rules", unit="Environment=DOCKER_INSECURE_NO_IPTABLES_RAW=1", engine=28),
    Daemon("daemon-raw-rules", {"allow-direct-routing": True}, engine=28, variant="key"),
)

#: What the audit of the host is told: the lab's releases are the ones that are maintained.
HOST_POLICY: dict[str, t.Any] = {
    "engine_versions": {"20.10": "20.10.24", "26.1": "26.1.5", "28.5": "28.5.2"},
    "containerd_versions": {"1.6": "1.6.20", "1.7": "1.7.24", "2.1": "2.1.9"},
    "runc_versions": {"1.1": "1.1.5", "1.3": "1.3.6"},
    "host_hardened_by": "nobody, it is a lab",
    "event_recorders": ["recorder"],
}

TLS_DIRECTORY = "/etc/docker/tls"
REGISTRY = "/etc/docker/certs.d/registry.example"

#: daemon.json of a host that passes every rule about hosts.
GOOD_HOST_DAEMON: dict[str, t.Any] = {
    **GOOD_DAEMON,
    "tlscacert": f"{TLS_DIRECTORY}/ca.pem",
    "tlscert": f"{TLS_DIRECTORY}/server-cert.pem",
    "tlskey": f"{TLS_DIRECTORY}/server-key.pem",
}

#: What makes it such a host, before the daemon is restarted, and what undoes that.
GOOD_HOST = f"""
set -e
mkdir -p {TLS_DIRECTORY} {REGISTRY} /etc/sysconfig /srv/data
for file in {TLS_DIRECTORY}/ca.pem {TLS_DIRECTORY}/server-cert.pem {REGISTRY}/ca.crt {REGISTRY}/client.cert; do
  install -m 0444 /srv/tls/cert.pem $file
done
install -m 0400 /srv/tls/cert.key {TLS_DIRECTORY}/server-key.pem
install -m 0400 /srv/tls/cert.key {REGISTRY}/client.key
install -m 0644 /dev/null /etc/sysconfig/docker
id alice 2>/dev/null || useradd --create-home alice
mount -o remount,bind,nodev /var/lib/docker
iptables --insert FORWARD --destination 169.254.169.254 --jump DROP
ip6tables --insert FORWARD --destination fd00:ec2::254 --jump DROP
systemctl is-active --quiet chrony || systemd-run --quiet --unit=chrony sleep 100000
systemctl is-active --quiet recorder || systemd-run --quiet --unit=recorder sleep 100000
"""
NO_GOOD_HOST = f"""
iptables --delete FORWARD --destination 169.254.169.254 --jump DROP
ip6tables --delete FORWARD --destination fd00:ec2::254 --jump DROP
systemctl stop chrony recorder; mount -o remount,bind,dev /var/lib/docker; userdel --remove alice
rm -rf {TLS_DIRECTORY} {REGISTRY} /etc/sysconfig/docker /srv/data
"""


@dataclasses.dataclass(frozen=True)
class Host:
    """A line of shell that breaks something, and one that undoes it.

    Rows of one batch are broken together, each rule once in a batch; ``seen`` is in the rule's evidence when this row
    is the cause.
    """

    rule: str
    do: str = ""
    undo: str = ""
    seen: str = ""
    implied: t.Sequence[str] = ()
    keys: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)  # of daemon.json; then a restart
    policy: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)  # over HOST_POLICY
    batch: str = "one"
    engine: int = 20
    variant: str = ""

    @property
    def name(self) -> str:
        return f"{self.rule}{self.variant and '.' + self.variant}"


#: Path of each kind of file, its good mode, and one too wide.
_FILES = {
    "service-unit": ("/usr/lib/systemd/system/docker.service", "0644", "0666"),
    "socket-unit": ("/usr/lib/systemd/system/docker.socket", "0644", "0646"),
    "registry": (f"{REGISTRY}/client.key", "0400", "0444"),
    "tls-ca": (f"{TLS_DIRECTORY}/ca.pem", "0444", "0644"),
    "tls-certificate": (f"{TLS_DIRECTORY}/server-cert.pem", "0444", "0464"),
    "tls-key": (f"{TLS_DIRECTORY}/server-key.pem", "0400", "0440"),
    "config": ("/etc/docker/daemon.json", "0644", "0664"),
    "defaults": ("/etc/default/docker", "0644", "0666"),
    "sysconfig": ("/etc/sysconfig/docker", "0644", "0664"),
}
#: Likewise, after their group: another owner, or a mode that lets others write, would break more than one rule.
_SHARED = {
    "directory": ("/etc/docker", "root", "0755", "0775"),
    "api-socket": ("/run/docker.sock", "docker", "0660", "0664"),
    "containerd-socket": ("/run/containerd/containerd.sock", "root", "0660", "0664"),
}

_OWNERS = {kind: (f"chown alice {path}", f"chown root {path}", path) for kind, (path, *_more) in _FILES.items()} | {
    kind: (f"chgrp users {path}", f"chgrp {group} {path}", path) for kind, (path, group, *_more) in _SHARED.items()
}
_MODES = {
    kind: (f"chmod {bad} {path}", f"chmod {good} {path}", path)
    for kind, (path, *_group, good, bad) in {**_FILES, **_SHARED}.items()
}

#: A configuration of rsyslog that sends to another machine, and what is in it when it does so well.
_FORWARD = "/etc/rsyslog.d/mutant.conf"
_VERIFIED = 'action(type="omrelp" target="192.0.2.1" tls="on" tls.authMode="name" tls.permittedPeer=["logs.example"])'

#: What belongs to a unit of systemd for a service that nothing needs.
_TELNET = "/etc/systemd/system/telnet.socket"
_WANTED = "/etc/systemd/system/sockets.target.wants"

HOSTS: tuple[Host, ...] = (
    *(Host(f"file-{kind}-owner", *row, batch="owners") for kind, row in _OWNERS.items()),
    *(Host(f"file-{kind}-mode", *row, batch="modes") for kind, row in _MODES.items()),
    Host(
        "file-service-unit-mode",
        "install -D -m 0666 /dev/null /run/systemd/system/docker.service.d/mutant.conf",
        "rm -r /run/systemd/system/docker.service.d",
        "mutant.conf",
        variant="drop-in",
    ),
    Host("file-directories", f"chmod 1777 {TLS_DIRECTORY}", f"chmod 0755 {TLS_DIRECTORY}", TLS_DIRECTORY),
    Host("access-daemon-users", "gpasswd --add alice docker", "gpasswd --delete alice docker", "group docker"),
    Host(
        "access-daemon-users",
        "usermod --gid docker alice",
        "usermod --gid alice alice",
        "group docker",
        batch="two",
        variant="primary-group",
    ),
    Host(
        "access-daemon-users",
        "setfacl --modify user:alice:rw /run/docker.sock",
        "setfacl --remove-all /run/docker.sock; chmod 0660 /run/docker.sock",
        "access list",
        batch="three",
        variant="access-list",
    ),
    Host(
        "access-daemon-users",
        "chmod 0666 /run/docker.sock",
        "chmod 0660 /run/docker.sock",
        "everyone",
        implied=("file-api-socket-mode",),
        batch="four",
        variant="everyone",
    ),
    Host(
        "access-daemon-users",
        "chgrp users /run/containerd/containerd.sock; gpasswd --add alice users",
        "chgrp root /run/containerd/containerd.sock; gpasswd --delete alice users",
        "containerd.sock",
        implied=("file-containerd-socket-owner",),
        batch="five",
        variant="containerd",
    ),
    Host("access-sudo", "echo 'alice ALL=(ALL:ALL) ALL' >/etc/sudoers.d/mutant", "rm /etc/sudoers.d/mutant", '"ALL"'),
    Host(
        "access-sudo",
        "printf '%s\\n' 'Cmnd_Alias TOOLS = /bin/ls, \\' '  /usr/bin/docker' 'alice ALL = NOPASSWD: TOOLS'"
        " >/etc/sudoers.d/mutant",
        "rm /etc/sudoers.d/mutant",
        "/usr/bin/docker",
        batch="two",
        variant="docker",
    ),
    Host(
        "access-registry-credentials",
        'mkdir ~/.docker && echo \'{"auths": {"registry.example": {"auth": "YWxpY2U6Y2FuYXJ5"}}}\''
        " >~/.docker/config.json",
        "rm -r ~/.docker",
        "registry.example",
    ),
    Host("host-data-filesystem", keys={"data-root": "/srv/data"}, seen="/srv/data", batch="elsewhere"),
    Host(
        "host-data-mount-options",
        "mount -o remount,bind,dev /var/lib/docker",
        "mount -o remount,bind,nodev /var/lib/docker",
        "/var/lib/docker",
        keys={"debug": False},  # the restart: the daemon may have mounts of its own
        batch="restarted",
    ),
    Host(
        "host-containerd-filesystem",
        "mkdir -p /home/containerd /etc/containerd && echo 'root = \"/home/containerd\"' >/etc/containerd/config.toml"
        " && systemctl restart containerd",
        "rm /etc/containerd/config.toml; systemctl restart containerd; rm -rf /home/containerd",
        "/home/containerd",
        keys={"features": {"containerd-snapshotter": True}},
        batch="restarted",
        engine=26,
    ),
    Host("host-hardening", policy={"host_hardened_by": ""}),
    Host(
        "firewall-metadata",
        "ip6tables --delete FORWARD --destination fd00:ec2::254 --jump DROP",
        "ip6tables --insert FORWARD --destination fd00:ec2::254 --jump DROP",
        "fd00:ec2::254",
    ),
    Host("firewall-admin-networks", policy={"management_networks": ["10.66.0.0/24"]}, seen="10.66.0.0/24"),
    Host("host-engine-version", policy={"engine_versions": {"99": "99.0.1"}}, seen="no longer maintained"),
    Host("host-containerd-version", policy={"containerd_versions": {"1": "1.99", "2": "2.99"}}, seen="flaws are known"),
    Host("host-runc-version", policy={"runc_versions": {"1": "1.99"}}, seen="flaws are known"),
    Host("host-kernel-version", policy={"minimum_kernel": "99.0"}),
    Host("host-services", "systemd-run --unit=cups sleep 100000", "systemctl stop cups", "cups.service"),
    Host(
        "host-services",
        f"echo '[Socket]' >{_TELNET} && mkdir -p {_WANTED} && ln -s {_TELNET} {_WANTED}/",
        f"rm {_TELNET} {_WANTED}/telnet.socket",
        "telnet.socket",
        batch="two",
        variant="enabled",
    ),
    Host("host-time-sync", "systemctl stop chrony", "systemd-run --unit=chrony sleep 100000"),
    Host("host-engine-events", "systemctl stop recorder", "systemd-run --unit=recorder sleep 100000"),
    Host(
        "host-log-shipping-tls",
        f"echo '*.* @@192.0.2.1:514' >{_FORWARD}",
        f"rm {_FORWARD}",
        "192.0.2.1:514",
    ),
    Host(
        "host-log-shipping",
        f"systemctl stop syslog.socket rsyslog; echo '{_VERIFIED}' >{_FORWARD}",
        f"rm {_FORWARD}; systemctl start rsyslog",
        "rsyslog.service",
        batch="two",
    ),
)

#: What only a machine of its own can show: scenario vm_confinement breaks all of these at once, after the roles
#: docker_auditd and docker_confinement. Each watch is deleted from the kernel, its file left as it is; the role
#: mends that, and the engine loads docker-default for its next container.
_WATCHED = {
    "dockerd": "/usr/sbin/dockerd",
    "containerd-state": "/run/containerd",
    "data-root": "/var/lib/docker",
    "service-unit": "/usr/lib/systemd/system/docker.service",
    "containerd-socket": "/run/containerd/containerd.sock",
    "socket-unit": "/usr/lib/systemd/system/docker.socket",
    "api-socket": "/run/docker.sock",
    "defaults": "/etc/default/docker",
    "containerd": "/usr/bin/containerd",
    "containerd-shim-v2": "/usr/bin/containerd-shim-runc-v2",
    "runc": "/usr/sbin/runc",
    "containerd-unit": "/usr/lib/systemd/system/containerd.service",
    "units": "/etc/systemd/system",
    "containerd-config": "/etc/containerd",
    "config": "/etc/docker/daemon.json",
    "directory": "/etc/docker",
    "containerd-shim": "/usr/bin/containerd-shim",
    "containerd-shim-v1": "/usr/bin/containerd-shim-runc-v1",
    "sysconfig": "/etc/sysconfig/docker",
}


def _forget(path: str) -> str:
    """Delete the rules about a path from the kernel; auditctl -W would look for one about all of a directory."""
    mounted = f"devmajor=${{place%:*}} -F devminor=${{place#*:}} -F inode=$(stat --format %i {path})"
    rule = "always,exit -S all -F $what -F perm=$permissions -F key=bulkhead-docker"
    return (
        f"place=$(mountpoint --fs-devno {path} 2>/dev/null)\n"
        f'for what in path={path} dir={path} "{mounted}"; do for permissions in wa wxa; do\n'
        f"auditctl -d {rule} 2>/dev/null\ndone; done; true"
    )


VM_HOSTS: tuple[Host, ...] = (
    *(Host(f"watch-{kind}", _forget(path), seen=path) for kind, path in _WATCHED.items()),
    Host("host-apparmor-default", "echo 'profile docker-default {}' | apparmor_parser --remove", seen="not loaded"),
)

#: The same with SELinux in AppArmor's place: scenario vm_selinux has the role make it permissive, and then enforce.
SELINUX_HOSTS: tuple[Host, ...] = (
    Host("host-selinux-enforcing", seen="false"),
    Host("host-selinux-engine", keys={"selinux-enabled": None}, seen="false"),
)

#: Other way round: red on the good daemon, and green with these keys.
MENDED: dict[str, dict[str, t.Any]] = {"daemon-userns-remap": {"userns-remap": "default"}}

#: Rules that nothing on a lab host can turn red, or green, and why; their cases must do.
IMMUTABLE: dict[str, str] = {
    "firewall-rules": "needs a policy of the role; scenario docker_firewall breaks it",
    "firewall-uncovered": "needs a policy of the role; scenario docker_firewall breaks it",
    "firewall-egress": "needs a policy of the role; scenario docker_firewall breaks it",
    "firewall-published": "needs a port that all may reach; scenario docker_firewall breaks it",
    "firewall-api": "needs a port that all may reach, which rules about TLS break on this host; its cases must do",
    "host-mandatory-access": "a kernel that is booted without either; a lab host, being a container, does not count",
    "host-selinux-policy": "another policy, not another setting: Debian 12's has no type for containers",
    "container-host-cgroupns": "on cgroup v1, which lab hosts may be on, it does not apply",
    "daemon-rootless": "another engine, not another setting",
    "daemon-rootless-ids": "about another engine; scenario docker_audit breaks it",
    "daemon-rootless-socket": "about another engine; scenario docker_audit breaks it",
    "daemon-authorization-plugin": "needs a plugin, which has to be fetched",
    "daemon-authorization-bypass": "needs a plugin, which has to be fetched",
    "daemon-base-device-size": "needs devicemapper, which the kernel or the engine no longer has",
    "daemon-storage-aufs": "needs aufs, which the kernel or the engine no longer has",
    "daemon-storage-devicemapper": "needs devicemapper, which the kernel or the engine no longer has",
    "daemon-min-api-version": "no Debian release has an engine that is new enough",
}
