# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of rootless engines, in order; Molecule has already converged alice's (strict) and bob's (baseline).

The kernel is asked whose the processes are, the engines through the docker command: none of our code judges itself.
"""

from __future__ import annotations

import json
import time
import typing as t

import pytest
import testinfra
from ansible_collections.bulkhead.docker.tests.support import Run, play, role

PORTS = {"alice": 8081, "bob": 8082}
WANTED: dict[str, t.Any] = {
    "docker_rootless_beside_rootful": True,
    "docker_rootless_users": [{"name": "alice", "profile": "strict"}],
}
debian = pytest.mark.debian
UNIT = "/home/alice/.config/systemd/user/docker.service"
VERDICTS = ["pass", "fail", "unknown", "not_applicable"]
FILE = "/home/alice/.config/docker/daemon.json"


@pytest.fixture(scope="module")
def name(host: t.Any) -> str:
    return str(host.backend.get_hostname())


@pytest.fixture(scope="module")
def major(host: t.Any) -> int:
    return int(host.check_output("dockerd --version").split("version ")[1].split(".")[0])


def uid(host: t.Any, user: str) -> int:
    return int(host.check_output("id -u %s", user))


def socket(host: t.Any, user: str) -> str:
    return f"unix:///run/user/{uid(host, user)}/docker.sock"


def as_user(host: t.Any, user: str, command: str, *arguments: str) -> str:
    runtime = f"/run/user/{uid(host, user)}"
    environment = f"XDG_RUNTIME_DIR={runtime} DOCKER_HOST=unix://{runtime}/docker.sock"
    return str(host.check_output(f"cd / && runuser -u {user} -- env {environment} {command}", *arguments))


def apply(name: str, *options: str, **variables: t.Any) -> Run:
    run = role("docker_rootless", name, {**WANTED, **variables}, *options)
    assert run.rc == 0, run.output
    return run


def settings_of(run: Run) -> list[dict[str, t.Any]]:
    return [result for result in run.results if result.get("action", "").endswith("docker_daemon_config")]


def traces(host: t.Any) -> str:
    """All that the role may touch for carol, or on the host."""
    return str(
        host.check_output(
            "sha256sum /etc/subuid /etc/subgid /etc/passwd; find /home/carol /etc/systemd /etc/sysctl.d /etc/profile.d "
            "/var/lib/bulkhead.docker /var/lib/systemd/linger -printf '%%p %%m %%T@\\n' | sort; "
            "systemctl show docker.service --property=MainPID"
        )
    )


def dockerd(host: t.Any, user: str) -> int:
    """The process of the user's engine: an ordinary one to the kernel."""
    return int(host.check_output("pgrep --uid %s '^dockerd'", user).split()[0])


@pytest.mark.parametrize("user", PORTS)
def test_the_daemon_is_an_ordinary_users_process(host: t.Any, user: str) -> None:
    process = f"/proc/{dockerd(host, user)}"
    status = dict(line.split(":\t", 1) for line in host.file(f"{process}/status").content_string.splitlines())
    assert {int(number) for number in status["Uid"].split()} == {uid(host, user)}
    assert host.file(f"{process}/uid_map").content_string.split()[:3] == ["0", str(uid(host, user)), "1"]
    assert "name=rootless" in as_user(host, user, "docker info --format '{{json .SecurityOptions}}'")


@pytest.mark.parametrize("user", PORTS)
def test_containers_run_and_publish_ports(host: t.Any, name: str, user: str) -> None:
    as_user(host, user, "/usr/local/sbin/lab-image tiny:1")
    published = f"--publish {PORTS[user]}:8080 --restart always"
    as_user(host, user, f"docker run --detach --name web {published} tiny:1 httpd -f -p 8080 -h /www")
    web = int(as_user(host, user, "docker inspect --format '{{.State.Pid}}' web"))
    assert host.file(f"/proc/{web}/status").content_string.split("Uid:\t")[1].split()[0] == str(uid(host, user))
    other = "bulkhead-debian13" if name != "bulkhead-debian13" else "bulkhead-debian12"
    address = next(one for one in host.interface("eth0").addresses if "." in one)
    for asking, at in ((host, "127.0.0.1"), (testinfra.get_host(f"docker://{other}"), address)):
        assert (
            asking.check_output(f"curl -fsS --retry 20 --retry-delay 1 --retry-all-errors http://{at}:{PORTS[user]}/")
            == "ok"
        )


