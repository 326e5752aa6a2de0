# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the daemon's own TCP ports answer to someone without a certificate, and which certificates are behind them."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import ipaddress
import os
import re
import socket
import ssl
import stat
import subprocess
import time
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.collect.proc import PROC, link

Json = dict[str, t.Any]

#: What to ask, for an address that stands for every interface.
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1"}  # noqa: S104 - compared with, not bound to; Go's :: is both
_SECONDS = 2.0  # for each answer; the port is this machine's own
_ALERT_SECONDS = 0.3  # within which a server that wants a certificate says so, unasked
_REQUEST = b"GET /_ping HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bulkhead.docker-audit\r\nConnection: close\r\n\r\n"
_SPEAKS_TLS = b"to an HTTPS server"  # what a TLS port of Go answers to plain HTTP
_ABOUT_CERTIFICATES = re.compile(r"CERTIFICATE|HANDSHAKE_FAILURE")

#: The authorities that this machine trusts for web servers, where the distributions keep them in one file.
_PUBLIC = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
)
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_MOST_BYTES = 1_000_000  # of a file of certificates
_MOST_CERTIFICATES = 16  # of one file are decoded, each by a process
_NOTHING: Json = dict.fromkeys(
    ("subject", "issuer", "not_before", "not_after", "days_left", "names", "addresses", "key", "bits", "signature")
)


def probed(listeners: list[Json], pid: int) -> list[Json]:
    """The listeners, those on TCP with what they answer; not those in a network of their own (a rootless engine's)."""
    if link(f"{PROC}/{pid}/ns/net") != link(f"{PROC}/self/ns/net"):
        return listeners
    return [{**one, "tls": probe(one["address"], one["port"])} if one["proto"] == "tcp" else one for one in listeners]


def probe(address: str, port: int) -> Json:
    """``protocol`` (tls, http), ``client_certificate`` (wanted or not), the ``certificate`` served; null: not known."""
    found: Json = {"protocol": None, "client_certificate": None, "certificate": None, "error": ""}
    target = (_LOOPBACK.get(address, address), port)
    try:
        try:
            wanted, served = _handshake(target)
            return {**found, "protocol": "tls", "client_certificate": wanted, "certificate": decoded(served)}
        except ssl.SSLError as refusal:
            return {**found, **_refused(target, str(refusal.reason))}
    except OSError as error:
        return {**found, "error": f"{target[0]}:{port}: {error}"}


def _handshake(target: tuple[str, int]) -> tuple[bool | None, bytes]:
    """Whether a client without a certificate is turned away, and the certificate served. Raises OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # it is looked at, not trusted
    context.set_ciphers("ALL:@SECLEVEL=0")  # also where its key is too short for this machine's taste
    with socket.create_connection(target, _SECONDS) as plain, context.wrap_socket(plain) as secure:
        served = secure.getpeercert(binary_form=True) or b""
        return _turned_away(secure), served


def _turned_away(secure: ssl.SSLSocket) -> bool | None:
    """With TLS 1.3 the server judges the client after the client's side of the handshake is done."""
    try:
        secure.settimeout(_ALERT_SECONDS)
        with contextlib.suppress(socket.timeout):  # the builtin TimeoutError only since Python 3.10
            secure.recv(1)
        secure.settimeout(_SECONDS)
        secure.sendall(_REQUEST)
        return False if secure.recv(5) == b"HTTP/" else None
    except ssl.SSLError as refusal:
        return True if _ABOUT_CERTIFICATES.search(str(refusal.reason)) else None
    except OSError:
        return None


def _refused(target: tuple[str, int], reason: str) -> Json:
    """No handshake: plain HTTP, or TLS that this client's library cannot, or may not, speak. Raises OSError."""
    with socket.create_connection(target, _SECONDS) as plain:
        plain.sendall(_REQUEST)
        answer = plain.recv(4096)
    if answer.startswith(b"HTTP/") and _SPEAKS_TLS not in answer:
        return {"protocol": "http", "client_certificate": False}
    wanted = True if _ABOUT_CERTIFICATES.search(reason) else None
    return {"protocol": "tls" if _SPEAKS_TLS in answer else None, "client_certificate": wanted, "error": reason}


