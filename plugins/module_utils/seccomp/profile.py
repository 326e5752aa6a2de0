# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seccomp profiles as the engine reads them: what is wrong with one, and one made of what a run was seen to need."""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.seccomp.recording import Calls
from ansible_collections.bulkhead.docker.plugins.module_utils.seccomp.syscalls import KNOWN

Json = t.Mapping[str, t.Any]

_DENY = ("SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP")
_ACTIONS = ("SCMP_ACT_ALLOW", "SCMP_ACT_LOG", *_DENY)
_OPERATORS = tuple(f"SCMP_CMP_{one}" for one in ("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"))
_MACHINES = "X86 X86_64 X32 ARM AARCH64 MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE S390 S390X"
_ARCHITECTURES = tuple(
    f"SCMP_ARCH_{one}" for one in (*_MACHINES.split(), "RISCV64", "PARISC", "PARISC64", "LOONGARCH64")
)
_KEYS = ("defaultAction", "defaultErrnoRet", "archMap", "architectures", "flags", "syscalls")
_RULE_KEYS = ("names", "name", "action", "errnoRet", "args", "comment", "includes", "excludes")
_MOST_ERRNO = 4095

#: What runc calls between setting the filter and starting the container's program: refuse one, and nothing starts.
#: Found on runc 1.1.5, 1.1.15 and 1.3.6 by leaving out one call at a time.
_ALWAYS = frozenset({"close", "execve", "fstat", "fstatfs", "futex", "getdents64", "openat", "statx", "write"})
#: The same without no-new-privileges, where the filter comes before the user and the capabilities are set.
_BEFORE_DROPPING_NAMES = "capget capset chdir getcwd getppid newfstatat prctl read setgid setgroups setuid"
_BEFORE_DROPPING = frozenset(_BEFORE_DROPPING_NAMES.split())
#: What any program may come to: its end, and the return from a signal. Of runc: what Go's scheduler does when it must.
_ENDS = frozenset({"exit", "exit_group", "restart_syscall", "rt_sigreturn"})
_SOMETIMES_NAMES = (
    "clone close_range epoll_ctl epoll_pwait faccessat2 fcntl getcwd getpid getppid gettid madvise mmap munmap"
    " nanosleep newfstatat openat2 prlimit64 read rt_sigprocmask sched_yield sigaltstack tgkill"
)
_SOMETIMES = frozenset(_SOMETIMES_NAMES.split())
#: What gives a container a hold on the kernel or on others, and no ordinary program needs.
_DANGEROUS_NAMES = (
    "acct add_key adjtimex bpf clock_adjtime clock_settime create_module delete_module finit_module fsconfig fsmount"
    " fsopen fspick init_module io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load"
    " kexec_load keyctl lookup_dcookie mount mount_setattr move_mount move_pages name_to_handle_at nfsservctl"
    " open_by_handle_at open_tree perf_event_open pivot_root process_vm_readv process_vm_writev ptrace quotactl"
    " quotactl_fd reboot request_key setdomainname sethostname setns settimeofday stime swapoff swapon syslog umount"
    " umount2 unshare userfaultfd vhangup vm86 vm86old"
)
DANGEROUS = frozenset(_DANGEROUS_NAMES.split())

_NAMESPACES = 0x7E020000  # all CLONE_NEW* flags
_ENOSYS = 38
_FAMILIES = {"AF_UNIX": 1, "AF_LOCAL": 1, "AF_INET": 2, "AF_INET6": 10, "AF_NETLINK": 16, "AF_PACKET": 17}


class ProfileError(ValueError):
    """A profile that must not be used: all that is wrong with it."""


def checked(profile: t.Any, no_new_privileges: bool = False) -> dict[str, t.Any]:
    """The profile, also when it is given as JSON. Raises ProfileError."""
    if isinstance(profile, str):
        try:
            profile = json.loads(profile)
        except ValueError as error:
            raise ProfileError(f"not valid JSON: {error}") from error
    if not isinstance(profile, dict):
        raise ProfileError("a profile is a mapping with defaultAction and syscalls")
    found = [*_shape(profile), *_missing(profile, no_new_privileges)]
    if found:
        raise ProfileError("; ".join(found))
    return profile


def _shape(profile: Json) -> t.Iterator[str]:
    yield from _unknown(profile, _KEYS, "")
    action = profile.get("defaultAction")
    if action not in _DENY:
        yield f"defaultAction must deny what the profile does not name ({', '.join(_DENY)}), not {action!r}"
    if not _is_errno(profile.get("defaultErrnoRet", 1)):
        yield f"defaultErrnoRet must be an error number, not {profile['defaultErrnoRet']!r}"
    named = profile.get("architectures") or []
    mapped = profile.get("archMap") or []
    if not isinstance(named, list) or not isinstance(mapped, list) or not all(isinstance(one, dict) for one in mapped):
        yield "architectures must be a list of names, and archMap a list of mappings"
        return
    if named and mapped:
        yield "use either architectures or archMap: the engine refuses both"
    inner = [part for one in mapped for part in [one.get("architecture"), *(one.get("subArchitectures") or [])]]
    yield from (f"{one!r} is no architecture of seccomp" for one in [*named, *inner] if one not in _ARCHITECTURES)
    rules = profile.get("syscalls")
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        yield "syscalls must be a list of mappings with names and action"
        return
    for place, rule in enumerate(rules):
        yield from _rule(rule, f"syscalls[{place}]")


