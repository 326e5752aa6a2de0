# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The site of the scenario: certificates, and on one lab host a collector (rsyslog) for each of the others.

Of each collector there are two, on the same ports: `right@NAME`, and `wrong@NAME` with a certificate for another name.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import typing as t

from ansible_collections.bulkhead.docker.tests import pki
from ansible_collections.bulkhead.docker.tests.support import ROOT

COLLECTOR = "bulkhead-collector"
NAME, OTHER = "collector.example", "other.example"
DIRECTORY = ROOT / "build" / "docker_logging"
HOSTS = ("bulkhead-debian12", "bulkhead-debian13", "bulkhead-debian14")

#: `kind` is right or wrong: which certificate is shown, and where what arrives is written.
CONFIG = """
global(workDirectory="/srv/site" maxMessageSize="64k"
  defaultNetstreamDriverCAFile="/srv/site/ca.pem"
  defaultNetstreamDriverCertFile="/srv/site/{kind}.pem" defaultNetstreamDriverKeyFile="/srv/site/{kind}-key.pem")
module(load="imrelp")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/name"
  permittedPeer=["{host}"])
template(name="raw" type="string" string="%rawmsg%\\n")
ruleset(name="write") {{ action(type="omfile" file="/srv/site/{kind}-{host}.log" template="raw") }}
input(type="imrelp" port="{relp}" maxDataSize="64k" ruleset="write" tls="on" tls.authMode="name"
  tls.permittedPeer=["{host}"] tls.caCert="/srv/site/ca.pem"
  tls.myCert="/srv/site/{kind}.pem" tls.myPrivKey="/srv/site/{kind}-key.pem")
input(type="imtcp" port="{syslog}" ruleset="write")
"""
UNIT = """
[Unit]
StartLimitIntervalSec=0
[Service]
Type=notify
ExecStart=/usr/sbin/rsyslogd -n -i NONE -f /srv/site/{kind}-%i.conf
"""


def ports(host: str) -> dict[str, int]:
    index = HOSTS.index(host)
    return {"relp": 2500 + index, "syslog": 6500 + index}


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout.strip()


def settings(host: str, address: str, pair: pki.Pair, ca: str, **more: t.Any) -> dict[str, t.Any]:
    """The role's options for a host."""
    return {
        "docker_logging_driver": "journald",
        "docker_logging_journal_max_use": "1G",
        "docker_logging_journal_burst": 0,
        "docker_logging_collector": f"{address}:{ports(host)['relp']}",
        "docker_logging_collector_name": NAME,
        "docker_logging_ca": ca,
        "docker_logging_cert": pair.cert,
        "docker_logging_key": pair.key,
        "docker_logging_events": True,
        **more,
    }


def main() -> None:
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    inner = DIRECTORY / "site"
    inner.mkdir(parents=True)
    authority = pki.Authority("Site")
    (inner / "ca.pem").write_text(authority.pem)
    for kind, name in (("right", NAME), ("wrong", OTHER)):
        pair = authority.sign(name, pki.SERVER, [name])
        (inner / f"{kind}.pem").write_text(pair.cert)
        (inner / f"{kind}-key.pem").write_text(pair.key)
        (inner / f"{kind}@.service").write_text(UNIT.format(kind=kind))
    address = docker("inspect", "--format", "{{.NetworkSettings.IPAddress}}", COLLECTOR)
    for host in HOSTS:
        pair = authority.sign(host, pki.CLIENT, [host])
        (DIRECTORY / f"{host}.json").write_text(json.dumps(settings(host, address, pair, authority.pem)))
        for kind in ("right", "wrong"):
            (inner / f"{kind}-{host}.conf").write_text(CONFIG.format(kind=kind, host=host, **ports(host)))
    docker("cp", str(inner), f"{COLLECTOR}:/srv/site")
    start = " ".join(f"right@{host}" for host in HOSTS)
    docker("exec", COLLECTOR, "sh", "-c", f"cp /srv/site/*.service /etc/systemd/system/ && systemctl start {start}")


if __name__ == "__main__":
    main()
