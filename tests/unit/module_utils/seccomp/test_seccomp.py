# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seccomp profiles: out of recordings, tightened, and refused when they would not hold or not start."""

from __future__ import annotations

import copy
import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.seccomp import profile, recording
from ansible_collections.bulkhead.docker.plugins.module_utils.seccomp.syscalls import KNOWN, NAMES

#: containerd (9), the runtime's thread that sets the filter (20), its child in the container (30, which is 7 to it).
FOLLOWED = """\
9     epoll_pwait(4, [], 128, 0, NULL, 0) = 0
20    mount("proc", "/proc", "proc", 0, NULL) = 0
20    seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, NULL) = -1 EFAULT (Bad address)
20    clone(child_stack=NULL, flags=CLONE_NEWNET|SIGCHLD) = 21 /* 21 in strace's PID NS */
21    setns(3, CLONE_NEWNET) = 0
20    seccomp(SECCOMP_SET_MODE_FILTER, 0, {len=974, filter=0xc000} <unfinished ...>
9     bpf(BPF_PROG_LOAD, {}, 128) = 5
20    <... seccomp resumed>)            = 0
20    execve("/bin/sh", ["sh"], 0xc0 /* 3 vars */) = 0
20    --- SIGCHLD {si_signo=SIGCHLD} ---
20    clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=0x14d <unfinished ...>
30    set_robust_list(0x14d046a0, 24)   = 0
30    socket(AF_INET, SOCK_STREAM, IPPROTO_IP <unfinished ...>
20    <... clone resumed>)              = 7 /* 30 in strace's PID NS */
30    <... socket resumed>)             = 3
30    openat(AT_FDCWD, "/a(b) = -1", O_RDONLY) = 4
30    exit_group(0)                     = ?
30    +++ exited with 0 +++
21    unshare(CLONE_NEWUSER)            = 0
"""
AUDIT = (
    "type=SECCOMP msg=audit(1.2:3): auid=1 uid=0 comm=x sig=0 arch=c000003e syscall=39 compat=0 code=0x7ffc0000\n"
    "type=SECCOMP msg=audit(1.2:4): auid=1 uid=0 comm=x sig=0 arch=c00000b7 syscall=56 compat=0 code=0x7ffc0000\n"
    "type=SYSCALL msg=audit(1.2:5): arch=x86_64 syscall=getppid success=yes exit=1\n"
    "type=CWD msg=audit(1.2:5): cwd=/ syscall=77\n"
)


def test_only_what_happened_under_the_filter_counts() -> None:
    assert set(recording.calls(FOLLOWED)) == {"clone", "execve", "exit_group", "openat", "set_robust_list", "socket"}


def test_without_a_filter_all_of_it_is_the_programs() -> None:
    text = 'execve("/bin/true", ["true"], 0x7ffe /* 20 vars */) = 0\n[pid  7] getpid() = 7\n12:30:01.5 getuid() = 0\n'
    assert set(recording.calls(text)) == {"execve", "getpid", "getuid"}


def test_a_thread_that_becomes_the_process_is_followed() -> None:
    text = (
        "40 prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, {len=3, filter=0xc0}) = 0\n"
        '40 execve("/bin/x", ["x"], 0xc0 <unfinished ...>\n'
        "39 +++ superseded by execve in pid 40 +++\n"
        "39 <... execve resumed>) = 0\n"
        '39 getrandom("", 8, 0) = 8\n'
        "41 reboot(0) = 0\n"
    )
    assert set(recording.calls(text)) == {"execve", "getrandom"}


def test_the_audit_log_is_read_by_number_and_by_name() -> None:
    assert recording.calls(AUDIT) == {"getpid": set(), "openat": set(), "getppid": set()}


@pytest.mark.parametrize(
    ("text", "says"), [("", "no system call"), ("hello\n", "no system call"), (AUDIT.replace("=39", "=9999"), "9999")]
)
def test_what_is_no_recording_is_refused(text: str, says: str) -> None:
    with pytest.raises(recording.RecordingError, match=says):
        recording.calls(text)


