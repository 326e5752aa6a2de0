# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the network of a vantage point: tries all its probes side by side and prints what it saw.

Standard input: a JSON list of probes (``kind`` tcp or dns, ``address``, ``port``, ``source``, ``name``). Standard
output: for each true, if an answer came back.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import typing as t
from concurrent.futures import ThreadPoolExecutor

PATIENCE = 4.0  # a lost packet is sent again within that


def tcp(probe: dict[str, t.Any]) -> bool:
    """Whether whoever is there says something: a userland proxy also accepts for a container that it cannot reach."""
    source = (probe["source"], 0) if probe.get("source") else None
    with socket.create_connection((probe["address"], probe["port"]), PATIENCE, source) as link:
        link.sendall(b"GET / HTTP/1.0\r\n\r\n")
        link.settimeout(PATIENCE)
        return bool(link.recv(1))


def dns(probe: dict[str, t.Any]) -> bool:
    """Whether this server knows an address of that name."""
    family = socket.AF_INET6 if ":" in probe["address"] else socket.AF_INET
    labels = b"".join(struct.pack("B", len(label)) + label.encode() for label in probe["name"].split("."))
    query = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + labels + struct.pack("!BHH", 0, 1, 1)
    with socket.socket(family, socket.SOCK_DGRAM) as link:
        link.settimeout(PATIENCE / 2)
        for _try in range(2):
            link.connect((probe["address"], probe["port"]))
            try:
                link.send(query)
                return bool(struct.unpack("!H", link.recv(512)[6:8])[0])
            except TimeoutError:
                continue
    return False


def ask(probe: dict[str, t.Any]) -> bool:
    try:
        return (dns if probe["kind"] == "dns" else tcp)(probe)
    except (OSError, struct.error):
        return False


if __name__ == "__main__":
    with ThreadPoolExecutor(32) as pool:
        print(json.dumps(list(pool.map(ask, json.load(sys.stdin)))))
