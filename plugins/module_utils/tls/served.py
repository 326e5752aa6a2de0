# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the running daemon has to do with the files: whether it is set to use them, and what its ports really serve."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import time
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.control import ControlError
from ansible_collections.bulkhead.docker.plugins.module_utils.tls.material import fingerprint

_SECONDS = 5.0  # for one connection, and for a listener to come up after the socket has answered
_PORT = 2376  # dockerd's, where TLS is on and none is named
_ANY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 compared, and reached by the loopback
_KEYS = ("tlscacert", "tlscert", "tlskey")


@dataclass(frozen=True)
class Address:
    """Where a listener is reached from the host itself."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Serving:
    """The daemon's settings, as far as they concern a directory of ours."""

    uses: bool = False
    addresses: tuple[Address, ...] = ()


def serving(settings: Mapping[str, t.Any], paths: Iterable[Path]) -> Serving:
    """``settings``: daemon.json and the command line together; ``paths``: the files in question."""
    ours = {os.path.realpath(path) for path in paths}
    if not any(os.path.realpath(str(settings[key])) in ours for key in _KEYS if settings.get(key)):
        return Serving()
    hosts = settings.get("hosts")
    found = (_address(str(host)) for host in (hosts if isinstance(hosts, list) else []))
    return Serving(uses=True, addresses=tuple(address for address in found if address))


def _address(host: str) -> Address | None:
    """``tcp://192.0.2.1:2376``, also without the scheme, which is tcp then; None for anything else."""
    scheme, separator, rest = host.rpartition("://")
    if separator and scheme != "tcp":
        return None
    rest = rest.partition("/")[0]
    name, colon, port = rest.rpartition(":")
    if rest.endswith("]") or not colon:
        name, port = rest, ""
    name = name.strip("[]")
    return Address(_ANY.get(name, name), int(port) if port.isdigit() else _PORT)


def served(address: Address) -> str:
    """The fingerprint of the certificate that is served there. Raises OSError; ssl.SSLError where it is not TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # it is compared with the one on disk, which has been proved
    plain = socket.create_connection((address.host, address.port), timeout=_SECONDS)
    with plain, context.wrap_socket(plain) as secure:
        return fingerprint(secure.getpeercert(binary_form=True) or b"")


def differing(addresses: Iterable[Address], expected: str) -> list[str]:
    """What is wrong at each listener. One that cannot be reached serves nothing old, and is left out."""
    wrong = []
    for address in addresses:
        with contextlib.suppress(OSError):
            wrong.append(_wrong(address, expected))
    return [problem for problem in wrong if problem]


def await_served(addresses: Iterable[Address], expected: str) -> None:
    """Wait until every listener serves the expected certificate. Raises ControlError."""
    for address in addresses:
        deadline = time.monotonic() + _SECONDS
        while problem := _missing(address, expected):
            if time.monotonic() > deadline:
                raise ControlError(problem)
            time.sleep(0.1)


def _wrong(address: Address, expected: str) -> str:
    try:
        return "" if served(address) == expected else f"{address} serves another certificate than the one on disk"
    except ssl.SSLError as error:
        return f"{address} does not speak TLS as it should: {error}"


def _missing(address: Address, expected: str) -> str:
    try:
        return _wrong(address, expected)
    except OSError as error:
        return f"nothing serves the certificate at {address}: {error}"
