# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two builds of one image: nothing ran, all waits for the first boot, no machine is left in it, and both are the same.

The tests go on from each other; those that break the second tree come last.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import os
import stat
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.bulkhead.docker.tests import support

GOLDEN = support.ROOT / "tests" / "lab" / "golden"
HERE = Path(__file__).resolve().parents[1]
TRACES: list[dict[str, str]] = yaml.safe_load((HERE / "tests" / "traces.yml").read_text())
DIFFERS: list[dict[str, str]] = yaml.safe_load((HERE / "tests" / "differs.yml").read_text())
TREES = ("golden-a", "golden-b")
MANIFEST = "/var/lib/bulkhead.docker/manifest.json"
#: Mounted while a tree is worked in, and no part of its image.
MOUNTED = ("/dev", "/proc", "/var/cache/lab-repository")


def inside(name: str, *command: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(GOLDEN), "exec", name, *command], input=text, capture_output=True, text=True, check=False
    )


def root(name: str) -> Path:
    """Where this machine sees the tree."""
    return Path(subprocess.run([str(GOLDEN), "path", name], capture_output=True, text=True, check=True).stdout.strip())


def there(name: str, path: str) -> Path:
    return Path(f"{root(name)}{path}")


def content(name: str) -> dict[str, tuple[t.Any, ...]]:
    """Each path with its kind, mode, owner, and digest or target: all that an image says, but for times."""
    top = str(root(name))
    found: dict[str, tuple[t.Any, ...]] = {}
    for folder, folders, files in os.walk(top):
        here = folder[len(top) :]
        folders[:] = [one for one in folders if f"{here}/{one}" not in MOUNTED]
        for one in (*folders, *files):
            path = f"{folder}/{one}"
            state = Path(path).lstat()
            said: str = ""
            if stat.S_ISLNK(state.st_mode):
                said = str(Path(path).readlink())
            elif stat.S_ISREG(state.st_mode):
                said = hashlib.sha256(Path(path).read_bytes()).hexdigest()
            found[f"{here}/{one}"] = (state.st_mode, state.st_uid, state.st_gid, said)
    return found


def manifest(name: str) -> dict[str, t.Any]:
    found: dict[str, t.Any] = json.loads(there(name, MANIFEST).read_text())
    return found


@pytest.mark.parametrize("name", TREES)
def test_nothing_runs_and_no_engine_ever_did(name: str) -> None:
    """All that was started is in the tree's own process namespace, with its first process, until that ends."""
    left = inside(name, "ps", "-e", "--no-headers", "-o", "comm").stdout.split()
    assert set(left) <= {"golden", "bash", "sleep", "ps"}, left
    made = {path.name for path in there(name, "/var/lib/docker").iterdir()}
    assert made <= {"100000.100000"}, "dockerd makes much here when it starts; this is of prepare.yml"
    assert list(there(name, "/run").iterdir()) == []
    assert inside(name, "ip", "-brief", "link").stdout.split()[0] == "lo", "the build had no network"


def test_the_engine_was_installed_by_the_build() -> None:
    packages = manifest("golden-a")["packages"]
    assert packages["docker.io"].startswith("26.1.5") and packages["ansible-core"]
    assert not there("golden-a", "/usr/sbin/policy-rc.d").exists()


@pytest.mark.parametrize(
    "unit",
    [
        "docker.service",
        "docker.socket",
        "containerd.service",
        "auditd.service",
        "bulkhead-docker-firewall.service",
        "bulkhead-docker-firewall-refresh.timer",
        "bulkhead-docker-events.service",
        "bulkhead-docker-proxy@watch.service",
        "bulkhead-docker-host-keys.service",
        "bulkhead-docker-first-boot.service",
    ],
)
def test_what_is_to_run_is_enabled(unit: str) -> None:
    assert inside("golden-a", "systemctl", "is-enabled", unit).stdout.strip() == "enabled"
    assert unit in manifest("golden-a")["units"]


def test_the_engine_agrees_to_its_configuration() -> None:
    told = json.loads(there("golden-a", "/etc/docker/daemon.json").read_text())
    assert told["no-new-privileges"] is True and told["icc"] is False and told["log-driver"] == "journald"
    assert "hosts" not in told and "tlsverify" not in told, "there are no certificates yet"
    judged = inside("golden-a", "dockerd", "--validate", "--config-file", "/etc/docker/daemon.json")
    assert judged.returncode == 0, judged


def test_kernel_settings_wait_on_the_disk_for_the_boot() -> None:
    text = there("golden-a", "/etc/sysctl.d/99-zz-bulkhead-docker.conf").read_text()
    assert "kernel.kptr_restrict" in text and "kernel.yama.ptrace_scope" in text
    assert "fs.protected_hardlinks" in text and "fs.protected_fifos" not in text, "the site has a stricter one"


def test_rules_are_there_also_for_what_only_a_running_engine_has() -> None:
    text = there("golden-a", "/etc/audit/rules.d/60-bulkhead-docker.rules").read_text()
    for path in ("/usr/sbin/dockerd", "/run/docker.sock", "/run/containerd"):
        assert f"path={path} " in text


