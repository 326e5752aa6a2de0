# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is to work with: the unit, the binary, the engine and what it runs. Reads only, starts nothing."""

from __future__ import annotations

import os
import re
import typing as t
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils import plan, versions
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.daemon import peer_of
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_check import Context
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import evidence, files, flags
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.command import DROP_IN, Command, command_of
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.engine import Engine, EngineError
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import Run
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.scope import SYSTEM, Scope, dockerd
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.unit import (
    Unit,
    command_line,
    files_of,
    process_start,
    read_unit,
    started_at,
)

_VERSION = re.compile(r"version\s+v?(\d[^\s,]*)", re.I)


@dataclass(frozen=True)
class Survey:
    """One look at the host."""

    unit: Unit  # its argv is what it would be without our drop-in, until under() decides on that
    status: str  # plan.RUNNING, HUNG, FAILED, STOPPED, ABSENT
    command: Command = field(default_factory=lambda: Command(""))
    argv: tuple[str, ...] = ()  # of the running process
    binary: str = ""
    version: str = ""  # of the binary, else of the running engine, else as given
    running_version: str = ""
    info: Mapping[str, t.Any] = field(default_factory=dict)
    containers: tuple[Mapping[str, str], ...] = ()
    daemon: str = ""  # identity of the running process
    started: float = 0.0
    data_root: str = plan.DATA_ROOT  # as set; where users are remapped, the data lies one level deeper
    warnings: tuple[str, ...] = ()
    scope: Scope = SYSTEM

    def under(self, keys: Collection[str]) -> Survey:
        """The host once our drop-in takes the flags of these keys away."""
        said = self.command.said(keys)
        return replace(self, unit=replace(self.unit, argv=self.command.without(said))) if said else self

    @property
    def swarm(self) -> bool:
        if self.info:
            return (self.info.get("Swarm") or {}).get("LocalNodeState") not in (None, "", "inactive")
        return any((root / "swarm" / "docker-state.json").exists() for root in data_roots(self.data_root))

    @property
    def config_path(self) -> str:
        """The file that the unit's daemon reads."""
        return flags.config_file(self.unit.argv) or self.scope.path

    @property
    def context(self) -> Context:
        return Context(
            version=versions.parse(self.version) or (),
            swarm=self.swarm,
            flags=flags.settings(self.unit.argv),
            spellings=flags.spellings(self.unit.argv),
            unit=self.unit.name,
            unit_files=self.unit.sources,
            cgroup_driver=str(self.info.get("CgroupDriver", "")),
            rootless=self.scope.rootless,
        )


def data_roots(data_root: str) -> list[Path]:
    """The directory, and those in it that an engine uses while it remaps users."""
    return [Path(data_root), *Path(data_root).glob("[0-9]*.[0-9]*")]


@dataclass(frozen=True)
class Given:
    """What the host itself cannot tell, or not better."""

    service: str
    binary: str | None
    version: str | None
    config: Mapping[str, t.Any]  # the file's content
    scope: Scope = SYSTEM


def survey(run: Run, engine: Engine, given: Given) -> Survey:
    scope = given.scope
    unit = read_unit(run, given.service, scope)
    status = _status(unit, engine)
    if status == plan.RUNNING and not unit.argv:
        unit = replace(unit, name="the running dockerd", argv=_live_argv(engine))
    binary = given.binary or dockerd(unit.argv, unit.environment)
    own_version = _binary_version(run, binary)
    info: Mapping[str, t.Any] = {}
    containers: list[dict[str, str]] = []
    running_version = ""
    if status == plan.RUNNING:
        try:
            info = {**engine.info(), evidence.BRIDGE: engine.default_bridge()}
            containers, running_version = engine.running(), engine.version()
        except EngineError:
            status = plan.HUNG
    command = _command(unit, scope)
    return Survey(
        unit=replace(unit, argv=command.argv) if command.loaded else unit,
        status=status,
        command=command,
        argv=command_line(unit.main_pid) if unit.main_pid else (),
        binary=binary if own_version else "",
        version=own_version or running_version or given.version or "",
        running_version=running_version,
        info=info,
        containers=tuple(containers),
        daemon=process_start(unit.main_pid) if unit.main_pid else "",
        started=started_at(unit.main_pid) if unit.main_pid else 0.0,
        data_root=str({**given.config, **flags.settings(unit.argv)}.get("data-root") or scope.data_root),
        warnings=_version_warning(own_version, running_version),
        scope=scope,
    )


def _command(unit: Unit, scope: Scope) -> Command:
    name = unit.name if unit.name.endswith(".service") else f"{unit.name}.service"
    path = Path(scope.unit_directories[0], f"{name}.d", DROP_IN)
    return command_of(unit, files_of(unit, scope.unit_directories), path, files.read(path))


def _status(unit: Unit, engine: Engine) -> str:
    """The socket of a stopped engine is not touched: systemd listens on it, and a knock would start the engine."""
    if unit.active in ("active", "reloading"):
        return plan.RUNNING if engine.ping() else plan.HUNG
    if unit.active in ("failed", "activating"):
        return plan.FAILED
    if unit.exists:
        return plan.STOPPED
    return plan.RUNNING if Path(engine.path).is_socket() and engine.ping() else plan.ABSENT


def _live_argv(engine: Engine) -> tuple[str, ...]:
    """How a daemon was started that no unit of systemd runs: it tells which file it reads, and its flags."""
    try:
        argv = command_line(peer_of(engine.path, engine.timeout))
    except OSError:
        return ()
    return argv if argv and Path(argv[0]).name == "dockerd" else ()


def _binary_version(run: Run, binary: str) -> str:
    if not binary or not os.access(binary, os.X_OK):
        return ""
    done = run([binary, "--version"], 20)
    found = _VERSION.search(done.out)
    return found.group(1) if found else ""


def _version_warning(installed: str, running: str) -> tuple[str, ...]:
    if not installed or not running or versions.parse(installed) == versions.parse(running):
        return ()
    return (
        f"the installed engine is {installed} but {running} is still running: keys are checked against the "
        "installed one, which the next restart brings up",
    )
