# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks for drift of this host from its baseline, by itself: without a controller, from a timer or by hand.

bulkhead-docker-drift run     check, mend if the configuration says so, write metrics; exits with 75 if another is on
bulkhead-docker-drift alarm   fail if the last good run is too long ago

All settings are in CONFIG. Only the standard library is used: this must work where nothing else does.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path
from urllib.parse import quote

CONFIG = Path("/etc/bulkhead.docker/drift.json")
VARIABLES = Path("/etc/bulkhead.docker/drift.yml")
SIGNERS = Path("/etc/bulkhead.docker/drift-signers")
STATE = Path("/var/lib/bulkhead.docker")
RUNTIME = Path("/run/bulkhead-docker-drift")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
METRICS, ALARM = "bulkhead_docker_drift.prom", "bulkhead_docker_drift_alarm.prom"
SEVERITIES = ("critical", "high", "medium", "low", "info")
BUSY = 75  # EX_TEMPFAIL: not now

Json = dict[str, t.Any]


@dataclasses.dataclass
class History:
    """What is remembered from run to run."""

    last_run: float = 0
    last_success: float = 0
    success: bool = False
    seconds: float = 0
    remediated: int = 0  # ever
    counts: dict[str, int] = dataclasses.field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> History:
        """Of a file that is missing or damaged nothing is known: better to begin anew than never to run again."""
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return cls()


def replace(path: Path, text: str, mode: int) -> None:
    """Readers see the old file or the new one, never a part."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "w") as file:  # noqa: PTH123 (a descriptor)
            file.write(text)
            os.fchmod(descriptor, mode)
        os.replace(name, path)  # noqa: PTH105
    except BaseException:
        os.unlink(name)  # noqa: PTH108
        raise


@contextlib.contextmanager
def alone(path: Path) -> t.Iterator[bool]:
    """Whether nobody else is at it. The kernel gives the lock back, however we end."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def say(priority: int, text: str) -> None:
    """To the journal by way of systemd, which takes the number for the priority; to a person without it."""
    prefix = f"<{priority}>" if "JOURNAL_STREAM" in os.environ else ""
    print(f"{prefix}bulkhead-docker-drift: {text}", file=sys.stderr, flush=True)


def command(config: Json, name: str) -> list[str]:
    """How Ansible is called. `become` would want sudo, which a process that may gain no privileges cannot run."""
    extra = {
        "ansible_become": False,
        "ansible_connection": "local",
        "ansible_python_interpreter": config["python"],
        "docker_drift_mode": config["mode"],
        "docker_drift_report_dir": str(STATE),
        "docker_drift_remediate_roles": config["remediate_roles"],
    }
    common = ["--inventory", f"{name},", "--extra-vars", f"@{VARIABLES}", "--extra-vars", json.dumps(extra)]
    if config["method"] == "copy":
        return ["ansible-playbook", *common, "bulkhead.docker.drift"]
    pull = ["--url", config["pull_url"], "--checkout", config["pull_checkout"], "--directory", str(STATE / "pull")]
    return ["ansible-pull", "--verify-commit", *pull, *common, config["pull_playbook"]]


def environment(config: Json) -> dict[str, str]:
    """Nothing but what is named here: what decides is the configuration, not who calls."""
    words = {
        "PATH": PATH,
        "LC_ALL": "C.UTF-8",
        "HOME": str(RUNTIME),
        "PWD": str(STATE),
        "ANSIBLE_CONFIG": str(RUNTIME / "ansible.cfg"),
        "ANSIBLE_HOME": str(RUNTIME / "ansible"),
        "ANSIBLE_LOCAL_TEMP": str(RUNTIME / "tmp"),
        "ANSIBLE_REMOTE_TEMP": str(RUNTIME / "tmp"),
        "ANSIBLE_COLLECTIONS_PATH": config["collections_path"],
        "ANSIBLE_INJECT_FACT_VARS": "false",
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
        "ANSIBLE_NO_TARGET_SYSLOG": "true",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
    }
    # a commit is verified by the keys of people who are named here, not by a keyring that anybody may add to
    git = {"gpg.ssh.allowedSignersFile": str(SIGNERS)} if config["method"] == "pull" else {}
    for number, (key, value) in enumerate(git.items()):
        words[f"GIT_CONFIG_KEY_{number}"], words[f"GIT_CONFIG_VALUE_{number}"] = key, value
    return {**words, "GIT_CONFIG_COUNT": str(len(git)), "GIT_TERMINAL_PROMPT": "0"}


