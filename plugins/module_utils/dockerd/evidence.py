# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the running daemon says of its settings (``/info``), against what the file says. Pure.

A reload has kept removed values and dropped set ones, so it is believed only where the daemon shows the value.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

Info = Mapping[str, t.Any]
Judge = t.Callable[[Info, t.Any], t.Optional[bool]]  # (info, the file's value or None) -> the daemon runs that value

_LOOPBACK = frozenset({"127.0.0.0/8", "::1/128"})


def _equals(name: str, default: t.Any) -> Judge:
    return lambda info, value: info.get(name) == (default if value is None else value)


def _labels(info: Info, value: t.Any) -> bool:
    return sorted(info.get("Labels") or []) == sorted(value or [])


def _authorization(info: Info, value: t.Any) -> bool:
    return list((info.get("Plugins") or {}).get("Authorization") or []) == list(value or [])


def _registry(info: Info) -> Mapping[str, t.Any]:
    return info.get("RegistryConfig") or {}


def _mirrors(info: Info, value: t.Any) -> bool:
    def plain(urls: t.Any) -> list[str]:
        return [str(url).rstrip("/") for url in urls or []]

    return plain(_registry(info).get("Mirrors")) == plain(value)


def _insecure(info: Info, value: t.Any) -> bool:
    registry = _registry(info)
    names = {name for name, index in (registry.get("IndexConfigs") or {}).items() if not index.get("Secure", True)}
    seen = (names | set(registry.get("InsecureRegistryCIDRs") or [])) - _LOOPBACK
    return seen == {str(item).rpartition("://")[2] for item in value or []} - _LOOPBACK


def _runtimes(info: Info, value: t.Any) -> bool | None:
    """Only names are comparable, and built-in runtimes are listed too."""
    return None if set(value or {}) <= set(info.get("Runtimes") or {}) else False


_ANY = "0.0.0.0"  # noqa: S104 the engine's default, compared and not bound
BRIDGE = "DefaultBridge"  # where the survey puts the options of the default bridge network


def _bridge(option: str, default: str) -> Judge:
    def judge(info: Info, value: t.Any) -> bool | None:
        seen = (info.get(BRIDGE) or {}).get(option)
        wanted = default if value is None else str(value).lower()
        return None if seen is None else str(seen) == wanted

    return judge


JUDGES: Mapping[str, tuple[str, Judge]] = {
    "debug": ("Debug", _equals("Debug", False)),
    "live-restore": ("LiveRestoreEnabled", _equals("LiveRestoreEnabled", False)),
    "default-runtime": ("DefaultRuntime", _equals("DefaultRuntime", "runc")),
    "log-driver": ("LoggingDriver", _equals("LoggingDriver", "json-file")),
    "labels": ("Labels", _labels),
    "authorization-plugins": ("Plugins", _authorization),
    "registry-mirrors": ("RegistryConfig", _mirrors),
    "insecure-registries": ("RegistryConfig", _insecure),
    "runtimes": ("Runtimes", _runtimes),
    "icc": (BRIDGE, _bridge("com.docker.network.bridge.enable_icc", "true")),
    "ip-masq": (BRIDGE, _bridge("com.docker.network.bridge.enable_ip_masquerade", "true")),
    "ip": (BRIDGE, _bridge("com.docker.network.bridge.host_binding_ipv4", _ANY)),
    "mtu": (BRIDGE, _bridge("com.docker.network.driver.mtu", "1500")),
}


def of_bridge(key: str) -> bool:
    return key in JUDGES and JUDGES[key][0] == BRIDGE


def runs(info: Info, key: str, value: t.Any) -> bool | None:
    """Whether the daemon runs the key with the file's value; None when ``/info`` does not tell."""
    judge = JUDGES.get(key)
    if judge is None or judge[0] not in info:
        return None
    return judge[1](info, value)
