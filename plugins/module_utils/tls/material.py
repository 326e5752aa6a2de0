# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates and keys as text: split, named by their fingerprint, and put to the proof. Standard library only.

The proof is a TLS handshake with oneself, in memory: it uses the certificate as a client or the daemon would, so key,
chain, dates, purpose and names are judged by the TLS library and not by us. No key is written to a disk for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import ssl
import tempfile
import typing as t
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SERVER, CLIENT, AUTHORITY = "server", "client", "authority"

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----\s.+?\s-----END CERTIFICATE-----", re.S)
_ROUNDS = 20  # of messages; a handshake takes three
_PARTIAL_CHAIN = (
    0x80000  # ssl.VERIFY_X509_PARTIAL_CHAIN, which Python 3.9 does not name: like dockerd, trust what is listed
)
_FLAWS = {
    "KEY_VALUES_MISMATCH": "the key does not belong to the certificate",
    "KEY_TYPE_MISMATCH": "the key does not belong to the certificate",
    "NO_START_LINE": "the certificate or the key is not PEM, or the passphrase is wrong",
    "EE_KEY_TOO_SMALL": "the certificate's key is too short",
    "CA_MD_TOO_WEAK": "the certificate's signature is too weak",
}


class UnsoundError(Exception):
    """The certificate, its key and its authority do not work together; the message says why."""


@dataclass(frozen=True)
class Material:
    """PEM texts that belong together. ``cert``: the leaf first, then intermediates; of an authority, its own."""

    ca: str
    cert: str
    key: str
    passphrase: str = ""


@dataclass(frozen=True)
class Proven:
    """What a certificate that passed says of itself."""

    names: tuple[str, ...] = ()
    expires: float = 0.0  # seconds since the epoch; 0.0 of an authority, which is not asked


def split(text: str) -> list[str]:
    """The certificates in a PEM text, in their order."""
    return _CERTIFICATE.findall(text)


def fingerprint(der: bytes) -> str:
    return hashlib.sha256(der).hexdigest()


def fingerprints(text: str) -> list[str]:
    """Of each certificate in a PEM text; one that is not base64 has none and is left out."""
    found = []
    for pem in split(text):
        with contextlib.suppress(ValueError):
            found.append(fingerprint(ssl.PEM_cert_to_DER_cert(pem)))
    return found


def prove(material: Material, kind: str, names: Sequence[str] = ()) -> Proven:
    """Raises UnsoundError unless the material does what it is for; each of ``names`` must be one of the server's."""
    _require_certificates(material)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load(server, material)
    if kind == AUTHORITY:
        return Proven()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    judge = client if kind == SERVER else server
    _trust(judge, material.ca)
    if kind == CLIENT:
        client.verify_mode = ssl.CERT_NONE
        _load(client, material)
    told = _shake(server, client, None, kind)
    if kind == SERVER:
        client.check_hostname = True
        for name in (name for name in names if "*" not in name):  # nobody is called that
            _shake(server, client, name, kind)
    return Proven(
        names=tuple(f"{label}:{name}".replace("IP Address:", "IP:") for label, name in told.get("subjectAltName", ())),
        expires=float(ssl.cert_time_to_seconds(told["notAfter"])),
    )


def _require_certificates(material: Material) -> None:
    for what, text in (("ca", material.ca), ("cert", material.cert)):
        if not split(text):
            raise UnsoundError(f"{what} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)")


def _load(context: ssl.SSLContext, material: Material) -> None:
    def unlock() -> str:
        if not material.passphrase:
            raise UnsoundError(
                "the key is encrypted, and nothing could use it without its passphrase: give it decrypted"
            )
        return material.passphrase

    with _as_file(material.cert) as cert, _as_file(material.key) as key:
        try:
            context.load_cert_chain(cert, key, password=unlock)
        except (ssl.SSLError, ValueError) as error:
            raise UnsoundError(_said(error)) from error


def _trust(context: ssl.SSLContext, ca: str) -> None:
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= _PARTIAL_CHAIN
    try:
        context.load_verify_locations(cadata="\n".join(split(ca)))
    except ssl.SSLError as error:
        raise UnsoundError(f"ca cannot be read: {_said(error)}") from error


def _said(error: Exception) -> str:
    reason = str(getattr(error, "reason", None) or error)
    if "PEM lib" in reason:
        reason = "NO_START_LINE"
    return _FLAWS.get(reason, f"the certificate or the key cannot be used: {reason}")


def _shake(server: ssl.SSLContext, client: ssl.SSLContext, name: str | None, kind: str) -> dict[str, t.Any]:
    """One handshake; returns the certificate as the side that judged it saw it."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    serving = server.wrap_bio(to_server, to_client, server_side=True)
    asking = client.wrap_bio(to_client, to_server, server_hostname=name)
    busy = [asking, serving]
    try:
        for _round in range(_ROUNDS):
            for side in list(busy):
                with contextlib.suppress(ssl.SSLWantReadError):
                    side.do_handshake()
                    busy.remove(side)
            if not busy:
                return dict((asking if kind == SERVER else serving).getpeercert() or {})
    except ssl.SSLCertVerificationError as error:
        raise UnsoundError(f"the certificate is refused: {error.verify_message}{_hint(error)}") from error
    except ssl.SSLError as error:
        raise UnsoundError(_said(error)) from error
    raise UnsoundError("the certificate cannot be used: a handshake with it does not end")


def _hint(error: ssl.SSLCertVerificationError) -> str:
    if "not yet valid" in error.verify_message:
        return " (is the clock of this host right?)"
    return " (it must be for its purpose: serverAuth or clientAuth)" if "purpose" in error.verify_message else ""


@contextlib.contextmanager
def _as_file(text: str) -> Iterator[str]:
    """A path to read the text from, for a library that takes only paths: memory where the system can, else 0600."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("tls")
        try:
            os.write(descriptor, text.encode())
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.TemporaryDirectory() as directory:  # a controller that is not Linux
        path = Path(directory, "pem")
        path.touch(0o600)
        path.write_text(text, encoding="utf-8")
        yield str(path)