def test_each_sees_only_its_own(host: t.Any) -> None:
    assert host.run(f"runuser -u bob -- docker --host {socket(host, 'alice')} ps").rc != 0
    assert host.check_output("docker ps --quiet") == "", "root's engine has none of it"
    ranges = [line.split(":") for line in host.check_output("cat /etc/subuid").splitlines()]
    spans = sorted((int(first), int(first) + int(count)) for _owner, first, count in ranges)
    assert all(before[1] <= after[0] for before, after in zip(spans, spans[1:], strict=False))


def test_settings_are_those_that_make_sense(host: t.Any, major: int) -> None:
    content = json.loads(host.file(FILE).content_string)
    assert content["icc"] is False and content["no-new-privileges"] is True
    assert "live-restore" not in content
    assert ("userland-proxy" in content) == (major >= 28), "older ones publish ports by it"
    assert host.file(FILE).user == "alice"
    status = as_user(host, "alice", "docker run --rm tiny:1 grep NoNewPrivs /proc/self/status")
    assert status.split() == ["NoNewPrivs:", "1"]
    assert not host.file("/home/bob/.config/docker/daemon.json").exists, (
        "the baseline holds nothing that is not so anyway"
    )


@pytest.mark.parametrize("user", ["root", "alice"])
def test_the_audit_judges_by_what_it_is(host: t.Any, name: str, user: str) -> None:
    task = {
        "bulkhead.docker.docker_audit": {"docker_host": socket(host, "alice"), "verdicts": VERDICTS},
        "become": True,
        "become_user": user,
    }
    audit = play(name, [{"name": "Audit", **task}]).of("docker_audit")["audit"]
    verdicts = {
        finding["rule"]: finding["verdict"] for finding in audit["findings"] if finding["subject"]["kind"] == "daemon"
    }
    assert audit["engine"]["rootless"] is True
    mended = ("daemon-rootless", "daemon-userns-remap", "daemon-icc", "daemon-no-new-privileges", "daemon-log-driver")
    assert {rule: verdicts[rule] for rule in mended} == dict.fromkeys(mended, "pass")
    assert verdicts["daemon-live-restore"] == "not_applicable"
    assert "unknown" not in {verdicts[rule] for rule in verdicts if rule.startswith("daemon-t")}


def test_modules_reach_an_ordinary_user_without_pipelining_too(name: str) -> None:
    """Then Ansible hands its files to the user by an access list."""
    settings = {"scope": "user", "profile": {}, "config": {"debug": True}}
    task = {"bulkhead.docker.docker_daemon_config": settings, "become": True, "become_user": "bob"}
    run = play(
        name,
        [{"name": "Configure", **task}],
        "--check",
        env={"ANSIBLE_PIPELINING": "false", "ANSIBLE_STRATEGY": "linear"},
    )
    assert [change["key"] for change in run.of("docker_daemon_config")["changes"]] == ["debug"]


