# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A site of TLS: one Docker host, the controller's directories for it, and a second host on which its clients are.

What is verified, curl, openssl, the docker command line and Docker's Python SDK say; none of our code judges itself.
"""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import typing as t
from pathlib import Path

from ansible_collections.bulkhead.docker.tests import pki
from ansible_collections.bulkhead.docker.tests.support import ROOT, Run, play, playbook, role

CLIENT = "bulkhead-client"
DIRECTORY = "/etc/docker/tls"
_FINGERPRINT = "openssl x509 -noout -fingerprint -sha256"
CLIENTS = [{"name": "alice"}, {"name": "bob"}]


@dataclasses.dataclass
class Site:
    """One lab host with what belongs to it."""

    host: t.Any
    client: t.Any
    name: str
    address: str
    directory: Path

    # the role and the module, with a look at everything that is printed

    def settings(self, **variables: t.Any) -> dict[str, t.Any]:
        return {
            "docker_tls_listen": [f"tcp://{self.address}:2376"],
            "docker_tls_ca_dir": str(self.directory / "ca"),
            "docker_tls_clients_dir": str(self.directory / "clients"),
            "docker_tls_clients": CLIENTS,
            **variables,
        }

    def apply(self, *options: str, **variables: t.Any) -> Run:
        more = variables.pop("secrets", ())
        secrets = self.secrets()
        run = role("docker_tls", self.name, self.settings(**variables), "-vvv", "--diff", *options)
        self.tells_nothing(run, {*secrets, *self.secrets(), *more})
        return run

    def rotate(self) -> Run:
        variables = f"--extra-vars={json.dumps(self.settings())}"
        run = playbook("bulkhead.docker.rotate_tls", self.name, "-vvv", "--diff", variables)
        self.tells_nothing(run, self.secrets())
        return run

    def install(self, *sets: dict[str, t.Any], check: bool = False) -> Run:
        """One task for each set of files; those that fail do not keep the next from being tried."""
        tasks = [
            {
                "name": "Install",
                "bulkhead.docker.docker_tls_files": {"directory": DIRECTORY, **one},
                "ignore_errors": len(sets) > 1,
            }
            for one in sets
        ]
        run = play(self.name, tasks, "-vvv", "--diff", *(["--check"] if check else []))
        self.tells_nothing(run, {line for one in sets for line in lines(one.get("key", ""))})
        return run

    def secrets(self) -> set[str]:
        """Every line of every key there is."""
        keys = [path.read_text() for path in self.directory.rglob("*key.pem")]
        return lines("\n".join([*keys, self.host.run(f"cat {DIRECTORY}/server-key.pem").stdout]))

    def tells_nothing(self, run: Run, secrets: set[str]) -> None:
        assert [secret for secret in secrets if secret in run.output] == []
        assert "PRIVATE KEY" not in run.output

    # the client

    def hand_out(self, *names: str) -> None:
        """Take the clients' directories to where the clients are."""
        self.client.check_output(f"mkdir -p /root/{self.name}")
        for name in names:
            self.put(name, *[(self.directory / "clients" / name / file).read_text() for file in FILES])

    def put(self, name: str, ca: str, cert: str, key: str) -> None:
        where = f"/root/{self.name}/{name}"
        self.client.check_output(f"mkdir -p {where}")
        for file, text in zip(FILES, (ca, cert, key)):
            self.client.check_output("printf %s %s > %s", "%s", text, f"{where}/{file}")

    def curl(self, name: str, options: str = "", url: str = "") -> t.Any:
        where = f"/root/{self.name}/{name}"
        url = url or f"https://{self.address}:2376/_ping"
        files = f"--cacert {where}/ca.pem --cert {where}/cert.pem --key {where}/key.pem"
        return self.client.run(f"curl -sS --max-time 10 {options or files} {url}")

    def may(self, name: str) -> bool:
        """Whether this client is let in, as curl sees it."""
        return bool(self.curl(name).stdout == "OK")

    # the host

    def served(self) -> str:
        """Fingerprint of the certificate on the port, as openssl on the other host sees it."""
        asked = f"echo | openssl s_client -connect {self.address}:2376 2>/dev/null"
        return str(self.client.check_output(f"{asked} | {_FINGERPRINT}")).partition("=")[2]

    def on_disk(self) -> str:
        shown = self.host.check_output(f"{_FINGERPRINT} -in {DIRECTORY}/server-cert.pem")
        return str(shown).partition("=")[2]

    def daemon(self) -> str:
        return str(
            self.host.check_output("systemctl show docker.service --property=MainPID,ActiveEnterTimestampMonotonic")
        )

    def traces(self) -> str:
        """All that the role may write, here and on the controller, and the daemon's process: equal means untouched."""
        find = (
            f"find {DIRECTORY} /etc/docker/other -printf '%p %m %u %T@\\n' -type f -exec sha256sum {{}} + 2>/dev/null"
        )
        here = [f"{path} {path.stat().st_mode} {path.stat().st_mtime}" for path in sorted(self.directory.rglob("*"))]
        return "\n".join([self.host.run(f"{find} | sort").stdout, self.daemon(), *here])

    def authority(self) -> pki.Authority:
        """The site's own authority, to sign what its owner never would."""
        bundle = (self.directory / "ca" / "ca.pem").read_text()
        return pki.Authority(pair=pki.Pair(bundle, (self.directory / "ca" / "ca-key.pem").read_text()))

    def survivor(self) -> str:
        return str(self.host.check_output("docker inspect --format '{{.State.Pid}} {{.State.StartedAt}}' survivor"))


FILES = ("ca.pem", "cert.pem", "key.pem")


def lines(pem: str) -> set[str]:
    """What only a key holds: the last line of an elliptic one is the end of its public half."""
    found = [line for line in pem.splitlines() if re.fullmatch(r"[A-Za-z0-9+/=]{20,}|-----END .+", line)]
    return {line for line, after in zip(found, found[1:]) if not line.startswith("-") and not after.startswith("-")}


def result(run: Run) -> dict[str, t.Any]:
    """Of the task that installs; the module's other tasks only look."""
    files = [one for one in run.results if one["action"].endswith("docker_tls_files") and "Install" in one["task"]]
    return dict(files[-1])


def docker_cp(source: Path, target: str) -> None:
    subprocess.run(["docker", "cp", str(source), f"{CLIENT}:{target}"], check=True, capture_output=True)


def record(name: str, value: t.Any) -> None:
    """For whoever wants the measured figures."""
    path = ROOT / "build" / "docker_tls" / f"{name}.json"
    path.write_text(json.dumps(value))
