# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the daemon is reached over TCP: its listeners, who may speak to them, the certificates behind them."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_shape import (
    Json,
    at,
    mapping,
    mappings,
    number,
    sequence,
    text,
    texts,
)

_SWARM_PORTS = (2377, 7946)
_ENVIRONMENT_TLS = "DOCKER_TLS_VERIFY"  # dockerd takes any value as yes

Offenders = t.Optional[list[dict[str, t.Any]]]  # None: could not be told

#: The fewest bits of a key that is not of an elliptic curve, and of one that is.
_LEAST_BITS = {"rsa": 2048, "dsa": 2048, "ec": 256, "ed25519": 253, "ed448": 448}
_WEAK_SIGNATURE = re.compile(r"md2|md4|md5|sha1", re.IGNORECASE)


def tcp(daemon: Json, effective: Json, swarm: bool) -> list[dict[str, t.Any]] | None:
    """Where the API listens on TCP: real sockets, else what flags and file say; None when neither is known.

    Whether clients need a certificate is what the port itself answered, else what the settings say.
    """
    if not isinstance(daemon.get("listeners"), list):
        hosts = texts(effective, "hosts", "value")
        found = [split_address(host[len("tcp://") :]) for host in hosts if host.startswith("tcp://")]
        if not found and not _all_unix(at(effective, "hosts", "value")):
            return None
        return [_listener(*address, _verified(daemon, effective), "setting", {}) for address in found]
    other = _other_ports(effective, swarm)
    return [
        _listener(text(entry, "address"), port, _verified(daemon, effective), "socket", mapping(entry, "tls"))
        for entry in mappings(daemon, "listeners")
        for port in [number(entry.get("port"))]
        if text(entry, "proto").startswith("tcp") and port not in other
    ]


def _listener(address: str, port: int | None, verified: bool | None, source: str, answer: Json) -> dict[str, t.Any]:
    wanted = answer.get("client_certificate")
    asked = isinstance(wanted, bool)
    return {
        "address": address,
        "port": port,
        "everywhere": is_wildcard(address),
        "protocol": text(answer, "protocol") or None,
        "verified": wanted if asked else verified,
        "source": "answer" if asked else source,
    }


def _all_unix(hosts: t.Any) -> bool:
    """Whether settings alone rule out TCP: with fd:// the socket's unit decides, and that may say anything."""
    return isinstance(hosts, list) and all(isinstance(host, str) and host.startswith("unix://") for host in hosts)


def _verified(daemon: Json, effective: Json) -> bool | None:
    """Whether clients need a certificate; None when the file says so but has changed since the daemon read it."""
    if _ENVIRONMENT_TLS in sequence(daemon, "environment"):
        return True
    value, source = at(effective, "tlsverify", "value"), at(effective, "tlsverify", "source")
    changed, started = daemon.get("config_mtime"), daemon.get("started_at")
    known = isinstance(changed, (int, float)) and isinstance(started, (int, float)) and changed <= started
    if value is True and source == text(daemon, "config", "path") and not known:
        return None
    return value if isinstance(value, bool) else None


def _other_ports(effective: Json, swarm: bool) -> set[int | None]:
    """TCP ports of dockerd that do not carry the API."""
    metrics = split_address(str(at(effective, "metrics-addr", "value") or ""))[1]
    diagnostic = number(at(effective, "network-diagnostic-port", "value"))
    return {metrics, diagnostic, *(_SWARM_PORTS if swarm else ())} - {None, 0}


def split_address(address: str) -> tuple[str, int | None]:
    """``[::1]:80`` as ("::1", 80)."""
    host, _dummy, port = address.rpartition(":")
    return host.strip("[]"), number(port)


def is_wildcard(address: str) -> bool:
    """Whether an address to listen on stands for every interface."""
    return address in ("", "*", "0.0.0.0", "::", "0:0:0:0:0:0:0:0")  # noqa: S104 - compared with, not bound to


