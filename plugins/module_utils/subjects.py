# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw facts in, what rules judge out: the host, the daemon, then its containers."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.collect.facts import Facts, Tenant
from ansible_collections.bulkhead.docker.plugins.module_utils.model import KINDS, Subject
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_container import container_document
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_context import Context, context
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_daemon import daemon_document
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_host import host_document
from ansible_collections.bulkhead.docker.plugins.module_utils.subjects_shape import Json, text


def subjects(facts: Facts, policy: Json, kinds: t.Collection[str] = KINDS) -> list[Subject]:
    """All subjects of these kinds; ``policy`` must be complete (``policy.merged``)."""
    daemon = daemon_document(facts, policy)
    found = [_host(facts, daemon, policy)] if "host" in kinds else []
    found += [daemon_subject(facts, daemon)] if "daemon" in kinds else []
    if "container" in kinds:
        around = context(daemon, facts)
        found += [_container(raw, around, policy) for raw in facts.containers]
    return found


def tenant_subjects(tenant: Tenant, host: str, policy: Json, kinds: t.Collection[str]) -> list[Subject]:
    """A user's own daemon and its containers, by names that say whose they are and that only the host can give."""
    name = f"{tenant.name}@{host}"
    if tenant.facts is None:
        return [Subject("daemon", "", name, error=tenant.error)]
    found = subjects(tenant.facts, policy, [kind for kind in kinds if kind != "host"])
    names = {"daemon": name}
    return [
        dataclasses.replace(one, id=one.id[:80], name=names.get(one.kind) or f"{tenant.name}/{one.name[:128]}")
        for one in found
    ]


def _host(facts: Facts, daemon: Json, policy: Json) -> Subject:
    return Subject(
        "host", text(facts.info, "ID"), text(facts.info, "Name") or "host", host_document(facts, daemon, policy)
    )


def daemon_subject(facts: Facts, document: Json) -> Subject:
    """The daemon, which stands for its host."""
    return Subject("daemon", text(facts.info, "ID"), text(facts.info, "Name") or "docker", document)


def _container(raw: Json, around: Context, policy: Json) -> Subject:
    name = text(raw, "name").lstrip("/") or text(raw, "inspect", "Name").lstrip("/")
    error = text(raw, "error")
    return Subject(
        "container",
        text(raw, "id") or text(raw, "inspect", "Id"),
        name,
        {} if error else container_document(raw, around, policy),
        error,
    )