def _rule(rule: Json, where: str) -> t.Iterator[str]:
    yield from _unknown(rule, _RULE_KEYS, f"{where}: ")
    names = rule.get("names") or ([rule["name"]] if rule.get("name") else [])
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        yield f"{where}: names must be a list of system calls"
    else:
        unknown = sorted({*names} - KNOWN)
        if unknown:
            yield f"{where}: not a system call of Linux: {', '.join(unknown)} (the runtime would leave it out silently)"
    if rule.get("action") not in _ACTIONS:
        yield f"{where}: action must be one of {', '.join(_ACTIONS)}, not {rule.get('action')!r}"
    if not _is_errno(rule.get("errnoRet", 1)):
        yield f"{where}: errnoRet must be an error number, not {rule['errnoRet']!r}"
    arguments = rule.get("args") or []
    if not isinstance(arguments, list) or not all(_is_argument(one) for one in arguments):
        yield f"{where}: args must be mappings with index (0 to 5), value, valueTwo and op ({', '.join(_OPERATORS)})"


def _unknown(mapping: Json, known: t.Container[str], where: str) -> t.Iterator[str]:
    yield from (f"{where}unknown key {key!r}" for key in mapping if key not in known)


def _is_errno(value: t.Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_ERRNO


def _is_argument(value: t.Any) -> bool:
    if not isinstance(value, dict) or value.get("op") not in _OPERATORS:
        return False
    numbers = [value.get("index"), value.get("value"), value.get("valueTwo", 0)]
    whole = all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in numbers)
    return whole and numbers[0] in range(6)


def _missing(profile: Json, no_new_privileges: bool) -> t.Iterator[str]:
    """What runc cannot do without; a rule for a capability or a kernel does not count, for it may not apply."""
    rules = [rule for rule in profile.get("syscalls") or [] if isinstance(rule, dict)]
    granted = {
        name
        for rule in rules
        if rule.get("action") in ("SCMP_ACT_ALLOW", "SCMP_ACT_LOG") and not at(rule, "includes", "caps")
        for name in rule.get("names") or [rule.get("name")]
        if isinstance(name, str)
    }
    if lacking := sorted(_ALWAYS - granted):
        yield f"runc cannot start a container under it without {', '.join(lacking)}"
    if (lacking := sorted(_BEFORE_DROPPING - granted)) and not no_new_privileges:
        yield (
            f"runc cannot start a container under it without {', '.join(lacking)}, unless the container has"
            " no-new-privileges (say no_new_privileges: true when all that use it have)"
        )


def at(rule: Json, *path: str) -> t.Any:
    value: t.Any = rule
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def derived(recordings: t.Sequence[Calls], allow: t.Collection[str], no_new_privileges: bool, machine: str) -> Json:
    """A profile of what was seen, and no more. Raises ProfileError for calls that need a decision of somebody."""
    calls: Calls = {}
    for recording in recordings:
        for name, arguments in recording.items():
            calls.setdefault(name, set()).update(arguments)
    dangerous = sorted((DANGEROUS & {*calls}) - {*allow})
    if dangerous:
        raise ProfileError(
            f"the run used {', '.join(dangerous)}, which gives a hold on the kernel or on other processes: if the"
            f" program really needs it, say allow: [{', '.join(dangerous)}]; else leave that part out of the recording"
        )
    runtime = _ALWAYS | _SOMETIMES | _ENDS | (frozenset() if no_new_privileges else _BEFORE_DROPPING)
    names = {*calls, *runtime, *allow} - {"clone3"}
    narrowed = [rule for narrow in (_sockets, _children) for rule in narrow(calls)]
    for rule in narrowed:
        names -= {*rule["names"]}
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "archMap": [{"architecture": f"SCMP_ARCH_{machine.upper()}", "subArchitectures": []}],
        "syscalls": [
            {"names": sorted(names), "action": "SCMP_ACT_ALLOW"},
            *narrowed,
            # its flags lie in memory, where no filter looks: libraries take clone when there is no clone3
            {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": _ENOSYS},
        ],
    }


def _sockets(calls: Calls) -> list[dict[str, t.Any]]:
    """Only of the families that were seen; as they are when the recording has no arguments."""
    families = {arguments.partition(",")[0].strip() for arguments in calls.get("socket", ())}
    if not families or not families <= {*_FAMILIES}:
        return []
    numbers = sorted({_FAMILIES[family] for family in families})
    return [
        {"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": one, "op": "SCMP_CMP_EQ"}]}
        for one in numbers
    ]


def _children(calls: Calls) -> list[dict[str, t.Any]]:
    """Processes and threads, but no namespaces of their own, unless that was seen."""
    if any(re.search("CLONE_NEW[A-Z]", arguments) for arguments in calls.get("clone", ())):
        return []
    argument = {"index": 0, "value": _NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
    return [{"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [argument]}]
