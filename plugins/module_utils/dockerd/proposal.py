# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run is going to do, or why it refuses to: all of it known before anything is touched. Pure but for reads."""

from __future__ import annotations

import os
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils import daemon_check, daemon_json, plan
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_json import Config, Ownership, digest
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_secrets import find
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import evidence, start
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.files import OWNER, Original, State
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.survey import Survey

_LISTENING = frozenset({"hosts", "tls", "tlsverify", "tlscacert", "tlscert", "tlskey"})


class RefusedError(Exception):
    """The wish cannot be granted; nothing was touched. One argument: the reasons, a line each."""


@dataclass(frozen=True)
class Request:
    """The module's options."""

    config: Config
    profile: Config
    mode: str
    path: Path  # symlinks followed
    restart: str
    accept_data_move: bool
    override: frozenset[str] = frozenset()  # keys whose flags our drop-in takes away
    listen: tuple[str, ...] = ()  # normalised addresses


@dataclass(frozen=True)
class Found:
    """The file and our record of it, as they were found."""

    original: Original
    content: Config
    owned: Ownership
    state: State
    good: Config  # what the daemon was last known to run with
    broken: str = ""  # where the file stops being JSON


@dataclass(frozen=True)
class Proposal:
    content: Config
    owned: Ownership
    changes: tuple[plan.Change, ...]
    decision: plan.Decision
    situation: plan.Situation
    running: Mapping[str, str]  # key -> digest of what the daemon runs now
    stale: bool  # the file, as found, is not what the daemon runs
    unproven: bool  # and that is because of what an earlier run wrote
    file_changed: bool
    file_mode: int
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    keys: frozenset[str] = frozenset()  # those whose flags our drop-in takes away
    drop_in: str = ""  # its text; empty: there shall be none
    drop_in_changed: bool = False

    @property
    def changed(self) -> bool:
        """Whether a file changes."""
        return self.file_changed or self.drop_in_changed

    @property
    def listening(self) -> bool:
        """Whether it changes where, or with which certificates, the API listens."""
        return any(change.key in _LISTENING and not change.running for change in self.changes)

    @property
    def opens(self) -> bool:
        """Whether that happens now: it takes a start."""
        return self.listening and (self.decision.restart or self.decision.start)


def found(original: Original, state: State, good: Original, mode: str, path: Path) -> Found:
    """Read the file and settle who owns what, also after a run that was cut short."""
    broken = ""
    try:
        content = daemon_json.parse(original.text)
    except daemon_json.BrokenFileError as error:
        if mode != "exclusive":
            raise RefusedError(
                f"{path} is not valid JSON ({error}), and mode merge must keep what others wrote there. Mend it, or "
                "use mode exclusive, which puts it aside and writes a new one"
            ) from None
        broken, content = str(error), {}
    owned = state.owned
    if state.cut:
        owned = daemon_json.settle(state.owned, state.cut, content)
    try:
        good_content = daemon_json.parse(good.text)
    except daemon_json.BrokenFileError:
        good_content = {}
    return Found(original, content, owned, state, good_content, broken)


