#!/usr/bin/python
# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_baseline
short_description: Record the approved state of a Docker host, and report what drifted from it
version_added: 0.4.0
description:
  - Reads the state of a Docker host once, normalises it, and compares it with a baseline, which is the state that
    somebody approved. What was changed, added or removed since is drift. Each entry says how bad it is and who mends
    it.
  - The state is that of the daemon (file, flags, what is in effect, listeners, certificates), its files (owner, mode,
    content), units and drop-ins, members of its groups, rights by sudo, kernel parameters, firewall, log shipping,
    audit rules, confinement, and of all containers, networks, volumes and plugins. Engines that users run for
    themselves belong to it.
  - What changes by itself is no drift. Restarts, new ids and addresses of containers, ports that the engine picks, the
    order of sets, comments in files and renewed certificates are not seen.
  - A daemon setting that was changed and is not in effect yet (V(not_restarted)), a container that was made before a
    default of the daemon changed (V(created_before)) and an image that is not approved (V(image_not_approved)) are
    drift of their own kinds.
  - Values that may be secret are removed when they are read; they are neither in the baseline nor in the result.
  - Drift does not make the module fail; the result says what was found.
extends_documentation_fragment:
  - bulkhead.docker.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details:
      - The drift itself is the difference, and always returned.
  idempotent:
    support: full
  platform:
    description: The operating systems it runs on.
    support: full
    platforms: linux
requirements:
  - Docker SDK for Python 5.0.3 or later (C(python3-docker) of the distribution)
  - jmespath 0.9.4 or later (C(python3-jmespath) of the distribution)
author:
  - bulkhead.docker maintainers (@bulkhead)
