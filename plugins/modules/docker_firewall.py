#!/usr/bin/python
# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_firewall
short_description: Decide what may reach containers, and what they may reach
version_added: 0.3.0
author:
  - bulkhead.docker maintainers (@bulkhead)
description:
  - One policy in Docker's words, for IPv4 and IPv6 together, made into rules of the kernel and kept on the host, where
    a program refreshes the rules from it (C(bulkhead-docker-firewall apply)). The role
    P(bulkhead.docker.docker_firewall#role) adds the units that run it, and a guard.
  - For engines with the iptables backend there are four chains of our own in the table C(filter), reached from
    C(DOCKER-USER) and C(INPUT); for the nftables backend a table of our own, C(inet bulkhead_docker), that comes before
    Docker's. They are replaced in one transaction. Nothing else is changed, and nothing is flushed.
  - They only ever deny. What they let pass goes on to Docker's rules and to any other firewall of the host.
options:
  state:
    description:
      - V(present) stores the policy and applies it.
      - V(installed) puts only the program there, which changes no rule.
      - V(absent) takes away the rules, the policy and the program.
    type: str
    choices: [present, installed, absent]
    default: present
  policy:
    description:
      - The policy, as the options of the role describe it - C(backend), C(published), C(published_default), C(direct),
        C(egress), C(metadata), C(admin_networks), C(api_port), C(api_sources), C(name_servers), C(accept_mark),
        C(domain_keep). What is not named has its default.
      - It is checked as a whole, before anything is touched.
    type: dict
    default: {}
  docker_host:
    description: The unix socket of the engine. An engine that does not answer leaves the rules as for its last answer.
    type: str
    default: unix:///var/run/docker.sock
  offline:
    description: Nothing runs here, as while an image is built. The policy is checked and stored with the program that
      applies it at boot. No rule is made or loaded, for the kernel is another machine's.
    type: bool
    default: false
    version_added: 0.4.0
extends_documentation_fragment:
  - bulkhead.docker.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Shows the policy in words, and the rules as the kernel has them and as they are to be.
  idempotent:
    support: full
  platform:
    description: The operating systems it runs on.
    support: full
    platforms: linux
notes:
  - Needs root, C(iptables) and C(ip6tables) or C(nft), and nothing but Python 3.9 on the managed host.
  - A packet that a container sends out of a macvlan or ipvlan network, or from the host's network, never passes these
    rules. Such containers are named in RV(notes).
seealso:
  - module: bulkhead.docker.docker_change_guard
"""

EXAMPLES = r"""
- name: Publish 443 to everybody and nothing else, and keep one network from talking to the world
  bulkhead.docker.docker_firewall:
    policy:
      published:
        - ports: [443/tcp]
          sources: [any]
      published_default: closed
      egress:
        - networks: [backend]
          allow:
            - to: [api.example.com]
              ports: [443/tcp]

- name: Without a firewall of ours
  bulkhead.docker.docker_firewall:
    state: absent
"""

RETURN = r"""
backend:
  description: The program whose rules they are, V(iptables) or V(nftables).
  returned: O(state=present)
  type: str
  sample: iptables
pending:
  description: What was not as it should be, by program or file.
  returned: success
  type: list
  elements: str
  sample: [ip6tables, iptables]
words:
  description: The rules in words.
  returned: O(state=present)
  type: list
  elements: str
  sample: ["published 443/tcp open to 0.0.0.0/0", "network backend: nothing else"]
notes:
  description: What the rules do not cover, and what the policy names that is not there.
  returned: O(state=present)
  type: list
  elements: str
  sample: ["container metrics is not covered: it is in the host's network"]
"""

import json
import subprocess
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall import install
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall.apply import ApplyError
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall.host import (
    POLICY,
    STATE,
    Firewall,
    lock,
    lookup,
    write,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall.host import Plan as HostPlan
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall.policy import PolicyError, parse
from ansible_collections.bulkhead.docker.plugins.module_utils.firewall.program import feed, run

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "state": {"type": "str", "choices": ["present", "installed", "absent"], "default": "present"},
    "policy": {"type": "dict", "default": {}},
    "docker_host": {"type": "str", "default": "unix:///var/run/docker.sock"},
    "offline": {"type": "bool", "default": False},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        wanted = parse(module.params["policy"])
        asks = module.params["state"] == "present" and not module.params["offline"]
        answers = lookup(wanted.domains) if asks else {}
        with lock():
            module.exit_json(**_act(module, answers))
    except (PolicyError, ApplyError) as error:
        module.fail_json(msg=f"docker_firewall: {error}")
    except (OSError, subprocess.SubprocessError) as error:
        module.fail_json(msg=f"docker_firewall: {error}; the rules are as they were before")


def _act(module: AnsibleModule, answers: dict[str, list[str]]) -> dict[str, t.Any]:
    state, check = module.params["state"], module.check_mode
    if state == "installed":
        pending = install.pending()
        if not check:
            install.install()
        return {"changed": bool(pending), "pending": pending}
    policy = None if state == "absent" else module.params["policy"]
    if module.params["offline"]:
        return _on_disk(policy, check)
    firewall = Firewall(run, feed, module.params["docker_host"])
    plan = firewall.plan(policy, answers)
    before = firewall.words_before()
    text = None if policy is None else json.dumps(policy, indent=1, sort_keys=True) + "\n"
    pending = [*plan.pending, *_files(text)]
    if not check and pending:
        firewall.apply(plan)
        _store(text)
    found = {"changed": bool(pending), "pending": pending, "diff": _diff(plan, before)}
    return found if policy is None else {**found, "backend": plan.backend, "words": plan.words, "notes": plan.notes}


def _on_disk(policy: dict[str, t.Any] | None, check: bool) -> dict[str, t.Any]:
    """For an image: what the next boot reads, and no rule."""
    text = None if policy is None else json.dumps(policy, indent=1, sort_keys=True) + "\n"
    pending = _files(text)
    before = POLICY.read_text(encoding="utf-8") if POLICY.exists() else ""
    if pending and not check:
        _store(text)
    diff = {"before_header": str(POLICY), "after_header": str(POLICY), "before": before, "after": text or ""}
    found = {"changed": bool(pending), "pending": pending, "diff": [diff] if before != diff["after"] else []}
    return found if policy is None else {**found, "backend": policy.get("backend", "auto"), "words": [], "notes": []}


def _files(text: str | None) -> list[str]:
    """Files that are not as they should be."""
    if text is None:
        return [*(str(path) for path in (POLICY, STATE) if path.exists()), *install.present()]
    stored = POLICY.read_text(encoding="utf-8") if POLICY.exists() else None
    return [*install.pending(), *([str(POLICY)] if stored != text else [])]


def _store(text: str | None) -> None:
    """The policy last: what refreshes the rules in between does it by the old one."""
    if text is None:
        for path in (POLICY, STATE):
            path.unlink(missing_ok=True)
        install.remove()
    else:
        install.install()
        write(POLICY, text, 0o600)


def _diff(plan: HostPlan, before: list[str]) -> list[dict[str, str]]:
    texts = {"firewall, in words": ("".join(f"{one}\n" for one in before), "".join(f"{one}\n" for one in plan.words))}
    texts.update({name: pair for name, pair in plan.text.items() if name in plan.pending})
    return [
        {"before_header": name, "after_header": name, "before": old, "after": new}
        for name, (old, new) in texts.items()
        if old != new
    ]


if __name__ == "__main__":
    main()