@pytest.mark.debian(12, 14)  # the oldest and the newest engine
def test_tampering_shows_exactly_and_is_mended_when_nothing_runs(host: t.Any, name: str) -> None:
    content = json.loads(host.file(FILE).content_string)
    as_user(host, "alice", f'sed --in-place \'s/"icc": false/"icc": true/\' {FILE}')
    as_user(host, "alice", f"sed --in-place 's/^LimitCORE=.*/LimitCORE=infinity/' {UNIT}")
    foreseen = apply(name, "--check", "--diff")
    assert foreseen.changed == ["User | Write the unit", "User | Apply the daemon's settings"]
    lines = [line for result in foreseen.results for diff in _diffs(result) for line in _changed_lines(diff)]
    assert lines == ["-LimitCORE=infinity", "+LimitCORE=0:infinity", '-    "icc": true,', '+    "icc": false,']

    process = dockerd(host, "alice")
    pending = apply(name, docker_rootless_config={"log-level": "warn"})
    assert pending.changed == foreseen.changed
    reason = settings_of(pending)[0]["restart_reason"]
    assert "containers of a rootless engine end with it" in reason and "web" in reason
    assert "The unit of alice's engine has changed since it started" in pending.output
    assert json.loads(host.file(FILE).content_string) == {**content, "log-level": "warn"}
    assert dockerd(host, "alice") == process, "its container runs: nothing is ended by surprise"

    as_user(host, "alice", "docker stop --time 1 web")
    restarted = apply(name)
    assert restarted.changed == ["User | Apply the daemon's settings", "Start | Run the engine as its unit says"]
    assert json.loads(host.file(FILE).content_string) == content
    assert dockerd(host, "alice") != process
    assert apply(name).changed == []
    as_user(host, "alice", "docker start web")


