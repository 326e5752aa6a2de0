# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard against what it is for: a cut connection, a killed controller, a reboot; and against mistakes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests import support
from ansible_collections.bulkhead.docker.tests.ssh import Lab, eventually

MODULE = "bulkhead.docker.docker_change_guard"
TABLE = "/etc/lab.nft"
RELOAD = ["nft", "--file", TABLE]
CUT = """table inet lab
flush table inet lab
table inet lab {
  chain input { type filter hook input priority 0; tcp dport 22 drop; } # of connections that are there, too
}
"""
GUARDS = "/var/lib/bulkhead.docker/guards"
TABLE_GUARD = {"name": "table", "files": [TABLE], "restore": [RELOAD]}
# content, owner, group, mode, time of change, links, and what the kernel filters by
STATE = f"sha256sum {TABLE}; stat --format '%U %G %a %Y %F' {TABLE}; nft list table inet lab"
UNITS = "ls /etc/systemd/system /etc/systemd/system/timers.target.wants | grep bulkhead-guard || true"


def task(**parameters: t.Any) -> dict[str, t.Any]:
    return {"name": f"Guard {parameters.get('state', 'armed')}", MODULE: parameters}


def change(content: str) -> list[dict[str, t.Any]]:
    return [
        {"name": "Change", "ansible.builtin.copy": {"dest": TABLE, "content": content}},
        {"name": "Load", "ansible.builtin.command": {"argv": RELOAD}},
    ]


def guard(lab: Lab, *parameters: dict[str, t.Any], options: t.Sequence[str] = ()) -> list[dict[str, t.Any]]:
    """The results of these calls, one after the other, whether they fail or not."""
    tasks = [{**task(**each), "ignore_errors": True} for each in parameters]
    return support.play(lab.name, tasks, *options).results


