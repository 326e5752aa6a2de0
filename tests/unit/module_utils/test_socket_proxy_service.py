# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxies' life on a host: real files and a real socket; systemd and HAProxy are played, and may fail."""

from __future__ import annotations

import dataclasses
import http.server
import os
import pwd
import re
import socketserver
import tempfile
import threading
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import Done
from ansible_collections.bulkhead.docker.plugins.module_utils.socket_proxy_service import (
    Places,
    Proxies,
    ServiceError,
    Wanted,
    served,
)

USER = pwd.getpwuid(os.geteuid()).pw_name
GROUP = str(os.getegid())


class Refuser(http.server.BaseHTTPRequestHandler):
    """Refuses, and says by which rules."""

    digest = ""

    def do_GET(self) -> None:
        self.send_response(403)
        self.send_header("X-Bulkhead-Rules", self.digest)
        self.end_headers()

    def log_message(self, *arguments: object) -> None: ...


class Systemd:
    """Runs the proxy's stand-in as its configuration says, unless that is ``broken``."""

    def __init__(self, places: Places) -> None:
        self.places, self.calls, self.invalid = places, list[str](), False
        self.enabled = set[str]()
        self.servers = dict[str, tuple[socketserver.BaseServer, type[Refuser]]]()

    def __call__(self, argv: Sequence[str], seconds: float, environment: Mapping[str, str] | None = None) -> Done:
        assert seconds > 0 and not environment
        self.calls.append(" ".join(argv[:2]))
        service = argv[-1].partition("@")[2].removesuffix(".service")
        if argv[0] == "haproxy":
            return Done(1, "", "not valid") if self.invalid else Done(0, "", "")
        if argv[1] == "is-enabled":
            return Done(0 if service in self.enabled else 1, "", "")
        if argv[1] == "enable":
            self.enabled.add(service)
        if argv[1] == "disable":
            self.enabled.discard(service)
            self.stop(service)
        if argv[1] in ("restart", "reload-or-restart"):
            return self._start(service)
        return Done(0, "", "")

    def _start(self, name: str) -> Done:
        text = self.places.cfg(name).read_text()
        if "broken" in text:
            return Done(0, "", "")  # HAProxy's master lives on with the old worker
        found = re.search("rules ([0-9a-f]{16})", text)
        digest = found[1] if found else ""
        if name in self.servers:
            self.servers[name][1].digest = digest
            return Done(0, "", "")
        handler = type("Handler", (Refuser,), {"digest": digest})
        server = socketserver.UnixStreamServer(str(self.places.socket(name)), _with_address(handler))
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        self.servers[name] = (server, handler)
        return Done(0, "", "")

    def stop(self, name: str) -> None:
        if name in self.servers:
            server, _handler = self.servers.pop(name)
            server.shutdown()
            server.server_close()


def _with_address(handler: type[Refuser]) -> t.Any:
    """HTTP servers of the library want a client's address, which a unix socket has none of."""
    return lambda request, _address, server: handler(request, ("", 0), server)


@pytest.fixture
def host() -> Iterator[Systemd]:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:  # short: paths of sockets are at most 107 bytes
        root = Path(name)
        (root / "units").mkdir()
        systemd = Systemd(Places(USER, root / "cfg", root / "run", root / "units"))
        yield systemd
        for service in list(systemd.servers):
            systemd.stop(service)


@pytest.fixture
def proxies(host: Systemd) -> Proxies:
    return Proxies(host.places, host, 0.3)


WANTED = Wanted("app", "rules RULES_DIGEST\n", "[Service]\n", GROUP)


def content(host: Systemd) -> dict[str, bytes]:
    root = host.places.config.parent
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_a_new_one_is_written_enabled_and_started(host: Systemd, proxies: Proxies) -> None:
    assert len(proxies.pending(WANTED)) == 4
    proxies.apply(WANTED)
    assert proxies.pending(WANTED) == []
    assert host.enabled == {"app"} and host.places.names() == ["app"]
    assert content(host) == {
        "cfg/app.cfg": f"rules {WANTED.digest}\n".encode(),
        f"units/{USER}@app.service": b"[Service]\n",
    }
    assert (host.places.run / "app").stat().st_mode & 0o7777 == 0o2710


def test_new_rules_are_reloaded_and_a_new_unit_restarted(host: Systemd, proxies: Proxies) -> None:
    proxies.apply(WANTED)
    host.calls.clear()
    changed = dataclasses.replace(WANTED, config="more RULES_DIGEST rules RULES_DIGEST")
    proxies.apply(changed)
    assert "systemctl reload-or-restart" in host.calls and "systemctl restart" not in host.calls
    proxies.apply(dataclasses.replace(changed, unit="[Service]\nUser=x\n"))
    assert "systemctl restart" in host.calls and "systemctl daemon-reload" in host.calls


@pytest.mark.parametrize("part", ["cfg", "unit", "directory", "running", "enabled"])
def test_whatever_is_not_as_it_should_be_is_seen_and_mended(host: Systemd, proxies: Proxies, part: str) -> None:
    proxies.apply(WANTED)
    if part == "cfg":
        host.places.cfg("app").chmod(0o666)
    elif part == "unit":
        host.places.unit("app").write_text("[Service]\nUser=root\n")
    elif part == "directory":
        (host.places.run / "app").chmod(0o777)
    elif part == "running":
        host.servers["app"][1].digest = "older"
    else:
        host.enabled.clear()
    assert len(proxies.pending(WANTED)) == 1
    proxies.apply(WANTED)
    assert proxies.pending(WANTED) == []


def test_a_configuration_that_is_refused_is_never_installed(host: Systemd, proxies: Proxies) -> None:
    proxies.apply(WANTED)
    before = content(host)
    host.invalid = True
    with pytest.raises(ServiceError, match="HAProxy refuses its configuration: not valid"):
        proxies.apply(dataclasses.replace(WANTED, config="other RULES_DIGEST"))
    assert content(host) == before


def test_one_that_does_not_take_its_rules_gets_the_old_ones_back(host: Systemd, proxies: Proxies) -> None:
    proxies.apply(WANTED)
    before = content(host)
    with pytest.raises(ServiceError, match=r"is as it was before: after 0\.3 seconds it has other rules"):
        proxies.apply(dataclasses.replace(WANTED, config="broken rules RULES_DIGEST"))
    assert content(host) == before
    assert proxies.pending(WANTED) == []


def test_a_new_one_that_does_not_start_leaves_nothing(host: Systemd, proxies: Proxies) -> None:
    with pytest.raises(ServiceError, match="does not answer"):
        proxies.apply(dataclasses.replace(WANTED, config="broken rules RULES_DIGEST"))
    assert content(host) == {}
    assert not (host.places.run / "app").exists() and host.enabled == set()


def test_one_that_is_no_longer_wanted_goes_with_all_it_had(host: Systemd, proxies: Proxies) -> None:
    proxies.apply(WANTED)
    proxies.remove("app")
    assert content(host) == {} and host.places.names() == [] and not (host.places.run / "app").exists()


def test_nobody_there_serves_nothing(host: Systemd) -> None:
    assert served(host.places.socket("app")) == ""
