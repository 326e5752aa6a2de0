#!/usr/bin/python
# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_tls_files
short_description: Install a certificate, its key and its authority as one thing, under a running Docker daemon
version_added: 0.2.0
author:
  - bulkhead.docker maintainers (@bulkhead)
description:
  - Installs the TLS files of the Docker daemon, of one of its clients, or of the authority that signs for both.
  - They are put to the proof first. The key must belong to the certificate, and a TLS handshake (in memory) must accept
    chain, dates, purpose and names. A set that is refused changes nothing.
  - Where the running daemon uses the files, it is restarted as O(restart) allows, since it reads them only when it
    starts. Afterwards it must answer, run the same containers with the same networks and published ports, and serve the
    new certificate on its ports. If not, the old files are put back, the old daemon brought back, and the task fails
    with the reason.
  - A daemon that does not serve the certificate on disk, and a run that was killed half-way, are finished by the next
    run.
  - Without O(ca), O(cert) and O(key) it only mends modes and a daemon that is behind, and says what is there.
options:
  kind:
    description:
      - V(server) is C(ca.pem), C(server-cert.pem) and C(server-key.pem) for the daemon, of modes 0444, 0444 and 0400.
      - V(client) is C(ca.pem), C(cert.pem) and C(key.pem), as E(DOCKER_CERT_PATH) wants them, the key 0600 in a
        directory 0700.
      - V(authority) is C(ca.pem) and C(ca-key.pem), in the same way.
    type: str
    choices: [server, client, authority]
    default: server
  directory:
    description: Where the files lie. It is made if need be.
    type: path
    default: /etc/docker/tls
  ca:
    description:
      - Certificates in PEM form. The server trusts clients by them, and a client the server.
      - Of an authority, the bundle that begins with its own certificate.
    type: str
  cert:
    description: The certificate in PEM form, followed by intermediate ones if there are any.
    type: str
  key:
    description: The private key in PEM form. That of a server or a client must not be encrypted.
    type: str
  issuer:
    description: Certificates in PEM form that O(cert) is verified against, where those are not O(ca).
    type: str
  passphrase:
    description: Of the key of an authority.
    type: str
  names:
    description: DNS names and addresses that the server's certificate must be valid for.
    type: list
    elements: str
    default: []
  restart:
    description:
      - What may be done when the running daemon has to take the files up.
      - V(auto) restarts when no container would be lost by it - none runs, or live-restore is in effect. Otherwise
        RV(restart_pending) is set.
      - V(always) restarts whatever runs. V(never) always leaves the restart pending.
      - An engine that is stopped stays stopped; one that has failed is started unless this is V(never).
    type: str
    choices: [auto, always, never]
    default: auto
  timeout:
    description: Seconds to wait for the daemon after a restart before it counts as failed; at least 1.
    type: int
    default: 60
extends_documentation_fragment:
  - bulkhead.docker.engine
  - bulkhead.docker.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details:
      - Shows certificates by their fingerprints and names, and never a key.
  idempotent:
    support: full
  platform:
    description: The operating systems it runs on.
    support: full
    platforms: linux
notes:
  - Needs nothing but Python 3.9, and for V(server) root.
  - While the daemon has not proved the new files, the previous ones lie in C(.previous), which only root can enter.
seealso:
  - module: bulkhead.docker.docker_daemon_config
    description: Makes the daemon use the files.
"""

EXAMPLES = r"""
- name: Install the certificate that our own PKI has made
  bulkhead.docker.docker_tls_files:
    ca: "{{ lookup('ansible.builtin.file', 'pki/clients-ca.pem') }}"
    cert: "{{ lookup('ansible.builtin.file', 'pki/' ~ inventory_hostname ~ '.pem') }}"
    key: "{{ lookup('community.hashi_vault.hashi_vault', 'secret=docker/' ~ inventory_hostname ~ ':key') }}"
    names: ["{{ ansible_host }}"]

- name: See what is there, and whether the daemon serves it
  bulkhead.docker.docker_tls_files:
  check_mode: true
"""

RETURN = r"""
files:
  description: The files that change.
  returned: success
  type: list
  elements: str
  sample: [server-cert.pem, server-key.pem]
certificate:
  description: The certificate that is there in the end, in PEM form; empty when RV(problem) is not.
  returned: success
  type: str
  sample: "-----BEGIN CERTIFICATE-----..."
ca:
  description: The certificates in C(ca.pem) in the end, in PEM form; empty when RV(problem) is not.
  returned: success
  type: str
  sample: "-----BEGIN CERTIFICATE-----..."
expires:
  description: When the certificate expires; empty when RV(problem) is not, and for an authority.
  returned: success
  type: str
  sample: "2027-11-22T02:00:00Z"
problem:
  description: What is wrong with the files that are there, when none is given; empty when nothing is.
  returned: success
  type: str
  sample: the key does not belong to the certificate
in_use:
  description: Whether the daemon is set to use the files.
  returned: success
  type: bool
  sample: true
daemon_action:
  description: What was done to the daemon (V(none), V(restart), V(start)).
  returned: success
  type: str
  sample: restart
daemon_reasons:
  description: Why the daemon has to start anew.
  returned: success
  type: list
  elements: str
  sample: ["server-cert.pem, server-key.pem changed"]
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
journal:
  description: The last lines of the daemon's journal.
  returned: when the new files were taken back
  type: list
  elements: str
  sample: ["failed to start daemon: ..."]
