# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Known breaking steps between two engines, as data: a new one is a new row. Pure.

A step that blocks would stop the engine or its containers, and goes on only when it is accepted by name; the others are
told. Each holds for what is seen on the host, or where that cannot be seen (who talks to the API), for all.
"""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ansible_collections.bulkhead.docker.plugins.module_utils import daemon_check, versions
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_keys import KEYS

Version = tuple[int, ...]


@dataclass(frozen=True)
class Situation:
    """The host before the step; ``before`` is empty where no engine is installed, ``after`` where it is not known."""

    before: Version = ()
    after: Version = ()
    upgrade: str = ""  # what is done: "", install, upgrade, downgrade, restart
    context: daemon_check.Context = field(default_factory=daemon_check.Context)  # its version is the one after
    config: Mapping[str, t.Any] = field(default_factory=dict)  # daemon.json
    config_error: str = ""
    info: Mapping[str, t.Any] = field(default_factory=dict)
    containers: tuple[str, ...] = ()  # names of those running
    api_clients: tuple[str, ...] = ()  # of those that hold the engine's socket
    loopback: tuple[str, ...] = ()  # ports published on a loopback address
    data: bool = False  # there are images or containers of an earlier engine
    foreign: tuple[str, ...] = ()  # installed packages that cannot stay beside the wanted ones
    no_way_back: tuple[str, ...] = ()  # installed versions that no repository has any more
    distribution: str = ""  # the ID of os-release: debian, rhel, ...
    release: int = 0
    packages: Collection[str] = ()  # installed ones that matter to a step

    def crosses(self, version: str) -> bool:
        """Whether the engine gets from below a version to it or beyond."""
        limit = versions.parse(version) or ()
        return bool(self.before and self.after) and self.before < limit <= self.after

    def reaches(self, version: str) -> bool:
        return bool(self.after) and self.after >= (versions.parse(version) or ())

    @property
    def live(self) -> bool:
        return self.info.get("LiveRestoreEnabled") is True


@dataclass(frozen=True)
class Step:
    """``seen`` returns what the message is about; an empty list where the step does not matter."""

    name: str
    message: str
    seen: t.Callable[[Situation], list[str]]
    blocking: bool = False
    acceptable: bool = True


@dataclass(frozen=True)
class Finding:
    """A step that matters here."""

    name: str
    message: str
    seen: tuple[str, ...]
    blocking: bool
    accepted: bool

    @property
    def stops(self) -> bool:
        return self.blocking and not self.accepted


def _all(test: t.Callable[[Situation], bool]) -> t.Callable[[Situation], list[str]]:
    """A step that holds for every host that takes it."""
    return lambda s: ["this host"] if test(s) else []


def _drivers(removed: Mapping[str, str]) -> t.Callable[[Situation], list[str]]:
    def seen(s: Situation) -> list[str]:
        used = {str(s.info.get("Driver", "")), str({**s.context.flags, **s.config}.get("storage-driver", ""))}
        return sorted(driver for driver in used & set(removed) if s.reaches(removed[driver]))

    return seen


def _refused_settings(s: Situation) -> list[str]:
    """What the next engine does not take, of daemon.json and of the unit's command line."""
    if not s.upgrade or not s.after:
        return []
    config = dict(s.config)
    found = [problem.message for problem in daemon_check.check(config, config, s.context)]
    on_line = [daemon_check.gate(KEYS[key], s.context) for key in s.context.flags if key in KEYS]
    return [*found, *(f"{message} (a flag of {s.context.unit})" for message in on_line if message)]


def _stopping(s: Situation) -> list[str]:
    return list(s.containers) if s.upgrade in ("upgrade", "downgrade", "restart") and not s.live else []


def _old_client_floor(s: Situation) -> list[str]:
    if not s.crosses("29.0") or "min-api-version" in s.config:
        return []
    return list(s.api_clients) or ["clients that cannot be seen from here: monitoring, CI, reverse proxies, old CLIs"]


