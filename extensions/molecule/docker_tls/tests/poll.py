# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask the API over TLS every 100 ms, each time over a new connection; a line for each: seconds, and ok or the error."""

from __future__ import annotations

import http.client
import ssl
import sys
import time

address, directory, seconds = sys.argv[1:]
context = ssl.create_default_context(cafile=f"{directory}/ca.pem")
context.load_cert_chain(f"{directory}/cert.pem", f"{directory}/key.pem")
end = time.monotonic() + float(seconds)
while time.monotonic() < end:
    begin = time.monotonic()
    connection = http.client.HTTPSConnection(address, 2376, timeout=2, context=context)
    try:
        connection.request("GET", "/_ping")
        said = "ok" if connection.getresponse().read() == b"OK" else "odd"
    except OSError as error:
        said = type(error).__name__
    finally:
        connection.close()
    print(f"{time.monotonic():.3f} {said}", flush=True)
    time.sleep(max(0.0, 0.1 - (time.monotonic() - begin)))
