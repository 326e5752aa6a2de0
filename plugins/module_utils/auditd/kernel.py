# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel has been told to audit, as ``auditctl -l`` shows it: asked over netlink.

``absent``: it was built without auditing. ``error``: it would not say, as in a container, or without root. ``enabled``:
0, 1, or 2 (locked until the next boot). ``listener``: the process that takes
the records, 0 for none. ``machine``: what it runs on. ``rules``: those about paths, in their order, and
what ends all auditing of processes (see ``rules.decoded``).
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.auditd.rules import decoded

_NETLINK_AUDIT = 9
_GET, _LIST_RULES = 1000, 1013
_REQUEST, _ERROR, _DONE = 1, 2, 3
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_SECONDS = 5
_MOST = 65536  # bytes of one message
LOCKED = 2


def read() -> dict[str, t.Any]:
    """See above. Whatever goes wrong is in the answer."""
    found: dict[str, t.Any] = {"absent": False, "error": "", "enabled": None, "listener": None}
    found["machine"] = os.uname().machine
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_AUDIT) as link:
            link.settimeout(_SECONDS)
            status = next(_ask(link, _GET))
            found["enabled"], _failure, found["listener"] = struct.unpack_from("=3I", status, 4)
            rules = [decoded(raw) for raw in _ask(link, _LIST_RULES)]
    except StopIteration:
        return {**found, "error": "the kernel did not say whether it audits", "rules": None}
    except OSError as error:
        absent = error.errno in (errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT)
        return {**found, "absent": absent, "error": error.strerror or str(error), "rules": None}
    return {**found, "rules": [rule for rule in rules if rule]}


def _ask(link: socket.socket, kind: int) -> t.Iterator[bytes]:
    """The bodies of the answers. Raises OSError, also for the kernel's refusal."""
    link.send(_HEADER.pack(_HEADER.size, kind, _REQUEST, kind, 0))
    while True:
        data = link.recv(_MOST)
        while len(data) >= _HEADER.size:
            length, answer, _flags, sequence, _port = _HEADER.unpack_from(data)
            body, data = data[_HEADER.size : length], data[max((length + 3) & ~3, _HEADER.size) :]
            if sequence != kind:
                continue
            if answer == _ERROR and (number := -struct.unpack_from("=i", body)[0]):
                raise OSError(number, os.strerror(number))
            if answer == _DONE:
                return
            if answer == kind:
                yield body
                if kind == _GET:
                    return
