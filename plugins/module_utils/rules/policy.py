# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a site may decide for itself: the values that rules compare with, their defaults and their meaning."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils import versions


class PolicyError(ValueError):
    """A policy the audit must not run with: which setting is wrong, and what it may be."""


@dataclasses.dataclass(frozen=True)
class Setting:
    default: t.Any  # its type is the setting's type
    meaning: str
    items: type | None = None  # type of a list's entries, or of a mapping's values
    versions: bool = False  # whether it, or its entries and their names, are versions


#: Every key of the ``policy`` option.
SETTINGS: t.Final[t.Mapping[str, Setting]] = {
    "allowed_capabilities": Setting(
        ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID"],
        "Capabilities that a container may keep or add.",
        str,
    ),
    "allowed_cgroup_parents": Setting([], "Cgroup parents that containers and the daemon may be put under.", str),
    "allowed_devices": Setting(
        ["/dev/full", "/dev/log", "/dev/null", "/dev/random", "/dev/tty", "/dev/urandom", "/dev/zero"],
        "Host devices that a container may be given.",
        str,
    ),
    "allowed_host_ports": Setting([], "Host ports below `privileged_ports_below` that may be published.", int),
    "allowed_log_drivers": Setting(
        ["awslogs", "fluentd", "gcplogs", "gelf", "journald", "local", "splunk", "syslog"],
        "Log drivers that the daemon may use by default.",
        str,
    ),
    "allowed_publish_addresses": Setting(
        [], "Host addresses to publish on; when empty, any but those that mean all interfaces.", str
    ),
    "allowed_restart_policies": Setting(["no", "on-failure"], "Restart policies that a container may have.", str),
    "certificate_days": Setting(30, "How many days a certificate behind the API must still be valid."),
    "containerd_versions": Setting(
        {"2.2": "2.2.0", "2.3": "2.3.0"},
        "For each maintained branch of containerd its oldest good version. What is newer than all of them is good,"
        " too.",
        str,
        versions=True,
    ),
    "declared_ports": Setting(
        {},
        "For container names (globs), the ports that may be published, such as `127.0.0.1:8080/tcp` or `8080/tcp`."
        " Without an entry for a container, its ports are not compared.",
        list,
    ),
    "engine_sockets": Setting(
        [
            "/run/docker.sock",
            "/run/docker/containerd/containerd.sock",
            "/run/containerd/containerd.sock",
            "/run/podman/podman.sock",
            "/run/crio/crio.sock",
        ],
        "Sockets that give control of a container engine; those the audited daemon listens on are always added.",
        str,
    ),
    "engine_versions": Setting(
        {"29": "29.3.1"},
        "For each maintained branch of the engine its oldest good version. What is newer than all of them is good,"
        " too.",
        str,
        versions=True,
    ),
    "event_recorders": Setting(
        ["bulkhead-docker-events"],
        "Services (units without their suffix, or globs) that record the engine's events.",
        str,
    ),
    "harmless_paths": Setting(
        [
            "/etc/hostname",
            "/etc/hosts",
            "/etc/localtime",
            "/etc/machine-id",
            "/etc/pki/ca-trust/extracted",
            "/etc/pki/tls/certs",
            "/etc/resolv.conf",
            "/etc/ssl/certs",
            "/etc/timezone",
            "/usr/share/ca-certificates",
            "/usr/share/zoneinfo",
        ],
        "Sensitive paths, or paths under them, that may be mounted read-only.",
        str,
    ),
    "host_hardened_by": Setting(
        "", "What hardens the host beneath the engine, such as `devsec.hardening.os_hardening`; empty: nothing does."
    ),
    "limited_networks": Setting(
        [], "Networks of the engine (names or globs) whose containers are to reach only what they need.", str
    ),
    "logs_shipped_by": Setting(
        "", "What carries this host's local container logs to another machine, such as `rsyslog`; empty: nothing does."
    ),
    "management_networks": Setting(
        [], "Networks (CIDR) from which hosts are administered; no container is to reach them.", str
    ),
    "max_restart_retries": Setting(5, "How often `on-failure` may restart a container."),
    "max_ulimits": Setting(
        {"core": 0, "nofile": 1048576, "nproc": 65536},
        "Highest hard limit per ulimit; other ulimits must only not be unlimited.",
        int,
    ),
    "metadata_endpoints": Setting(
        ["169.254.169.254", "fd00:ec2::254"],
        "Addresses where a cloud hands out credentials to the machine; no container is to reach them.",
        str,
    ),
    "minimum_kernel": Setting("", "Oldest kernel that may run, such as `6.1.140`; empty: any.", versions=True),
    "open_ports": Setting(
        ["80/tcp", "443/tcp", "443/udp"], "Ports of the host that may be published to everybody.", str
    ),
    "privileged_ports_below": Setting(1024, "Host ports below this one are privileged."),
    "require_image_digest": Setting(False, "Whether images must be named by digest, not only by a fixed tag."),
    "runc_versions": Setting(
        {"1.2": "1.2.8", "1.3": "1.3.3", "1.4": "1.4.0"},
        "For each maintained branch of runc its oldest good version. What is newer than all of them is good, too.",
        str,
        versions=True,
    ),
    "sensitive_groups": Setting(
        ["0", "adm", "disk", "docker", "kmem", "lxd", "root", "shadow", "sudo", "wheel"],
        "Groups (names or ids) that must not be added to a container's process.",
        str,
    ),
    "sensitive_paths": Setting(
        [
            "/boot",
            "/etc",
            "/lib",
            "/lib64",
            "/proc",
            "/root",
            "/run/dbus",
            "/run/systemd",
            "/run/udev",
            "/sbin",
            "/bin",
            "/sys",
            "/usr",
            "/var/lib/containerd",
            "/var/lib/docker",
            "/var/log",
            "/var/spool",
        ],
        "Host directories that containers must not see; neither may what lies above or under them.",
        str,
    ),
    "swarm": Setting(False, "Whether this host is meant to be a Swarm node."),
    "time_services": Setting(
        ["chrony", "chronyd", "ntp", "ntpd", "ntpd-rs", "ntpsec", "openntpd", "systemd-timesyncd"],
        "Services (units without their suffix, or globs) that keep the host's time.",
        str,
    ),
    "trusted_users": Setting(
        [],
        "Users who may drive the engine besides root; for sudo rules whose users the host does not know, their name"
        " there, such as `+admins`.",
        str,
    ),
    "unneeded_services": Setting(
        [
            *("apache2", "autofs", "avahi-daemon", "bluetooth", "cups", "cups-browsed", "dovecot", "httpd", "inetd"),
            *(
                "inetutils-inetd",
                "isc-dhcp-server",
                "kea-*",
                "named",
                "bind9",
                "nfs-kernel-server",
                "nfs-server",
                "nis",
            ),
            *("nmb", "nmbd", "openbsd-inetd", "proftpd", "pure-ftpd", "rexec", "rlogin", "rpcbind", "rsh", "rsync"),
            *("rsyncd", "slapd", "smb", "smbd", "snmpd", "squid", "telnet", "telnet@*", "telnetd", "tftp", "tftpd-hpa"),
            *("vsftpd", "xinetd", "ypbind", "ypserv"),
        ],
        "Services (units without their suffix, or globs) that this host must neither run nor start.",
        str,
    ),
    "unwaivable": Setting([], "Rules that no waiver may cover, in the form of `select`.", str),
    "whole_directories": Setting(
        ["/home"], "Host directories that must not be mounted whole; what lies under them may be.", str
    ),
}

