# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filtering proxies of the engine's socket: those in containers, and the sanctioned ones on the host."""

from __future__ import annotations

import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.model import Rule

RULES: t.Final[tuple[Rule, ...]] = (
    Rule(
        id="container-socket-proxy",
        subject="container",
        lever="recreate",
        title="A proxy of the engine's socket opens little, to few",
        threat="Each container that reaches the proxy may do what it lets through, and most of that is, or leads to,"
        " root on the host.",
        severity="high",
        applies_when="proxy",
        unless="it is no known filtering proxy with the engine's socket",
        needs=("proxy.problems",),
        offenders="proxy.problems",
        expected="requests that only look and show no secrets, on internal networks, with no published port",
        source="docker inspect: image, switches (on or off), allowed paths, ports, networks",
        remedy="Switch off what its consumers do not use, publish no port, and give each its own network with"
        " `internal: true`. Better: role docker_socket with `docker_socket_proxies`, which needs no image and allows"
        " each consumer single requests.",
    ),
    Rule(
        id="daemon-proxy-sockets",
        subject="daemon",
        lever="host",
        title="The sockets of filtering proxies are open to their consumers alone",
        threat="Every user of the host asks the engine what the proxy lets through.",
        severity="medium",
        applies_when="proxies == `null` || proxies.sockets",
        unless="there is no such proxy on the host",
        needs=("proxies.open",),
        offenders="proxies.open",
        expected="sockets under /run/bulkhead-docker-proxy that only their own group can write to",
        source="owner and mode of the socket and of each directory above it",
        remedy="Role docker_socket with `docker_socket_proxies` sets them right.",
        role="docker_socket",
    ),
)
