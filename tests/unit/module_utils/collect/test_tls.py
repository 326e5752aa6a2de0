# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a port answers, and what certificates say; over real sockets and real certificates."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import subprocess
import threading
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.collect import tls

Answer = t.Callable[[socket.socket], None]


class Pair(t.NamedTuple):
    certificate: Path
    key: Path


@pytest.fixture(scope="module", name="pair")
def make_pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp("pair")
    return made(folder, "-newkey", "rsa:2048", "-days", "10", "-addext", "subjectAltName=DNS:web1,IP:192.0.2.1,IP:::1")


def made(folder: Path, *options: str) -> Pair:
    pair = Pair(folder / "cert.pem", folder / "key.pem")
    subject = ["-subj", "/O=Lab, Inc/CN=web1", "-keyout", str(pair.key), "-out", str(pair.certificate)]
    subprocess.run(["openssl", "req", "-x509", "-nodes", *options, *subject], check=True, capture_output=True)
    return pair


@contextlib.contextmanager
def port(answer: Answer) -> t.Iterator[int]:
    """A port of loopback that treats each connection so."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _address = server.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    answer(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def secured(
    pair: Pair, verify: ssl.VerifyMode = ssl.CERT_NONE, most: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3
) -> Answer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    context.load_verify_locations(pair.certificate)
    context.verify_mode = verify
    context.maximum_version = most

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(4096)
            secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    return answer


def said(text: bytes) -> Answer:
    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(text)

    return answer


def silent(_connection: socket.socket) -> None:
    time.sleep(1)


@pytest.mark.parametrize(
    ("verify", "most", "wanted", "served"),
    [
        (ssl.CERT_NONE, ssl.TLSVersion.TLSv1_3, False, True),
        (ssl.CERT_REQUIRED, ssl.TLSVersion.TLSv1_3, True, True),
        (ssl.CERT_NONE, ssl.TLSVersion.TLSv1_2, False, True),
    ],
)
def test_tls_with_and_without_client_certificates(
    pair: Pair, verify: ssl.VerifyMode, most: ssl.TLSVersion, wanted: bool, served: bool
) -> None:
    with port(secured(pair, verify, most)) as number:
        found = tls.probe("127.0.0.1", number)
    assert (found["protocol"], found["client_certificate"], bool(found["certificate"])) == ("tls", wanted, served)


@pytest.mark.parametrize(
    ("answer", "protocol", "wanted"),
    [
        (said(b"HTTP/1.1 400 Bad Request\r\n\r\n400 Bad Request"), "http", False),
        (said(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"), "tls", None),
        (said(b"220 mail.example ESMTP\r\n"), None, None),
        (said(b""), None, None),
    ],
)
def test_other_answers(answer: Answer, protocol: str | None, wanted: bool | None) -> None:
    with port(answer) as number:
        found = tls.probe("127.0.0.1", number)
    assert (found["protocol"], found["client_certificate"], found["certificate"]) == (protocol, wanted, None)


def test_a_silent_port_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "_SECONDS", 0.2)
    with port(silent) as number:
        start = time.monotonic()
        found = tls.probe("127.0.0.1", number)
    assert time.monotonic() - start < 0.9
    assert (found["protocol"], found["error"] != "") == (None, True)


def test_a_closed_port_is_an_error_with_its_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        number = closed.getsockname()[1]
    assert f"127.0.0.1:{number}: " in tls.probe("0.0.0.0", number)["error"]  # noqa: S104 - asked for on loopback


def test_a_certificate_in_plain_json(pair: Pair) -> None:
    der = ssl.PEM_cert_to_DER_cert(pair.certificate.read_text())
    found = tls.decoded(der)
    assert found["days_left"] == 9
    assert (found["names"], found["addresses"]) == (["web1"], ["192.0.2.1", "::1"])
    assert (found["key"], found["bits"], found["signature"]) == ("rsaEncryption", 2048, "sha256WithRSAEncryption")
    assert "CN=web1" in found["subject"]
    shown = subprocess.run(
        ["openssl", "x509", "-in", str(pair.certificate), "-noout", "-fingerprint", "-sha256"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.partition("=")[2].strip().replace(":", "").lower() == found["fingerprint"]


@pytest.mark.parametrize(
    ("options", "key", "bits"),
    [
        (["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "id-ecPublicKey", 256),
        (["-newkey", "ed25519"], "ED25519", None),
    ],
)
def test_other_keys(tmp_path: Path, options: list[str], key: str, bits: int | None) -> None:
    pair = made(tmp_path, *options, "-days", "1")
    found = tls.decoded(ssl.PEM_cert_to_DER_cert(pair.certificate.read_text()))
    assert (found["key"], found["bits"], found["names"]) == (key, bits, [])


def test_without_openssl_only_the_fingerprint_is_known(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    found = tls.decoded(ssl.PEM_cert_to_DER_cert(pair.certificate.read_text()))
    assert len(found.pop("fingerprint")) == 64
    assert set(found.values()) == {None}


def test_nonsense_is_no_certificate() -> None:
    assert tls.decoded(b"nonsense")["not_after"] is None


def test_files_of_certificates(pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle, store, pipe = tmp_path / "ca.pem", tmp_path / "store", tmp_path / "pipe"
    bundle.write_text("# ours\n" + pair.certificate.read_text() * 2 + pair.key.read_text())
    store.write_text(pair.certificate.read_text())
    os.mkfifo(pipe)
    monkeypatch.setattr(tls, "_PUBLIC", (str(tmp_path / "none"), str(store)))
    found = tls.on_disk(
        {"tlscert": str(bundle), "tlscacert": str(bundle), "gone": "/gone", "pipe": str(pipe)}, os.getpid()
    )
    assert [len(found[option]["certificates"]) for option in ("tlscert", "tlscacert")] == [2, 2]
    assert {one["public"] for one in found["tlscert"]["certificates"]} == {False}
    assert {one["public"] for one in found["tlscacert"]["certificates"]} == {True}
    assert [found[option]["certificates"] for option in ("gone", "pipe")] == [None, None]
    assert all(found[option]["error"] for option in ("gone", "pipe"))
    assert "PRIVATE" not in repr(found)


def test_only_ports_in_this_network_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    listeners: list[dict[str, t.Any]] = [{"proto": "tcp", "address": "192.0.2.1", "port": 1, "tls": None}]
    monkeypatch.setattr(tls, "link", lambda path: path)  # another network for each process
    assert tls.probed(listeners, 1) == listeners
