# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of the lab, driven over real SSH, which a test may cut, and past it."""

from __future__ import annotations

import dataclasses
import json
import shlex
import subprocess
import time
import typing as t
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Lab:
    """``shell`` goes past SSH, by the engine that carries the host; ``over_ssh`` are options of ansible-playbook.

    The user ``operator`` of the host, who may use sudo, is the scenario's.
    """

    host: t.Any
    name: str
    directory: Path

    @classmethod
    def of(cls, host: t.Any, directory: Path) -> Lab:
        """With a key of its own in the host."""
        key = directory / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        lab = cls(host, str(host.backend.get_hostname()), directory)
        public = shlex.quote(key.with_suffix(".pub").read_text())
        lab.shell(
            f"install -d -m 700 -o operator /home/operator/.ssh; echo {public} >/home/operator/.ssh/authorized_keys; "
            "chown operator /home/operator/.ssh/authorized_keys"
        )
        return lab

    def shell(self, script: str) -> str:
        return str(self.host.check_output("sh -c %s", script))

    def _neighbour(self, seconds: int) -> list[str]:
        """A command that runs on another machine of the host's network, and talks to its port: by real packets."""
        image, address = subprocess.run(
            ["docker", "inspect", "--format", "{{.Image}} {{.NetworkSettings.IPAddress}}", self.name],
            capture_output=True, text=True, check=True,
        ).stdout.split()  # fmt: skip
        # not as the container's first process, on which signals that it does not handle have no effect
        talk = f"busybox timeout {seconds} busybox nc {address} 22; exit"
        return ["docker", "run", "--rm", "--interactive", image, "busybox", "sh", "-c", talk]

    def answers(self) -> bool:
        """Whether the SSH server greets. An answer that takes longer than five seconds is none."""
        # with a standard input of its own: docker would leave ours non-blocking, which Ansible cannot work with
        pipe = subprocess.PIPE
        with subprocess.Popen(self._neighbour(5), stdin=pipe, stdout=pipe, stderr=pipe) as greeting:
            assert greeting.stdin and greeting.stdout  # its input stays open: at its end nc would hang up
            return greeting.stdout.readline().startswith(b"SSH-")

    @property
    def ssh_options(self) -> list[str]:
        return [
            "-o", f"ProxyCommand={shlex.join(self._neighbour(600))}", "-o", "StrictHostKeyChecking=no",
            "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR",
            "-i", str(self.directory / "key"),
        ]  # fmt: skip

    @property
    def over_ssh(self) -> list[str]:
        """One connection for all tasks of a run, as Ansible keeps it by default; none of another run."""
        control = self.directory / f"{time.monotonic_ns():x}"
        control.mkdir()
        variables = {
            "ansible_connection": "ssh",
            "ansible_user": "operator",
            "ansible_become": True,
            "ansible_ssh_timeout": 60,  # each connection starts a container first, on what may be a busy machine
            "ansible_ssh_args": "-o ControlMaster=auto -o ControlPersist=30s",
            "ansible_control_path_dir": str(control),
            "ansible_ssh_common_args": shlex.join(self.ssh_options),
        }
        return [f"--extra-vars={json.dumps(variables)}"]


def eventually(seconds: float, condition: t.Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.2)
    return False