def _diffs(result: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    found = result.get("diff") or []
    return [diff for diff in (found if isinstance(found, list) else [found]) if diff.get("before") != diff.get("after")]


def _changed_lines(diff: dict[str, t.Any]) -> list[str]:
    before, after = diff["before"].splitlines(), diff["after"].splitlines()
    return [f"-{line}" for line in before if line not in after] + [f"+{line}" for line in after if line not in before]


@pytest.mark.parametrize(
    ("prepare", "variables", "words"),
    [
        pytest.param(
            "usermod --del-subuids $(range carol) carol; usermod --add-subuids $(range bob) carol",
            {"docker_rootless_users": ["carol"]},
            ("carol: the subordinate uids", "those of bob", "usermod --del-subuids"),
            marks=debian(12),
        ),
        pytest.param(
            "",
            {"docker_rootless_users": ["nobody-here"]},
            ("nobody-here does not exist", "create it first"),
            marks=debian(12),
        ),
        pytest.param("", {"docker_rootless_users": ["root"]}, ("root is root",), marks=debian(13)),
        pytest.param(
            "",
            {"docker_rootless_users": [{"name": "carol", "shell": "x"}]},
            ("carol: shell is none of",),
            marks=debian(13),
        ),
        pytest.param(
            "",
            {"docker_rootless_users": ["carol"], "docker_rootless_beside_rootful": False},
            ("root runs an engine", "docker.service", "docker_rootless_beside_rootful: true", "systemctl disable"),
            marks=debian(14),
        ),
    ],
    ids=["overlap", "missing", "root", "option", "rootful"],
)
def test_refused_before_anything_is_touched(
    host: t.Any, name: str, prepare: str, variables: dict[str, t.Any], words: tuple[str, ...]
) -> None:
    kept = host.check_output("cat /etc/subuid")
    span = 'range() { awk -F: -v u="$1" \'$1 == u { print $2 "-" $2 + $3 - 1 }\' /etc/subuid; }'
    host.check_output("bash -c %s", f"{span}; {prepare}")
    before = traces(host)
    run = role("docker_rootless", name, {**WANTED, **variables})
    assert run.rc != 0
    assert [word for word in words if word not in run.failure] == []
    assert traces(host) == before
    host.check_output("printf '%s\\n' %s > /etc/subuid", "%s", kept)


@debian(14)
def test_check_on_a_bare_host_tells_and_writes_nothing(host: t.Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_STRATEGY", "linear")  # Mitogen leaves a directory of its own with the user
    before = traces(host)
    run = apply(name, "--check", docker_rootless_users=["carol", "dave"], docker_rootless_create_users=True)
    expected = {"Host | Create the users", "User | Run the user's systemd from boot on, without a login"}
    assert expected <= set(run.changed)
    assert traces(host) == before


@debian(14)
def test_nothing_of_roots_follows_a_users_link(host: t.Any, name: str) -> None:
    """A user who wants root to overwrite a file of the system for them gets nothing but an error of their own."""
    host.check_output("echo secret > /root/precious && chmod 600 /root/precious")
    as_user(host, "carol", "mkdir -p /home/carol/.config/systemd/user /home/carol/.config/docker")
    as_user(host, "carol", "ln -s /root/precious /home/carol/.config/systemd/user/docker.service")
    as_user(host, "carol", "ln -s /root/precious /home/carol/.config/docker/daemon.json")
    run = role("docker_rootless", name, {**WANTED, "docker_rootless_users": ["carol"]})
    precious = host.file("/root/precious")
    assert (precious.content_string, precious.user, precious.mode) == ("secret\n", "root", 0o600)
    assert run.rc != 0 or not host.file("/home/carol/.config/systemd/user/docker.service").is_symlink


def test_engines_and_containers_survive_a_reboot(host: t.Any) -> None:
    booted = host.check_output("cat /proc/sys/kernel/random/boot_id")
    host.run("systemctl reboot")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        boot = host.run("cat /proc/sys/kernel/random/boot_id")
        if boot.rc == 0 and boot.stdout.strip() not in ("", booted):
            break
        time.sleep(0.2)
    for user, port in PORTS.items():
        ready = "--retry 30 --retry-delay 1 --retry-all-errors"
        assert host.check_output(f"curl -fsS {ready} http://127.0.0.1:{port}/") == "ok"
        assert host.check_output("loginctl show-user %s --property=Linger", user) == "Linger=yes"


@pytest.mark.debian(12, 14)  # the oldest and the newest engine
def test_without_roots_engine_and_without_bob(host: t.Any, name: str) -> None:
    """Root's engine is gone by its owner's decision, so that the role no longer asks; bob leaves, his data stays."""
    host.check_output("systemctl disable --now docker.service docker.socket")
    leaving = {
        "docker_rootless_beside_rootful": False,
        "docker_rootless_absent_users": ["bob"],
        "docker_rootless_shell_profile": True,
        "docker_rootless_unprivileged_port_start": 80,
    }
    knob = "/proc/sys/user/max_user_namespaces"  # a fake: the kernel's own cannot be written here
    host.check_output("echo 0 > /root/knob && mount --bind /root/knob %s", knob)
    apply(name, **leaving)
    assert host.check_output("cat /root/knob") == "28633"
    host.check_output("umount %s", knob)
    kept = host.file("/etc/sysctl.d/60-bulkhead-rootless.conf").content_string.splitlines()
    assert kept == ["user.max_user_namespaces=28633", "net.ipv4.ip_unprivileged_port_start=80"]
    as_user(host, "alice", "docker run --detach --name low --publish 80:8080 tiny:1 httpd -f -p 8080 -h /www")
    assert host.check_output("curl -fsS --retry 20 --retry-delay 1 --retry-all-errors http://127.0.0.1/") == "ok"
    as_user(host, "alice", "docker rm --force low")
    assert host.run("pgrep --uid bob dockerd").rc == 1
    assert not host.file("/var/lib/systemd/linger/bob").exists
    assert host.file("/home/bob/.local/share/docker").is_directory
    assert not host.file("/home/bob/.config/systemd/user/docker.service").exists
    assert host.check_output(f"curl -fsS http://127.0.0.1:{PORTS['alice']}/") == "ok"
    shown = host.check_output("su --login alice --command 'docker ps --format {{.Names}}; echo $DOCKER_HOST'")
    assert shown.split() == ["web", socket(host, "alice")]
    assert host.check_output("su --login bob --command 'echo $DOCKER_HOST'") == ""
    again = apply(name, **leaving, docker_rootless_remove_data=True)
    assert again.changed == ["Absent | Delete images, containers and volumes, which belong to subordinate ids"]
    assert not host.file("/home/bob/.local/share/docker").exists
    assert host.run("systemctl is-active docker.service").stdout.strip() == "inactive"
