# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On a lab host: apt repositories below /srv, for ``file:`` addresses, standing for what cannot be reached from there.

/srv/debian    the engine's real packages, as the lab host carries them, in a stand-in for Debian's archive
/srv/docker    a FAKE of Docker's repository: the same programs repackaged under Docker's names and version numbers
/srv/unsigned  that without a signature
/srv/stranger  that, signed by a key that nobody knows
/srv/NAME.asc  the keys

``build`` makes all of it; ``offer REVISION...`` says what /srv/docker has (of 1, 2 and next).
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

SRV, DEBS, SHELF, WORK = Path("/srv"), Path("/var/cache/lab-debs"), Path("/srv/shelf"), Path("/srv/work")
RELATIONS = (
    "Source", "Package", "Version", "Depends", "Pre-Depends", "Recommends", "Suggests", "Conflicts", "Breaks",
    "Replaces", "Provides", "Built-Using", "Static-Built-Using", "Installed-Size",
)  # fmt: skip
EMPTY = "Architecture: all\nMaintainer: lab <lab@lab.invalid>\nDescription: nothing\n"
PLUGINS = ("docker-buildx-plugin", "docker-compose-plugin")
NEXT = "29.1.0"


def output(*argv: str | Path) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


# OpenPGP with openssl: a lab host has no gpg-agent, and gpg makes no signature without one


def packet(tag: int, body: bytes) -> bytes:
    return bytes([0xC0 | tag, 0xFF]) + len(body).to_bytes(4, "big") + body