@pytest.fixture(scope="module")
def lab(host: t.Any, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab.of(host, tmp_path_factory.mktemp("ssh"))


def test_the_host_comes_back_after_a_change_that_cuts_it_off(lab: Lab) -> None:
    """The controller is killed the moment the connection is cut, so that nothing but the host itself can help."""
    before = lab.shell(STATE)
    assert lab.answers()
    controller = _start(lab, [task(**TABLE_GUARD, timeout=60), *change(CUT)])
    assert eventually(60, lambda: "drop" in lab.shell("nft list table inet lab")), "the change was never made"
    os.killpg(controller.pid, signal.SIGKILL)
    controller.wait()
    assert lab.shell(STATE) != before
    assert not lab.answers()

    assert eventually(120, lab.answers), lab.shell("journalctl -u 'bulkhead-guard-*' --no-pager")
    assert lab.shell(STATE) == before
    assert lab.shell(UNITS) == ""
    (late,) = guard(lab, {"name": "table", "state": "confirmed"})
    assert "too late: the guard table fired at 20" in late["msg"]
    assert f"restored {TABLE}; ran 'nft --file {TABLE}' (exit status 0)" in late["msg"]


def test_a_confirmed_change_stays(lab: Lab) -> None:
    new = "# kept\n" + lab.shell(f"cat {TABLE}") + "\n"
    confirm = task(name="table", state="confirmed")
    reset = {"name": "Connect anew", "ansible.builtin.meta": "reset_connection"}
    run = support.play(lab.name, [task(**TABLE_GUARD), *change(new), reset, confirm], *lab.over_ssh)
    assert run.rc == 0, run.output
    assert "it had fired" not in run.output and "had fired" in run.output, "the last run's fate is told"
    assert lab.shell(f"head -n 1 {TABLE}") == "# kept"
    assert lab.shell(UNITS) == ""
    assert not lab.host.file(f"{GUARDS}/table").exists


def test_the_connection_that_armed_it_proves_nothing(lab: Lab) -> None:
    """Through sudo, too, which drops SSH_CONNECTION. Arming again counts as arming."""
    arm, confirm = TABLE_GUARD, {"name": "table", "state": "confirmed"}
    _armed, refused = guard(lab, arm, confirm, options=lab.over_ssh)
    assert "was armed over this very SSH connection" in refused["msg"] and "reset_connection" in refused["msg"]
    _armed, refused = guard(lab, arm, confirm, options=lab.over_ssh)
    assert "was armed over this very SSH connection" in refused["msg"]
    first, second = guard(lab, confirm, confirm, options=lab.over_ssh)
    assert (first["changed"], second["changed"]) == (True, False)


def test_a_reboot_does_not_disarm_it(lab: Lab) -> None:
    before = lab.shell(f"sha256sum {TABLE}")
    guard(lab, {"name": "table", "files": [TABLE], "timeout": 10})
    lab.shell(f"echo lost >{TABLE}")
    boot = lab.shell("cat /proc/sys/kernel/random/boot_id")
    lab.host.run("systemctl reboot")
    assert eventually(30, lambda: lab.host.run("cat /proc/sys/kernel/random/boot_id").stdout.strip() not in ("", boot))
    assert eventually(30, lambda: lab.host.run("sha256sum %s", TABLE).stdout.strip() == before)
    assert eventually(10, lambda: lab.host.run(UNITS).stdout == "")
    journal = lab.shell("journalctl --boot --unit=bulkhead-guard-table.service --output=cat --no-pager")
    assert f"done: restore {TABLE}" in journal, "it fired before the reboot, so this test proves nothing"
    lab.shell(" ".join(RELOAD))


def test_files_are_restored_with_all_that_belongs_to_them(lab: Lab) -> None:
    see = (
        "cd /etc/lab && find . -printf '%P %y %m %U %G %T@ %l\\n' | grep -v '^ ' | sort; sha256sum 'a b' absent* 2>&1; "
        "getfacl --absolute-names 'a b'"
    )
    lab.shell(
        "mkdir /etc/lab && cd /etc/lab && printf '\\000\\377no newline' >'a b' && chown 12:34 'a b' && "
        "chmod 4751 'a b' && setfacl -m u:operator:r 'a b' && touch -d 2001-01-01 'a b' && ln -s nowhere link"
    )
    before = lab.shell(see)
    files = ["/etc/lab/a b", "/etc/lab/link", "/etc/lab/absent", "/etc/lab/deep/absent"]
    guard(lab, {"name": "files", "files": files})
    lab.shell(
        "cd /etc/lab && rm 'a b' link && echo x >link && mkdir 'deep' && echo x >absent && echo x >deep/absent && "
        "ln -s /etc/passwd 'a b'"
    )
    result, again = guard(lab, *[{"name": "files", "state": "restored"}] * 2)
    assert (result["changed"], result["armed"], result["fired"], again["changed"]) == (True, False, True, False)
    assert result["report"]["complete"] is True
    assert [entry["result"] for entry in result["report"]["files"]] == ["restored", "restored", "removed", "removed"]
    lab.shell("rmdir /etc/lab/deep")
    assert lab.shell(see) == before
    assert lab.shell("ls -A /etc/lab").split("\n") == ["a b", "link"], "nothing half-written is left"
    assert lab.shell(f"ls {GUARDS}/files") == "record\nrestore\nresult", "no copy of the files stays"


def test_the_state_saved_first_is_kept(lab: Lab) -> None:
    arm = {"name": "twice", "files": ["/etc/state"], "timeout": 60}
    lab.shell("echo good >/etc/state")
    guard(lab, arm)
    lab.shell("echo bad >/etc/state")
    longer = {**arm, "timeout": 600}
    again, other, extended, restored = guard(
        lab,
        longer,
        {**arm, "files": ["/etc/other"]},
        {**longer, "extend": True},
        {"name": "twice", "state": "restored"},
    )
    assert again["changed"] is False
    assert "armed already, for other files or steps (files: ['/etc/state']" in other["msg"]
    assert extended["changed"] and extended["expires_at"] > again["expires_at"]
    assert restored["changed"]
    assert lab.shell("cat /etc/state") == "good"


def test_a_timer_that_somebody_stopped_is_started_again(lab: Lab) -> None:
    lab.shell("echo good >/etc/state")
    arm = {"name": "stopped", "files": ["/etc/state"]}
    guard(lab, arm)
    lab.shell("echo bad >/etc/state; systemctl disable --quiet --now bulkhead-guard-stopped.timer")
    (again,) = guard(lab, arm)
    assert again["changed"]
    assert lab.shell("systemctl is-active bulkhead-guard-stopped.timer") == "active"
    guard(lab, {"name": "stopped", "state": "restored"})
    assert lab.shell("cat /etc/state") == "good"


def test_what_fails_keeps_nothing_else_from_being_restored(lab: Lab) -> None:
    """A file that cannot be put back, and a step that fails, both before others that succeed; over a daemon-reload."""
    lab.shell("mkdir -p /etc/gone && echo good >/etc/gone/file && echo good >/etc/state")
    steps = [["false"], ["touch", "/etc/step two"]]
    files = ["/etc/gone/file", "/etc/state"]
    guard(lab, {"name": "failing", "files": files, "restore": steps, "timeout": 10})
    lab.shell("rm -r /etc/gone && touch /etc/gone && echo bad >/etc/state; systemctl daemon-reload")
    assert eventually(30, lambda: lab.host.run("test -e '/etc/step two'").rc == 0)
    assert eventually(5, lambda: lab.host.run(UNITS).stdout == "")
    assert lab.shell("cat /etc/state") == "good"
    assert lab.host.run("systemctl is-failed bulkhead-guard-failing.service").stdout.strip() == "failed"
    journal = lab.shell("journalctl --unit=bulkhead-guard-failing.service --priority=err --output=cat --no-pager")
    assert "failed (exit status 1): restore /etc/gone/file" in journal and "failed (exit status 1): false" in journal

    late, lost = guard(lab, {"name": "failing", "state": "confirmed"}, {"name": "failing", "files": files})
    assert (late["fired"], late["report"]["complete"]) == (True, False)
    assert [entry["result"] for entry in late["report"]["files"]] == ["failed", "restored"]
    assert [entry["rc"] for entry in late["report"]["steps"]] == [1, 0]
    assert "holds the only copy of files that are not back" in lost["msg"]

    lab.shell("rm /etc/gone")
    again, anew, confirmed = guard(
        lab,
        {"name": "failing", "state": "restored"},
        {"name": "failing", "files": ["/etc/state"]},
        {"name": "failing", "state": "confirmed"},
    )
    assert "could not put everything back" in again["msg"], "the step still fails"
    assert lab.shell("cat /etc/gone/file") == "good"
    assert "had fired at" in " ".join(anew["warnings"])
    assert confirmed["changed"]


def test_check_mode_says_it_and_does_nothing(lab: Lab) -> None:
    arm = {"name": "checked", "files": ["/etc/state"], "restore": [["true"]]}
    (armed, confirmed) = guard(lab, arm, {"name": "checked", "state": "confirmed"}, options=["--check", "--diff"])
    assert (armed["changed"], confirmed["changed"]) == (True, False)
    assert armed["diff"]["before"] == {"armed": False}
    assert armed["diff"]["after"] == {"armed": True, "files": ["/etc/state"], "restore": [["true"]]}
    assert "checked" not in lab.shell(f"{UNITS}; ls {GUARDS}")


def test_of_two_at_once_one_wins(lab: Lab) -> None:
    """Both want the same guard for different files; whoever comes second is told."""
    outcomes: list[int] = []

    def arm(number: int) -> None:
        parameters = json.dumps({"name": "race", "files": [f"/etc/race{number}"]})
        argv = [
            "ansible",
            lab.name,
            f"--inventory={support.INVENTORY}",
            f"--module-name={MODULE}",
            f"--args={parameters}",
        ]
        outcomes.append(subprocess.run(argv, capture_output=True, check=False).returncode)

    threads = [threading.Thread(target=arm, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(bool, outcomes)) == [False, True]


MISTAKES: list[tuple[dict[str, t.Any], str]] = [
    ({"name": "a/b", "files": ["/etc/state"]}, "name: 'a/b' must be"),
    ({"name": "wrong", "files": ["/etc/../etc/state"]}, "must be an absolute path"),
    ({"name": "wrong", "files": ["/etc"]}, "/etc is neither a file nor a link"),
    ({"name": "wrong", "files": ["/proc/sys/net/ipv4/ip_forward"]}, "cannot be guarded"),
    ({"name": "wrong", "files": ["/etc/state"], "restore": [["no-such-program"]]}, "no program 'no-such-program'"),
    ({"name": "wrong", "files": ["/etc/state"], "timeout": 1}, "timeout must be 5 to 86400 seconds, not 1"),
    ({"name": "wrong"}, "there is nothing to put back"),
    ({"name": "wrong", "state": "restored"}, "there is no guard wrong on this host"),
]


def test_mistakes_are_told_before_anything_is_touched(lab: Lab) -> None:
    results = guard(lab, *[parameters for parameters, _words in MISTAKES])
    for result, (_parameters, words) in zip(results, MISTAKES, strict=True):
        assert result["failed"] and words in result["msg"]
    assert "wrong" not in lab.shell(f"{UNITS}; ls {GUARDS} | grep -v lock")


def _start(lab: Lab, tasks: list[dict[str, object]]) -> subprocess.Popen[bytes]:
    """A controller in a session of its own, to be killed."""
    book = lab.directory / "book.json"
    book.write_text(json.dumps([{"name": "Cut", "hosts": lab.name, "gather_facts": False, "tasks": tasks}]))
    argv = ["ansible-playbook", str(book), f"--inventory={support.INVENTORY}", *lab.over_ssh]
    nothing = subprocess.DEVNULL
    return subprocess.Popen(argv, start_new_session=True, stdin=nothing, stdout=nothing, stderr=nothing)
