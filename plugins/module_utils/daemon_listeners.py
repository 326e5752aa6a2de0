# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the daemon listens: which of its hosts are reached over a network, and how addresses are written. Pure."""

from __future__ import annotations

import ipaddress
import re
import typing as t

PORT = 2376  # registered for Docker's API over TLS
DEFAULT_SOCKET = "unix:///var/run/docker.sock"
_LOCAL = ("unix://", "fd://", "npipe://")
_BRACKETED = re.compile(r"\[([^]]*)\](?::(.*))?")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")


def is_remote(host: t.Any) -> bool:
    """Whether an entry of ``hosts`` opens a TCP port. dockerd takes an entry without a scheme for one, too."""
    return isinstance(host, str) and bool(host.strip()) and not host.strip().startswith(_LOCAL)


def remote(hosts: t.Any) -> list[str]:
    return [host for host in hosts if is_remote(host)] if isinstance(hosts, list) else []


def normalise(address: str) -> str:
    """``10.0.0.5``, ``2001:db8::5``, ``[2001:db8::5]:2376``, ``docker1:2376``, ``tcp://...`` -> ``tcp://HOST:PORT``.

    Raises ValueError with the reason.
    """
    text = address.strip()
    scheme, separator, rest = text.rpartition("://")
    if separator and scheme != "tcp":
        raise ValueError(f"{address} is not a TCP address: say tcp://ADDRESS:PORT, or ADDRESS alone")
    host, port = _split(rest)
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{address}: the port must be a number from 1 to 65535")
    try:
        parsed = ipaddress.ip_address(host)
    except ValueError:
        if not _NAME.fullmatch(host) or re.fullmatch(r"[\d.]+", host):
            raise ValueError(
                f"{address}: {host or 'nothing'} is neither an IP address (IPv6 with a port in brackets) nor a name"
            ) from None
        return f"tcp://{host}:{int(port)}"
    return f"tcp://[{parsed}]:{int(port)}" if parsed.version == 6 else f"tcp://{parsed}:{int(port)}"


def _split(text: str) -> tuple[str, str]:
    bracketed = _BRACKETED.fullmatch(text)
    if bracketed:
        return bracketed[1], str(PORT) if bracketed[2] is None else bracketed[2]
    if text.count(":") > 1:
        return text, str(PORT)
    host, colon, port = text.partition(":")
    return host, port if colon else str(PORT)


def endpoint(host: str) -> tuple[str, int]:
    """Address and port of a remote entry, as a client needs them."""
    name, port = _split(host.strip().rpartition("://")[2].partition("/")[0])
    return name, int(port)


def is_wildcard(host: str) -> bool:
    """Whether it listens on every address that the machine has."""
    name = _split(host.strip().rpartition("://")[2])[0]
    try:
        return not name or ipaddress.ip_address(name).is_unspecified
    except ValueError:
        return False


def local(by_flags: t.Any, by_file: t.Any) -> list[str]:
    """The sockets of this machine that the daemon has without us; by default Docker's own."""
    hosts = by_flags or by_file or []
    return [host for host in hosts if isinstance(host, str) and not is_remote(host) and host] or [DEFAULT_SOCKET]
