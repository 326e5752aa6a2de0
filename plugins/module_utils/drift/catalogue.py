# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a baseline looks at, how bad drift of it is, and who mends it: as data. In each table the first match counts."""

from __future__ import annotations

import fnmatch
import re
import typing as t

Path = tuple[str, ...]

SYSCTL_FILE = "/etc/sysctl.d/99-zz-bulkhead-docker.conf"

#: Files and directories whose owner, mode and content are kept, beside the units' own.
FILES: t.Final = (
    "/etc/docker",
    "/etc/docker/**",
    "/etc/default/docker",
    "/etc/sysconfig/docker",
    "/etc/containerd",
    "/etc/containerd/**",
    "/etc/bulkhead.docker",
    "/etc/bulkhead.docker/**",
    "/etc/systemd/system/bulkhead-docker-*",
    "/etc/systemd/system/user@.service.d/*",
    "/etc/systemd/journald.conf",
    "/etc/systemd/journald.conf.d/*.conf",
    "/etc/sysctl.conf",
    "/etc/sysctl.d/*.conf",
    "/etc/tmpfiles.d/bulkhead-*",
    "/etc/audit/auditd.conf",
    "/etc/audit/rules.d/*.rules",
    "/etc/rsyslog.conf",
    "/etc/rsyslog.d/*.conf",
    "/etc/apparmor.d/bulkhead-*",
    "/etc/apparmor.d/*docker*",
    "/etc/selinux/config",
    "/etc/apt/sources.list.d/docker*",
    "/etc/apt/keyrings/docker*",
    "/etc/yum.repos.d/docker*",
    "/etc/pki/rpm-gpg/RPM-GPG-KEY-docker",
    "/usr/local/lib/bulkhead.docker/**/*.py",
    "/usr/local/sbin/bulkhead-*",
)

#: Units whose state and files are kept.
UNITS: t.Final = (
    "docker.service",
    "docker.socket",
    "containerd.service",
    "rsyslog.service",
    "auditd.service",
    "apparmor.service",
    "firewalld.service",
    "nftables.service",
    "ufw.service",
    "bulkhead-docker-*",
)

#: Drift that is bad by what it came to, wherever it is: the pattern is looked for in the new value.
_DANGEROUS: t.Final = (
    (
        ("containers", "*", "mounts", "**"),
        r"docker\.sock|containerd\.sock|'source': '/(?:|etc|proc|sys|root|var/run|run)'",
    ),
    (("containers", "*", "security_options"), r"unconfined|label[=:]disable|systempaths"),
    (("containers", "*", "namespaces", "*"), r"^'host'$"),
    (("containers", "*"), r"'privileged': True|docker\.sock|'(?:pid|network|ipc|userns|uts)': 'host'|unconfined"),
    (("files", "*", "mode"), r"[2367]'$"),
)

_SEVERITIES: t.Final[t.Sequence[tuple[Path, str]]] = (
    *(((("daemon", "*", key)), "critical") for key in ("hosts", "tls", "tlsverify", "tlscacert")),
    *(
        (("daemon", "*", key, "**"), "high")
        for key in (
            "authorization-plugins",
            "default-runtime",
            "features",
            "insecure-registries",
            "iptables",
            "ip6tables",
            "no-new-privileges",
            "proxies",
            "registry-mirrors",
            "runtimes",
            "seccomp-profile",
            "selinux-enabled",
            "tlscert",
            "tlskey",
            "userns-remap",
        )
    ),
    *(((("daemon", "*", key)), "low") for key in ("debug", "labels", "log-level", "max-*", "shutdown-timeout")),
    (("daemon", "**"), "medium"),
    (("listeners", "**"), "critical"),
    (("groups", "**"), "critical"),
    (("confinement", "**"), "critical"),
    (("plugins", "**"), "critical"),
    (("engine", "security_options"), "high"),
    (("engine", "insecure_registries"), "high"),
    (("engine", "registry_mirrors"), "high"),
    (("engine", "authorization"), "high"),
    (("engine", "runtimes", "**"), "high"),
    (("engine", "swarm"), "high"),
    (("engine", "**"), "medium"),
    (("sysctl", "**"), "medium"),
    (("mounts", "**"), "medium"),
    (("networks", "**"), "medium"),
    (("volumes", "**"), "low"),
    (("containers", "*", "privileged"), "critical"),
    (("containers", "*", "devices"), "critical"),
    (("containers", "*", "capabilities", "add"), "critical"),
    (("containers", "*", "live", "*"), "critical"),
    (("containers", "*", "masked_paths", "*"), "critical"),
    *(
        (("containers", "*", key, "**"), "low")
        for key in ("healthcheck", "hostname", "labels", "restart", "stop_signal", "ulimits")
    ),
    *(
        (("containers", "*", key, "**"), "medium")
        for key in ("dns", "environment", "extra_hosts", "limits", "log", "networks", "read_only", "tmpfs", "init")
    ),
    (("**",), "high"),
)