def on_disk(paths: t.Mapping[str, str], pid: int) -> dict[str, Json]:
    """For each option (``tlscert``, ``tlscacert``): ``path``, ``changed``, ``certificates``, ``count``, ``error``."""
    return {option: _file(path, pid, option == "tlscacert") for option, path in paths.items()}


def _file(path: str, pid: int, authorities: bool) -> Json:
    """As the daemon itself sees it."""
    try:
        changed, text = _read(f"{PROC}/{pid}/root/{path}")
    except (OSError, ValueError) as error:
        return {"path": path, "error": str(error), "changed": None, "certificates": None, "count": None}
    ders = [der for der in map(_der, _PEM.findall(text)) if der]
    public = _public() if authorities else []
    certificates = [{**decoded(der), "public": _fingerprint(der) in public} for der in ders[:_MOST_CERTIFICATES]]
    return {"path": path, "error": "", "changed": changed, "certificates": certificates, "count": len(ders)}


def _read(path: str) -> tuple[float, str]:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), encoding="utf-8") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_BYTES:
            raise ValueError("not a file of certificates")
        return found.st_mtime, file.read(_MOST_BYTES)


def _der(pem: str) -> bytes | None:
    try:
        return ssl.PEM_cert_to_DER_cert(pem)
    except ValueError:
        return None


def _public() -> list[str]:
    """Fingerprints; none where there is no such file."""
    for path in _PUBLIC:
        with contextlib.suppress(OSError, ValueError):
            return [_fingerprint(der) for der in map(_der, _PEM.findall(_read(path)[1])) if der]
    return []


def _fingerprint(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()


def decoded(der: bytes) -> Json:
    """A certificate in plain JSON; without openssl on the host, its fingerprint only."""
    options = ["-noout", "-dates", "-subject", "-issuer", "-nameopt", "RFC2253", "-text"]
    try:
        # collecting knows no AnsibleModule, whose run_command is not for threads
        done = subprocess.run(  # pylint: disable=ansible-bad-function
            ["openssl", "x509", "-inform", "DER", *options], input=der, capture_output=True, timeout=5, check=False
        )
        told = done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
    except (OSError, subprocess.SubprocessError):
        told = ""
    return {**_NOTHING, **(_parsed(told) if told else {}), "fingerprint": _fingerprint(der)}


_FIELDS = {
    "subject": r"^subject= ?(.*)$",
    "issuer": r"^issuer= ?(.*)$",
    "not_before": r"^notBefore=(.*)$",
    "not_after": r"^notAfter=(.*)$",
    "key": r"^ *Public Key Algorithm: *(\S+)",
    "bits": r"^ *(?:RSA |DSA )?Public-Key: \((\d+) bit",
    "signature": r"^ *Signature Algorithm: *(\S+)",
}
_NAMES = re.compile(r"^ *X509v3 Subject Alternative Name:.*\n *(.*)$", re.MULTILINE)


def _parsed(told: str) -> Json:
    """What ``openssl x509`` says. The first word counts: what a certificate may fill as it likes comes last."""
    matches = {field: re.search(pattern, told, re.MULTILINE) for field, pattern in _FIELDS.items()}
    found: Json = {field: match[1] if match else None for field, match in matches.items()}
    seconds = {field: _seconds(found[field]) for field in ("not_before", "not_after")}
    found.update({field: None if at is None else _iso(at) for field, at in seconds.items()})
    after = seconds["not_after"]
    names = _NAMES.search(told)
    kinds = [entry.partition(":") for entry in names[1].split(", ")] if names else []
    return {
        **found,
        "bits": int(found["bits"]) if found["bits"] else None,
        "days_left": None if after is None else int((after - time.time()) // 86400),
        "names": [value for kind, _dummy, value in kinds if kind == "DNS"],
        "addresses": [_address(value) for kind, _dummy, value in kinds if kind == "IP Address"],
    }


def _seconds(date: str | None) -> int | None:
    try:
        return ssl.cert_time_to_seconds(date or "")
    except (ValueError, OverflowError):
        return None


def _iso(seconds: int) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _address(text: str) -> str:
    """openssl writes IPv6 addresses out."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text
