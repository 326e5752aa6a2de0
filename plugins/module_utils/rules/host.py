# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host beneath the engine: its filesystems, its software, and what else it runs."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.model import Rule
from ansible_collections.bulkhead.docker.plugins.module_utils.rules.words import cis

_rule = functools.partial(Rule, subject="host", lever="host")


def _component(name: str, words: str, threat: str, severity: str) -> Rule:
    return _rule(
        id=f"host-{name}-version",
        title=f"{words} is of a maintained branch, without flaws that are known",
        threat=threat,
        severity=severity,
        needs=(f"components.{name}",),
        offenders=f"outdated.{name}",
        expected=f"the version that `{name}_versions` of the policy has for its branch, or a later one",
        source=f"GET /version: {name}",
        remedy="Role docker_engine with `docker_engine_upgrade: true` (plan a quiet hour), or the host's package"
        f" manager. Where the distribution mends flaws without a new version, say in `{name}_versions` of the policy"
        " which of its versions are good.",
        role="docker_engine",
        cis=cis("1.2.2"),
    )


RULES: t.Final[tuple[Rule, ...]] = (
    _rule(
        id="host-data-filesystem",
        title="The engine's data has a filesystem of its own",
        threat="One container that fills the disk with images, logs or volumes stops the host, its logs and its"
        " logins.",
        severity="medium",
        needs=("data_root",),
        offenders="!(data_root.own) && data_root",
        expected="a filesystem mounted on the data root, on another device than the directory around it",
        source="GET /info: DockerRootDir; mounts of the dockerd process",
        remedy="Mount a volume at the data root before the engine's first start; to move data, stop the engine, copy it"
        " with `rsync -aHAXS`, mount, and start. Role docker_host reports it, and mounts only what it is told to.",
        role="docker_host",
        cis=cis("1.1.1"),
    ),
    _rule(
        id="host-containerd-filesystem",
        title="Where containerd keeps the images, its data has a filesystem of its own",
        threat="Images and containers fill the root filesystem, though the engine's own data root is apart.",
        severity="medium",
        applies_when="containerd_store != `false`",
        unless="images are kept in the engine's own data root",
        needs=("containerd_store", "containerd_root"),
        offenders="!(containerd_root.own) && containerd_root",
        expected="a filesystem mounted on containerd's root, on another device than the directory around it",
        source="GET /info: DriverStatus; root in /etc/containerd/config.toml; mounts of the dockerd process",
        remedy="Mount a volume at /var/lib/containerd before the engine's first start, or set `root` in"
        " /etc/containerd/config.toml to one. Role docker_host reports it, and mounts only what it is told to.",
        role="docker_host",
        cis=cis("1.1.1"),
    ),
    _rule(
        id="host-data-mount-options",
        title="The engine's filesystem takes no device files",
        threat="A device file in an image or a volume is one more way to the disks, for whoever opens it on the host.",
        severity="low",
        applies_when="data_root == null || data_root.own",
        unless="the engine's data has no filesystem of its own (see host-data-filesystem)",
        needs=("data_root",),
        offenders="!contains(data_root.options, 'nodev') && {path: data_root.path, options: data_root.options}",
        expected="nodev among the options of the mount",
        source="mounts of the dockerd process",
        remedy="Add `nodev` to its options in /etc/fstab, then `mount -o remount DIRECTORY`. Containers keep the"
        " devices that they are given: those are in /dev.",
    ),
    _rule(
        id="host-hardening",
        title="Something hardens the rest of the host",
        threat="An engine is as safe as the host beneath it: a flaw in SSH, or a weak password, goes around everything"
        " here.",
        severity="low",
        needs=("policy.host_hardened_by",),
        offenders="!(policy.host_hardened_by) && {host_hardened_by: policy.host_hardened_by}",
        expected="`host_hardened_by` in the policy, which says what does",
        source="the policy: nothing on a host tells it apart from one that was hardened by hand",
        remedy="Apply a hardening role to the host, such as devsec.hardening.os_hardening, and say so in"
        " `host_hardened_by` of the policy. Role docker_host, applied after it, keeps what Docker needs.",
        role="docker_host",
        cis=cis("1.2.1"),
    ),
    _component(
        "engine",
        "The engine",
        "Flaws that are published, such as ways around authorization plugins, are tried first (CVE-2024-41110,"
        " CVE-2026-34040).",
        "high",
    ),
    _component(
        "containerd",
        "containerd",
        "It unpacks what strangers made and starts all containers as root: its flaws become theirs (CVE-2024-25621,"
        " CVE-2025-64329).",
        "medium",
    ),
    _component(
        "runc",
        "runc",
        "Its flaws are ways out of a container onto the host (CVE-2024-21626, CVE-2025-31133, CVE-2025-52565,"
        " CVE-2025-52881).",
        "high",
    ),
    _rule(
        id="host-kernel-version",
        title="The kernel that runs is not older than the site allows",
        threat="Containers share the kernel: a flaw in it is a way out of every one of them.",
        severity="medium",
        applies_when="policy.minimum_kernel",
        unless="the policy names no `minimum_kernel`",
        needs=("kernel",),
        offenders="!version_at_least(kernel, policy.minimum_kernel) && {kernel: kernel}",
        expected="the policy's `minimum_kernel`, or a later one",
        source="GET /info: KernelVersion",
        remedy="Update the kernel's package, and reboot: until then the old one runs.",
    ),
    _rule(
        id="host-services",
        title="The host runs nothing that containers do not need",
        threat="Each service more is one more way in, and on this host it is a way to all containers.",
        severity="medium",
        needs=("services.unneeded",),
        offenders="services.unneeded",
        expected="none of `unneeded_services` of the policy, neither running nor enabled",
        source="control groups under system.slice; links in *.wants and *.requires of systemd's directories",
        remedy="`systemctl disable --now UNIT`, or remove its package; role docker_host reports the same. Take what is"
        " needed here out of `unneeded_services` of the policy.",
        role="docker_host",
    ),
    _rule(
        id="host-time-sync",
        title="The host keeps the right time",
        threat="With a wrong clock certificates fail or outlive their end, and logs of several hosts cannot be put"
        " together.",
        severity="low",
        needs=("services.time",),
        offenders="!(services.time) && {running: services.time}",
        expected="one of `time_services` of the policy running",
        source="control groups under system.slice",
        remedy="Install and start chrony or systemd-timesyncd; role docker_host reports the same. Where something else"
        " keeps the time, such as the hypervisor's agent, add its unit to `time_services` of the policy.",
        role="docker_host",
    ),
)
