# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sets of files: proved in memory, replaced together, taken back when the daemon does not come back with them."""

from __future__ import annotations

import contextlib
import functools
import socket
import ssl
import threading
import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils import plan
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.apply import UndoneError
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.control import ControlError
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.engine import Snapshot
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.proposal import RefusedError
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.survey import Survey
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.unit import Unit
from ansible_collections.bulkhead.docker.plugins.module_utils.tls import replace, served
from ansible_collections.bulkhead.docker.plugins.module_utils.tls.material import (
    AUTHORITY,
    CLIENT,
    SERVER,
    Material,
    UnsoundError,
    fingerprints,
    prove,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.tls.place import Place
from ansible_collections.bulkhead.docker.plugins.module_utils.tls.served import Address, Serving
from ansible_collections.bulkhead.docker.tests import pki


@functools.cache
def authority() -> pki.Authority:
    return pki.Authority()


@functools.cache
def pair(kind: str = SERVER, days: tuple[float, float] = (-1, 10), number: int = 0) -> pki.Pair:
    purpose = {SERVER: pki.SERVER, CLIENT: pki.CLIENT}[kind]
    return authority().sign(f"{kind}{number}", purpose, ["localhost", "127.0.0.1"] if kind == SERVER else [], days)


def whole(one: pki.Pair, ca: str = "") -> Material:
    return Material(ca or authority().pem, one.cert, one.key)


def test_what_works_is_proved() -> None:
    proven = prove(whole(pair()), SERVER, ["localhost", "127.0.0.1", "*.example.org"])
    assert proven.names == ("DNS:localhost", "IP:127.0.0.1")
    assert proven.expires > 0
    assert prove(whole(pair(CLIENT)), CLIENT).expires > 0
    assert prove(Material(authority().pem, authority().pem, pki.key_text(authority().key)), AUTHORITY).expires == 0


def test_chain_may_have_an_intermediate_or_end_in_one() -> None:
    """dockerd trusts whatever is in the file, be it a root or not."""
    assert prove(Material(pair().cert + authority().pem, pair().cert + authority().pem, pair().key), SERVER)


UNSOUND: dict[str, tuple[t.Callable[[], Material], str, str]] = {
    "mismatched": (lambda: Material(authority().pem, pair().cert, pair(number=1).key), SERVER, "does not belong"),
    "expired": (lambda: whole(pair(days=(-3, -1))), SERVER, "has expired"),
    "early": (lambda: whole(pair(days=(1, 3))), SERVER, "is the clock of this host right"),
    "foreign": (lambda: whole(pair(), pki.Authority("Other").pem), SERVER, "issuer certificate"),
    "client as server": (lambda: whole(pair(CLIENT)), SERVER, "purpose"),
    "server as client": (lambda: whole(pair()), CLIENT, "purpose"),
    "expired client": (lambda: whole(pair(CLIENT, days=(-3, -1))), CLIENT, "has expired"),
    "no key": (lambda: Material(authority().pem, pair().cert, "key"), SERVER, "not PEM"),
    "no certificate": (lambda: Material(authority().pem, "cert", pair().key), SERVER, "cert holds no certificate"),
    "no authority": (lambda: Material("ca", pair().cert, pair().key), SERVER, "ca holds no certificate"),
    "encrypted": (
        lambda: Material(authority().pem, authority().pem, pki.key_text(authority().key, "secret")),
        AUTHORITY,
        "the key is encrypted",
    ),
    "wrong passphrase": (
        lambda: Material(authority().pem, authority().pem, pki.key_text(authority().key, "secret"), "other"),
        AUTHORITY,
        "is not PEM, or the passphrase is wrong",
    ),
}


@pytest.mark.parametrize("row", UNSOUND)
def test_what_does_not_work_is_not(row: str) -> None:
    make, kind, reason = UNSOUND[row]
    with pytest.raises(UnsoundError, match=reason):
        prove(make(), kind)


@pytest.mark.parametrize("name", ["elsewhere.example", "192.0.2.9"])
def test_name_that_is_not_in_it_is_noticed(name: str) -> None:
    with pytest.raises(UnsoundError, match="mismatch"):
        prove(whole(pair()), SERVER, ["localhost", name])


def test_encrypted_key_of_an_authority_opens_with_its_passphrase() -> None:
    text = pki.key_text(authority().key, "secret")
    assert prove(Material(authority().pem, authority().pem, text, "secret"), AUTHORITY)


# where it lies


def given(one: pki.Pair) -> dict[str, str]:
    return {"ca": authority().pem, "cert": one.cert, "key": one.key}


def install(place: Place, one: pki.Pair, kind: str = SERVER) -> replace.Verdict:
    verdict = replace.judge(replace.Request(kind, given(one)), place)
    replace.write(place, verdict)
    return verdict


@pytest.mark.parametrize("kind", [SERVER, CLIENT])
def test_files_have_their_modes_and_mend(tmp_path: Path, kind: str) -> None:
    place = Place(tmp_path / "new" / "tls", kind)
    assert install(place, pair(kind), kind).content == ["key", "cert", "ca"]
    modes = {path.name: path.stat().st_mode & 0o777 for path in place.paths}
    assert modes == {file.name: file.mode for file in place.layout.parts.values()}
    assert place.directory.stat().st_mode & 0o777 == place.layout.directory_mode
    assert not install(place, pair(kind), kind).changed
    place.path("key").chmod(0o640)
    place.directory.chmod(0o777)
    mended = install(place, pair(kind), kind)
    assert (mended.content, mended.modes, mended.directory) == ([], ["key"], True)
    assert not install(place, pair(kind), kind).changed
    assert sorted(path.name for path in place.directory.iterdir()) == sorted(modes)


def test_what_is_not_given_stays_and_must_fit(tmp_path: Path) -> None:
    place = Place(tmp_path, SERVER)
    install(place, pair())
    two = authority().pem + pki.Authority("Second").pem
    verdict = replace.judge(replace.Request(SERVER, {"ca": two}), place)
    assert verdict.content == ["ca"]
    with pytest.raises(RefusedError, match=r"does not belong.*Nothing was changed"):
        replace.judge(replace.Request(SERVER, {"cert": pair(number=1).cert}), place)
    with pytest.raises(RefusedError, match="missing"):
        replace.judge(replace.Request(SERVER, {"ca": two}), Place(tmp_path / "empty", SERVER))


def test_what_is_there_is_judged_without_failing(tmp_path: Path) -> None:
    place = Place(tmp_path, SERVER)
    assert "ca.pem missing" in replace.judge(replace.Request(SERVER, {}), place).problem
    install(place, pair())
    assert replace.judge(replace.Request(SERVER, {}), place).problem == ""
    place.path("key").unlink()
    place.path("key").write_text(pair(number=1).key)
    assert "does not belong" in replace.judge(replace.Request(SERVER, {}), place).problem


def test_diff_shows_no_key(tmp_path: Path) -> None:
    place = Place(tmp_path, SERVER)
    install(place, pair())
    verdict = replace.judge(replace.Request(SERVER, given(pair(number=1))), place)
    shown = replace.describe(verdict, place)
    assert shown["before"]["server-key.pem"] != shown["after"]["server-key.pem"]
    assert shown["before"]["ca.pem"] == shown["after"]["ca.pem"]
    for one in (pair(), pair(number=1)):
        assert one.key.splitlines()[1] not in str(shown)


# what the daemon has to do with it


def test_daemon_uses_the_files_or_does_not(tmp_path: Path) -> None:
    place = Place(tmp_path, SERVER)
    install(place, pair())
    link = tmp_path / "link.pem"
    link.symlink_to(place.path("cert"))
    hosts = ["fd://", "unix:///x", "tcp://0.0.0.0:2376", "tcp://[::]:2377", "192.0.2.1", "tcp://[2001:db8::1]"]
    found = served.serving({"tlscert": str(link), "hosts": hosts}, place.paths)
    assert found.uses
    assert list(map(str, found.addresses)) == [
        *("127.0.0.1:2376", "[::1]:2377", "192.0.2.1:2376", "[2001:db8::1]:2376"),
    ]
    assert served.serving({"tlscert": "/elsewhere.pem", "hosts": hosts}, place.paths) == Serving()
    assert served.serving({}, place.paths) == Serving()


@contextlib.contextmanager
def listening(one: pki.Pair, directory: Path) -> t.Iterator[Address]:
    """A port that serves this certificate, and asks its client for one."""
    chain = directory / "served.pem"
    chain.write_text(one.cert + one.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    context.load_verify_locations(cadata=authority().pem)
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _peer = server.accept()
                    with contextlib.suppress(OSError):
                        context.wrap_socket(connection, server_side=True)
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield Address(*server.getsockname())


def test_served_certificate_is_compared(tmp_path: Path) -> None:
    (ours,) = fingerprints(pair().cert)
    with listening(pair(), tmp_path) as address:
        assert served.differing([address], ours) == []
        served.await_served([address], ours)
        (problem,) = served.differing([address], "other")
        assert "serves another certificate" in problem


def test_port_that_is_plain_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = Address(*server.getsockname())

        def answer() -> None:
            for _turn in range(10):
                with contextlib.suppress(OSError):
                    server.accept()[0].sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        (problem,) = served.differing([address], "ours")
        assert "does not speak TLS" in problem


def test_port_that_is_closed_serves_nothing_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = Address(*server.getsockname())
    assert served.differing([address], "ours") == []
    with pytest.raises(ControlError, match="nothing serves the certificate"):
        served.await_served([address], "ours")


class Daemon:
    """Made of paper: reads the files when it starts, and does not start with a certificate that it dislikes."""

    def __init__(self, place: Place, dislikes: str = "") -> None:
        self.place = place
        self.dislikes = dislikes
        self.runs = 1
        self.up = True
        self.serves = place.path("cert").read_text()

    engine = property(lambda self: self)
    run = None

    def snapshot(self) -> Snapshot:
        return Snapshot((), frozenset())

    def compare(self, before: Snapshot, live: bool) -> None:
        assert before == self.snapshot() and live

    def journal(self) -> str:
        return "could not load X509 key pair\n"

    def restart(self) -> str:
        self.runs += 1
        text = self.place.path("cert").read_text()
        self.up = text != self.dislikes
        if not self.up:
            raise ControlError("docker.service did not start")
        self.serves = text
        return f"boot/{self.runs}"

    def survey(self) -> Survey:
        status = plan.RUNNING if self.up else plan.FAILED
        unit = Unit("docker.service", {"LoadState": "loaded"}, argv=("dockerd",))
        return Survey(unit, status, info={"LiveRestoreEnabled": True}, daemon=f"boot/{self.runs}" if self.up else "")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place(tmp_path / "tls", SERVER)
    install(found, pair())
    return found


def go(place: Place, daemon: Daemon, parts: dict[str, str], policy: str = "auto") -> replace.Outlook:
    verdict = replace.judge(replace.Request(SERVER, parts), place)
    uses = Serving(uses=True)
    host = daemon.survey()
    outlook = replace.outlook(verdict, place, host, uses, policy)
    replace.Replace(place, verdict, host, uses, t.cast("t.Any", daemon)).run(outlook.decision)
    return outlook


def test_daemon_takes_up_a_new_certificate(place: Place) -> None:
    daemon = Daemon(place)
    assert go(place, daemon, given(pair(number=1))).decision.action == "restart"
    assert (daemon.serves, daemon.runs) == (pair(number=1).cert, 2)
    assert not place.previous.exists()
    assert go(place, daemon, given(pair(number=1))).decision.action == "none"
    assert daemon.runs == 2


def test_certificate_that_the_daemon_dislikes_is_taken_back(place: Place) -> None:
    daemon = Daemon(place, dislikes=pair(number=1).cert)
    before = {path: path.read_bytes() for path in place.paths}
    with pytest.raises(UndoneError) as error:
        go(place, daemon, given(pair(number=1)))
    assert "did not start: could not load X509 key pair. The previous certificate is back" in str(error.value)
    assert {path: path.read_bytes() for path in place.paths} == before
    assert (daemon.up, daemon.serves) == (True, pair().cert)
    assert not place.previous.exists()
    assert {path.stat().st_mode & 0o777 for path in place.paths} == {0o400, 0o444}


def test_pending_restart_is_remembered_until_it_is_done(place: Place) -> None:
    daemon = Daemon(place)
    assert go(place, daemon, given(pair(number=1)), "never").decision.pending
    assert go(place, daemon, given(pair(number=2)), "never").decision.pending
    assert daemon.serves == pair().cert
    assert (place.previous / "cert").read_text() == pair().cert, "the one that is known to work, not the second"
    assert place.previous.stat().st_mode & 0o777 == 0o700
    later = go(place, daemon, {})
    assert (later.decision.action, later.reasons) == (
        "restart",
        ("the daemon has not taken the files up since they changed",),
    )
    assert daemon.serves == pair(number=2).cert and not place.previous.exists()


def test_somebody_elses_restart_ends_the_trial(place: Place) -> None:
    daemon = Daemon(place)
    go(place, daemon, given(pair(number=1)), "never")
    daemon.restart()
    assert go(place, daemon, {}).decision.action == "none"
    assert not place.previous.exists()


def test_run_that_died_with_a_bad_certificate_is_undone_by_the_next(place: Place) -> None:
    daemon = Daemon(place, dislikes=pair(number=1).cert)
    go(place, daemon, given(pair(number=1)), "never")
    with contextlib.suppress(ControlError):
        daemon.restart()
    assert not daemon.up
    with pytest.raises(UndoneError, match="The previous certificate is back"):
        go(place, daemon, {})
    assert (daemon.up, daemon.serves) == (True, pair().cert)


def test_stopped_daemon_stays_stopped(place: Place) -> None:
    verdict = replace.judge(replace.Request(SERVER, given(pair(number=1))), place)
    stopped = Survey(Unit("docker.service", {"LoadState": "loaded"}), plan.STOPPED)
    assert replace.outlook(verdict, place, stopped, Serving(uses=True), "always").decision.action == "none"


def test_containers_that_would_be_lost_hold_the_restart_back(place: Place) -> None:
    verdict = replace.judge(replace.Request(SERVER, given(pair(number=1))), place)
    unit = Unit("docker.service", {"LoadState": "loaded"})
    host = Survey(unit, plan.RUNNING, containers=({"id": "1", "name": "web"},), info={"LiveRestoreEnabled": False})
    assert "web" in replace.outlook(verdict, place, host, Serving(uses=True), "auto").decision.pending
    assert replace.outlook(verdict, place, host, Serving(uses=True), "always").decision.restart
    assert not replace.outlook(verdict, place, host, Serving(), "auto").decision.pending, "it does not use them"