options:
  state:
    description:
      - V(compared) compares and leaves the baseline alone. Without one it fails.
      - V(present) records the state as the baseline if there is none, and compares.
      - V(approved) takes the drift that O(approve) names over into the baseline. What is left is returned as drift.
      - V(absent) removes the baseline and what is known of earlier runs.
    type: str
    choices: [compared, present, approved, absent]
    default: compared
  path:
    description:
      - The file of the baseline on the host, for root alone. It keeps the last drift beside it, as C(drift.json), to
        tell when an entry was first seen.
    type: path
    default: /var/lib/bulkhead.docker/baseline.json
  baseline:
    description:
      - A baseline that is kept elsewhere, such as in a git directory of the controller, as an earlier run returned it
        under RV(baseline). The file at O(path) is then neither read nor written.
      - An empty mapping stands for none, to begin with O(state=present).
    type: dict
  approve:
    description:
      - The paths to approve, each with all below it, or as a glob such as V(containers.web.*).
      - With V(*), which is everything, the baseline also learns what it did not know, such as the containers of a host
        whose baseline was made where no engine ran.
    type: list
    elements: str
    default: ["*"]
  approved_by:
    description: Who answers for the baseline. Required with O(state=present) and O(state=approved).
    type: str
  reason:
    description: Why.
    type: str
    default: ""
  images:
    description:
      - Digests of approved images, as V(sha256:...), or V(NAME@sha256:...) with a glob for the name.
      - When there are any, containers of other images are drift, whatever the baseline says.
    type: list
    elements: str
    default: []
  ignore:
    description: Drift that is not reported.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: A path with all below it, or a glob.
        type: str
        required: true
      reason:
        description: Why nobody needs to know.
        type: str
        required: true
  docker_host:
    description: The engine, as V(unix:///path) of its socket.
    type: str
    default: unix:///var/run/docker.sock
  rootless:
    description: Whether engines that users run for themselves belong to the state. Needs root.
    type: bool
    default: true
  offline:
    description:
      - Whether this is a file system where nothing runs, such as an image that is being built. Files and settings are
        recorded, what only a running host has stays unknown.
    type: bool
    default: false
  journal:
    description:
      - Whether each entry is written to the system's journal, as a line of JSON with the identifier
        C(bulkhead-docker-drift) and the priority of its severity, and another line for the run.
    type: bool
    default: false
  timeout:
    description: Seconds that one call to the engine may take.
    type: int
    default: 10
seealso:
  - module: bulkhead.docker.docker_audit
  - plugin: bulkhead.docker.drift
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Record the state of a host that was just hardened
  bulkhead.docker.docker_baseline:
    state: present
    approved_by: alice

- name: What drifted since
  bulkhead.docker.docker_baseline:
    journal: true
  register: result

- name: Take over a new container
  bulkhead.docker.docker_baseline:
    state: approved
    approve: [containers.web, networks.front]
    approved_by: alice
    reason: CHG-1234

- name: Baselines in a git directory of the controller
  bulkhead.docker.docker_baseline:
    baseline: "{{ lookup('ansible.builtin.file', 'baselines/' ~ inventory_hostname ~ '.json') | from_json }}"
"""

RETURN = r"""
drift:
  description: What drifted.
  returned: O(state) is not V(absent)
  type: dict
  contains:
    schema:
      description: Version of this document.
      type: int
      sample: 1
    tool:
      description: Name and version of the collection.
      type: dict
      sample: {name: bulkhead.docker, version: 0.4.0}
    host:
      description: The host's name, as the engine knows it.
      type: dict
      sample: {name: docker-1}
    checked_at:
      description: When, in UTC.
      type: str
      sample: "2026-11-22T13:00:00Z"
    baseline:
      description:
        - Where the baseline is (C(source)), who recorded it, when and why (C(recorded)), and how many approvals
          followed (C(approvals)).
      type: dict
      sample:
        source: /var/lib/bulkhead.docker/baseline.json
        recorded: {at: "2026-11-21T13:00:00Z", by: alice, reason: ""}
        approvals: 0
    engine_error:
      description: Why the engine did not answer; empty when it did. Its part of the state is then unknown.
      type: str
      sample: ""
    counts:
      description: Entries by severity.
      type: dict
      sample: {critical: 0, high: 1, medium: 0, low: 0, info: 0}
    unknown:
      description: Paths that are in the baseline and could not be read now.
      type: list
      elements: str
      sample: []
    ignored:
      description: How many entries O(ignore) left out.
      type: int
      sample: 0
    entries:
      description: The worst first.
      type: list
      elements: dict
      contains:
        path:
          description: Where, as a JMESPath into the state.
          type: str
          sample: daemon.configured.icc
        kind:
          description: >-
            V(changed), V(added), V(removed), V(not_restarted), V(created_before) or V(image_not_approved).
          type: str
          sample: not_restarted
        before:
          description: What was approved; null when there was nothing.
          type: raw
          sample: false
        after:
          description: What there is; null when there is nothing.
          type: raw
          sample: true
        severity:
          description: How bad that is (V(critical), V(high), V(medium), V(low) or V(info)).
          type: str
          sample: medium
        lever:
          description: Who can mend it (V(host), V(recreate), V(rebuild) or V(external)).
          type: str
          sample: host
        role:
          description: The role of this collection that mends it, if there is one.
          type: str
          sample: docker_daemon
        remedy:
          description: How to mend it.
          type: str
          sample: Role docker_daemon, with the variables that the host was hardened with; or approve it.
        first_seen:
          description: When a run on this host first saw it.
          type: str
          sample: "2026-11-22T12:00:00Z"
baseline:
  description: The baseline as it is now, to keep it elsewhere; null when there is none.
  returned: always
  type: dict
  sample: null
"""

import collections
import datetime
import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.bulkhead.docker.plugins.module_utils import libraries
from ansible_collections.bulkhead.docker.plugins.module_utils.collect import baseline as more
from ansible_collections.bulkhead.docker.plugins.module_utils.collect import engine, engines
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.facts import Facts, Tenant
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import Run, runner
from ansible_collections.bulkhead.docker.plugins.module_utils.drift import compare, store
from ansible_collections.bulkhead.docker.plugins.module_utils.drift.baseline import (
    Approval,
    Baseline,
    BaselineError,
    approved,
    checked,
    recorded,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.drift.snapshot import snapshot
from ansible_collections.bulkhead.docker.plugins.module_utils.model import SCHEMA, SEVERITIES, TOOL, VERSION

Options = t.Mapping[str, t.Any]

OPTIONS: dict[str, dict[str, t.Any]] = {
    "state": {"type": "str", "choices": ["compared", "present", "approved", "absent"], "default": "compared"},
    "path": {"type": "path", "default": "/var/lib/bulkhead.docker/baseline.json"},
    "baseline": {"type": "dict"},
    "approve": {"type": "list", "elements": "str", "default": ["*"]},
    "approved_by": {"type": "str"},
    "reason": {"type": "str", "default": ""},
    "images": {"type": "list", "elements": "str", "default": []},
    "ignore": {
        "type": "list",
        "elements": "dict",
        "options": {name: {"type": "str", "required": True} for name in ("path", "reason")},
        "default": [],
    },
    "docker_host": {"type": "str", "default": "unix:///var/run/docker.sock"},
    "rootless": {"type": "bool", "default": True},
    "offline": {"type": "bool", "default": False},
    "journal": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 10},
}
_RECORD = "record one when the host is as it should be (state: present, approved_by: who answers for it)"


def known(options: Options) -> Baseline | None:
    """The baseline there is. Raises BaselineError."""
    if options["baseline"] is not None:
        return checked(options["baseline"], "the option baseline") if options["baseline"] else None
    return store.read(Path(options["path"]))


def check(options: Options, found: Baseline | None) -> None:
    """All that can be wrong with the options. Raises DriftError."""
    if options["timeout"] < 1:
        raise BaselineError(f"timeout must be at least 1 second, not {options['timeout']}")
    compare.digests(options["images"])
    if found is None and options["state"] in ("compared", "approved"):
        where = (
            "the option baseline is empty" if options["baseline"] is not None else f"there is none at {options['path']}"
        )
        raise BaselineError(f"no baseline to compare with: {where}; {_RECORD}")


def collected(options: Options, run: Run, found: Baseline | None) -> tuple[Facts, list[Tenant], dict[str, t.Any], str]:
    """The facts, those of users' engines, what a baseline keeps beside, and why the engine did not answer."""
    parameters = ((found or {}).get("state") or {}).get("sysctl") or {}
    beside = more.of_host(run, options["offline"], parameters)
    if options["offline"]:
        return more.offline(), [], beside, ""
    try:
        facts, tenants = engines.collected(options, True, True)
        return facts, tenants, {**beside, **more.of_engine(options["docker_host"], options["timeout"])}, ""
    except engine.EngineUnavailableError as error:
        if options["state"] == "present":
            raise
        return more.without_engine(options["docker_host"]), [], beside, str(error)


def result(options: Options, run: Run, found: Baseline | None) -> tuple[dict[str, t.Any], Baseline]:
    """The drift, and the baseline as it is to be."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    facts, tenants, beside, error = collected(options, run, found)
    seen = snapshot(facts, tenants, beside, now)
    approval = Approval(now, options["approved_by"] or "", options["reason"], options["approve"])
    wanted = found or recorded(seen, approval)
    entries, unknown = compare.drift(wanted, seen, options["images"])
    if found and options["state"] == "approved":
        wanted = approved(found, seen, entries, approval)
        entries, unknown = compare.drift(wanted, seen, options["images"])
    told = [one for one in entries if not compare.selected(one["path"], [skip["path"] for skip in options["ignore"]])]
    told = store.seen_before(Path(options["path"]), told, now)
    counts = collections.Counter(one["severity"] for one in told)
    drift = {
        "schema": SCHEMA,
        "tool": {"name": TOOL, "version": VERSION},
        "host": seen["host"],
        "checked_at": now,
        "baseline": {
            "source": "option" if options["baseline"] is not None else options["path"],
            "recorded": wanted["recorded"],
            "approvals": len(wanted["approvals"]),
        },
        "engine_error": error,
        "counts": {severity: counts[severity] for severity in SEVERITIES},
        "unknown": unknown,
        "ignored": len(entries) - len(told),
        "entries": told,
    }
    return drift, wanted


def main() -> None:
    module = AnsibleModule(
        argument_spec=OPTIONS,
        required_if=[("state", "present", ("approved_by",)), ("state", "approved", ("approved_by",))],
        supports_check_mode=True,
    )
    options, path = module.params, Path(module.params["path"])
    problem = "" if options["offline"] else libraries.ensure()
    if problem:
        module.fail_json(msg=problem)
    try:
        found = known(options)
        if options["state"] == "absent":
            if found and not module.check_mode and options["baseline"] is None:
                store.remove(path)
            module.exit_json(changed=found is not None, baseline=None)
        check(options, found)
        drift, wanted = result(options, runner(module.run_command), found)
        if not module.check_mode:
            if wanted is not found and options["baseline"] is None:
                store.keep(path, wanted)
            store.keep(path.parent / store.LAST, drift)
            if options["journal"]:
                store.tell(drift)
    except (compare.DriftError, engine.EngineUnavailableError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=wanted is not found, drift=drift, baseline=wanted)


if __name__ == "__main__":
    main()
