# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the collection against a lab host as a user would, and read what Ansible said."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INVENTORY = ROOT / "extensions" / "molecule" / "inventory"


@dataclasses.dataclass(frozen=True)
class Run:
    """One ansible-playbook run on one host: exit status, each task's result, and all that was printed."""

    rc: int
    results: list[dict[str, t.Any]]
    output: str

    @property
    def changed(self) -> list[str]:
        """Names of the tasks that changed something, or would have."""
        return [result["task"] for result in self.results if result.get("changed")]

    @property
    def failure(self) -> str:
        """What the failed task said; empty when none failed."""
        return next((str(result.get("msg", result)) for result in self.results if result.get("failed")), "")

    def of(self, module: str) -> dict[str, t.Any]:
        """The result of the one task that called this module, and was not skipped."""
        called = (result for result in self.results if result["action"].endswith(module))
        (result,) = [result for result in called if not result.get("skipped")]
        return result


def play(host: str, tasks: list[dict[str, t.Any]], *options: str, env: dict[str, str] | None = None) -> Run:
    """Run these tasks on a host of the lab, with options of ansible-playbook such as ``--check``."""
    book = [{"name": "Test", "hosts": host, "gather_facts": False, "tasks": tasks}]
    return playbook(_inline(book), host, *options, env=env)


def applied(name: str, tasks_from: str = "main", /, **variables: t.Any) -> dict[str, t.Any]:
    """A task that applies one role of the collection, or one part of it."""
    included = {"name": f"bulkhead.docker.{name}", "tasks_from": tasks_from}
    return {"name": "Apply", "ansible.builtin.include_role": included, "vars": variables}


def role(name: str, host: str, variables: dict[str, t.Any], *options: str, tasks_from: str = "main") -> Run:
    """Apply one role, or one part of it, to a host of the lab."""
    return play(host, [applied(name, tasks_from, **variables)], *options)


def playbook(path: str, host: str, *options: str, env: dict[str, str] | None = None) -> Run:
    """Run a playbook, by path or name, limited to a host of the lab."""
    command = ["ansible-playbook", path, f"--inventory={INVENTORY}", f"--limit={host}", *options]
    settings = {
        "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
        "ANSIBLE_INJECT_FACT_VARS": "false",
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_RETRY_FILES_ENABLED": "false",
    }
    done = subprocess.run(
        command, env={**os.environ, **settings, **(env or {})}, capture_output=True, text=True, check=False
    )
    output = done.stdout + done.stderr
    return Run(done.returncode, _results(done.stdout, host), output)


def adhoc(module: str, host: str, options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The result of one module call on a host of the lab, without any playbook or role."""
    command = ["ansible", host, f"--inventory={INVENTORY}", f"--module-name={module}"]
    if options:
        command.append(f"--args={json.dumps(options)}")
    settings = {"ANSIBLE_PIPELINING": "true", "ANSIBLE_NOCOLOR": "true", "ANSIBLE_FORCE_COLOR": "false"}
    done = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AssertionError(done.stdout + done.stderr)
    result: dict[str, t.Any] = json.loads(done.stdout.partition("=> ")[2])
    return result


def _inline(book: list[dict[str, t.Any]]) -> str:
    path = ROOT / "build" / "plays" / f"{os.getpid()}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(book))
    return str(path)


def _results(stdout: str, host: str) -> list[dict[str, t.Any]]:
    """Each task's result on the host, less the role in its name; verbose output may stand before the document."""
    start = stdout.find('{\n    "custom_stats"')
    if start < 0:
        raise AssertionError(f"no result document in:\n{stdout}")
    document, _end = json.JSONDecoder().raw_decode(stdout[start:])
    return [
        {**task["hosts"][host], "task": task["task"]["name"].rpartition(" : ")[2]}
        for book in document["plays"]
        for task in book["tasks"]
        if host in task["hosts"]
    ]
