# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine gives every container, where it keeps it, what it writes down."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.model import Rule
from ansible_collections.bulkhead.docker.plugins.module_utils.rules.words import cis, configure

_rule = functools.partial(Rule, subject="daemon", lever="host")
_mended = functools.partial(_rule, role="docker_daemon")

RULES: t.Final[tuple[Rule, ...]] = (
    _mended(
        id="daemon-log-level",
        title="The daemon logs at level info",
        threat="Lower levels miss what an investigation needs; debug writes the bodies of API calls, secrets included.",
        severity="low",
        needs=('effective."log-level".value', "effective.debug.value"),
        offenders="(effective.\"log-level\".value != 'info' || effective.debug.value)"
        ' && {"log-level": effective."log-level".value, debug: effective.debug.value}',
        expected="log-level info and debug off",
        source="GET /info: Debug; dockerd flags; daemon.json",
        remedy=configure("log-level: null, debug: null", profile="baseline"),
        cis=cis("2.3"),
    ),
    _rule(
        id="daemon-storage-aufs",
        title="The aufs storage driver is not used",
        threat="It is unmaintained, and its kernel module never was part of Linux.",
        severity="medium",
        engine="<24.0",
        needs=("info.Driver",),
        offenders="(info.Driver == 'aufs') && info.Driver",
        expected="a maintained driver, such as overlay2",
        source="GET /info: Driver",
        remedy="Save or push the images, back up the volumes, then role docker_daemon with"
        " `docker_daemon_config: {storage-driver: overlay2}` and `docker_daemon_accept_data_move: true`: images and"
        " containers of the old driver become invisible.",
        cis=cis("2.6"),
    ),
    _rule(
        id="daemon-storage-devicemapper",
        title="The devicemapper storage driver is not used",
        threat="It is unmaintained and was removed from the engine; its loopback mode loses data.",
        severity="medium",
        engine="<25.0",
        needs=("info.Driver",),
        offenders="(info.Driver == 'devicemapper') && info.Driver",
        expected="a maintained driver, such as overlay2",
        source="GET /info: Driver",
        remedy="Save or push the images, back up the volumes, then role docker_daemon with"
        " `docker_daemon_config: {storage-driver: overlay2}` and `docker_daemon_accept_data_move: true`: images and"
        " containers of the old driver become invisible.",
        cis={"1.8": ("2.7",)},
    ),
    _mended(
        id="daemon-default-ulimits",
        title="Containers get default limits on open files",
        threat="One container that opens files without end takes them from the whole host.",
        severity="low",
        needs=("loose_ulimits",),
        offenders="loose_ulimits",
        expected="default-ulimits with nofile, hard limits within `max_ulimits` of the policy",
        source="dockerd flags; daemon.json",
        remedy=configure("default-ulimits: {nofile: {Name: nofile, Soft: 16384, Hard: 16384}}"),
        cis=cis("2.8", "2.9"),
    ),
    _mended(
        id="daemon-userns-remap",
        title="Root in a container is not root on the host",
        threat="A break-out from a container whose process is root lands as root on the host.",
        severity="medium",
        needs=("security_options",),
        offenders="!(rootless || userns) && {userns: userns, rootless: rootless}",
        expected="user namespaces remapped, or a rootless engine",
        source="GET /info: SecurityOptions",
        remedy=configure(
            "userns-remap: default",
            "Do it on a host without data, or accept with `docker_daemon_accept_data_move: true` that existing images,"
            " containers and volumes become invisible.",
            profile="",
        ),
        cis=cis("2.9", "2.10"),
    ),
    _mended(
        id="daemon-cgroup-parent",
        title="Containers stay under the engine's own cgroup",
        threat="Under another parent they escape the limits and the accounting that the host puts on containers.",
        severity="low",
        needs=('effective."cgroup-parent".value', "policy"),
        offenders='subtract(effective."cgroup-parent".value, policy.allowed_cgroup_parents)[?@]',
        expected="unset, or one of `allowed_cgroup_parents` of the policy",
        source="dockerd flags; daemon.json",
        remedy=configure("cgroup-parent: null"),
        cis=cis("2.10", "2.11"),
    ),
    _mended(
        id="daemon-base-device-size",
        title="The size of devicemapper's base device is left alone",
        threat="A larger base device lets each container fill the pool that all of them share.",
        severity="low",
        engine="<25.0",
        applies_when="info.Driver == 'devicemapper'",
        unless="the storage driver is not devicemapper",
        needs=('effective."storage-opts".value',),
        offenders="as_list(effective.\"storage-opts\".value)[?matches(@, '^dm\\.basesize')]",
        expected="no dm.basesize among storage-opts",
        source="dockerd flags; daemon.json",
        remedy=configure("storage-opts: null", profile=""),
        cis=cis("2.11", "2.12"),
    ),
    _mended(
        id="daemon-log-driver",
        title="Container logs go to a driver that keeps them within bounds",
        threat="json-file without options fills the disk and stays on a host that an attacker may wipe; none keeps"
        " nothing.",
        severity="medium",
        needs=('effective."log-driver".value', "policy"),
        offenders='subtract(effective."log-driver".value, policy.allowed_log_drivers)',
        expected="one of `allowed_log_drivers` of the policy",
        source="GET /info: LoggingDriver",
        remedy=configure("log-driver: journald, log-opts: null"),
        cis=cis("2.13", "2.14"),
    ),
    _rule(
        id="daemon-logs-off-host",
        title="Container logs leave the host",
        threat="Whoever takes the host removes the evidence with it.",
        severity="low",
        needs=('effective."log-driver".value', "policy"),
        offenders='!(policy.logs_shipped_by) && !logs_shipped && matches(effective."log-driver".value,'
        " '^(json-file|local|journald|none|syslog)$')"
        ' && !matches(effective."log-opts".value."syslog-address", \'^(tcp|udp|tcp\\+tls)://\')'
        ' && {"log-driver": effective."log-driver".value}',
        expected="a driver that sends to another machine, a running rsyslog that forwards to one that it verifies, or"
        " `logs_shipped_by` in the policy",
        source="GET /info: LoggingDriver; log-opts of dockerd flags and daemon.json; configuration of rsyslog",
        remedy="Role docker_logging with `docker_logging_collector`; or ship the host's journal or log files with an"
        " agent and name it in the policy (`logs_shipped_by: vector`).",
        cis=cis("2.13", "2.14"),
    ),
    _mended(
        id="daemon-no-new-privileges",
        title="New containers cannot gain privileges",
        threat="A setuid program in any image turns an ordinary user of the container into its root.",
        severity="medium",
        needs=('effective."no-new-privileges".value',),
        offenders='!(effective."no-new-privileges".value) && effective."no-new-privileges"',
        expected="no-new-privileges true",
        source="GET /info: SecurityOptions (since 24.0); dockerd flags; daemon.json",
        remedy=configure("no-new-privileges: true", "Existing containers keep what they were created with."),
        cis=cis("2.14", "2.15"),
    ),
    _mended(
        id="daemon-live-restore",
        title="Containers outlive the daemon",
        threat="Each update or crash of the daemon stops every container, so updates are put off.",
        severity="low",
        applies_when="!swarm && !rootless",
        unless="Swarm nodes cannot use it, and rootless containers live in namespaces that end with the daemon",
        needs=('effective."live-restore".value',),
        offenders='!(effective."live-restore".value) && effective."live-restore"',
        expected="live-restore true",
        source="GET /info: LiveRestoreEnabled",
        remedy=configure("live-restore: true", "A reload suffices.", profile="baseline"),
        cis=cis("2.15", "2.16"),
    ),
    _mended(
        id="daemon-seccomp-profile",
        title="Containers get a seccomp profile by default",
        threat="Without it containers may make every system call, with every flaw behind the rare ones.",
        severity="high",
        needs=("security_options",),
        offenders="(!(security_options.seccomp) || security_options.seccomp.profile == 'unconfined')"
        " && {profile: security_options.seccomp.profile || 'none: the engine or its kernel has no seccomp'}",
        expected="the engine's own profile, or a file",
        source="GET /info: SecurityOptions",
        remedy=configure("seccomp-profile: null"),
        cis=cis("2.17", "2.18"),
    ),
)
