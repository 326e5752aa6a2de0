# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API on TCP: who may speak to it, and the certificates that decide."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.model import Rule
from ansible_collections.bulkhead.docker.plugins.module_utils.rules.words import cis

_rule = functools.partial(Rule, subject="daemon", lever="host")
_certificates = functools.partial(
    _rule,
    role="docker_tls",
    applies_when="tls == `null` || tls.in_use",
    unless="the API does not listen on TCP with TLS",
)

RULES: t.Final[tuple[Rule, ...]] = (
    _rule(
        id="daemon-tls",
        title="The API on TCP wants a client certificate",
        threat="Anyone who reaches the port starts a privileged container and is root on this host.",
        severity="critical",
        needs=("tcp", "tcp_is_known"),
        offenders="tcp[?!verified]",
        expected="no TCP listener, or one that turns away clients without a certificate",
        source="the answer of each TCP port of the dockerd process; else dockerd flags and daemon.json",
        remedy="Remove `-H tcp://...` from the unit (`systemctl cat docker`) and `hosts` from daemon.json; use"
        " `DOCKER_HOST=ssh://user@host` instead. If TCP must be: role docker_tls with `docker_tls_listen`, which never"
        " opens a port without client certificates.",
        role="docker_tls",
        cis=cis("2.7", "2.8"),
    ),
    _rule(
        id="daemon-tcp-address",
        title="The API does not listen on every address",
        threat="Each network this host ever joins can try certificates, and flaws of the TLS stack, against the API.",
        severity="high",
        needs=("tcp",),
        offenders="tcp[?everywhere]",
        expected="no TCP listener, or one on an address of the management network",
        source="sockets of the dockerd process; dockerd flags; daemon.json",
        remedy="Name the management address: `-H tcp://192.0.2.10:2376` in the unit or in `hosts` of daemon.json;"
        " better, close the port and use `DOCKER_HOST=ssh://user@host`.",
    ),
    _certificates(
        id="daemon-tls-certificate-expiry",
        title="No certificate behind the API runs out soon",
        threat="On that day every client is locked out, or, worse, someone turns verification off to get in again.",
        severity="medium",
        needs=("tls.expiring",),
        offenders="tls.expiring",
        expected="more than `certificate_days` of the policy left on each: served, in tlscert, in tlscacert",
        source="the certificate that the port serves; files named by tlscert and tlscacert",
        remedy="Role docker_tls issues new ones before they run out (`docker_tls_listen` as it is), or playbook"
        " bulkhead.docker.rotate_tls.",
    ),
    _certificates(
        id="daemon-tls-served-certificate",
        title="The daemon uses the certificates that are on disk",
        threat="It keeps serving a key that was replaced, or trusting clients that were revoked: it reads the files"
        " when it starts, and not again.",
        severity="high",
        needs=("tls.stale",),
        offenders="tls.stale",
        expected="the certificate of tlscert is served, and tlscacert is older than the dockerd process",
        source="the certificate that the port serves; files named by tlscert and tlscacert; start of the process",
        remedy="`systemctl restart docker`; role docker_tls does it whenever it replaces a certificate.",
    ),
    _certificates(
        id="daemon-tls-certificate-names",
        title="The server's certificate names the server",
        threat="Clients cannot verify whom they speak to, so they are told not to, and anyone in between can be the"
        " daemon.",
        severity="medium",
        needs=("tls.misnamed",),
        offenders="tls.misnamed",
        expected="a host name, or the address where it is served, among the certificate's alternative names",
        source="the certificate that the port serves",
        remedy="Issue one with the names that clients use: role docker_tls puts the host's names and addresses in.",
    ),
    _certificates(
        id="daemon-tls-key-strength",
        title="Keys and signatures behind the API are strong",
        threat="Whoever computes the key, or forges the signature, is a client, or the server, and root on this host.",
        severity="high",
        needs=("tls.weak",),
        offenders="tls.weak",
        expected="elliptic curves of 256 bits, or RSA of 2048, or more; no signature by MD5 or SHA-1",
        source="the certificate that the port serves; files named by tlscert and tlscacert",
        remedy="Role docker_tls issues certificates with keys on the curve P-256.",
    ),
    _certificates(
        id="daemon-tls-client-ca",
        title="The authority for clients serves no other purpose",
        threat="Everyone to whom it ever issued a certificate, such as for a web site, is a client, and root here.",
        severity="high",
        needs=("tls.public",),
        offenders="tls.public",
        expected="no authority in tlscacert that this machine also trusts for web servers",
        source="file named by tlscacert; the machine's own store of authorities",
        remedy="Have an authority for the API alone: role docker_tls makes one.",
    ),
)