def integer(number: int) -> bytes:
    return number.bit_length().to_bytes(2, "big") + number.to_bytes((number.bit_length() + 7) // 8, "big")


def subpacket(kind: int, body: bytes) -> bytes:
    return bytes([len(body) + 1, kind]) + body


def armor(kind: str, data: bytes) -> str:
    crc = 0xB704CE
    for byte in data:
        crc ^= byte << 16
        for _bit in range(8):
            crc = crc << 1 ^ (0x1864CFB if crc & 0x800000 else 0)
    checksum = base64.b64encode(crc.to_bytes(3, "big")).decode()
    return f"-----BEGIN PGP {kind}-----\n\n{base64.encodebytes(data).decode()}={checksum}\n-----END PGP {kind}-----\n"


class Key:
    """An RSA key with one name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.secret = SRV / f"{name}.pem"
        if not self.secret.exists():
            output("openssl", "genrsa", "-out", self.secret, "2048")
        self.born = int(self.secret.stat().st_mtime).to_bytes(4, "big")
        modulus = int(output("openssl", "rsa", "-in", self.secret, "-noout", "-modulus").partition("=")[2], 16)
        self.public = b"\x04" + self.born + b"\x01" + integer(modulus) + integer(65537)
        self.framed = b"\x99" + len(self.public).to_bytes(2, "big") + self.public
        self.fingerprint = hashlib.sha1(self.framed, usedforsecurity=False).digest()

    def signature(self, kind: int, signed: bytes, *more: bytes) -> bytes:
        about = (
            subpacket(33, b"\x04" + self.fingerprint)
            + subpacket(2, int(time.time()).to_bytes(4, "big"))
            + b"".join(more)
        )
        head = bytes([4, kind, 1, 8]) + len(about).to_bytes(2, "big") + about
        data = signed + head + b"\x04\xff" + len(head).to_bytes(4, "big")
        argv = ["openssl", "dgst", "-sha256", "-sign", str(self.secret)]
        raw = subprocess.run(argv, input=data, check=True, capture_output=True).stdout
        issuer = subpacket(16, self.fingerprint[-8:])
        digest = hashlib.sha256(data).digest()
        body = head + len(issuer).to_bytes(2, "big") + issuer + digest[:2] + integer(int.from_bytes(raw, "big"))
        return packet(2, body)

    def publish(self) -> None:
        name = f"{self.name} <{self.name}@lab.invalid>".encode()
        certified = self.framed + b"\xb4" + len(name).to_bytes(4, "big") + name
        flags = subpacket(27, b"\x03")  # may certify and sign
        data = packet(6, self.public) + packet(13, name) + self.signature(0x13, certified, flags)
        (SRV / f"{self.name}.asc").write_text(armor("PUBLIC KEY BLOCK", data))

    def clearsign(self, text: str) -> str:
        canonical = text.rstrip("\n").replace("\n", "\r\n").encode()
        signature = armor("SIGNATURE", self.signature(0x01, canonical))
        return f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{text.rstrip(chr(10))}\n{signature}"


# packages and repositories


def system() -> tuple[str, str]:
    release = dict(line.partition("=")[::2] for line in Path("/etc/os-release").read_text().splitlines())
    return release["VERSION_CODENAME"], output("dpkg", "--print-architecture")


def index(root: Path, signer: str) -> None:
    """Describe the packages of the pool, and sign it; without a signer there is no signature."""
    suite, architecture = system()
    dist = root / "dists" / suite
    table = f"stable/binary-{architecture}/Packages"
    (dist / table).parent.mkdir(parents=True, exist_ok=True)
    entries = []
    for deb in sorted((root / "pool").iterdir()):
        digest = hashlib.sha256(deb.read_bytes()).hexdigest()
        where = f"Filename: pool/{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {digest}"
        entries.append(f"{output('dpkg-deb', '--field', deb)}\n{where}\n")
    text = "\n".join(entries)
    (dist / table).write_text(text)
    release = (
        f"Origin: lab\nSuite: {suite}\nCodename: {suite}\nComponents: stable\nArchitectures: {architecture}\n"
        f"Date: {time.strftime('%a, %d %b %Y %H:%M:%S UTC', time.gmtime())}\n"
        f"SHA256:\n {hashlib.sha256(text.encode()).hexdigest()} {len(text.encode())} {table}\n"
    )
    (dist / "Release").write_text(release)
    (dist / "InRelease").unlink(missing_ok=True)
    if signer:
        (dist / "InRelease").write_text(Key(signer).clearsign(release))


def original(name: str) -> Path | None:
    return next(iter(DEBS.glob(f"{name}_*.deb")), None)


def tree(name: str, *sources: str) -> None:
    """Unpack these packages into one, the first with its scripts; a package that this release has not is empty."""
    first, *others = (original(source) for source in sources)
    if first:
        output("dpkg-deb", "--raw-extract", first, WORK / name)
    else:
        (WORK / name / "DEBIAN").mkdir(parents=True)
        (WORK / name / "DEBIAN" / "control").write_text(EMPTY)
    for other in filter(None, others):
        output("dpkg-deb", "--extract", other, WORK / name)


def pack(name: str, version: str, relations: str = "") -> None:
    control = WORK / name / "DEBIAN" / "control"
    kept = [line for line in control.read_text().splitlines() if line.partition(":")[0] not in RELATIONS]
    control.write_text("\n".join([f"Package: {name}\nVersion: {version}{relations}", *kept]) + "\n")
    output("dpkg-deb", "-Znone", "--build", WORK / name, SHELF / f"{name}_{version.replace(':', '_')}.deb")


def upstream() -> str:
    deb = original("docker.io")
    assert deb
    return output("dpkg-deb", "--field", deb, "Version").partition("+")[0]


def stock(root: Path, debs: Iterable[Path]) -> None:
    shutil.rmtree(root / "pool", ignore_errors=True)
    (root / "pool").mkdir(parents=True)
    for deb in debs:
        os.link(deb, root / "pool" / deb.name)


def build() -> None:
    SHELF.mkdir()
    WORK.mkdir()
    for name in ("debian", "docker", "stranger"):
        Key(name).publish()
    for deb in DEBS.glob("*.deb"):
        shutil.copy(deb, SHELF)  # another file system
    stock(SRV / "debian", [SHELF / deb.name for deb in DEBS.glob("*.deb")])
    index(SRV / "debian", "debian")
    tree("docker-ce", "docker.io")
    tree("docker-ce-cli", "docker-cli")
    tree("containerd.io", "containerd", "runc")
    for name in ("docker-ce-rootless-extras", *PLUGINS):
        tree(name, "no such package")
    for version in (f"5:{upstream()}-1~fake", f"5:{upstream()}-2~fake", f"5:{NEXT}-1~fake"):
        pack("docker-ce", version, "\nDepends: docker-ce-cli, containerd.io, iptables\nConflicts: docker.io")
        pack("docker-ce-cli", version, "\nConflicts: docker-cli")
        pack("docker-ce-rootless-extras", version)
    for version in ("1.99.0-1~fake", "1.99.0-2~fake"):
        pack("containerd.io", version, "\nConflicts: containerd, runc")
    for name in PLUGINS:
        pack(name, "0.99.0-1~fake")
    shutil.rmtree(WORK)
    offer("1")
    for name, signer in (("unsigned", ""), ("stranger", "stranger")):
        stock(SRV / name, (SRV / "docker" / "pool").iterdir())
        index(SRV / name, signer)


def offer(*revisions: str) -> None:
    versions = [f"*_5_{NEXT}-1~fake" if one == "next" else f"*-{one}~fake" for one in revisions]
    names = [
        deb
        for version in versions
        for deb in SHELF.glob(f"{version}.deb")
        if NEXT not in deb.name or "next" in revisions
    ]
    stock(SRV / "docker", {*names, *(deb for plugin in PLUGINS for deb in SHELF.glob(f"{plugin}_*"))})
    index(SRV / "docker", "docker")


if __name__ == "__main__":
    {"build": build, "offer": offer}[sys.argv[1]](*sys.argv[2:])