def certificates(daemon: Json, listeners: list[dict[str, t.Any]] | None, policy: Json) -> dict[str, t.Any] | None:
    """What is wrong with the certificates behind the ports that speak TLS; None when the ports are not known."""
    if listeners is None:
        return None
    ports = {entry["port"] for entry in listeners if entry["protocol"] == "tls"}
    served = [
        {**mapping(entry, "tls", "certificate"), "where": _where(entry), "address": text(entry, "address")}
        for entry in mappings(daemon, "listeners")
        if number(entry.get("port")) in ports and text(entry, "proto").startswith("tcp")
    ]
    files = mapping(daemon, "certificates")
    known = [*served, *_of(files, "tlscert"), *_of(files, "tlscacert")]
    readable = all(isinstance(at(files, option, "certificates"), list) for option in ("tlscert", "tlscacert"))
    days = number(policy.get("certificate_days")) or 0
    return {
        "in_use": bool(ports),
        "expiring": _told(_expiring(known, days), readable and _all(known, "days_left")),
        "stale": _told(_stale(served, files, daemon.get("started_at")), readable and _all(served, "fingerprint")),
        "misnamed": _told(_misnamed(served), _all(served, "names")),
        "weak": _told(_weak(known), readable and _all(known, "key")),
        "public": _told(_public(files), isinstance(at(files, "tlscacert", "certificates"), list)),
    }


def _where(listener: Json) -> str:
    address = text(listener, "address")
    return f"served on {f'[{address}]' if ':' in address else address}:{listener.get('port')}"


def _of(files: Json, option: str) -> list[dict[str, t.Any]]:
    """The certificates of a file, each with the file's name; of a certificate's file the first is the server's."""
    return [{**one, "where": text(files, option, "path")} for one in mappings(files, option, "certificates")]


def _all(known: list[dict[str, t.Any]], field: str) -> bool:
    return all(one.get(field) is not None for one in known)


def _told(offenders: list[dict[str, t.Any]], complete: bool) -> Offenders:
    """What is wrong is wrong, whatever else could not be read; nothing wrong is only said of all."""
    return offenders if offenders or complete else None


def _about(one: Json, *fields: str) -> dict[str, t.Any]:
    return {name: one.get(name) for name in ("where", "subject", *fields)}


def _expiring(known: list[dict[str, t.Any]], days: int) -> list[dict[str, t.Any]]:
    left = ((one, number(one.get("days_left"))) for one in known)
    return [_about(one, "not_after", "days_left") for one, has in left if has is not None and has < days]


def _stale(served: list[dict[str, t.Any]], files: Json, started: t.Any) -> list[dict[str, t.Any]]:
    """The daemon reads both files once, when it starts."""
    on_disk = [text(one, "fingerprint") for one in mappings(files, "tlscert", "certificates")[:1]]
    found = [
        {**_about(one, "fingerprint"), "file": text(files, "tlscert", "path"), "file_fingerprint": on_disk[0]}
        for one in served
        if on_disk and text(one, "fingerprint") not in ("", on_disk[0])
    ]
    changed = at(files, "tlscacert", "changed")
    if isinstance(changed, (int, float)) and isinstance(started, (int, float)) and changed > started:
        found.append({"file": text(files, "tlscacert", "path"), "seconds_after_start": int(changed - started)})
    return found


def _misnamed(served: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Certificates by which no client can tell this server from another."""
    named = [one for one in served if one.get("names") is not None]
    return [_about(one, "names", "addresses") for one in named if not _names(one)]


def _names(one: Json) -> bool:
    """Whether a certificate names the address where it is served, or a host name, which is not for us to look up."""
    names, addresses, address = texts(one, "names"), texts(one, "addresses"), text(one, "address")
    if _is_loopback(address):
        return bool(names or addresses)
    outside = [one for one in addresses if not _is_loopback(one)]
    return bool(set(names) - {"localhost"}) or (bool(outside) if is_wildcard(address) else address in addresses)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _weak(known: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Short keys; signatures by broken hashes, which do not matter on an authority's own certificate."""
    return [_about(one, "key", "bits", "signature") for one in known if _is_short(one) or _is_forgeable(one)]


def _is_short(one: Json) -> bool:
    bits, name = number(one.get("bits")), text(one, "key").lower()
    kind = "ec" if "ecpublickey" in name else re.sub("encryption.*", "", name)
    return bits is not None and bits < _LEAST_BITS.get(kind, 0)


def _is_forgeable(one: Json) -> bool:
    signed_by_itself = one.get("subject") == one.get("issuer")
    return not signed_by_itself and _WEAK_SIGNATURE.search(text(one, "signature")) is not None


def _public(files: Json) -> list[dict[str, t.Any]]:
    """Authorities for clients that this machine trusts for web servers, too; one line for a whole store of them."""
    found = [_about(one) for one in _of(files, "tlscacert") if one.get("public") is True]
    total = number(at(files, "tlscacert", "count")) or 0
    return found[:3] + ([{"where": text(files, "tlscacert", "path"), "authorities": total}] if len(found) > 3 else [])
