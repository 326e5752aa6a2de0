# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that checks and mends itself by its timer; in this order."""

from __future__ import annotations

import json
import re
import time
import typing as t

import pytest

pytestmark = pytest.mark.debian(13)

UNIT, ALARM = "bulkhead-docker-drift", "bulkhead-docker-drift-alarm"
PROGRAM = "/usr/local/sbin/bulkhead-docker-drift"
TEXTFILE = "/var/lib/prometheus/node-exporter/bulkhead_docker_drift{}.prom"
#: What the role itself changes when its options do.
OWN = [
    'files."/etc/systemd/system/bulkhead-docker-drift*',
    'files."/etc/bulkhead.docker/drift*',
    f'files."{PROGRAM}"',
    "units.*",
]
#: Four times a minute.
SOON = {
    "docker_drift_schedule_on_calendar": "*:*:0/15",
    "docker_drift_schedule_randomized_delay": "0",
    "docker_drift_schedule_max_age": 30,
}


def until(condition: t.Callable[[], t.Any], seconds: float = 90) -> t.Any:
    end = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.5)
    return found


def journal(host: t.Any, *options: str) -> list[dict[str, t.Any]]:
    lines = host.check_output(f"journalctl --output json --no-pager {' '.join(options)}").splitlines()
    return [json.loads(line) for line in lines]


def history(host: t.Any) -> dict[str, t.Any]:
    found: dict[str, t.Any] = json.loads(host.check_output("cat /var/lib/bulkhead.docker/drift-runs.json"))
    return found


def next_run(host: t.Any) -> dict[str, t.Any]:
    """What is known after a run that begins from now on."""
    now = float(host.check_output("date +%s.%N"))

    def done() -> bool:
        if not host.file("/var/lib/bulkhead.docker/drift-runs.json").exists:
            return False
        found = history(host)
        return bool(found["last_run"] - found["seconds"] > now)

    assert until(done)
    return history(host)


def running(host: t.Any) -> bool:
    return "ActiveState=activating" in host.check_output(
        f"systemctl show --property=ActiveState {UNIT}.service second.service"
    )


def refused(host: t.Any) -> bool:
    by_hand = host.run(f"{PROGRAM} run")
    return by_hand.rc == 75 and "another run is on" in by_hand.stderr


def metrics(host: t.Any, which: str = "") -> dict[str, float]:
    file = host.file(TEXTFILE.format(which))
    assert (file.user, file.mode) == ("root", 0o644)
    lines = [line for line in file.content_string.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _space, value in (line.rpartition(" ") for line in lines)}


def entries(host: t.Any, since: str) -> list[str]:
    """Paths of the entries that are in the journal, as a SIEM would read them."""
    said = [json.loads(one["MESSAGE"]) for one in journal(host, "--identifier", UNIT, f"--since=@{since}")]
    return [one["path"] for one in said if one["event"] == "drift"]


@pytest.fixture(scope="module", autouse=True)
def soon(hardened: t.Any) -> t.Iterator[None]:
    run = hardened.play("drift_schedule", **SOON)
    assert run.rc == 0, run.output
    hardened.approve(*OWN)
    yield
    hardened.host.run("systemctl reset-failed")


def test_three_runs_of_the_timer_with_a_tampering_between(hardened: t.Any) -> None:
    host = hardened.host
    clean = next_run(host)
    assert (clean["success"], sum(clean["counts"].values())) == (True, 0)
    since = host.check_output("date +%s")
    host.check_output(
        'sed -i \'s/"icc": false/"icc": true/\' /etc/docker/daemon.json; chmod 0666 /etc/docker/daemon.json'
    )
    mended = next_run(host)
    found = entries(host, since)
    assert {'files."/etc/docker/daemon.json".mode'} < set(found), found
    assert (mended["success"], sum(mended["counts"].values())) == (True, 0)
    assert mended["remediated"] == clean["remediated"] + len(set(found))
    assert host.file("/etc/docker/daemon.json").mode == 0o644
    assert json.loads(host.file("/etc/docker/daemon.json").content_string)["icc"] is False
    after = next_run(host)
    assert (after["success"], after["counts"], after["remediated"]) == (True, mended["counts"], mended["remediated"])
    told = metrics(host)
    assert told["bulkhead_docker_drift_last_run_success"] == 1
    assert told["bulkhead_docker_drift_remediated_total"] == after["remediated"]
    assert told["bulkhead_docker_drift_last_run_timestamp_seconds"] == round(after["last_run"])
    assert told['bulkhead_docker_drift_entries{severity="critical"}'] == 0
    # the next run, which may have begun, takes the report away first
    report = until(lambda: host.run(f"cat /var/lib/bulkhead.docker/drift/{hardened.name}.json").stdout)
    assert json.loads(report)["drift"]["entries"] == []


def test_two_timers_never_overlap(hardened: t.Any) -> None:
    host = hardened.host
    since = host.check_output("date +%s")
    # refused, it ends with 75, which the role's own unit takes for success as well
    second = "--unit=second --on-calendar='*:*:0/15' --timer-property=AccuracySec=1s --property=SuccessExitStatus=75"
    host.check_output(f"systemd-run {second} {PROGRAM} run")
    next_run(host)
    assert until(lambda: host.run(f"journalctl --since=@{since} --grep 'another run is on'").rc == 0, 60)
    # nor with one that somebody starts by hand while one is on, which on a busy machine takes more than one try
    assert until(lambda: running(host) and refused(host))
    host.check_output("systemctl stop second.timer")
    assert until(lambda: not running(host), 60)
    said = [
        one["MESSAGE"]
        for one in journal(host, f"--since=@{since}", "--grep", "'bulkhead-docker-drift: (begins|ended|FAILED)'")
    ]
    words = "".join("b" if "begins" in one else "e" for one in said)
    assert re.fullmatch("e?(be)+b?", words), said
    assert host.run(f"systemctl is-failed {UNIT} second").rc != 0


