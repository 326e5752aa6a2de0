# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine itself: who reaches it, and what it opens to the network."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.model import Rule
from ansible_collections.bulkhead.docker.plugins.module_utils.rules.words import cis, configure

_rule = functools.partial(Rule, subject="daemon", lever="host")
_mended = functools.partial(_rule, role="docker_daemon")

RULES: t.Final[tuple[Rule, ...]] = (
    _rule(
        id="daemon-rootless",
        title="The daemon runs without root",
        threat="Whoever breaks out of a container, or controls the API, is root on the host.",
        severity="medium",
        needs=("rootless",),
        offenders="!rootless && {rootless: rootless, euid: daemon.euid}",
        expected="rootless among the engine's security options",
        source="GET /info: SecurityOptions",
        remedy="Move the workload to a rootless engine of its own user: role docker_rootless."
        " Where that is not possible, remap user namespaces (daemon-userns-remap) and waive this rule.",
        role="docker_rootless",
        cis=cis("2.1"),
    ),
    _mended(
        id="daemon-icc",
        title="Containers on the default bridge cannot reach each other",
        threat="One broken container can attack every other one on the default bridge, on ports nobody published.",
        severity="medium",
        applies_when="bridge || effective.bridge.value != 'none'",
        unless="there is no default bridge",
        needs=("effective.icc.value",),
        offenders="effective.icc.value && effective.icc",
        expected="icc false",
        source="default bridge network: com.docker.network.bridge.enable_icc",
        remedy=configure(
            "icc: false",
            "Containers that must talk belong on a network of their own. It takes hold when the daemon starts with no"
            " container running.",
        ),
        cis=cis("2.2"),
    ),
    _mended(
        id="daemon-iptables",
        title="The engine manages its firewall rules",
        threat="Without them container networks are not separated, and published ports are not limited to what was"
        " asked.",
        severity="high",
        needs=("effective.iptables.value",),
        offenders="[(effective.iptables.value == `false`) && 'iptables: false',"
        " (effective.ip6tables.value == `false`) && 'ip6tables: false'][?@]",
        expected="neither iptables nor ip6tables set to false",
        source="dockerd flags; daemon.json",
        remedy=configure("iptables: null, ip6tables: null"),
        cis=cis("2.4"),
    ),
    _mended(
        id="daemon-insecure-registries",
        title="Every registry is reached over verified TLS",
        threat="Whoever sits between this host and such a registry chooses the images that run here.",
        severity="high",
        needs=("insecure_registries",),
        offenders="insecure_registries",
        expected="no insecure registry but loopback",
        source="GET /info: RegistryConfig",
        remedy=configure(
            "insecure-registries: null",
            "Give the registry a certificate; a private CA goes to /etc/docker/certs.d/<host:port>/ca.crt.",
        ),
        cis=cis("2.5"),
    ),
    _rule(
        id="daemon-authorization-plugin",
        title="An authorization plugin decides about API calls",
        threat="Every client of the API may do everything: there is no lesser right than root on the host.",
        severity="low",
        applies_when="!rootless",
        unless="the daemon is rootless: whoever reaches its API is its user, and can be no more",
        needs=('effective."authorization-plugins".value',),
        offenders='!(effective."authorization-plugins".value) && {plugins: `[]`}',
        expected="at least one authorization plugin",
        source="GET /info: Plugins.Authorization",
        remedy="Install and start a plugin (such as opa-docker-authz), then role docker_daemon with"
        " `docker_daemon_config: {authorization-plugins: [NAME]}`. Where only root uses the API, waive this rule.",
        role="docker_daemon",
        cis=cis("2.12", "2.13"),
    ),
    _rule(
        id="daemon-authorization-bypass",
        title="The engine has the fixes that keep authorization plugins from being bypassed",
        threat="A request made for it reaches the daemon without the plugin seeing its body (CVE-2024-41110,"
        " CVE-2026-34040).",
        severity="high",
        applies_when='effective."authorization-plugins".value',
        unless="no authorization plugin is in use",
        needs=("engine",),
        offenders="!version_at_least(engine, '29.3.1') && {engine: engine}",
        expected="engine 29.3.1 or later",
        source="GET /info: ServerVersion",
        remedy="Update the engine to 29.3.1 or later. Where the distribution carries the fixes in an older version,"
        " waive this rule and name its advisory.",
        cis=cis("2.12", "2.13"),
    ),
    _mended(
        id="daemon-userland-proxy",
        title="Published ports need no proxy process",
        threat="One more root process per published port, which also hides where connections came from.",
        severity="low",
        applies_when="!rootless",
        unless="a rootless daemon publishes ports through it, and nothing of it is root's",
        needs=('effective."userland-proxy".value',),
        offenders='effective."userland-proxy".value && effective."userland-proxy"',
        expected="userland-proxy false",
        source="dockerd flags; daemon.json",
        remedy=configure("userland-proxy: false"),
        cis=cis("2.16", "2.17"),
    ),
    _mended(
        id="daemon-experimental",
        title="Experimental features are off",
        threat="They are less tested, and may change or go with any update.",
        severity="low",
        needs=("effective.experimental.value",),
        offenders="(effective.experimental.value || version.Experimental) && effective.experimental",
        expected="experimental false",
        source="GET /info: ExperimentalBuild",
        remedy=configure("experimental: null", profile="baseline"),
        cis=cis("2.18", "2.19"),
    ),
    _rule(
        id="daemon-swarm",
        title="Swarm mode is on only where it is wanted",
        threat="It opens cluster ports on the host and gives managers of the cluster root on it.",
        severity="medium",
        applies_when="!(policy.swarm)",
        unless="the policy says that this host is a Swarm node",
        needs=("info.Swarm.LocalNodeState",),
        offenders="(info.Swarm.LocalNodeState != 'inactive') && {state: info.Swarm.LocalNodeState}",
        expected="Swarm inactive, or `swarm: true` in the policy",
        source="GET /info: Swarm.LocalNodeState",
        remedy="`docker swarm leave` (community.docker.docker_swarm: `state: absent`), or say `swarm: true` in the"
        " policy.",
        cis=cis("5.1"),
    ),
    _rule(
        id="daemon-settings-live",
        title="The daemon runs with the settings that its files ask for",
        threat="What was hardened on disk is not in force until the daemon is restarted; nobody notices.",
        severity="medium",
        needs=("pending",),
        offenders="pending",
        expected="no setting that waits for a restart",
        source="GET /info against dockerd flags and daemon.json",
        remedy="`systemctl restart docker` (role docker_daemon does it when `docker_daemon_restart` allows). Settings"
        " of the default bridge, such as icc, take hold only when no container runs at that moment: stop them, or"
        " reboot.",
        role="docker_daemon",
    ),
    _rule(
        id="daemon-metrics-address",
        title="Metrics are served to this machine only",
        threat="The metrics listener asks for no password: names and activity of containers are open to the network.",
        severity="medium",
        needs=("metrics",),
        offenders='metrics.exposed && {"metrics-addr": metrics.address}',
        expected="metrics-addr unset, or a loopback address",
        source="dockerd flags; daemon.json",
        remedy=configure("metrics-addr: 127.0.0.1:9323", "Let a local exporter carry them away over TLS.", profile=""),
        role="docker_daemon",
    ),
    _rule(
        id="daemon-raw-rules",
        title="Containers are protected from direct routing",
        threat="Machines on the same network segment reach ports that were published on 127.0.0.1 only.",
        severity="medium",
        engine=">=28.0",
        applies_when="!rootless",
        unless="the networks of a rootless daemon are not on the host's",
        needs=("daemon.environment",),
        offenders="[intersect(daemon.environment, ['DOCKER_INSECURE_NO_IPTABLES_RAW']) &&"
        " 'DOCKER_INSECURE_NO_IPTABLES_RAW in the environment', effective.\"allow-direct-routing\".value &&"
        " 'allow-direct-routing: true'][?@]",
        expected="neither DOCKER_INSECURE_NO_IPTABLES_RAW nor allow-direct-routing",
        source="environment and flags of the dockerd process; daemon.json",
        remedy="Remove the variable from the unit's Environment (`systemctl cat docker`), then role docker_daemon with"
        " `docker_daemon_config: {allow-direct-routing: null}`.",
    ),
    _mended(
        id="daemon-min-api-version",
        title="The oldest API version that the engine answers is not lowered",
        threat="Old API versions lack later checks; clients that need them are themselves out of date.",
        severity="low",
        engine=">=29.0",
        needs=("version.MinAPIVersion", "engine"),
        offenders="!version_at_least(version.MinAPIVersion, version_at_least(engine, '29.3') && '1.40' || '1.44')"
        " && {MinAPIVersion: version.MinAPIVersion}",
        expected="the engine's own minimum: 1.44 before 29.3, then 1.40",
        source="GET /version: MinAPIVersion",
        remedy=configure(
            "min-api-version: null", "Remove DOCKER_MIN_API_VERSION from the unit's environment, too.", profile=""
        ),
    ),
    _rule(
        id="daemon-environment",
        title="No environment variable changes what the daemon's settings say",
        threat="Nobody looks for settings there: DOCKER_RAMDISK alone gives up the barrier (pivot_root) that keeps"
        " containers from the host's files.",
        severity="medium",
        needs=("daemon.environment",),
        offenders="intersect(daemon.environment, ['DOCKER_CERT_PATH', 'DOCKER_DRIVER', 'DOCKER_MIN_API_VERSION',"
        " 'DOCKER_RAMDISK', 'DOCKER_TLS_VERIFY'])",
        expected="none of DOCKER_CERT_PATH, DOCKER_DRIVER, DOCKER_MIN_API_VERSION, DOCKER_RAMDISK, DOCKER_TLS_VERIFY",
        source="environment of the dockerd process; names only",
        remedy="Take it out of the unit (`systemctl cat docker`: Environment, EnvironmentFile), and say what it was for"
        " with role docker_daemon, as in `docker_daemon_config: {storage-driver: overlay2, min-api-version: null}`.",
        role="docker_daemon",
    ),
)