"""

import contextlib
import dataclasses
import time
import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.bulkhead.docker.plugins.module_utils import daemon_json, plan
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.apply import UndoneError
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.control import Daemon
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.engine import Engine, EngineError
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.files import StateError, Store, read
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.proposal import RefusedError
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import Run, runner
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.survey import Given, Survey, survey
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.unit import read_unit
from ansible_collections.bulkhead.docker.plugins.module_utils.tls import replace
from ansible_collections.bulkhead.docker.plugins.module_utils.tls.material import SERVER, split
from ansible_collections.bulkhead.docker.plugins.module_utils.tls.place import LAYOUTS, Place
from ansible_collections.bulkhead.docker.plugins.module_utils.tls.served import Serving, serving

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "kind": {"type": "str", "choices": ["server", "client", "authority"], "default": "server"},
    "directory": {"type": "path", "default": "/etc/docker/tls"},
    "ca": {"type": "str"},
    "cert": {"type": "str"},
    "key": {"type": "str", "no_log": True},
    "issuer": {"type": "str"},
    "passphrase": {"type": "str", "no_log": True},
    "names": {"type": "list", "elements": "str", "default": []},
    "restart": {"type": "str", "choices": ["auto", "always", "never"], "default": "auto"},
    "docker_host": {"type": "str", "default": "unix:///var/run/docker.sock"},
    "service": {"type": "str", "default": "docker.service"},
    "timeout": {"type": "int", "default": 60},
}


def run(module: AnsibleModule, request: replace.Request) -> dict[str, t.Any]:
    params = module.params
    place = Place(Path(params["directory"]), request.kind)
    if request.kind != SERVER:
        verdict = replace.judge(request, place)
        if verdict.changed and not module.check_mode:
            replace.write(place, verdict)
        return _result(place, verdict, replace.Outlook(plan.Decision()), Serving())
    store = Store(Path("/etc/docker/daemon.json"))  # for its lock: one run at a time may restart the daemon
    with contextlib.nullcontext() if module.check_mode else store.lock():
        verdict = replace.judge(request, place)
        runs = runner(module.run_command)
        engine = Engine(params["docker_host"])
        host = _host(runs, engine, params["service"])
        uses = serving(_settings(host), place.paths)
        outlook = replace.outlook(verdict, place, host, uses, params["restart"])
        if not module.check_mode:
            daemon = Daemon(runs, params["service"], engine, params["timeout"])
            replace.Replace(place, verdict, host, uses, daemon).run(outlook.decision)
    return _result(place, verdict, outlook, uses)


def _host(runs: Run, engine: Engine, service: str) -> Survey:
    """With the command line that the next start runs: the survey leaves out the drop-in of docker_daemon_config."""
    host = survey(runs, engine, Given(service, None, None, {}))
    unit = read_unit(runs, service)
    return dataclasses.replace(host, unit=unit) if unit.argv else host


def _settings(host: Survey) -> dict[str, t.Any]:
    """What the daemon's next start goes by. A file that cannot be read sets nothing: no daemon starts with it."""
    settings: dict[str, t.Any] = {}
    with contextlib.suppress(daemon_json.BrokenFileError, OSError):
        settings = dict(daemon_json.parse(read(Path(host.config_path)).text))
    return {**settings, **host.context.flags}


def _result(place: Place, verdict: replace.Verdict, outlook: replace.Outlook, uses: Serving) -> dict[str, t.Any]:
    decision = outlook.decision
    changing = [*verdict.content, *verdict.modes]
    sound = not verdict.problem
    expires = verdict.proven.expires
    result = {
        "changed": verdict.changed or decision.restart or decision.start,
        "files": sorted({place.path(part).name for part in changing}),
        "certificate": _leaf(verdict.texts) if sound else "",
        "ca": verdict.texts["ca"] if sound else "",
        "expires": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(expires)) if expires else "",
        "problem": verdict.problem,
        "in_use": uses.uses,
        "daemon_action": decision.action,
        "daemon_reasons": list(outlook.reasons),
        "restart_pending": bool(decision.pending),
        "restart_reason": decision.pending,
    }
    if result["changed"]:
        where = str(place.directory)
        result["diff"] = [{"before_header": where, "after_header": where, **replace.describe(verdict, place)}]
    return result


def _leaf(texts: t.Mapping[str, str]) -> str:
    return split(texts.get("cert", texts["ca"]))[0]


def _request(params: dict[str, t.Any]) -> replace.Request:
    if params["timeout"] < 1:
        raise RefusedError(f"timeout must be at least 1 second, not {params['timeout']}")
    parts = LAYOUTS[params["kind"]].parts
    if params["cert"] and "cert" not in parts:
        raise RefusedError("cert is not for an authority, whose own certificate is the first one in ca")
    return replace.Request(
        kind=params["kind"],
        given={part: params[part].strip() + "\n" for part in parts if params[part]},
        issuer=params["issuer"] or "",
        passphrase=params["passphrase"] or "",
        names=tuple(params["names"]),
    )


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        result = run(module, _request(module.params))
    except UndoneError as error:
        module.fail_json(msg=str(error), journal=error.journal)
    except (RefusedError, EngineError, StateError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
