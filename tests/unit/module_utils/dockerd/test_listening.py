# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates before the change, listeners after it: a real TLS server stands in for the daemon."""

from __future__ import annotations

import datetime
import ipaddress
import re
import socket
import ssl
import threading
import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.collect import tls
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import listening
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Files = dict[str, str]


def make(directory: Path, days: tuple[int, int] = (-1, 1), password: bytes | None = None) -> Files:
    """A certificate that is its own authority, valid between these days from now."""
    directory.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "daemon")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now + datetime.timedelta(days[0])).not_valid_after(
        now + datetime.timedelta(days[1])
    )
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    made = builder.add_extension(names, False).add_extension(purpose, False).sign(key, hashes.SHA256())
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    texts = {
        "tlscert": made.public_bytes(pem),
        "tlscacert": made.public_bytes(pem),
        "tlskey": key.private_bytes(pem, serialization.PrivateFormat.PKCS8, lock),
    }
    for option, data in texts.items():
        path = directory / f"{option}.pem"
        path.touch(0o600)
        path.write_bytes(data)
    return {option: str(directory / f"{option}.pem") for option in texts}


@pytest.fixture(name="good")
def good_files(tmp_path: Path) -> Files:
    return make(tmp_path / "good")


def test_what_would_do(good: Files) -> None:
    assert listening.unsound(good) == []


def test_what_would_not(good: Files, tmp_path: Path) -> None:
    other = make(tmp_path / "other")
    Path(other["tlscacert"]).write_text("nothing")
    cases: list[tuple[Files, str]] = [
        ({**good, "tlskey": other["tlskey"]}, "does not belong to the certificate"),
        (make(tmp_path / "old", (-9, -2)), "expired"),
        (make(tmp_path / "new", (2, 9)), "not yet valid"),
        (make(tmp_path / "locked", password=b"c4n4ry"), "encrypted"),
        ({**good, "tlscacert": other["tlscacert"]}, "tlscacert: .* holds no certificate"),
        ({**good, "tlscert": str(tmp_path / "none")}, "No such file"),
        ({"tlscert": good["tlscert"]}, "name the files .*tlscacert, tlskey"),
    ]
    for files, words in cases:
        (reason,) = listening.unsound(files)
        assert re.search(words, reason), reason


def test_a_key_that_everybody_can_read(good: Files) -> None:
    Path(good["tlskey"]).chmod(0o644)
    assert "chmod 0400" in listening.unsound(good)[0]
    Path(good["tlskey"]).chmod(0o640)
    assert listening.unsound(good) == []


class Server:
    """A listener that speaks TLS as dockerd does, with or without asking clients for a certificate."""

    def __init__(self, files: Files, verify: bool) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(files["tlscert"], files["tlskey"])
        if verify:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(files["tlscacert"])
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _address = self.accept()
            except OSError:
                return
            try:
                with self.context.wrap_socket(plain, server_side=True) as secure:
                    if secure.recv(100):
                        secure.sendall(b"HTTP/1.1 200 OK\r\n\r\nOK")
            except OSError:
                continue

    def accept(self) -> tuple[socket.socket, t.Any]:
        return self.socket.accept()

    @property
    def host(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"


@pytest.fixture(name="serve")
def servers() -> t.Iterator[t.Callable[[Files, bool], str]]:
    made: list[Server] = []

    def serve(files: Files, verify: bool) -> str:
        made.append(Server(files, verify))
        return made[-1].host

    yield serve
    for one in made:
        one.socket.close()


def test_a_listener_as_it_should_be(good: Files, serve: t.Callable[[Files, bool], str]) -> None:
    assert listening.lacking([serve(good, True), serve(good, True)], good["tlscert"], 0) == []


def test_listeners_as_they_should_not_be(good: Files, serve: t.Callable[[Files, bool], str], tmp_path: Path) -> None:
    other = make(tmp_path / "other")
    (reason,) = listening.lacking([serve(good, False)], good["tlscert"], 60)
    assert "does not turn away a client without a certificate" in reason
    (reason,) = listening.lacking([serve(other, True)], good["tlscert"], 60)
    assert f"serves another certificate than {good['tlscert']}" in reason
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (reason,) = listening.lacking([f"tcp://127.0.0.1:{port}"], good["tlscert"], 60)
    assert "does not answer with TLS" in reason and "refused" in reason


def test_a_listener_that_takes_its_time(
    good: Files, serve: t.Callable[[Files, bool], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one did on a machine that was busy with its first boot: it was taken for dead, and undone."""
    monkeypatch.setattr(tls, "_SECONDS", 0.2)
    waits = threading.Event()
    accept = Server.accept
    monkeypatch.setattr(Server, "accept", lambda self: (waits.wait(), accept(self))[1])
    host = serve(good, True)
    (reason,) = listening.lacking([host], good["tlscert"], 0)
    assert "timed out" in reason
    threading.Timer(0.5, waits.set).start()
    assert listening.lacking([host], good["tlscert"], 60) == []
