#!/usr/bin/python
# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_audit
short_description: Judge a Docker host, its daemon and its containers by security rules
version_added: 0.1.0
description:
  - Reads the state of a Docker engine and of all its containers once, from the engine's API, the kernel and the
    daemon's own files, and judges it by rules. Each rule maps to the CIS Docker Benchmark where that has a counterpart.
  - It judges what is in effect, not what a file says. A daemon setting may come from a flag, the configuration file or
    the engine's default; a container's privileges are those of its living process.
  - Of the host it judges what decides about the engine. These are the owners and modes of its files and sockets, who
    may drive it (by group, access list or sudo), its filesystem, its versions, and what else the host runs.
  - It only reads. Failing rules do not make the module fail; the result says what was found.
  - Values that may be secret (all environment values; labels, log options, command line arguments and proxy addresses
    that look so) are removed when they are read. They are in no result.
  - Without root, what only root may see is not guessed. The rules that need it come out as V(unknown).
extends_documentation_fragment:
  - bulkhead.docker.attributes
  - bulkhead.docker.attributes.read_only
attributes:
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
  docker_host:
    description:
      - The engine to audit, as V(unix:///path) of its socket, or V(tcp://host:port) for a port without TLS.
      - A rootless engine listens on V(unix:///run/user/UID/docker.sock).
      - Over TCP nothing is known of the daemon's process and of the containers' processes.
    type: str
    default: unix:///var/run/docker.sock
  subjects:
    description: What to judge.
    type: list
    elements: str
    choices: [host, daemon, container]
    default: [host, daemon, container]
  select:
    description:
      - The rules to run. All when empty.
      - A rule's id, or a pattern of ids such as V(container-*).
      - V(subject:daemon) for the rules about one kind of subject.
      - V(severity:high) for one severity, V(severity:high+) for it and all that is worse.
      - V(cis:5.4) for the rules that map to this id in any version of the CIS Docker Benchmark, V(cis:5.*) for a whole
        section, V(cis-1.8:2.7) for one version.
      - A selector that no rule answers to is an error.
    type: list
    elements: str
    default: []
  skip:
    description: The rules not to run, even when selected; in the same form as O(select).
    type: list
    elements: str
    default: []
  rules:
    description:
      - Rules of your own, judged like the built-in ones.
      - Expressions are JMESPath over the subject document. Besides the standard functions there are
        C(matches(text, pattern)), C(overlaps(path, paths)), C(subtract(list, list)), C(intersect(list, list)),
        C(lower(text)), C(version_at_least(version, version)), C(mode_beyond(mode, mode)) and C(as_list(value)).
    type: list
    elements: dict
    default: []
    suboptions:
      id:
        description: Stable name, two or more words joined by V(-).
        type: str
        required: true
      subject:
        description: What it judges.
        type: str
        choices: [host, daemon, container]
        required: true
      title:
        description: The wanted condition, in a sentence.
        type: str
        required: true
      threat:
        description: What an attacker gains when it does not hold.
        type: str
        required: true
      severity:
        description: How bad that is.
        type: str
        choices: [critical, high, medium, low, info]
        required: true
      offenders:
        description: Expression. Any value but null, false and what is empty is a failure, and is shown as its evidence.
        type: str
        required: true
      expected:
        description: The wanted value, in words.
        type: str
        required: true
      source:
        description: Where the observed value is read.
        type: str
        required: true
      remedy:
        description: How to mend it.
        type: str
        required: true
      lever:
        description: Who can mend it. Ansible on this host, who deploys the container, the image's build, or others.
        type: str
        choices: [host, recreate, rebuild, external]
        required: true
      applies_when:
        description: Expression. When its value is null, false or empty, the rule is not applicable.
        type: str
      unless:
        description: Why it does not apply then, in words.
        type: str
      needs:
        description: Expressions. When one is null, the verdict is V(unknown).
        type: list
        elements: str
      engine:
        description: The engine versions it applies to, such as V(>=20.10,<29).
        type: str
      role:
        description: The role that mends it.
        type: str
      cis:
        description: For versions of the CIS Docker Benchmark, the ids that it maps to.
        type: dict
  policy:
    description:
      - What this site allows, over the defaults that the guide on rules lists, such as C(allowed_capabilities).
      - Unknown settings are refused.
    type: dict
    default: {}
  waivers:
    description:
      - Failures that someone answers for. A failing finding that a waiver covers has the verdict V(waived), keeps its
        evidence and carries the waiver.
      - Each has C(rule) (a rule's id, or a pattern of ids such as V(container-*)), C(reason), C(owner) and C(expires)
        (a day as V(YYYY-MM-DD), to whose end in UTC it is valid), and may have C(ticket) and C(compensating_control).
      - Each has at least one of C(hosts), C(containers) and C(images), lists of patterns. All that it has must match.
        C(hosts) is compared with the host's name as the result tells it, C(containers) with a container's name
        (of a user's own daemon C(alice/web)) and
        C(images) with the image as the container was created from it. Host and daemon are matched by C(hosts) alone.
      - A waiver that has expired covers nothing. When a failure is back for that, the finding C(waiver-expired) names
        the waiver. The finding C(waiver-unused) names the waivers for this host that cover no failure.
      - A waiver with a mistake in it stops the audit before anything is read.
      - Rules that the setting C(unwaivable) of O(policy) names cannot be waived.
    type: list
    elements: dict
    default: []
  waiver_max_days:
    description: How many days ahead a waiver may expire at most.
    type: int
    default: 365
  ignore_waivers:
    description: Show what fails as if there were no waivers. They are still checked for mistakes.
    type: bool
    default: false
  rootless:
    description:
      - With root, also audit the daemons that users of this host run for themselves, unless O(docker_host) names one of
        these, or another host. They are subjects of their own (C(alice@HOST)), as are their containers (C(alice/web)).
      - Each is asked by a process that has no more rights than its user, for three times O(timeout) seconds at most.
        One that cannot be judged is one V(error).
      - Where there is no socket at O(docker_host), they alone are judged.
    type: bool
    default: true
  timeout:
    description:
      - Seconds to wait for each answer of the engine.
      - A container that the engine does not answer about in time is one V(error); the others are still judged.
    type: int
    default: 10
  verdicts:
    description:
      - The verdicts whose findings are returned. All are counted.
      - V(pass) and V(not_applicable) are left out unless asked for. With hundreds of containers they are thousands.
    type: list
    elements: str
    choices: [fail, error, unknown, waived, pass, not_applicable]
    default: [fail, error, unknown, waived]
"""

EXAMPLES = r"""
- name: Audit the engine and everything on it
  bulkhead.docker.docker_audit:
  become: true
  register: result

- name: Only what is high or worse, and only what is wrong
  bulkhead.docker.docker_audit:
    select: [severity:high+]
    verdicts: [fail, error, unknown]
  become: true

- name: Section 5 of the CIS benchmark, but for two rules, on a rootless engine
  bulkhead.docker.docker_audit:
    docker_host: unix:///run/user/1000/docker.sock
    select: [cis-1.8:5.*]
    skip: [cis-1.8:5.11, cis-1.8:5.12]

- name: A rule of our own, and what we allow
  bulkhead.docker.docker_audit:
    policy:
      allowed_capabilities: [NET_BIND_SERVICE]
    rules:
      - id: site-registry
        subject: container
        title: Images come from our registry
        threat: An image from elsewhere has not been scanned.
        severity: medium
        offenders: "!starts_with(inspect.Config.Image, 'registry.example.com/') && inspect.Config.Image"
        expected: an image of registry.example.com
        source: docker inspect, Config.Image
        remedy: Push the image to our registry and deploy it from there.
        lever: recreate
  become: true

- name: A failure that someone answers for until spring
  bulkhead.docker.docker_audit:
    waivers:
      - rule: container-engine-socket
        hosts: [web*]
        containers: [traefik]
        reason: It discovers containers through the socket until the filtering proxy is in place.
        owner: platform@example.com
        expires: 2027-03-31
        ticket: OPS-1207
        compensating_control: Its network has no way out.
    waiver_max_days: 180
  become: true
"""

RETURN = r"""
audit:
  description: What was found.
  returned: success
  type: dict
  contains:
    schema:
      description: Version of this document's form.
      type: int
      sample: 1
    tool:
      description: What made it.
      type: dict
      sample: {name: bulkhead.docker, version: 0.2.0}
    host:
      description: The host, as its engine describes it.
      type: dict
      sample: {name: web1, kernel: 6.12.48, os: "Debian GNU/Linux 13 (trixie)", architecture: x86_64}
    engine:
      description: The engine.
      type: dict
      sample:
        version: 28.5.2
        api_version: "1.51"
        rootless: false
        storage_driver: overlay2
        cgroup_driver: systemd
        cgroup_version: "2"
        containers: 12
        components: {Engine: 28.5.2, containerd: 2.1.9, runc: 1.3.6}
    collected_at:
      description: When, in UTC.
      type: str
      sample: "2026-11-21T21:00:00Z"
    seconds:
      description: How long reading and judging took.
      type: dict
      sample: {collect: 0.312, evaluate: 0.041}
    counts:
      description: How many findings of each verdict there are, returned or not.
      type: dict
      sample: {fail: 12, error: 0, unknown: 0, waived: 0, pass: 140, not_applicable: 21}
    findings:
      description: One for each rule and subject, worst severity first, then by rule and by name of the subject.
      type: list
      elements: dict
      contains:
        rule:
          description: Stable id of the rule.
          type: str
          sample: daemon-live-restore
        subject:
          description: What was judged.
          type: dict
          sample: {kind: daemon, id: 1c4e0b6e-6f0a-4bd5-9f1e-2a30c7d14bf5, name: web1}
        verdict:
          description:
            - V(pass) or V(fail); V(not_applicable); V(unknown) when what the rule needs could not be read; V(error)
              when reading failed; V(waived) when an exception covers the failure.
          type: str
          sample: fail
        severity:
          description: How bad a failure is.
          type: str
          sample: low
        title:
          description: The wanted condition.
          type: str
          sample: Containers outlive the daemon
        threat:
          description: What an attacker gains when it does not hold.
          type: str
          sample: Each update or crash of the daemon stops every container, so updates are put off.
        remedy:
          description: How to mend it.
          type: str
          sample: >-
            Role docker_daemon with `docker_daemon_profile: baseline`, or `docker_daemon_config: {live-restore: true}`.
            A reload suffices.
        lever:
          description: Who can mend it (V(host), V(recreate), V(rebuild) or V(external)).
          type: str
          sample: host
        role:
          description: The role of this collection that mends it, if there is one.
          type: str
          sample: docker_daemon
        evidence:
          description: What was observed, what was expected and where it was read; or the reason of any other verdict.
          type: dict
          sample:
            observed: {value: false, source: "GET /info: LiveRestoreEnabled"}
            expected: live-restore true
            source: "GET /info: LiveRestoreEnabled"
        cis:
          description: For versions of the CIS Docker Benchmark, the ids it maps to.
          type: dict
          sample: {"1.6": ["2.15"], "1.8": ["2.16"]}
        waiver:
          description: The exception that covers it, if there is one, with all the fields of O(waivers).
          type: dict
          sample: null
"""

import gc

gc.disable()  # a short life: collecting garbage, even while importing, would take a tenth of it

import datetime
import itertools
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.bulkhead.docker.plugins.module_utils import (
    audit_document,
    libraries,
    selection,
    subjects,
    user_rules,
    waivers,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.collect import engine, engines
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.facts import Facts, Tenant
from ansible_collections.bulkhead.docker.plugins.module_utils.evaluate import UNREADABLE, Verdict, order, verdicts
from ansible_collections.bulkhead.docker.plugins.module_utils.model import KINDS, LEVERS, SEVERITIES, VERDICTS, Rule
from ansible_collections.bulkhead.docker.plugins.module_utils.rules import policy
from ansible_collections.bulkhead.docker.plugins.module_utils.rules.catalogue import RULES

Policy = t.Mapping[str, t.Any]

#: Rules whose ids are taken: also those that judge the audit itself.
RESERVED = (*RULES, UNREADABLE, *waivers.RULES)

RULE_OPTIONS: dict[str, dict[str, t.Any]] = {
    **{name: {"type": "str", "required": True} for name in ("id", "title", "threat", "offenders", "expected")},
    **{name: {"type": "str", "required": True} for name in ("source", "remedy")},
    "subject": {"type": "str", "required": True, "choices": list(KINDS)},
    "severity": {"type": "str", "required": True, "choices": list(SEVERITIES)},
    "lever": {"type": "str", "required": True, "choices": list(LEVERS)},
    **{name: {"type": "str"} for name in ("applies_when", "unless", "engine", "role")},
    "needs": {"type": "list", "elements": "str"},
    "cis": {"type": "dict"},
}

OPTIONS: dict[str, dict[str, t.Any]] = {
    "docker_host": {"type": "str", "default": "unix:///var/run/docker.sock"},
    "subjects": {"type": "list", "elements": "str", "choices": list(KINDS), "default": list(KINDS)},
    "select": {"type": "list", "elements": "str", "default": []},
    "skip": {"type": "list", "elements": "str", "default": []},
    "rules": {"type": "list", "elements": "dict", "options": RULE_OPTIONS, "default": []},
    "policy": {"type": "dict", "default": {}},
    "waivers": {"type": "list", "elements": "dict", "default": []},
    "waiver_max_days": {"type": "int", "default": 365},
    "ignore_waivers": {"type": "bool", "default": False},
    "rootless": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 10},
    "verdicts": {"type": "list", "elements": "str", "choices": list(VERDICTS), "default": list(VERDICTS[:4])},
}


def audit(options: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Everything that can be wrong with the options is found before anything is collected."""
    if options["timeout"] < 1:
        raise engine.EngineUnavailableError(f"timeout must be at least 1 second, not {options['timeout']}")
    known = [*RULES, *user_rules.user_rules(options["rules"], (rule.id for rule in RESERVED))]
    rules = selection.chosen(known, options["select"], options["skip"])
    allowed = policy.merged(options["policy"])
    now, start = datetime.datetime.now(datetime.timezone.utc), time.monotonic()
    terms = waivers.Terms(known, allowed["unwaivable"], options["waiver_max_days"], now)
    grants = waivers.granted(options["waivers"], terms)
    facts, tenants = engines.collected(options, "container" in options["subjects"], "host" in options["subjects"])
    seconds = time.monotonic() - start
    found = judged(facts, tenants, rules, allowed, options["subjects"])
    if not options["ignore_waivers"]:
        ran = {rule.id for rule in rules if rule.subject in options["subjects"]}
        found = waivers.laid_over(found, grants, subjects.daemon_subject(facts, {}), now, ran)
    run = audit_document.Run(now, seconds, time.monotonic() - start - seconds)
    return audit_document.document(facts, found, options["verdicts"], run)


def judged(
    facts: Facts, tenants: t.Sequence[Tenant], rules: t.Sequence[Rule], allowed: Policy, kinds: t.Collection[str]
) -> list[Verdict]:
    """Worst first, of all engines."""
    name = subjects.daemon_subject(facts, {}).name
    own = [] if facts.absent else subjects.subjects(facts, allowed, kinds)
    found = verdicts(rules, own, facts.version.get("Version") or "")

    def of(tenant: Tenant) -> list[Verdict]:
        version = tenant.facts.version.get("Version") or "" if tenant.facts else ""
        return verdicts(rules, subjects.tenant_subjects(tenant, name, allowed, kinds), version)

    def safely_of(tenant: Tenant) -> list[Verdict]:
        try:
            return of(tenant)
        except Exception as error:  # whatever a user's daemon said, it must not end the audit of the others
            return of(Tenant(tenant.name, None, f"its answers make no sense: {type(error).__name__}"))

    return sorted([*found, *itertools.chain.from_iterable(map(safely_of, tenants))], key=order)


def main() -> None:
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    problem = libraries.ensure()
    if problem:
        module.fail_json(msg=problem)
    try:
        result = audit(module.params)
    except (
        engine.EngineUnavailableError,
        policy.PolicyError,
        selection.SelectionError,
        user_rules.RuleError,
        waivers.WaiverError,
    ) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, audit=result)


if __name__ == "__main__":
    main()
