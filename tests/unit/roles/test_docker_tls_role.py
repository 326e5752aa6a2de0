# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The authority's side of the role, which is all on the controller: several hosts, several sites, in batches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from cryptography import x509


class Sites:
    """One play over hosts of two sites, which has clients to serve but nothing to do on the hosts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        hosts = {name: self._site(site) for name, site in (("a1", "a"), ("b1", "b"), ("a2", "a"))}
        self.inventory = path / "hosts.json"
        self.inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": here}}))

    def _site(self, name: str) -> dict[str, t.Any]:
        return {
            "docker_tls_ca_dir": str(self.path / name),
            "docker_tls_clients_dir": str(self.path / name / "clients"),
            "docker_tls_clients": [{"name": f"{name}-client"}],
        }

    def play(self, **variables: t.Any) -> str:
        book = self.path / "play.json"
        role = {"role": "bulkhead.docker.docker_tls", "vars": variables}
        book.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "serial": 1, "roles": [role]}]))
        done = subprocess.run(
            ["ansible-playbook", str(book), f"--inventory={self.inventory}"],
            env={**os.environ, "ANSIBLE_NOCOLOR": "true", "ANSIBLE_FORCE_COLOR": "false"},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stdout + done.stderr

    def bundle(self, site: str) -> list[x509.Certificate]:
        return x509.load_pem_x509_certificates((self.path / site / "ca.pem").read_bytes())

    def client(self, site: str) -> x509.Certificate:
        return x509.load_pem_x509_certificate(
            (self.path / site / "clients" / f"{site}-client" / "cert.pem").read_bytes()
        )


@pytest.fixture
def sites(tmp_path: Path) -> Sites:
    return Sites(tmp_path)


def test_sites_in_one_play_are_each_led_once(sites: Sites) -> None:
    """Site a has hosts in two batches: what the first makes, the second must neither lose nor, though asked, renew."""
    said = sites.play(docker_tls_renew=["ca"])
    assert said.count("failed=0") == 3, said
    for site in ("a", "b"):
        (authority,) = sites.bundle(site)
        sites.client(site).verify_directly_issued_by(authority)


def test_hosts_that_share_an_authority_agree_on_its_clients(sites: Sites) -> None:
    both = {"docker_tls_ca_dir": str(sites.path / "a"), "docker_tls_clients": [{"name": "{{ inventory_hostname }}"}]}
    book = json.loads((sites.inventory).read_text())
    book["all"]["hosts"] = dict.fromkeys(("a1", "a2"), both)
    sites.inventory.write_text(json.dumps(book))
    play = [{"hosts": "all", "gather_facts": False, "roles": ["bulkhead.docker.docker_tls"]}]
    (sites.path / "both.json").write_text(json.dumps(play))
    done = subprocess.run(
        ["ansible-playbook", str(sites.path / "both.json"), f"--inventory={sites.inventory}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode and "docker_tls_clients differs between hosts" in done.stdout
    assert not (sites.path / "a").exists()