def test_the_first_boot_is_told_what_is_left_without_secrets() -> None:
    told = there("golden-a", "/etc/bulkhead.docker/first-boot/50-image.json")
    assert stat.S_IMODE(told.stat().st_mode) == 0o600
    options = json.loads(told.read_text())
    assert options["__docker_image_left"] == ["docker_tls", "docker_daemon", "docker_rootless", "docker_auditd"]
    assert options["docker_tls_listen"] == ["10.0.2.15"]
    assert len(options["docker_audit_waivers"]) == 5, "what the audit is told holds at the first boot, too"
    assert not any(name.endswith("_offline") for name in options)


def test_the_manifest_says_what_is_there() -> None:
    found = manifest("golden-a")
    assert stat.S_IMODE(there("golden-a", MANIFEST).stat().st_mode) == 0o600
    assert {one["role"] for one in found["deferred"]} == {
        "docker_tls",
        "docker_daemon",
        "docker_rootless",
        "docker_auditd",
        "docker_audit",
    }
    assert found["roles"]["docker_daemon"]["docker_daemon_profile"] == "strict"
    assert "built" not in found
    baseline = found["baseline"]
    assert (baseline["host"]["name"], baseline["recorded"]["at"]) == ("", ""), "this is no machine yet"
    assert baseline["state"]["daemon"]["configured"]["no-new-privileges"] is True
    assert "/etc/docker/daemon.json" in baseline["state"]["files"] and baseline["state"]["containers"] is None
    paths = {one["path"]: one for one in found["files"]}
    assert {"/etc/docker/daemon.json", "/etc/systemd/system/bulkhead-docker-first-boot.service"} <= set(paths)
    for path, one in paths.items():
        digest = hashlib.sha256(there("golden-a", path).read_bytes()).hexdigest()
        assert one["sha256"] == digest, f"{path} was changed after the manifest was written"


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace["path"])
def test_no_trace_of_a_machine_is_left(trace: dict[str, str]) -> None:
    for name in TREES:
        found = there(name, trace["path"])
        assert not found.exists() or (trace["path"] == "/etc/machine-id" and found.read_bytes() == b"")
    assert there("golden-a", "/etc/machine-id").exists(), "a machine without it enables all units at its first boot"


def test_a_second_build_is_the_same() -> None:
    one, other = content("golden-a"), content("golden-b")
    differing = sorted(path for path in {*one, *other} if one.get(path) != other.get(path))
    unexpected = [
        (path, one.get(path), other.get(path))
        for path in differing
        if not any(fnmatch.fnmatchcase(path, known["path"]) for known in DIFFERS)
    ]
    assert unexpected == []
    assert len(one) > 5000
    stale = [known for known in DIFFERS if not any(fnmatch.fnmatchcase(path, known["path"]) for path in differing)]
    assert stale == [], "these do not differ any more"


def test_a_configuration_that_the_engine_refuses_is_not_written() -> None:
    """It is installed, though it does not run, and judges what only it knows."""
    before = there("golden-b", "/etc/docker/daemon.json").read_bytes()
    wrong = {"docker_daemon_offline": True, "docker_daemon_config": {"labels": ["a=b", "a=c"]}}
    run = support.role("docker_daemon", "golden-b", wrong)
    assert run.rc != 0 and "dockerd --validate refuses it: conflict labels" in run.failure, run.output
    assert there("golden-b", "/etc/docker/daemon.json").read_bytes() == before


def test_a_tree_without_the_switch_is_refused() -> None:
    """Its kernel is this machine's, whose settings it would write."""
    run = support.role("docker_host", "golden-b", {})
    assert run.rc != 0 and "bulkhead.docker.image" in run.failure, run.output


def test_what_comes_back_is_named() -> None:
    assert support.role("docker_image", "golden-b", {}, tasks_from="prove").rc == 0
    paths = [trace["path"] for trace in TRACES]
    planted = inside("golden-b", "python3", "-", "golden-b", *paths, text=(HERE / "plant.py").read_text())
    assert planted.returncode == 0, planted
    key = there("golden-b", "/opt/agent/id")
    key.parent.mkdir(parents=True)
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    run = support.role("docker_image", "golden-b", {}, tasks_from="prove")
    assert run.rc != 0
    said = {one["path"]: one["why"] for one in run.of("docker_image_seal")["left"]}
    expected = {trace.get("shown", trace["path"]): trace["seen"] for trace in TRACES}
    assert {path: said.get(path) for path in expected} == expected
    assert said["/opt/agent/id"] == "a private key"
    assert "/etc/ssh/ssh_host_ed25519_key (a key of the SSH server)" in run.failure


def test_a_container_is_neither_sealed_nor_removed() -> None:
    kept = there("golden-b", "/var/lib/docker/containers/0123/config.v2.json")
    kept.parent.mkdir(parents=True)
    kept.write_text("{}")
    run = support.role("docker_image", "golden-b", {}, tasks_from="seal")
    assert run.rc != 0 and "/var/lib/docker/containers/0123 (a container)" in run.failure, run.output
    assert kept.exists() and there("golden-b", "/var/lib/docker/engine-id").exists(), "nothing was removed"
