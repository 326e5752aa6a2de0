# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs: within bounds, never in the way of a container, off the host to the right machine; and the engine's events."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.model import Rule
from ansible_collections.bulkhead.docker.plugins.module_utils.rules.words import cis, configure, recreate

_host = functools.partial(Rule, subject="host", lever="host", role="docker_logging")
_daemon = functools.partial(Rule, subject="daemon", lever="host", role="docker_daemon", needs=("logs",))
_container = functools.partial(Rule, subject="container", lever="recreate", needs=("logs",))

_SENDS = "logging.forwards"
_SENDS_NOT = "no configuration of rsyslog sends to another machine"

RULES: t.Final[tuple[Rule, ...]] = (
    _host(
        id="host-log-shipping",
        title="What sends logs away runs, and gets rid of them",
        threat="A sender that has stopped, or whose collector takes nothing, is found out when the logs are needed.",
        severity="medium",
        applies_when=_SENDS,
        unless=_SENDS_NOT,
        needs=("logging",),
        offenders="(logging.stopped || logging.stale > `0`) &&"
        " {stopped: logging.stopped, waiting_bytes: logging.stale}",
        expected="the services of all forwarding configurations running, nothing waiting for a quarter of an hour",
        source="configuration of rsyslog; control groups under system.slice; /var/lib/bulkhead-docker-logs",
        remedy="Role docker_logging, or `systemctl start` the service; its journal (`journalctl --unit"
        " bulkhead-docker-logs`) says why the collector takes nothing.",
        cis=cis("2.13", "2.14"),
    ),
    _host(
        id="host-log-shipping-tls",
        title="Logs go to no machine that has not proved its name",
        threat="Whoever is on the way, or answers to the collector's address, reads what containers say, or keeps it.",
        severity="medium",
        applies_when=_SENDS,
        unless=_SENDS_NOT,
        needs=("logging",),
        offenders="logging.unverified",
        expected="TLS with the name of the collector, for each forwarding action",
        source="/etc/rsyslog.conf, /etc/rsyslog.d, the configuration of bulkhead-docker-logs",
        remedy="Role docker_logging with `docker_logging_collector` and `docker_logging_collector_name`; in a"
        " configuration of your own, `StreamDriverMode=1`, `StreamDriverAuthMode=x509/name` and the permitted peers.",
        cis=cis("2.13", "2.14"),
    ),
    _host(
        id="host-engine-events",
        title="Every event of the engine is recorded",
        threat="Who started which container, with what, is kept by the engine in memory, and only the last of it.",
        severity="low",
        needs=("logging.recorder",),
        offenders="logging.recorder.problem",
        expected="one of `event_recorders` of the policy running, and ours connected and not behind",
        source="control groups under system.slice; /var/lib/bulkhead-docker-events/pulse.json",
        remedy="Role docker_logging with `docker_logging_events: true`; name another recorder in `event_recorders`"
        " of the policy.",
    ),
    _daemon(
        id="daemon-log-limits",
        title="The default log driver bounds what a container may write",
        threat="One container that writes without end fills the disk and stops the host.",
        severity="medium",
        offenders="logs.unbounded && {driver: logs.name}",
        expected="max-size with json-file; local and journald have limits by themselves",
        source="GET /info: LoggingDriver; log-opts of dockerd flags and daemon.json",
        remedy=configure("log-opts: {max-size: 20m, max-file: '5'}", profile=""),
    ),
    _daemon(
        id="daemon-log-blocking",
        title="No container waits for another machine to take its logs",
        threat="When the collector hangs, containers hang with it and cannot be stopped: who stops it stops them all.",
        severity="medium",
        offenders="logs.blocks && {driver: logs.name}",
        expected="a driver that keeps logs on the host, or mode non-blocking",
        source="GET /info: LoggingDriver; log-opts of dockerd flags and daemon.json",
        remedy=configure("log-driver: journald, log-opts: null")
        + " Or `log-opts: {mode: non-blocking, max-buffer-size: 4m}`.",
    ),
    _container(
        id="container-log-driver",
        title="The container logs where all of this host do",
        threat="What ships, searches and keeps logs does not know of this one.",
        severity="low",
        needs=("logs", "engine.log_driver"),
        offenders="(logs.name != 'none' && logs.name != engine.log_driver) &&"
        " {driver: logs.name, default: engine.log_driver}",
        expected="the daemon's default driver; one from before it was changed stays with a container",
        source="HostConfig.LogConfig.Type",
        remedy="Recreate the container without a log driver of its own (Compose: without `logging`).",
    ),
    _container(
        id="container-log-limits",
        title="The container's log file is bounded",
        threat="A container that writes without end fills the disk and stops the host.",
        severity="medium",
        offenders="logs.unbounded && {driver: logs.name}",
        expected="max-size with json-file",
        source="HostConfig.LogConfig",
        remedy=recreate(
            "--log-opt max-size=20m --log-opt max-file=5",
            "logging: {options: {max-size: 20m, max-file: '5'}}",
            "Naming a driver drops the daemon's options.",
        ),
    ),
    _container(
        id="container-log-blocking",
        title="The container waits for no other machine to take its logs",
        threat="When the collector hangs, so does the container, and it cannot even be stopped.",
        severity="medium",
        offenders="logs.blocks && {driver: logs.name}",
        expected="a driver that keeps logs on the host, or mode non-blocking",
        source="HostConfig.LogConfig",
        remedy=recreate(
            "--log-opt mode=non-blocking --log-opt max-buffer-size=4m",
            "logging: {options: {mode: non-blocking, max-buffer-size: 4m}}",
        ),
    ),
)