def ansible(config: Json) -> tuple[bool, Json]:
    """Whether it went well, and what it reports; `{}` if it does not."""
    name = platform.node()
    report = STATE / "drift" / f"{quote(name, safe='')}.json"
    report.unlink(missing_ok=True)  # of an earlier run
    replace(RUNTIME / "ansible.cfg", "[defaults]\n", 0o600)  # without one Ansible looks for others
    try:
        done = subprocess.run(
            command(config, name), env=environment(config), cwd=STATE, check=False, timeout=config["timeout"],
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        say(3, str(error))
        return False, {}
    try:
        document = json.loads(report.read_text())
    except (OSError, ValueError):
        document = {}
    if done.returncode:
        say(3, f"Ansible ended with {done.returncode}; its output is above")
    return done.returncode == 0 and bool(document), document


def metrics(history: History) -> str:
    """Numbers only: names of containers in labels would be without end, and tell who reads them too much."""
    lines = [
        "# HELP bulkhead_docker_drift_last_run_timestamp_seconds When the last run ended.",
        "# TYPE bulkhead_docker_drift_last_run_timestamp_seconds gauge",
        f"bulkhead_docker_drift_last_run_timestamp_seconds {history.last_run:.0f}",
        "# HELP bulkhead_docker_drift_last_success_timestamp_seconds When the last run that succeeded ended.",
        "# TYPE bulkhead_docker_drift_last_success_timestamp_seconds gauge",
        f"bulkhead_docker_drift_last_success_timestamp_seconds {history.last_success:.0f}",
        "# HELP bulkhead_docker_drift_last_run_success Whether the last run succeeded (1) or not (0).",
        "# TYPE bulkhead_docker_drift_last_run_success gauge",
        f"bulkhead_docker_drift_last_run_success {int(history.success)}",
        "# HELP bulkhead_docker_drift_duration_seconds How long the last run took.",
        "# TYPE bulkhead_docker_drift_duration_seconds gauge",
        f"bulkhead_docker_drift_duration_seconds {history.seconds:.3f}",
        "# HELP bulkhead_docker_drift_remediated_total Entries of drift that runs on this host have mended.",
        "# TYPE bulkhead_docker_drift_remediated_total counter",
        f"bulkhead_docker_drift_remediated_total {history.remediated}",
        "# HELP bulkhead_docker_drift_entries Entries of drift that the last run with a result left, by severity.",
        "# TYPE bulkhead_docker_drift_entries gauge",
    ]
    lines += [
        f'bulkhead_docker_drift_entries{{severity="{severity}"}} {int(history.counts.get(severity, 0))}'
        for severity in SEVERITIES
        if history.counts
    ]
    return "\n".join(lines) + "\n"


def run(config: Json) -> int:
    RUNTIME.mkdir(mode=0o700, exist_ok=True)
    with alone(RUNTIME / "lock") as first:
        if not first:
            say(5, "another run is on; this one leaves it to that")
            return BUSY
        path = STATE / "drift-runs.json"
        history, start = History.read(path), time.monotonic()
        say(6, f"begins, in the mode {config['mode']}")
        good, report = ansible(config)
        history.last_run, history.success, history.seconds = time.time(), good, time.monotonic() - start
        if good:
            history.last_success = history.last_run
        if report:
            history.counts = report["drift"]["counts"]
            history.remediated += len((report.get("remediation") or {}).get("mended") or [])
        replace(path, json.dumps(dataclasses.asdict(history), indent=1) + "\n", 0o600)
        publish(config, METRICS, metrics(history))
        found = ", ".join(f"{count} {severity}" for severity, count in history.counts.items() if count) or "none"
        say(6, f"{'ended' if good else 'FAILED'} after {history.seconds:.1f} s; drift that is left: {found}")
        return 0 if good else 1


def alarm(config: Json, now: float) -> int:
    """A host that has never had a good run gets as long as any, from when it was configured."""
    history = History.read(STATE / "drift-runs.json")
    age = now - (history.last_success or CONFIG.stat().st_mtime)
    stale = age > config["max_age"]
    publish(
        config,
        ALARM,
        "# HELP bulkhead_docker_drift_stale Whether the last good run is too long ago (1) or not (0).\n"
        f"# TYPE bulkhead_docker_drift_stale gauge\nbulkhead_docker_drift_stale {int(stale)}\n",
    )
    if stale:
        since = "there was never a good run" if not history.last_success else f"the last good run was {age:.0f} s ago"
        say(1, f"ALERT: {since}, and {config['max_age']} s are allowed: nobody knows whether this host has drifted")
    return int(stale)


def publish(config: Json, name: str, text: str) -> None:
    """For the textfile collector of Prometheus' node exporter, which runs as another user."""
    if config["textfile_dir"]:
        replace(Path(config["textfile_dir"]) / name, text, 0o644)


def main(arguments: list[str]) -> int:
    if arguments not in (["run"], ["alarm"]):
        print(__doc__, file=sys.stderr)
        return 2
    config: Json = json.loads(CONFIG.read_text())
    return run(config) if arguments == ["run"] else alarm(config, time.time())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