STEPS: tuple[Step, ...] = (
    Step(
        "foreign-packages",
        "packages of another source are installed, and the package manager would remove them. Remove them yourself "
        "(images, containers and volumes stay), or keep docker_engine_source: adopt",
        lambda s: list(s.foreign),
        blocking=True,
        acceptable=False,
    ),
    Step(
        "settings",
        "the new engine would not start with these settings; mend them first",
        _refused_settings,
        blocking=True,
    ),
    Step(
        "settings-unreadable",
        "daemon.json is not valid JSON, so no engine starts with it",
        lambda s: [s.config_error] if s.upgrade and s.config_error else [],
        blocking=True,
    ),
    Step(
        "storage-driver",
        "the new engine no longer has this storage driver, and does not start on its data. Save images and volumes, "
        "change to overlay2, load them again",
        _drivers({"aufs": "24.0", "overlay": "24.0", "devicemapper": "25.0"}),
        blocking=True,
    ),
    Step(
        "containers-stop",
        "live-restore is off, so the restart of the engine stops these running containers. Turn live-restore on first "
        "(docker_daemon does it by a reload), drain a Swarm node, or accept it",
        _stopping,
        blocking=True,
    ),
    Step(
        "downgrade",
        "an older engine may not read what the newer one has written",
        _all(lambda s: s.upgrade == "downgrade"),
        blocking=True,
    ),
    Step(
        "xt-addrtype",
        "from release 10 on the kernel module xt_addrtype, without which the engine does not start, is in a package of "
        "its own: dnf install kernel-modules-extra",
        _all(
            lambda s: (
                bool(s.upgrade)
                and s.distribution in ("rhel", "centos", "almalinux", "rocky", "ol")
                and s.release >= 10
                and "kernel-modules-extra" not in s.packages
                and {**s.context.flags, **s.config}.get("firewall-backend") != "nftables"
            )
        ),
        blocking=True,
    ),
    Step(
        "live-restore-release",
        "live-restore is made for steps within a release; over a larger one these containers may have to be restarted",
        lambda s: list(s.containers) if s.live and s.before and s.after and s.before[:2] != s.after[:2] else [],
    ),
    Step(
        "way-back",
        "no repository of this host has these versions any more: keep their package files if you want to be able to go "
        "back",
        lambda s: list(s.no_way_back) if s.upgrade in ("upgrade", "downgrade") else [],
    ),
    Step(
        "ip6tables",
        "27.0 turns ip6tables on by default: IPv6 networks get Docker's firewall rules, and containers leave by NAT",
        _all(lambda s: s.crosses("27.0") and "ip6tables" not in s.config),
    ),
    Step(
        "raw-drops",
        "28.0 drops, in the raw table and before any rule of yours, packets from outside to containers' own addresses "
        "and to ports published on a loopback address. Other hosts of the network that used these are cut off",
        lambda s: (list(s.loopback) or ["routes to container addresses, if any"]) if s.crosses("28.0") else [],
    ),
    Step(
        "api-floor",
        "29.0 refuses clients below API 1.44 (1.40 from 29.3 on), which older Traefik, Portainer, Watchtower and SDKs "
        "are. Update them first, or set min-api-version in daemon.json with the new engine",
        _old_client_floor,
    ),
    Step(
        "image-store",
        "29.0 keeps images in containerd's store where it starts on an empty host: userns-remap does not work with it",
        _all(lambda s: s.reaches("29.0") and not s.data and (s.upgrade == "install" or s.crosses("29.0"))),
    ),
    Step(
        "nofile",
        "29.0 comes with a containerd that gives containers a soft limit of 1024 open files instead of a million. Set "
        "default-ulimits, or --ulimit for those that need more",
        _all(lambda s: s.crosses("29.0") and "nofile" not in (s.config.get("default-ulimits") or {})),
    ),
    Step(
        "content-trust",
        "the docker command of 29.0 ignores DOCKER_CONTENT_TRUST: nothing verifies signatures any more. Verify them in "
        "the registry or at deployment",
        _all(lambda s: s.crosses("29.0")),
    ),
    Step(
        "insecure-loopback",
        "29.10 takes insecure-registries at its word: loopback registries that are not in the list need TLS",
        lambda s: [str(one) for one in s.config.get("insecure-registries") or []] if s.crosses("29.10") else [],
    ),
)

NAMES = frozenset(step.name for step in STEPS)


def judge(situation: Situation, accept: Collection[str]) -> list[Finding]:
    """The steps that matter on this host; those that block first."""
    findings = []
    for step in STEPS:
        seen = step.seen(situation)
        if seen:
            accepted = step.acceptable and step.name in accept
            findings.append(Finding(step.name, step.message, tuple(seen), step.blocking, accepted))
    return sorted(findings, key=lambda finding: not finding.blocking)


def sentence(finding: Finding) -> str:
    return f"{finding.name}: {finding.message} ({', '.join(finding.seen)})"