def propose(request: Request, host: Survey, at: Found) -> Proposal:
    """Merge, judge, plan and decide. Raises RefusedError, or CommandError where a drop-in cannot do it."""
    _right_file(request, host)
    request, listening = _listen(request, host, at)
    wanted, notes = _wishes(request, host, at)
    keys = request.override & set(wanted)
    drop_in = host.command.drop_in(keys)
    found_host, host = host, host.under(keys)
    merged = daemon_json.merge(at.content, at.owned, wanted)
    warnings = [*host.warnings, *merged.warnings, *daemon_check.inert(wanted, host.context)]
    foreign = _judge(wanted, merged.content, host)
    refused = start.laid_open(found_host, at.content, host, merged.content)
    if refused:
        raise RefusedError("\n".join(refused))
    running = _running(host, at)
    sources = _sources(request, wanted)
    changes = (*_changes(host, at, merged.content, running, sources), *start.change(host, at.state, keys, drop_in))
    situation = _situation(host, changes, merged.content)
    decision = plan.decide(changes, situation, request.restart)
    fatal = [problem for problem in foreign if not problem.exposes]
    if fatal and decision.action != "none" and not host.context.at_least("23.0"):
        # newer engines judge the whole file themselves, by dockerd --validate
        raise RefusedError("\n".join(_as_foreign(fatal)))
    stale = {key for key in {**running, **at.content} if running.get(key, "") != digest(at.content, key)}
    mode = _mode(at.original, merged.content)
    return Proposal(
        content=merged.content,
        owned=merged.owned,
        changes=changes,
        decision=decision,
        situation=situation,
        running=running,
        stale=bool(stale),
        unproven=bool(stale & {*at.owned, *at.state.pending, *(at.state.cut.wrote if at.state.cut else ())}),
        file_changed=_must_write(at, merged.content, mode),
        file_mode=mode,
        warnings=(*warnings, *_as_foreign(foreign)),
        notes=(*notes, *listening),
        sources=sources,
        keys=frozenset(keys),
        drop_in=drop_in,
        drop_in_changed=drop_in != host.command.ours,
    )


def _right_file(request: Request, host: Survey) -> None:
    if host.unit.argv and os.path.realpath(host.config_path) != str(request.path):
        raise RefusedError(
            f"{host.unit.name} reads {host.config_path}, not {request.path}: set path to it, or change --config-file "
            f"in {host.unit.sources or 'what starts it'}"
        )


def _listen(request: Request, host: Survey, at: Found) -> tuple[Request, list[str]]:
    """The addresses to listen on, as the key they stand for."""
    if not request.listen:
        return request, []
    if "hosts" in request.config:
        raise RefusedError("listen and hosts say the same thing twice: leave hosts out of config")
    if not host.command.raw:
        raise RefusedError("listen: no unit of systemd was found that runs the daemon; its command line decides, too")
    hosts, notes = start.hosts(request.listen, host, at.content, at.owned)
    config = {"tlsverify": True, **request.config, "hosts": hosts}
    return replace(request, config=config, override=request.override | _LISTENING), notes


def _wishes(request: Request, host: Survey, at: Found) -> tuple[Config, list[str]]:
    """The profile, less what this engine cannot take, under the keys that were asked for by name."""
    wanted = {**request.profile, **request.config}
    if not host.version and any(value is not None for value in wanted.values()):
        raise RefusedError("no engine is installed or running here to check the keys against: set engine_version")
    notes: list[str] = []
    while True:
        asked = daemon_json.exclusive(at.content, at.owned, wanted) if request.mode == "exclusive" else wanted
        merged = daemon_json.merge(at.content, at.owned, asked)
        overridden = host.under(request.override & set(asked))
        dropped = _droppable(request, wanted, daemon_check.check(wanted, merged.content, overridden.context))
        if not dropped:
            return asked, notes
        for key, message in dropped.items():
            notes.append(f"{key} of the profile is left out: {message}")
            del wanted[key]


def _droppable(request: Request, wanted: Config, problems: Iterable[daemon_check.Problem]) -> dict[str, str]:
    optional = {key for key, value in wanted.items() if key not in request.config and value is not None}
    return {key: problem.message for problem in problems for key in problem.keys & optional}


def _judge(wanted: Config, merged: Config, host: Survey) -> list[daemon_check.Problem]:
    """Refuse what we are asked for and the engine would not take; what others wrote is only warned about."""
    ours = {key for key, value in wanted.items() if value is not None}
    problems = daemon_check.check(wanted, merged, host.context)
    refused = [problem.message for problem in problems if problem.keys & ours]
    if refused:
        raise RefusedError("\n".join(refused))
    foreign = {key: value for key, value in merged.items() if key not in wanted}
    return [*problems, *daemon_check.check(foreign, merged, host.context)]


def _as_foreign(problems: Iterable[daemon_check.Problem]) -> list[str]:
    return sorted({f"there already, not ours: {problem.message}" for problem in problems})


