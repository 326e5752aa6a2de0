# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that decide what the engine does: whose they are, and who else may change them.

In no rule about a mode does an access list matter: the mask, which bounds what it grants, is the mode's middle digit.
"""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.model import Rule
from ansible_collections.bulkhead.docker.plugins.module_utils.rules.words import cis

_rule = functools.partial(Rule, subject="host", lever="host")


class Kind(t.NamedTuple):
    """One kind of file, and the two rules about it: whose it is, and what its mode allows."""

    id: str
    files: str  # its key under `files`
    title: str
    threat: str
    path: str
    mode: str  # the most that it may allow
    controls: tuple[str, str]  # of the benchmark: owner, mode
    role: str
    severity: str = "high"
    owner: str = "root:root"
    unless: str = "there is no such file"
    private: str = ""  # the most that it may allow where it holds a secret
    secrets: str = ""  # which those are


_KINDS: t.Final = (
    Kind(
        "service-unit",
        "service_unit",
        "The engine's service unit, with its drop-ins,",
        "Whoever changes the unit has what he likes run as root at the next start.",
        "docker.service and docker.service.d/*.conf in systemd's directories",
        "0644",
        ("3.1", "3.2"),
        "docker_host",
        unless="no service of systemd runs the engine",
    ),
    Kind(
        "socket-unit",
        "socket_unit",
        "The engine's socket unit, with its drop-ins,",
        "Whoever changes the unit opens the API to himself at the next start.",
        "docker.socket and docker.socket.d/*.conf in systemd's directories",
        "0644",
        ("3.3", "3.4"),
        "docker_host",
        unless="no socket unit of systemd belongs to the engine",
    ),
    Kind(
        "directory",
        "directory",
        "The directory /etc/docker",
        "Whoever may write there puts his own daemon.json, or registry certificates, in their place.",
        "/etc/docker",
        "0755",
        ("3.5", "3.6"),
        "docker_host",
    ),
    Kind(
        "registry",
        "registry",
        "What proves registries, and us to them,",
        "Whoever changes a CA file chooses the images that run here; whoever reads a key pulls and pushes in our name.",
        "/etc/docker/certs.d/*/*.crt, *.cert and *.key",
        "0444",
        ("3.7", "3.8"),
        "docker_host",
        severity="medium",
        unless="no registry has certificates of its own",
        private="0400",
        secrets="keys",
    ),
    Kind(
        "tls-ca",
        "tls_ca",
        "The CA by which the API knows its clients",
        "Whoever changes it lets in his own certificates, which is root on this host.",
        "the file that tlscacert names",
        "0444",
        ("3.9", "3.10"),
        "docker_tls",
        unless="the daemon uses no such file",
    ),
    Kind(
        "tls-certificate",
        "tls_certificate",
        "The certificate of the API",
        "Whoever changes it keeps clients out, or with a key of his own takes the host's place.",
        "the file that tlscert names",
        "0444",
        ("3.11", "3.12"),
        "docker_tls",
        severity="medium",
        unless="the daemon uses no such file",
    ),
    Kind(
        "tls-key",
        "tls_key",
        "The key of the API's certificate",
        "Whoever reads it can take this host's place towards every client.",
        "the file that tlskey names",
        "0400",
        ("3.13", "3.14"),
        "docker_tls",
        unless="the daemon uses no such file",
    ),
    Kind(
        "api-socket",
        "api_socket",
        "The socket of the API",
        "Whoever may write to it starts a privileged container and is root on this host.",
        "the unix sockets on which the dockerd process listens",
        "0660",
        ("3.15", "3.16"),
        "docker_socket",
        severity="critical",
        owner="root:docker",
        unless="the API listens on no unix socket",
    ),
    Kind(
        "config",
        "config",
        "The daemon's configuration",
        "Whoever changes it has the daemon run what he likes as root at the next start.",
        "daemon.json, or what the flag config-file names",
        "0644",
        ("3.17", "3.18"),
        "docker_host",
        unless="the daemon has no configuration file",
        private="0600",
        secrets="one that holds credentials",
    ),
    Kind(
        "defaults",
        "defaults",
        "The file /etc/default/docker",
        "Units that read it run dockerd with what it says: whoever changes it is root.",
        "/etc/default/docker",
        "0644",
        ("3.19", "3.20"),
        "docker_host",
        severity="medium",
    ),
    Kind(
        "sysconfig",
        "sysconfig",
        "The file /etc/sysconfig/docker",
        "Units that read it run dockerd with what it says: whoever changes it is root.",
        "/etc/sysconfig/docker",
        "0644",
        ("3.22", "3.21"),
        "docker_host",
        severity="medium",
    ),
    Kind(
        "containerd-socket",
        "containerd_socket",
        "The socket of containerd",
        "Whoever may write to it starts any container, past dockerd and its authorization plugins.",
        "the socket that dockerd's option containerd names; /run/containerd/containerd.sock",
        "0660",
        ("3.23", "3.24"),
        "docker_socket",
        severity="critical",
    ),
)


def _owner(kind: Kind) -> Rule:
    return _rule(
        id=f"file-{kind.id}-owner",
        title=f"{kind.title} belongs to root",
        threat=kind.threat,
        severity=kind.severity,
        applies_when=f"files.{kind.files} != `[]`",
        unless=kind.unless,
        needs=(f"files.{kind.files}",),
        offenders=f"files.{kind.files}[?!owned].{{path: path, owner: owner, wanted: wanted}}",
        expected=f"{kind.owner}; of a rootless engine, its user",
        source=kind.path,
        remedy=f"Role {kind.role}; by hand, `chown {kind.owner} PATH`. What the other owner wrote there meanwhile needs"
        " a look.",
        role=kind.role,
        cis=cis(kind.controls[0]),
    )


def _mode(kind: Kind) -> Rule:
    most = f"secret && '{kind.private}' || '{kind.mode}'" if kind.private else f"'{kind.mode}'"
    return _rule(
        id=f"file-{kind.id}-mode",
        title=f"{kind.title} has no wider mode than it needs",
        threat=kind.threat,
        severity=kind.severity,
        applies_when=f"files.{kind.files} != `[]`",
        unless=kind.unless,
        needs=(f"files.{kind.files}",),
        offenders=f"files.{kind.files}[?mode_beyond(mode, {most})].{{path: path, mode: mode, owner: owner}}",
        expected=f"no bit beyond {kind.mode}{kind.private and f'; {kind.private} for {kind.secrets}'}",
        source=kind.path,
        remedy=f"Role {kind.role}; by hand, `chmod {kind.mode} PATH`{kind.private and f' (`{kind.private}`)'}.",
        role=kind.role,
        cis=cis(kind.controls[1]),
    )


_PARENTS = _rule(
    id="file-directories",
    title="Nobody but root can put files in the place of the engine's",
    threat="Whoever may write to a directory above a unit, a key or a socket moves it away and lays his own there.",
    severity="high",
    needs=("open_directories",),
    offenders="open_directories",
    expected="directories that belong to root (of a rootless engine: or its user), and that no others may write to",
    source="the directories above all files that the rules file-* look at, and above what links among them lead to",
    remedy="Role docker_host names them. Move keys and certificates out of shared directories (role docker_tls has them"
    " in /etc/docker/tls), and take the write permission of others away from system directories: `chmod go-w PATH`.",
    role="docker_host",
)

RULES: t.Final[tuple[Rule, ...]] = (*(rule(kind) for kind in _KINDS for rule in (_owner, _mode)), _PARENTS)
