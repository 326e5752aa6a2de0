# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on the peer: the world around the hosts. Each address answers on the same ports, and says which it is.

A metadata endpoint, an administrator's network, name servers and what they name are all addresses of this machine.
"""

from __future__ import annotations

import socket
import socketserver
import struct
import sys
import threading

#: Name -> addresses; what nobody else on the lab's network has.
NAMES = {
    "allowed.example": ("10.77.1.80", "fd77:1::80"),
    "denied.example": ("10.78.0.80", "fd78::80"),
    "rebind.example": ("10.66.0.80", "fd66::80"),
}
PORTS = (80, 443)
NAME_SERVERS = ("10.53.0.1", "fd53::1")


class Banner(socketserver.BaseRequestHandler):
    """Says which address was reached, then whatever it hears."""

    def handle(self) -> None:
        address = self.request.getsockname()[0].removeprefix("::ffff:")
        self.request.sendall(f"peer {address}\n".encode())
        while data := self.request.recv(4096):
            self.request.sendall(data)


class Server(socketserver.ThreadingTCPServer):
    """For both versions of IP."""

    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


def answer(query: bytes) -> bytes:
    """A name server's, for the names above; others do not exist."""
    labels, place = [], 12
    while query[place]:
        labels.append(query[place + 1 : place + 1 + query[place]].decode())
        place += 1 + query[place]
    kind = struct.unpack("!H", query[place + 1 : place + 3])[0]
    found = NAMES.get(".".join(labels).lower())
    family = {1: socket.AF_INET, 28: socket.AF_INET6}.get(kind)
    data = b""
    if found and family:
        packed = socket.inet_pton(family, found[0 if kind == 1 else 1])
        data = b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 5, len(packed)) + packed
    flags = 0x8580 if found else 0x8583
    return query[:2] + struct.pack("!HHHHH", flags, 1, 1 if data else 0, 0, 0) + query[12 : place + 5] + data


class Name(socketserver.BaseRequestHandler):
    """Over UDP."""

    def handle(self) -> None:
        data, link = self.request
        link.sendto(answer(data), self.client_address)


class NameServer(socketserver.ThreadingUDPServer):
    daemon_threads = True

    def __init__(self, address: str) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, 53), Name)


if __name__ == "__main__":
    servers = [Server(("::", port), Banner) for port in PORTS] + [NameServer(address) for address in NAME_SERVERS]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()
    sys.exit(0)
