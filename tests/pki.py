# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates of every kind, also of those that nobody should accept; made by the library itself, not by our code."""

from __future__ import annotations

import datetime
import ipaddress
import typing as t

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
DAY = datetime.timedelta(days=1)


class Pair(t.NamedTuple):
    """A certificate and its key, in PEM form."""

    cert: str
    key: str


def key_text(key: t.Any, password: str = "") -> str:
    encryption = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    text: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    return text.decode()


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Authority:
    """Signs what it is given."""

    def __init__(self, name: str = "Authority", pair: Pair | None = None) -> None:
        if pair is None:
            self.key: t.Any = ec.generate_private_key(ec.SECP256R1())
            self.cert = self._builder(_name(name), _name(name), self.key, (-1, 30), is_ca=True).sign(
                self.key, hashes.SHA256()
            )
        else:
            self.key = serialization.load_pem_private_key(pair.key.encode(), None)
            self.cert = x509.load_pem_x509_certificate(pair.cert.encode())

    @property
    def pem(self) -> str:
        return self.cert.public_bytes(serialization.Encoding.PEM).decode()

    def sign(
        self,
        name: str,
        purpose: x509.ObjectIdentifier | None,
        names: t.Sequence[str] = (),
        days: tuple[float, float] = (-1, 10),
        key: t.Any = None,
    ) -> Pair:
        """``days``: from and until when it is valid, counted from now."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(self.cert.subject, _name(name), key, days, is_ca=False)
        if purpose is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(one) for one in names]), False)
        cert = builder.sign(self.key, hashes.SHA256())
        return Pair(cert.public_bytes(serialization.Encoding.PEM).decode(), key_text(key))

    def _builder(
        self, issuer: x509.Name, subject: x509.Name, key: t.Any, days: tuple[float, float], *, is_ca: bool
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        return (
            builder.not_valid_before(now + days[0] * DAY)
            .not_valid_after(now + days[1] * DAY)
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
