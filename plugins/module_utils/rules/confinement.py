# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host's kernel does to confine containers, beyond namespaces: AppArmor or SELinux."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.model import Rule

_rule = functools.partial(Rule, subject="host", lever="host", role="docker_confinement")
_selinux = functools.partial(
    _rule,
    applies_when="confinement == null || confinement.selinux.enabled",
    unless="SELinux is not enabled on this host",
)

RULES: t.Final[tuple[Rule, ...]] = (
    _rule(
        id="host-mandatory-access",
        title="AppArmor or SELinux is on",
        threat="Namespaces and capabilities are all that holds a container: one flaw in the kernel or in runc, and"
        " nothing else stands before the host's files.",
        severity="high",
        applies_when="!(confinement.container)",
        unless="this host is itself a container: the kernel is the machine's that runs it",
        needs=("confinement.container", "confinement.apparmor", "confinement.selinux"),
        offenders="!(confinement.apparmor.enabled || confinement.selinux.enabled)"
        " && {apparmor: confinement.apparmor.enabled, selinux: confinement.selinux.enabled}",
        expected="one of them enabled in the kernel",
        source="/sys/module/apparmor/parameters/enabled; /sys/fs/selinux",
        remedy="Debian, Ubuntu, SUSE: install `apparmor`, boot with `apparmor=1 security=apparmor`. Fedora and its kin:"
        " `SELINUX=permissive` in /etc/selinux/config, reboot (files get their labels), look at the denials, then"
        " enforcing. Role docker_confinement says which steps are left; it never switches either on by itself.",
    ),
    _rule(
        id="host-apparmor-default",
        title="The engine's AppArmor profile is loaded, and enforces",
        threat="What is not loaded confines nobody: containers that were under it when it was unloaded run free, and"
        " nothing says so.",
        severity="high",
        applies_when="confinement == null || (confinement.apparmor.enabled && !rootless)",
        unless="AppArmor is not enabled on this host, or the engine is a user's, which cannot load profiles",
        needs=("confinement.apparmor.docker_default",),
        offenders="(confinement.apparmor.docker_default != 'enforce')"
        " && {profile: 'docker-default', mode: confinement.apparmor.docker_default || 'not loaded'}",
        expected="docker-default (enforce)",
        source="/sys/kernel/security/apparmor/profiles",
        remedy="The engine loads it when it starts, and whenever it starts a container under it: restart the"
        " containers, which stay unconfined until then; role docker_confinement names them. Do not run"
        " `aa-remove-unknown` on a Docker host: to it the profile is unknown, for it lies in no file.",
    ),
    _selinux(
        id="host-selinux-enforcing",
        title="SELinux enforces",
        threat="In permissive mode it writes down what a container should not have done, and lets it happen.",
        severity="high",
        needs=("confinement.selinux.enforcing",),
        offenders="!(confinement.selinux.enforcing) && {enforcing: confinement.selinux.enforcing}",
        expected="enforcing",
        source="/sys/fs/selinux/enforce",
        remedy="Look at the denials (`ausearch -m AVC -ts boot`), then role docker_confinement with"
        " `docker_confinement_selinux: enforcing`.",
    ),
    _selinux(
        id="host-selinux-policy",
        title="The SELinux policy has a type for containers",
        threat="Without one, containers run with the labels of the engine, or do not start.",
        severity="high",
        needs=("confinement.selinux.container_policy",),
        offenders="!(confinement.selinux.container_policy) && {container_t: confinement.selinux.container_policy}",
        expected="container_t in the loaded policy",
        source="/sys/fs/selinux/context",
        remedy="Install `container-selinux` (Fedora and its kin), or a `selinux-policy-default` of Debian 13 or later:"
        " Debian 12 has no policy for containers. Role docker_confinement tells whether it is there.",
    ),
    _selinux(
        id="host-selinux-engine",
        title="The engine gives its containers SELinux labels",
        threat="SELinux is on, and knows nothing of containers: they reach each other's files, and the host's, as far"
        " as their users do.",
        severity="high",
        needs=("confinement", "engine_selinux"),
        offenders='!engine_selinux && {"selinux-enabled": engine_selinux}',
        expected="selinux among the engine's security options",
        source="GET /info: SecurityOptions",
        role="docker_daemon",
        remedy="Role docker_daemon with `docker_daemon_config: {selinux-enabled: true}`, then recreate the containers."
        " Volumes that they share with the host need `:z` or `:Z`; never on a directory of the system.",
    ),
)