def _running(host: Survey, at: Found) -> Mapping[str, str]:
    """What the daemon runs, key by key: as recorded for this very process, else what the file says."""
    state = at.state
    if state.applied and host.status == plan.FAILED:
        return state.applied
    if state.daemon and state.daemon == host.daemon:
        return state.applied
    return daemon_json.digests(at.content)


def _sources(request: Request, wanted: Config) -> dict[str, str]:
    sources = dict.fromkeys(wanted, "exclusive")
    sources.update(dict.fromkeys(request.profile, "profile"))
    sources.update(dict.fromkeys(request.config, "config"))
    return sources


def _changes(
    host: Survey, at: Found, content: Config, running: Mapping[str, str], sources: Mapping[str, str]
) -> tuple[plan.Change, ...]:
    """What the file must change, and what the daemon must take up although the file already says it."""
    rewritten = daemon_json.differing(at.content, content)
    source = {key: sources.get(key, "release") for key in {**at.content, **content, **at.owned, **sources}}
    up = host.status in (plan.RUNNING, plan.HUNG)
    changes = [
        plan.Change(
            key, at.content.get(key), content.get(key), source[key], up and _runs(host, at, key, content, running)
        )
        for key in rewritten
    ]
    if host.status in (plan.STOPPED, plan.ABSENT):
        return tuple(changes)
    mine = {**sources, **at.owned, **dict.fromkeys(at.state.pending)}
    missed = at.state.missed if at.state.daemon == host.daemon else ()
    changes += [
        plan.Change(
            key, _known(at.good, key, running), content.get(key), source.get(key, "release"), missed=key in missed
        )
        for key in mine
        if key not in rewritten and not _runs(host, at, key, content, running)
    ]
    return tuple(changes)


def _known(good: Config, key: str, running: Mapping[str, str]) -> t.Any:
    """The value behind a recorded digest, if the last good file has it."""
    return good.get(key) if digest(good, key) == running.get(key, daemon_json.ABSENT) else None


def _runs(host: Survey, at: Found, key: str, content: Config, running: Mapping[str, str]) -> bool:
    """Whether the daemon runs the wanted value.

    ``/info`` is asked where the file is newer than the process; the default bridge always, for it outlives the process.
    """
    recorded = running.get(key, daemon_json.ABSENT) == digest(content, key)
    if host.status != plan.RUNNING or _read_at_start(host, at, key, recorded):
        return recorded
    seen = evidence.runs(host.info, key, _effective(host, content).get(key))
    return recorded if seen is None else seen


def _read_at_start(host: Survey, at: Found, key: str, recorded: bool) -> bool:
    return recorded and at.original.mtime <= host.started and not evidence.of_bridge(key)


def _effective(host: Survey, content: Config) -> Config:
    return {**host.context.flags, **content}


def _situation(host: Survey, changes: tuple[plan.Change, ...], content: Config) -> plan.Situation:
    return plan.Situation(
        status=host.status,
        containers=tuple(container["name"] for container in host.containers),
        live_now=not host.scope.rootless and host.info.get("LiveRestoreEnabled") is True,
        live_after=not host.scope.rootless and _effective(host, content).get("live-restore") is True,
        moves_data=any(plan.moves_data(change, host.info) for change in changes),
        controllable=host.unit.exists,
        rootless=host.scope.rootless,
    )


def _wanted_mode(content: Config) -> int:
    return 0o600 if any(find(content)) else 0o644


def _mode(original: Original, content: Config) -> int:
    """The mode the file must get: a stricter one than ours is kept."""
    wanted = _wanted_mode(content)
    return wanted if original.data is None else (original.mode & wanted) | 0o600


def _must_write(at: Found, content: Config, mode: int) -> bool:
    original = at.original
    if original.data is None:
        return bool(content)
    misplaced = (original.mode, original.uid, original.gid) != (mode, *OWNER)
    return bool(at.broken) or misplaced or bool(daemon_json.differing(at.content, content))
