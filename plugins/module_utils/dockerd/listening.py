# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API on TCP: whether its certificates would do, before anything is touched; whether it is there, after."""

from __future__ import annotations

import time
import typing as t
from collections.abc import Mapping, Sequence
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils.collect import tls
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_listeners import endpoint
from ansible_collections.bulkhead.docker.plugins.module_utils.tls.material import (
    SERVER,
    Material,
    UnsoundError,
    fingerprints,
    prove,
)

FILES = ("tlscacert", "tlscert", "tlskey")
_READABLE_BY_ALL = 0o004
_PAUSE = 0.2


def unsound(settings: Mapping[str, t.Any]) -> list[str]:
    """What keeps the daemon, or its clients, from using these files; ``settings`` as the daemon will have them."""
    missing = [key for key in FILES if not settings.get(key)]
    if missing:
        return [f"hosts opens the API on TCP: name the files of its certificates too ({', '.join(missing)})"]
    try:
        texts = {key: Path(str(settings[key])).read_text(encoding="utf-8", errors="replace") for key in FILES}
        mode = Path(str(settings["tlskey"])).stat().st_mode
    except OSError as error:
        return [f"{error.filename}: {error.strerror}"]
    reasons = []
    if mode & _READABLE_BY_ALL:
        reasons.append(f"tlskey: every user of this host can read {settings['tlskey']}: take that away (chmod 0400)")
    if not fingerprints(texts["tlscacert"]):
        reasons.append(f"tlscacert: {settings['tlscacert']} holds no certificate, so that no client could be verified")
    try:
        prove(Material(ca=texts["tlscert"], cert=texts["tlscert"], key=texts["tlskey"]), SERVER)
    except UnsoundError as error:
        reasons.append(f"tlscert {settings['tlscert']} with tlskey {settings['tlskey']}: {error}")
    return reasons


def lacking(hosts: Sequence[str], certificate: str, patience: float) -> list[str]:
    """What is wrong with the listeners of a daemon that says it is up; each is asked as a stranger would.

    ``patience``: seconds in which one that only takes its time, as on a busy machine, is asked again.
    """
    expected = fingerprints(Path(certificate).read_text(encoding="utf-8", errors="replace"))[:1]
    until = time.monotonic() + patience
    reasons = []
    for host in hosts:
        answer = tls.probe(*endpoint(host))
        while _slow(answer) and time.monotonic() < until:
            time.sleep(_PAUSE)
            answer = tls.probe(*endpoint(host))
        if answer["protocol"] != "tls":
            reasons.append(f"{host} does not answer with TLS: {answer['error'] or answer['protocol']}")
        elif answer["client_certificate"] is not True:
            reasons.append(f"{host} does not turn away a client without a certificate")
        elif answer["certificate"] and [answer["certificate"]["fingerprint"]] != expected:
            reasons.append(f"{host} serves another certificate than {certificate}")
    return reasons


def _slow(answer: Mapping[str, t.Any]) -> bool:
    """Whether there is no answer yet, rather than a wrong one."""
    if answer["protocol"] is None:
        return "timed out" in answer["error"]
    return answer["protocol"] == "tls" and answer["client_certificate"] is None
