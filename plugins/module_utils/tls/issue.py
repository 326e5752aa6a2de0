# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be signed, and why: from the certificates that exist to those that must be made. Pure.

A certificate is read by community.crypto's filter x509_certificate_info; its words are used here as they are.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from ansible_collections.bulkhead.docker.plugins.module_utils.tls.options import OptionError

Info = Mapping[str, t.Any]

BACKDATED = timedelta(days=1)  # clocks differ: a certificate is valid from a day before it was made


@dataclass(frozen=True)
class Terms:
    """How certificates are to be."""

    key_type: str  # ECC, Ed25519 or RSA, as community.crypto calls them
    key_bits: int  # of RSA
    renew_days: int
    now: datetime

    def after(self, days: int) -> datetime:
        return self.now + timedelta(days=days)


@dataclass(frozen=True)
class Days:
    """The lives asked for."""

    ca: int
    server: int
    clients: tuple[int, ...]
    renew: int
    overlap: int = 0  # how long an authority stays trusted after another has followed it

    @property
    def longest(self) -> int:
        return max(self.server, *self.clients, 0)

    def check(self) -> None:
        """Lives that contradict each other would make every run renew."""
        shortest = min(self.server, *self.clients) if self.clients else self.server
        if not 0 <= self.renew < shortest:
            raise OptionError(
                f"docker_tls_renew_days is {self.renew}, but a certificate lives for only {shortest} days: it would be "
                "renewed at once. Lower the one or raise the other"
            )
        if self.ca <= self.longest:
            raise OptionError(
                f"docker_tls_ca_days is {self.ca}, but the authority must outlive what it signs, which lives for up to "
                f"{self.longest} days"
            )


def when(asn1: str) -> datetime:
    return datetime.strptime(asn1, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc)


def due(info: Info | None, issuer: str, terms: Terms, names: Sequence[str] | None = None) -> list[str]:
    """Why this certificate must be made anew; empty when it need not. ``issuer``: key identifier of the authority."""
    if not info:
        return ["there is none"]
    reasons = []
    expires = when(info["not_after"])
    if expires <= terms.after(terms.renew_days):
        reasons.append(f"it expires on {expires:%Y-%m-%d}")
    if info.get("authority_key_identifier") != issuer:
        reasons.append("another authority has signed it")
    if _key(info) != (terms.key_type, terms.key_bits if terms.key_type == "RSA" else 0):
        reasons.append("its key is of another type")
    if names is not None and sorted(info.get("subject_alt_name") or []) != sorted(names):
        reasons.append(f"it must be valid for {', '.join(sorted(names))}")
    return reasons


def _key(info: Info) -> tuple[str, int]:
    kind = str(info.get("public_key_type"))
    return kind, int((info.get("public_key_data") or {}).get("size") or 0) if kind == "RSA" else 0


def authority(bundle: Sequence[Info], renew: bool, revoked: Iterable[str], terms: Terms, days: Days) -> list[str]:
    """Why there must be a new authority. ``bundle``: the newest first."""
    if not bundle:
        return ["there is none"]
    reasons = ["it was asked for"] if renew else []
    reasons += [f"{name} is revoked" for name in revoked]
    ends = when(bundle[0]["not_after"])
    if ends <= terms.after(days.longest):
        reasons.append(f"the old one ends on {ends:%Y-%m-%d}, before what it would sign")
    return reasons


def trusted(bundle: Sequence[Info], terms: Terms, days: Days) -> list[int]:
    """Indexes of those in the bundle that may stay: the newest, and older ones for a while after they were followed."""
    keep = [0] if bundle else []
    for index in range(1, len(bundle)):
        followed = when(bundle[index - 1]["not_before"]) + BACKDATED
        if terms.now < min(followed + timedelta(days=days.overlap), when(bundle[index]["not_after"])):
            keep.append(index)
    return keep


def signed_by(info: Info | None, bundle: Sequence[Info]) -> bool:
    """Whether one of these authorities vouches for the certificate, so that it opens doors."""
    return bool(info) and any(t.cast("Info", info).get("authority_key_identifier") == _id(one) for one in bundle)


def _id(info: Info) -> t.Any:
    return info.get("subject_key_identifier")


def site(
    bundle: Sequence[Info],
    issued: Mapping[str, Info],
    clients: Sequence[Mapping[str, t.Any]],
    renew: Sequence[str],
    terms: Terms,
    days: Days,
) -> dict[str, t.Any]:
    """What is to be done for authority and clients. ``issued``: the last certificate of each client, by name."""
    gone = [client["name"] for client in clients if client.get("state") == "revoked"]
    revoked = [name for name in gone if signed_by(issued.get(name), bundle)]
    new = authority(bundle, "ca" in renew, revoked, terms, days)
    keep = trusted(bundle, terms, days)
    if new:  # the newest is followed now; after a revocation it must not vouch for anybody any more
        keep = keep if days.overlap and not revoked else []
    issuer = "" if new else str(_id(bundle[0]))
    wanted = []
    for client in clients:
        name = client["name"]
        asked = ["it was asked for"] if name in renew or "clients" in renew else []
        reasons = ["there is a new authority"] if new and name in issued else due(issued.get(name), issuer, terms)
        if name not in gone and (asked or reasons):
            wanted.append({"name": name, "days": client.get("days"), "reasons": asked or reasons})
    known = {client["name"] for client in clients}
    return {
        "new": new,
        "keep": keep,
        "rewrite": bool(new) or len(keep) != len(bundle),
        "clients": wanted,
        "revoked": gone,
        "unlisted": sorted(name for name, info in issued.items() if name not in known and signed_by(info, bundle)),
    }