def test_a_missed_run_raises_an_alarm_until_the_next_good_one(hardened: t.Any) -> None:
    host = hardened.host
    host.check_output(f"systemctl stop {UNIT}.timer; systemctl start {UNIT}")
    assert host.run(f"systemctl start {ALARM}").rc == 0
    assert metrics(host, "_alarm") == {"bulkhead_docker_drift_stale": 0}
    since = host.check_output("date +%s")
    # the alarm's own timer says so
    assert until(lambda: host.run(f"systemctl is-failed {ALARM}").rc == 0)
    (said, *_more) = journal(host, f"--identifier={ALARM}", f"--since=@{since}", "--priority=alert")
    assert "the last good run was" in said["MESSAGE"] and "30 s are allowed" in said["MESSAGE"]
    assert metrics(host, "_alarm") == {"bulkhead_docker_drift_stale": 1}
    host.check_output(f"systemctl start {UNIT}; systemctl start {ALARM}")
    assert metrics(host, "_alarm") == {"bulkhead_docker_drift_stale": 0}


def exposure(host: t.Any, unit: str) -> float:
    said = host.run(f"systemd-analyze security --no-pager {unit}.service").stdout
    return float(said.rpartition("exposure level for ")[2].split(": ")[1].split()[0])


def test_a_unit_that_only_reads_sees_as_much(hardened: t.Any) -> None:
    """Its mount namespace, missing capabilities and system calls change nothing of what it reads."""
    host = hardened.host
    assert exposure(host, UNIT) < 9
    never = {**SOON, "docker_drift_schedule_on_calendar": "2099-01-01", "docker_drift_schedule_mode": "detect"}
    assert hardened.play("drift_schedule", **never).rc == 0
    hardened.approve(*OWN)
    host.check_output(f"systemctl start {UNIT}")
    report = json.loads(host.check_output(f"cat /var/lib/bulkhead.docker/drift/{hardened.name}.json"))
    assert (report["mode"], report["drift"]["entries"], report["drift"]["unknown"]) == ("detect", [], [])
    assert exposure(host, UNIT) < 3.5
    assert exposure(host, ALARM) < 1.5


REPOSITORY = """
set -e
rm -rf /srv/site && mkdir -p /srv/site && cd /srv/site
ssh-keygen -q -t ed25519 -N '' -f /root/alice <<<y >/dev/null
git init -q -b main . && git config user.name alice && git config user.email alice@example.org
git config gpg.format ssh && git config user.signingkey /root/alice.pub
printf -- '- import_playbook: bulkhead.docker.drift\\n' > drift.yml
git add . && git commit -q -S -m signed
"""


def test_only_signed_commits_are_pulled(hardened: t.Any) -> None:
    host = hardened.host
    pull = {
        "docker_drift_schedule_on_calendar": "2099-01-01",
        "docker_drift_schedule_mode": "detect",
        "docker_drift_schedule_method": "pull",
        "docker_drift_schedule_pull_url": "file:///srv/site",
    }
    refused = hardened.play("drift_schedule", **pull)
    assert refused.rc != 0 and "holds lines as" in refused.output
    host.check_output("apt-get install --yes --no-install-recommends git")
    assert host.run("bash -c %s", REPOSITORY).rc == 0
    signers = f"alice@example.org {host.check_output('cat /root/alice.pub')}"
    run = hardened.play("drift_schedule", **pull, docker_drift_schedule_pull_signers=signers)
    assert run.rc == 0, run.output
    hardened.approve(*OWN)
    assert host.run(f"systemctl start {UNIT}").rc == 0, host.run(f"journalctl --unit {UNIT} --lines 40").stdout
    assert history(host)["success"]
    host.check_output("cd /srv/site && git commit --quiet --allow-empty --message unsigned")
    # nor is what was checked out, and refused, taken for good the next time
    assert [host.run(f"systemctl start {UNIT}").rc for _time in range(2)] == [1, 1]
    assert history(host)["success"] is False
    assert metrics(host)["bulkhead_docker_drift_last_run_success"] == 0


def test_refused_when_the_host_could_not_mend_itself_right(hardened: t.Any) -> None:
    run = hardened.play("drift_schedule", docker_drift_schedule_variables=["docker_tls_listen"])
    assert run.rc != 0
    assert "docker_daemon_profile" in run.failure or "docker_daemon_profile" in run.output


def test_undone_nothing_is_left(hardened: t.Any) -> None:
    host = hardened.host
    run = hardened.play("drift_schedule", docker_drift_schedule_enabled=False)
    assert run.rc == 0, run.output
    assert host.run(f"systemctl list-unit-files --no-legend '{UNIT}*'").stdout == ""
    assert host.run(f"ls -d {PROGRAM} /etc/bulkhead.docker/drift* {TEXTFILE.format('*')}").stdout == ""
    assert hardened.play("drift_schedule", docker_drift_schedule_enabled=False).changed == []
