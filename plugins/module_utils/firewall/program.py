# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that systemd runs on the host: ``apply`` the policy that lies there, ``watch`` for changes and apply it
anew, or ``show`` what it means now."""

# pylint: disable=ansible-bad-function  # no module: systemd starts it

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import TIMED_OUT, Done
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall.apply import ApplyError
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall.host import (
    POLICY,
    Firewall,
    engine_runs,
    lock,
    lookup,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall.policy import PolicyError, parse
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall.watch import watch

_SECONDS = 60.0
DOCKER_HOST = "unix:///var/run/docker.sock"


def run(argv: Sequence[str], seconds: float, environment: Mapping[str, str] | None = None) -> Done:
    return _call(argv, seconds, {**os.environ, **(environment or {})}, None)


def feed(argv: Sequence[str], text: str) -> Done:
    return _call(argv, _SECONDS, os.environ, text)


def _call(argv: Sequence[str], seconds: float, environment: Mapping[str, str], text: str | None) -> Done:
    try:
        done = subprocess.run(
            argv, env=environment, input=text, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return Done(TIMED_OUT, "", "")
    except OSError as error:
        return Done(127, "", str(error))
    return Done(done.returncode, done.stdout, done.stderr)


def stored() -> t.Any:
    """The policy on the host; None: there is none, so nothing of ours may be left."""
    try:
        return json.loads(POLICY.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise PolicyError(f"{POLICY} is not JSON: {error}") from error


def main(argv: Sequence[str]) -> int:
    """Exit status 0, or 1 with the reason. ``follow``: as ``apply``, by what name servers said last time."""
    words: dict[tuple[str, ...], t.Callable[[], int]] = {
        ("apply",): lambda: _apply(lookup(_domains())),
        ("follow",): lambda: _apply({}),
        ("show",): _show,
        ("watch",): lambda: watch(lambda: main(["follow"]), lambda: engine_runs(run)),
    }
    if tuple(argv) not in words:
        print("usage: bulkhead-docker-firewall apply|follow|show|watch", file=sys.stderr)
        return 2
    try:
        return words[tuple(argv)]()
    except (PolicyError, ApplyError) as error:
        print(f"the rules are as they were before: {error}", file=sys.stderr)
        return 1


def _domains() -> tuple[str, ...]:
    raw = stored()
    return () if raw is None else parse(raw).domains


def _apply(answers: Mapping[str, list[str]]) -> int:
    firewall = Firewall(run, feed, DOCKER_HOST)
    with lock():  # the policy is read within: a playbook may just have changed it
        plan = firewall.plan(stored(), answers)
        firewall.apply(plan)
    if plan.pending:
        print(f"replaced the rules of {', '.join(plan.pending)}", flush=True)
    return 0


def _show() -> int:
    plan = Firewall(run, feed, DOCKER_HOST).plan(stored(), {})
    print("\n".join([*plan.words, *(f"note: {note}" for note in plan.notes)]))
    for name, (_live, goal) in plan.text.items():
        print(f"\n# {name}{' (the kernel has other rules)' if name in plan.pending else ''}\n{goal}", end="")
    return 0
