# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on the host: sends bytes as they are to unix sockets, side by side, and prints the status lines that come back.

Standard input: a JSON list of [socket, bytes as latin-1 text]. Standard output: for each, the list of statuses.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

PATIENCE = 2.0
HEAD = 4096  # what follows may be a tar of anything


def ask(request: list[str]) -> list[int]:
    path, text = request
    answer = b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(path)
        client.sendall(text.encode("latin-1"))
        end = time.monotonic() + PATIENCE
        while len(answer) < HEAD and (left := end - time.monotonic()) > 0:
            client.settimeout(left)
            try:
                part = client.recv(65536)
            except (TimeoutError, socket.timeout, ConnectionResetError):
                break
            if not part:
                break
            answer += part
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", answer[:HEAD])]


with ThreadPoolExecutor(24) as pool:
    print(json.dumps(list(pool.map(ask, json.load(sys.stdin)))))