_BY_HAND = ("host", None)
_MENDERS: t.Final[t.Sequence[tuple[Path, tuple[str, str | None]]]] = (
    (("containers", "*", "image", "id"), ("rebuild", None)),
    (("containers", "**"), ("recreate", None)),
    *(((kind, "**"), ("external", None)) for kind in ("networks", "volumes", "plugins")),
    (("daemon", "configured", "**"), ("host", "docker_daemon")),
    (("engine", "version"), ("host", "docker_engine")),
    (("engine", "components", "*"), ("host", "docker_engine")),
    (("engine", "swarm"), _BY_HAND),
    (("engine", "**"), ("host", "docker_daemon")),
    (("listeners", "**"), ("host", "docker_daemon")),
    (("certificates", "**"), ("host", "docker_tls")),
    (("groups", "**"), ("host", "docker_socket")),
    (("sysctl", "**"), ("host", "docker_host")),
    (("firewall", "pending"), ("host", "docker_firewall")),
    (("confinement", "**"), ("host", "docker_confinement")),
    (("auditing", "**"), ("host", "docker_auditd")),
    (("logging", "forwards", "/etc/bulkhead.docker/*", "**"), ("host", "docker_logging")),
    (("logging", "forwards", "**"), _BY_HAND),
    (("logging", "**"), ("host", "docker_logging")),
    *(
        ((kind, name, "**"), ("host", role))
        for kind, names, role in (
            ("files", ("/etc/docker/tls*",), "docker_tls"),
            ("files", ("/etc/docker/seccomp*", "/etc/apparmor.d/bulkhead-docker-*"), "docker_confinement"),
            ("files", ("/etc/apparmor.d/bulkhead-rootlesskit", "*/user@.service.d/*"), "docker_rootless"),
            ("files", ("/etc/bulkhead.docker/firewall*", "*bulkhead-docker-firewall*"), "docker_firewall"),
            ("files", ("/usr/local/lib/bulkhead.docker/docker_events.py",), "docker_logging"),
            ("files", ("/usr/local/lib/bulkhead.docker/ansible_collections*",), "docker_firewall"),
            ("files", ("/etc/bulkhead.docker/logging*", "*bulkhead-docker-events*"), "docker_logging"),
            ("files", ("*bulkhead-docker-logs*", "*/50-bulkhead-docker.conf"), "docker_logging"),
            ("files", ("/etc/bulkhead.docker/proxy*", "*bulkhead-docker-proxy*"), "docker_socket"),
            ("files", ("/run/*.sock", "/etc/systemd/system/docker.socket.d/50-bulkhead.conf"), "docker_socket"),
            ("files", ("/etc/audit/*", "*bulkhead-docker-auditd*"), "docker_auditd"),
            ("files", (SYSCTL_FILE,), "docker_host"),
            ("files", ("*/sources.list.d/docker*", "*/keyrings/docker*", "*/yum.repos.d/*"), "docker_engine"),
            ("units", ("docker.*", "containerd.service"), "docker_engine"),
            ("units", ("bulkhead-docker-firewall*",), "docker_firewall"),
            ("units", ("bulkhead-docker-events*", "bulkhead-docker-logs*"), "docker_logging"),
            ("units", ("bulkhead-docker-proxy*",), "docker_socket"),
            ("units", ("bulkhead-docker-drift*",), "docker_drift"),
            ("units", ("auditd.service",), "docker_auditd"),
        )
        for name in names
    ),
    *(
        (("files", name, what), ("host", "docker_host"))
        for name in ("/etc/docker*", "*/docker.s*", "*/containerd.service*", "/etc/*/docker")
        for what in ("mode", "owner")
    ),
    (("**",), _BY_HAND),
)


def severity(path: Path, after: t.Any) -> str:
    """Of an entry at this path, one of ``model.SEVERITIES``; ``after``: what is there now."""
    shown = repr(after)
    if any(matches(pattern, path) and re.search(sign, shown) for pattern, sign in _DANGEROUS):
        return "critical"
    return next(found for pattern, found in _SEVERITIES if matches(pattern, path))


def mender(path: Path) -> tuple[str, str | None]:
    """Who mends it: one of ``model.LEVERS``, and the role of this collection, if there is one."""
    return next(found for pattern, found in _MENDERS if matches(pattern, path))


def matches(pattern: Path, path: Path) -> bool:
    """Part by part, each a glob; ``**`` at the end stands for any number of parts, also none."""
    if pattern[-1] == "**":
        pattern, path = pattern[:-1], path[: len(pattern) - 1]
    return len(pattern) == len(path) and all(map(fnmatch.fnmatchcase, path, pattern))
