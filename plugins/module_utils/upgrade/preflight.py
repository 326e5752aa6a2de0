# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host, its packages and the table of steps put together: what docker_engine_preflight returns. Reads only."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils import daemon_json, plan, versions
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import flags
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.engine import Engine, Snapshot
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.files import read as read_file
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import Run
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.survey import (
    Given,
    Survey,
    data_roots,
    survey,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.unit import read_unit
from ansible_collections.bulkhead.docker.plugins.module_utils.upgrade import choose, packages, steps
from ansible_collections.bulkhead.docker.plugins.module_utils.upgrade.choose import Choice
from ansible_collections.bulkhead.docker.plugins.module_utils.upgrade.packages import Package
from ansible_collections.bulkhead.docker.plugins.module_utils.upgrade.verify import outdated

Options = Mapping[str, t.Any]
Json = dict[str, t.Any]

ADVICE = (
    "Nothing was changed. Mend what is named above, or add its name (the word before the first colon) to accept "
    "(docker_engine_accept of the role)."
)
_EXTRA = ("kernel-modules-extra",)  # packages that a step asks about


class WrongRequestError(Exception):
    """The options cannot be what is meant."""


def run(runs: Run, options: Options) -> tuple[Json, list[steps.Finding]]:
    _check(options)
    names = [*options["engine"], *options["others"]]
    extra = _EXTRA if options["manager"] == "dnf" else ()
    found = packages.read(runs, options["manager"], [*names, *options["foreign"], *extra])
    wanted = [found[name] for name in names if not options["adopt"] or found[name].installed]
    choices, unavailable = choose.plan(wanted, options["engine"], options["version"], options["upgrade"])
    engine = Engine(options["docker_host"])
    content, problem = _config(runs, options)
    host = survey(runs, engine, Given(options["service"], None, None, content))
    action = _action(choices, options["engine"])
    if action == "none" and options["upgrade"] and host.status == plan.RUNNING and outdated(host.unit):
        action = "restart"  # of an upgrade that was not finished, or that somebody else made
    situation = _situation(host, engine, choices, found, action, options)
    situation = replace(situation, config=content, config_error=problem)
    findings = steps.judge(situation, options["accept"])
    here = packages.installed(found[name] for name in [*names, *options["foreign"]])
    result = {
        "changed": False,
        "installed": here,
        "held": sorted(name for name in here if found[name].held),
        "unavailable": unavailable,
        "findings": [{**asdict(finding), "seen": list(finding.seen)} for finding in findings],
        "notes": [*host.warnings, *(steps.sentence(finding) for finding in findings if not finding.stops)],
        "plan": _plan(host, engine, choices, action, options),
    }
    return result, findings


def _check(options: Options) -> None:
    unknown = sorted(set(options["accept"]) - steps.NAMES)
    if unknown:
        raise WrongRequestError(
            f"accept: {', '.join(unknown)} is not the name of a step; there are {', '.join(sorted(steps.NAMES))}"
        )
    version = options["version"]
    if version and not choose.number(version):
        raise WrongRequestError(
            f"version: {version!r} is no version of the engine, such as 28.5.2, nor a branch (28.5)"
        )


def _action(choices: Sequence[Choice], engine: Sequence[str]) -> str:
    """By what the engine itself does, else by what the other packages do."""
    moving = [choice for choice in choices if choice.moves]
    first = [choice for choice in moving if engine and choice.name in engine]
    kinds = [choice.what for choice in first or moving]
    for kind in (choose.DOWNGRADE, choose.UPGRADE, choose.INSTALL):
        if kind in kinds:
            return kind
    return "none"


def _config(runs: Run, options: Options) -> tuple[Json, str]:
    path = flags.config_file(read_unit(runs, options["service"]).argv) or options["path"]
    try:
        return daemon_json.parse(read_file(Path(path)).text), ""
    except daemon_json.BrokenFileError as error:
        return {}, f"{path}, {error}"


def _situation(
    host: Survey,
    engine: Engine,
    choices: Sequence[Choice],
    found: Mapping[str, Package],
    action: str,
    options: Options,
) -> steps.Situation:
    after = _after(choices, options["engine"])
    raw = engine.get("/containers/json") or [] if host.status == plan.RUNNING else []
    moving = action != "none"
    distribution, release = os_release()
    before = versions.parse(host.running_version or host.version) or ()
    return steps.Situation(
        before=before,
        after=after if moving else before,
        upgrade=action if moving else "",
        context=replace(host.context, version=after),
        info=host.info,
        containers=tuple(sorted(container["name"] for container in host.containers)),
        api_clients=tuple(sorted(_name(one) for one in raw if _holds_socket(one))),
        loopback=tuple(sorted(_loopback_ports(raw))),
        data=_has_data(host),
        foreign=tuple(name for name in options["foreign"] if found[name].installed),
        no_way_back=_no_way_back(choices, found),
        distribution=distribution,
        release=release,
        packages=[name for name in _EXTRA if name in found and found[name].installed],
    )


def _after(choices: Sequence[Choice], engine: Sequence[str]) -> tuple[int, ...]:
    numbers = [choose.number(choice.after) for name in engine for choice in choices if choice.name == name]
    return numbers[0] if numbers else ()


def _no_way_back(choices: Sequence[Choice], found: Mapping[str, Package]) -> tuple[str, ...]:
    return tuple(
        f"{choice.name} {choice.before}"
        for choice in choices
        if choice.moves and choice.before and choice.before not in found[choice.name].offered
    )


def _name(raw: Json) -> str:
    return str((raw.get("Names") or [raw.get("Id", "")])[0]).lstrip("/")


def _holds_socket(raw: Json) -> bool:
    return any(str(mount.get("Source", "")).endswith("/docker.sock") for mount in raw.get("Mounts") or [])


def _loopback_ports(raw: Sequence[Json]) -> list[str]:
    ports = [(one, port) for one in raw for port in one.get("Ports") or []]
    return [
        f"{_name(one)} {port['IP']}:{port['PublicPort']}"
        for one, port in ports
        if port.get("PublicPort") and str(port.get("IP", "")).startswith(("127.", "::1"))
    ]


def _has_data(host: Survey) -> bool:
    return any(any(root.glob("image/*/imagedb/content/sha256/*")) for root in data_roots(host.data_root))


def os_release(path: str = "/etc/os-release") -> tuple[str, int]:
    """(ID, major release) of the distribution."""
    lines = read_file(Path(path)).text.splitlines()
    fields = {name: value.strip("\"'") for name, _equals, value in (line.partition("=") for line in lines)}
    return fields.get("ID", ""), (versions.parse(fields.get("VERSION_ID", "")) or (0,))[0]


def _plan(host: Survey, engine: Engine, choices: Sequence[Choice], action: str, options: Options) -> Json:
    moving = [choice for choice in choices if choice.moves]
    running = host.status == plan.RUNNING
    snapshot = engine.snapshot() if running and action != "none" else Snapshot((), frozenset())
    after = _after(choices, options["engine"])
    return {
        "action": action,
        "specs": choose.specs(options["manager"], [(choice.name, choice.after) for choice in moving]),
        "moves": [{"name": choice.name, "before": choice.before, "after": choice.after} for choice in moving],
        "summary": [f"{one.name} {one.before or 'not installed'} -> {one.after}" for one in moving],
        "version": ".".join(str(part) for part in after) if action != "none" else "",
        "back": choose.way_back(options["manager"], choices),
        "running": running,
        "live": host.info.get("LiveRestoreEnabled") is True,
        "containers": [{**asdict(one), "ports": list(one.ports)} for one in snapshot.containers],
        "networks": sorted(snapshot.networks),
    }