#: The policy that holds when none is given.
POLICY: t.Final[t.Mapping[str, t.Any]] = {name: setting.default for name, setting in SETTINGS.items()}


def merged(given: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The defaults with the given values over them; raises PolicyError."""
    for name, value in given.items():
        if name not in SETTINGS:
            raise PolicyError(f"policy: {name!r} is not a setting; known: {', '.join(sorted(SETTINGS))}")
        _check(name, value, SETTINGS[name])
    return {**POLICY, **given}


def _check(name: str, value: t.Any, setting: Setting) -> None:
    wanted = type(setting.default)
    entries = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if not _is(value, wanted):
        raise PolicyError(f"policy: {name} must be {_WORDS[wanted]}, not {value!r}")
    wrong = [entry for entry in entries if setting.items and not _is(entry, setting.items)]
    if wrong:
        raise PolicyError(f"policy: entries of {name} must each be {_WORDS[setting.items or str]}, not {wrong[0]!r}")
    numbers = [*value, *value.values()] if isinstance(value, dict) else [value] if value else []
    unclear = [one for one in numbers if setting.versions and not versions.parse(one)]
    if unclear:
        raise PolicyError(f"policy: {name} must name versions such as '29.3.1', not {unclear[0]!r}; put them in quotes")


def _is(value: t.Any, wanted: type) -> bool:
    return isinstance(value, wanted) and (wanted is bool or not isinstance(value, bool))


_WORDS: t.Final[t.Mapping[type, str]] = {
    str: "a text",
    int: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a mapping",
}