def names(made: t.Mapping[str, t.Any]) -> set[str]:
    return {name for rule in made["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]}


def test_a_derived_profile_is_tight_and_starts() -> None:
    made = profile.derived([recording.calls(FOLLOWED)], [], False, "x86_64")
    assert profile.checked(made) == made
    assert made["defaultAction"] == "SCMP_ACT_ERRNO"
    assert made["archMap"] == [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []}]
    assert {"set_robust_list", "execve", "exit_group", "rt_sigreturn"} <= names(made)
    assert not names(made) & {"mount", "bpf", "setns", "unshare", "connect", "clone3"}
    (sockets,) = [rule for rule in made["syscalls"] if "socket" in rule["names"]]
    assert sockets["args"] == [{"index": 0, "value": 2, "op": "SCMP_CMP_EQ"}]
    (clone,) = [rule for rule in made["syscalls"] if "clone" in rule["names"]]
    assert clone["args"] == [{"index": 0, "value": 0x7E020000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]
    (clone3,) = [rule for rule in made["syscalls"] if "clone3" in rule["names"]]
    assert (clone3["action"], clone3["errnoRet"]) == ("SCMP_ACT_ERRNO", 38)


RECORDINGS = sorted((Path(__file__).parents[4] / "extensions/molecule/docker_confinement/recordings").glob("*.strace"))


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_real_recordings_give_profiles_that_start(path: Path) -> None:
    made = profile.derived([recording.calls(path.read_text())], [], False, "x86_64")
    assert profile.checked(made) == made
    assert {"connect", "wait4", "pipe2"} <= names(made)
    assert not names(made) & {"seccomp", "mount", "mkdir", "bind"}
    assert [rule["args"][0]["value"] for rule in made["syscalls"] if rule["names"] == ["socket"]] == [2]


def test_there_is_a_recording_of_each_engine() -> None:
    assert [path.stem for path in RECORDINGS] == ["20.10", "26.1", "28.5"]


def test_recordings_are_taken_together() -> None:
    other = recording.calls("socket(AF_UNIX, SOCK_STREAM, 0) = 3\nbind(3, {}, 2) = 0\n")
    made = profile.derived([recording.calls(FOLLOWED), other], [], True, "aarch64")
    assert "bind" in names(made) and "setuid" not in names(made)
    assert [rule["args"][0]["value"] for rule in made["syscalls"] if rule["names"] == ["socket"]] == [1, 2]
    assert made["archMap"][0]["architecture"] == "SCMP_ARCH_AARCH64"


def test_sockets_without_their_arguments_stay_as_they_are() -> None:
    made = profile.derived([{"socket": set()}], [], True, "x86_64")
    assert [rule for rule in made["syscalls"] if rule["names"] == ["socket"]] == []
    assert "socket" in names(made)


def test_what_gives_a_hold_on_the_kernel_needs_a_decision() -> None:
    calls: recording.Calls = {"bpf": set(), "mount": set(), "read": set()}
    with pytest.raises(profile.ProfileError, match=r"the run used bpf, mount, .* say allow: \[bpf, mount\]"):
        profile.derived([calls], ["ptrace"], False, "x86_64")
    assert {"bpf", "mount"} <= names(profile.derived([calls], ["bpf", "mount"], False, "x86_64"))


GOOD: dict[str, t.Any] = dict(profile.derived([{"read": set()}], [], False, "x86_64"))


def changed(**keys: t.Any) -> dict[str, t.Any]:
    return {**copy.deepcopy(GOOD), **keys}


def rule(**keys: t.Any) -> dict[str, t.Any]:
    return changed(syscalls=[*GOOD["syscalls"], {"names": ["bind"], "action": "SCMP_ACT_ALLOW", **keys}])


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("{", "not valid JSON"),
        ([], "a profile is a mapping"),
        (changed(defaultAction="SCMP_ACT_ALLOW"), "defaultAction must deny"),
        (changed(defaultAction="SCMP_ACT_LOG"), "defaultAction must deny"),
        (changed(defaultaction="SCMP_ACT_ERRNO"), "unknown key 'defaultaction'"),
        (changed(defaultErrnoRet="EPERM"), "defaultErrnoRet must be an error number"),
        (changed(archMap=[{"architecture": "SCMP_ARCH_AMD64"}]), "'SCMP_ARCH_AMD64' is no architecture"),
        (changed(architectures=["SCMP_ARCH_X86_64"]), "either architectures or archMap"),
        (changed(syscalls={"read": "allow"}), "syscalls must be a list"),
        (rule(names=["raed"]), "not a system call of Linux: raed"),
        (rule(names=[]), r"syscalls\[3\]: names must be a list"),
        (rule(action="ALLOW"), "action must be one of"),
        (rule(action="SCMP_ACT_NOTIFY"), "action must be one of"),
        (rule(errnoRet=-1), "errnoRet must be an error number"),
        (rule(args=[{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]), "args must be mappings"),
        (rule(args=[{"index": 0, "value": 1, "op": "=="}]), "args must be mappings"),
        (rule(acton="x"), "unknown key 'acton'"),
    ],
)
def test_a_bad_profile_is_refused_with_what_is_wrong(bad: t.Any, says: str) -> None:
    with pytest.raises(profile.ProfileError, match=says):
        profile.checked(bad)


@pytest.mark.parametrize("name", sorted(profile._ALWAYS | profile._BEFORE_DROPPING))
def test_a_profile_that_nothing_starts_under_is_refused(name: str) -> None:
    calls = [one for one in GOOD["syscalls"][0]["names"] if one != name]
    bad = changed(syscalls=[{**GOOD["syscalls"][0], "names": calls}])
    with pytest.raises(profile.ProfileError, match=f"without .*{name}"):
        profile.checked(bad)
    if name in profile._BEFORE_DROPPING:
        assert profile.checked(bad, no_new_privileges=True) == bad


def test_what_is_granted_with_a_capability_only_does_not_count() -> None:
    rules = [{**GOOD["syscalls"][0], "includes": {"caps": ["CAP_SYS_ADMIN"]}}]
    with pytest.raises(profile.ProfileError, match="runc cannot start"):
        profile.checked(changed(syscalls=rules))


def test_tables_agree_with_the_kernels_numbers() -> None:
    assert NAMES["c000003e"][59] == "execve" and NAMES["c00000b7"][221] == "execve"
    assert NAMES["c000003e"][435] == NAMES["c00000b7"][435] == "clone3"
    assert {*profile.DANGEROUS} - KNOWN <= {"stime"}
    assert (profile._ALWAYS | profile._BEFORE_DROPPING | profile._SOMETIMES | profile._ENDS) <= KNOWN
