# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the role that name addresses, networks and clients. Pure; OptionError says what is wrong where."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence

_NAME = re.compile(
    r"(?=.{1,253}$)(\*\.)?[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*", re.I
)
_CLIENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
RENEWABLE = ("ca", "server", "clients")  # what docker_tls_renew may name besides a client
_ALWAYS = ("localhost", "127.0.0.1")  # for whoever asks on the host itself


class OptionError(ValueError):
    """The message names the option, the value and the remedy."""


def server_names(listen: Sequence[str], wanted: Sequence[str], known: Iterable[str]) -> list[str]:
    """The subject alternative names of a server's certificate, sorted.

    ``known``: what the host is called without anybody having asked, left out where that is no name.
    """
    found = {_spelt(host) for host in map(listener, listen) if not _unspecified(host)}
    found |= {_wanted(name) for name in wanted}
    found |= {_spelt(name) for name in (*known, *_ALWAYS) if _address(name) or _NAME.fullmatch(name)}
    return sorted(found)


def listener(text: str) -> str:
    """The host part of a listener; raises OptionError for what dockerd could not listen on with TLS."""
    scheme, separator, rest = str(text).rpartition("://")
    host, port = rest, ""
    if (brackets := re.fullmatch(r"\[(.*)\](?::(.*))?", rest)) is not None:
        host, port = brackets[1], brackets[2] or ""
    elif rest.count(":") == 1:
        host, port = rest.split(":")
    valid = not separator or scheme == "tcp"
    valid &= not port or (port.isdigit() and 0 < int(port) < 65536)
    if not (valid and host and (_address(host) or _NAME.fullmatch(host))):
        raise OptionError(
            f"docker_tls_listen: {text!r} is not a TCP address to listen on; write tcp://192.0.2.1:2376, "
            "tcp://[2001:db8::1]:2376 or tcp://0.0.0.0:2376 for all addresses"
        )
    return host


def _wanted(name: str) -> str:
    if not (_address(name) or _NAME.fullmatch(name)):
        raise OptionError(f"docker_tls_server_names: {name!r} is neither a DNS name nor an IP address")
    return _spelt(name)


def _spelt(name: str) -> str:
    address = _address(name)
    return f"IP:{address}" if address else f"DNS:{name.lower()}"


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _unspecified(host: str) -> bool:
    address = _address(host)
    return bool(address and address.is_unspecified)


def networks(cidrs: Sequence[str]) -> list[str]:
    """Networks in CIDR form, each once, in their order."""
    return list(dict.fromkeys(map(_network, cidrs)))


def _network(cidr: str) -> str:
    try:
        return str(ipaddress.ip_network(cidr))
    except ValueError as error:
        raise OptionError(
            f"docker_tls_management_networks: {cidr!r} is not a network in CIDR form, such as 192.0.2.0/24 or "
            f"2001:db8::/64: {error}"
        ) from error


def check_clients(clients: Sequence[Mapping[str, object]], renew: Sequence[str]) -> None:
    """Names make paths and subjects, so they are checked before either is made of them."""
    names = [str(client.get("name", "")) for client in clients]
    for name in names:
        if not _CLIENT.fullmatch(name) or name in RENEWABLE:
            raise OptionError(
                f"docker_tls_clients: {name!r} cannot be the name of a client: letters, digits and . _ @ -, at most "
                f"64, beginning with a letter or digit, and none of {', '.join(RENEWABLE)}"
            )
        if names.count(name) > 1:
            raise OptionError(f"docker_tls_clients names {name!r} more than once: a revoked operator needs a new name")
    for name in renew:
        if name not in (*RENEWABLE, *names):
            raise OptionError(
                f"docker_tls_renew: {name!r} is neither one of {', '.join(RENEWABLE)} nor a name in docker_tls_clients"
            )
