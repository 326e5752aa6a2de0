#!/usr/bin/python
# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_daemon_config
short_description: Own chosen keys of Docker's daemon.json and apply them without losing a container
version_added: 0.1.0
author:
  - bulkhead.docker maintainers (@bulkhead)
description:
  - Merges keys into C(daemon.json), remembers which of them are its own and what stood there before, and gives them
    back when they are no longer asked for. Keys of others, such as C(runtimes), survive untouched.
  - Before anything is written, each key is checked against the installed engine (known, of the right type, not also
    set by a flag of the systemd unit, not in conflict with other keys or with Swarm), and the whole file by C(dockerd
    --validate) where that exists (23.0 and newer).
  - A change is applied by a reload where that suffices, else by a restart as O(restart) allows. Afterwards the engine
    must answer and run the same containers with the same networks and published ports. If not, the old file is
    restored, the old daemon brought back, and the task fails with the reason and the end of the daemon's journal.
  - A run that was killed half-way is completed, or undone, by the next one.
  - Secrets (credentials in URLs, log options such as C(splunk-token)) are masked in all output.
options:
  config:
    description:
      - The keys to own, with their values. A key set to null must be absent from the file.
      - An empty mapping (with O(profile) empty too) undoes everything that earlier runs did.
    type: dict
    default: {}
  profile:
    description:
      - Keys that are owned in the same way where the engine can take them. One that the engine does not know, that
        Swarm excludes, that the unit sets by a flag, or that conflicts with O(config), is left out and named in
        RV(notes).
      - Where both name a key, O(config) wins.
    type: dict
    default: {}
  mode:
    description:
      - V(merge) changes only the keys named, and gives back those named earlier.
      - V(exclusive) makes the file exactly what is asked for. A file that is not valid JSON is put aside and
        replaced; with V(merge) it is an error.
    type: str
    choices: [merge, exclusive]
    default: merge
  path:
    description:
      - The configuration file. It must be the one that the daemon reads; a symbolic link to it is followed.
      - By default C(/etc/docker/daemon.json), with O(scope=user) C(~/.config/docker/daemon.json).
    type: path
  docker_host:
    description:
      - The unix socket of the engine whose file this is.
      - By default C(unix:///var/run/docker.sock), with O(scope=user) C(unix:///run/user/UID/docker.sock).
    type: str
  scope:
    description:
      - Whose engine it is. V(system) is the host's, run by root. V(user) is the rootless one of the user as whom the
        task runs (C(become_user)), with that user's own systemd and journal.
      - A rootless engine's containers end with it. So O(restart=auto) restarts it only while none runs, and keys that
        do nothing there, or harm (C(hosts), C(live-restore), C(userns-remap), before 28.0 C(userland-proxy) set to
        false), are refused, or left out of O(profile).
    type: str
    choices: [system, user]
    default: system
    version_added: 0.2.0
  service:
    description:
      - The systemd unit of the daemon.
      - A daemon that runs outside of systemd is found by O(docker_host); to restart it is left to you.
    type: str
    default: docker.service
  dockerd:
    description:
      - Path of the daemon's binary, which is asked for its version and to validate the file.
      - By default the one in the unit, else the one on the search path.
    type: path
  engine_version:
    description: The version to check keys against where no engine is installed or running, as in an image build.
    type: str
  restart:
    description:
      - What may be done when a changed key needs a restart of the daemon.
      - V(auto) restarts when no container would be lost by it - none runs, or live-restore is in effect, which a
        reload brings about first when it is among the keys. Otherwise RV(restart_pending) is set.
      - V(always) restarts whatever runs. V(never) always leaves the restart pending.
      - An engine that is stopped stays stopped; one that has failed is started unless this is V(never).
    type: str
    choices: [auto, always, never]
    default: auto
  listen:
    description:
      - Addresses on which the daemon serves its API over TCP as well, with TLS, to clients with a certificate. An
        address alone (V(10.0.0.5), V(2001:db8::5)) means C(tcp://) and port 2376.
      - Stands for the key C(hosts) - these addresses beside the local sockets that the daemon has without them - with
        C(tlsverify) and with flags of the unit that say the same overridden. Name C(tlscacert), C(tlscert) and
        C(tlskey) in O(config).
      - The certificates are tried before anything is touched. After the restart each address must answer with that
        certificate and turn away a client that has none, or all is undone.
      - There is no way to listen on TCP without verifying clients.
    type: list
    elements: str
    default: []
    version_added: 0.2.0
  override_flags:
    description:
      - Keys whose flags on the command line of the unit give way to the file. The daemon does not start when both say
        a key, so these flags are taken out by a drop-in of the unit of our own, C(zz-bulkhead.conf), which holds
        the command of the vendor's unit and of other drop-ins less these flags. They are never touched, and followed
        by the next run when they change.
      - The drop-in and the file are one change, undone together. The drop-in goes when no key needs it.
      - Concerns keys that O(config) or O(profile) name, and no others.
    type: list
    elements: str
    default: []
    version_added: 0.2.0
  hold_listeners:
    description:
      - When the run would change where or with which certificates the API listens, change nothing, and say so in
        RV(held), so that a guard can be armed before it is called again without this. No effect in check mode.
    type: bool
    default: false
    version_added: 0.2.0
  accept_data_move:
    description:
      - Allow keys that make the daemon look elsewhere for its data (C(userns-remap), C(data-root), C(storage-driver),
        the containerd image store) on a host that has containers, images or volumes. Nothing is deleted, but the
        daemon no longer sees them.
    type: bool
    default: false
  timeout:
    description: Seconds to wait for the daemon after a restart before it counts as failed; at least 1.
    type: int
    default: 60
extends_documentation_fragment:
  - bulkhead.docker.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Shows the file before and after, by meaning, secrets masked; and our drop-in of the unit, if it changes.
  idempotent:
    support: full
  platform:
    description: The operating systems it runs on.
    support: full
    platforms: linux
notes:
  - Needs root on the managed host (with O(scope=user), to be that user), and nothing but Python 3.9 there.
  - The record of what is owned lies in C(/var/lib/bulkhead.docker), which only root can enter, with the last file the
    daemon is known to have run. With O(scope=user) it lies in the user's own C(~/.local/state/bulkhead.docker).
"""

EXAMPLES = r"""
- name: Containers survive the daemon, and get no new privileges
  bulkhead.docker.docker_daemon_config:
    config:
      live-restore: true
      no-new-privileges: true

- name: No debug logs, whoever switched them on
  bulkhead.docker.docker_daemon_config:
    config:
      debug: null

- name: The API for those who hold a certificate, beside the local socket
  bulkhead.docker.docker_daemon_config:
    listen: [10.0.0.5]
    config:
      tlscacert: /etc/docker/tls/ca.pem
      tlscert: /etc/docker/tls/server-cert.pem
      tlskey: /etc/docker/tls/server-key.pem

- name: Where the vendor's unit says --live-restore, let the file say it
  bulkhead.docker.docker_daemon_config:
    override_flags: [live-restore]
    config:
      live-restore: true

- name: In an image build, where no engine runs
  bulkhead.docker.docker_daemon_config:
    engine_version: 28.5.2
    config:
      icc: false

- name: The rootless engine of one user
  bulkhead.docker.docker_daemon_config:
    scope: user
    config:
      no-new-privileges: true
  become: true
  become_user: ci

- name: Undo everything
  bulkhead.docker.docker_daemon_config:
    config: {}
"""

RETURN = r"""
changes:
  description: The keys that change, or that the daemon has still to take up; and C(ExecStart), the command line.
  returned: success
  type: list
  elements: dict
  contains:
    key:
      description: The key of the file.
      type: str
      sample: icc
    before:
      description: Its value before, null when it was absent.
      type: raw
      sample: null
    after:
      description: Its value now, null when it is absent.
      type: raw
      sample: false
    effect:
      description: What makes the daemon take it up (V(reload), V(restart)), or V(none) when it already runs this value.
      type: str
      sample: restart
    recreate:
      description: Whether containers that exist keep the old default until they are recreated.
      type: bool
      sample: false
    source:
      description: Why it changes (V(config), V(profile), V(exclusive)), or V(release) when it is given back.
      type: str
      sample: config
held:
  description: Whether nothing was done because the listeners change and O(hold_listeners) is set.
  returned: success
  type: bool
  sample: false
files:
  description:
    - All files that such a change writes - the configuration, the drop-in of the unit, and our own record - whether
      they exist or not.
  returned: success
  type: list
  elements: str
  sample:
    - /etc/docker/daemon.json
    - /etc/systemd/system/docker.service.d/zz-bulkhead.conf
    - /var/lib/bulkhead.docker/etc-docker-daemon.json.state
    - /var/lib/bulkhead.docker/etc-docker-daemon.json.good
daemon_action:
  description: What was done to the daemon (V(none), V(reload), V(restart), V(start)).
  returned: success
  type: str
  sample: restart
restart_pending:
  description: Whether the daemon needs a restart that O(restart) did not allow.
  returned: success
  type: bool
  sample: false
restart_reason:
  description: Why the restart is left to you; empty when none is pending.
  returned: success
  type: str
  sample: "live-restore is off, so a restart would stop 2 running: db, web"
recreate:
  description: The running containers that must be recreated to gain a changed default.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: The container's id.
      type: str
      sample: 4f66ad9a0b2e
    name:
      description: The container's name.
      type: str
      sample: web
    settings:
      description: The keys of the file whose new default it does not have.
      type: list
      elements: str
      sample: [no-new-privileges]
engine:
  description: The engine as it was found.
  returned: success
  type: dict
  contains:
    version:
      description: The version that keys were checked against.
      type: str
      sample: 28.5.2
    running:
      description: Whether it was running and answered.
      type: bool
      sample: true
    status:
      description: V(running), V(hung), V(failed), V(stopped) or V(absent).
      type: str
      sample: running
owned:
  description: The keys that are now ours.
  returned: success
  type: list
  elements: str
  sample: [icc, live-restore]
backup:
  description: The last file the daemon is known to have run; empty when the file did not change.
  returned: success
  type: str
  sample: /var/lib/bulkhead.docker/etc-docker-daemon.json.good
notes:
  description: What is left to know or do, such as keys of the profile left out, or containers to recreate.
  returned: success
  type: list
  elements: str
  sample: ["live-restore of the profile is left out: live-restore does not work on a Swarm node"]
undone:
  description: Whether all is as it was before.
  returned: on failure
  type: bool
  sample: true
journal:
  description: The last lines of the daemon's journal.
  returned: when applying failed
  type: list
  elements: str
  sample: ["failed to start daemon: ..."]
"""

import contextlib
import os
import time
import typing as t
from dataclasses import replace
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_listeners import normalise
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_secrets import find, mask, mask_text, telling
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import files, flags, preflight, report
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.apply import Apply, Outcome, UndoneError
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.command import CommandError
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.control import Daemon
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.engine import Engine, EngineError
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.files import StateError, Store, read
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.proposal import (
    RefusedError,
    Request,
    found,
    propose,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import runner
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.scope import Scope, ScopeError, choose
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.survey import Given, survey

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    # no_log keeps the values out of the host's own log; main() masks what reaches the controller
    "config": {"type": "dict", "default": {}, "no_log": True},
    "profile": {"type": "dict", "default": {}, "no_log": True},
    "mode": {"type": "str", "choices": ["merge", "exclusive"], "default": "merge"},
    "scope": {"type": "str", "choices": ["system", "user"], "default": "system"},
    "path": {"type": "path"},
    "docker_host": {"type": "str"},
    "service": {"type": "str", "default": "docker.service"},
    "dockerd": {"type": "path"},
    "engine_version": {"type": "str"},
    "restart": {"type": "str", "choices": ["auto", "always", "never"], "default": "auto"},
    "listen": {"type": "list", "elements": "str", "default": []},
    "override_flags": {"type": "list", "elements": "str", "default": []},
    "hold_listeners": {"type": "bool", "default": False},
    "accept_data_move": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 60},
}


def _guard(module: AnsibleModule, *values: t.Any) -> None:
    """Have Ansible mask these values' secrets wherever they occur in what the module returns."""
    module.no_log_values.update(telling(secret for value in values for secret in find(value)))


def run(module: AnsibleModule, request: Request, scope: Scope) -> dict[str, t.Any]:
    params = module.params
    engine = Engine(params["docker_host"] or scope.docker_host)
    store = Store(request.path, scope.state)
    runs = runner(module.run_command)
    with contextlib.nullcontext() if module.check_mode else store.lock():
        at = found(read(request.path), store.load(), read(store.backup), request.mode, request.path)
        given = Given(params["service"], params["dockerd"], params["engine_version"], at.content, scope)
        host = survey(runs, engine, given)
        _guard(module, at.content, at.good, dict(host.unit.environment), flags.settings(host.command.argv))
        proposal = propose(request, host, at)
        host = host.under(proposal.keys)
        for warning in proposal.warnings:
            module.warn(mask_text(warning, set(module.no_log_values)))
        notes = preflight.check(request, host, proposal, engine, module.check_mode)
        proposal = replace(proposal, notes=(*proposal.notes, *notes))
        if params["hold_listeners"] and proposal.opens and not module.check_mode:
            return report.held(request, host, at, proposal, store)
        outcome = Outcome(proposal.decision.action, proposal.decision.pending)
        if not module.check_mode:
            files.tidy(request.path)
            files.tidy(host.command.path)
            if at.broken:
                store.keep_broken(at.original, time.strftime("%Y%m%dT%H%M%S"))
            daemon = Daemon(runs, params["service"], engine, params["timeout"], scope)
            outcome = Apply(host, at, proposal, store, daemon, request.path).run(request.restart)
    return report.result(request, host, at, proposal, outcome, store)


def _request(module: AnsibleModule, scope: Scope) -> Request:
    """The options; what is left in ``module.params``, which Ansible prints as the invocation, is masked.

    no_log alone would mask every harmless value of ``config`` too (true, json-file), wherever it occurs.
    """
    params = module.params
    if params["timeout"] < 1:
        raise RefusedError(f"timeout must be at least 1 second, not {params['timeout']}")
    request = Request(
        config=params["config"] or {},
        profile=params["profile"] or {},
        mode=params["mode"],
        # which, unlike resolve(), takes a circle of symlinks as it is
        path=Path(os.path.realpath(params["path"] or scope.path)),
        restart=params["restart"],
        accept_data_move=params["accept_data_move"],
        override=frozenset(params["override_flags"]),
        listen=_addresses(params["listen"]),
    )
    module.no_log_values.clear()
    _guard(module, request.config, request.profile)
    params.update(config=mask(request.config), profile=mask(request.profile))
    return request


def _addresses(given: list[str]) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(normalise(address) for address in given))
    except ValueError as error:
        raise RefusedError(f"listen: {error}") from error


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        scope = choose(module.params["scope"])
        result = run(module, _request(module, scope), scope)
    except UndoneError as error:
        known = set(module.no_log_values)
        journal = [mask_text(line, known) for line in error.journal]
        module.fail_json(msg=mask_text(str(error), known), journal=journal, undone=error.complete)
    except (RefusedError, CommandError, ScopeError, EngineError, StateError, OSError) as error:
        module.fail_json(msg=mask_text(str(error), set(module.no_log_values)), undone=True)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
