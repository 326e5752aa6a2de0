#!/usr/bin/python
# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_auditd_rules
short_description: Have the kernel record who changes what decides about the Docker engine
version_added: 0.3.0
author:
  - bulkhead.docker maintainers (@bulkhead)
description:
  - Finds the engine's programs, sockets, units and configuration on this host, writes an audit rule for each that
    exists to C(/etc/audit/rules.d), loads them with C(augenrules), and asks the kernel whether it has them.
  - When the kernel does not take all of them, the file that was there comes back, and the module fails.
  - Where the rules are locked (C(auditctl -e 2)) the file is written and RV(reboot_required) says so. Where this host
    cannot audit, as in a container, nothing is changed and RV(reason) says why.
  - Only rules with the key V(bulkhead-docker) are ever removed from the kernel.
options:
  state:
    description: V(absent) takes the file and the rules away.
    type: str
    choices: [present, absent]
    default: present
  paths:
    description:
      - What else to watch. What does not exist on this host is left out, and is in RV(missing).
      - What would drown the log is refused.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: A file or a directory.
        type: path
        required: true
      permissions:
        description: Which access to record, as letters - V(r) read, V(w) write, V(x) run, V(a) change attributes.
        type: str
        default: wa
      recursive:
        description: Of a directory, all below it; otherwise only what is made, renamed and removed right in it.
        type: bool
        default: false
  exclude:
    description: Paths of the engine that are not to be watched.
    type: list
    elements: path
    default: []
  load:
    description: Load the rules. Without, only the file is written, as for an image that is booted later.
    type: bool
    default: true
  offline:
    description: Nothing runs here, as while an image is built. Implies O(load=false), and rules are also written for
      what is there only while the engine runs, such as its sockets.
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
  idempotent:
    support: full
  platform:
    description: The operating systems it runs on.
    support: full
    platforms: linux
notes:
  - Needs root, and C(auditctl) and C(augenrules) of the package auditd (Debian) or audit-rules (Fedora and its kin).
"""

EXAMPLES = r"""
- name: Watch the engine, and the site's own certificates
  bulkhead.docker.docker_auditd_rules:
    paths:
      - path: /etc/pki/site
        recursive: true
"""

RETURN = r"""
available:
  description: Whether this host can have audit rules.
  returned: success
  type: bool
  sample: true
reason:
  description: Why not, and what would help.
  returned: success
  type: str
  sample: ""
rules:
  description: The rules, as auditctl reads them.
  returned: success
  type: list
  elements: str
  sample: ["-a always,exit -S all -F path=/usr/sbin/dockerd -F perm=wxa -F key=bulkhead-docker"]
missing:
  description: Paths that were asked for and do not exist.
  returned: success
  type: list
  elements: str
  sample: []
reboot_required:
  description: Whether the kernel takes the rules only at the next boot, for they are locked.
  returned: success
  type: bool
  sample: false
notes:
  description: What keeps good rules from recording anything.
  returned: success
  type: list
  elements: str
  sample: []
"""

import contextlib
import dataclasses
import json
import os
import typing as t
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.bulkhead.docker.plugins.module_utils.auditd import choose, kernel, watched
from ansible_collections.bulkhead.docker.plugins.module_utils.auditd.rules import (
    KEY,
    Watch,
    content,
    differences,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.collect import daemon, files

ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "paths": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "path": {"type": "path", "required": True},
            "permissions": {"type": "str", "default": "wa"},
            "recursive": {"type": "bool", "default": False},
        },
    },
    "exclude": {"type": "list", "elements": "path", "default": []},
    "load": {"type": "bool", "default": True},
    "offline": {"type": "bool", "default": False},
}
FOLDER = Path("/etc/audit/rules.d")
FILE = FOLDER / "60-bulkhead-docker.rules"
SOCKET = "/run/docker.sock"


def running() -> dict[str, t.Any]:
    """The facts of root's daemon; of one that does not run, what its file says."""
    peer = None
    with contextlib.suppress(OSError):
        peer = daemon.peer_of(SOCKET, 5)
    found = daemon.describe(SOCKET, peer, set())
    if found["pid"] is None:
        values = None
        with contextlib.suppress(OSError, ValueError):
            values = json.loads(Path(daemon.ROOTFUL_CONFIG).read_text(encoding="utf-8"))
        found["config"] = {"path": daemon.ROOTFUL_CONFIG, "values": values if isinstance(values, dict) else {}}
    return found


def watchable(offline: bool) -> list[dict[str, t.Any]]:
    engine = running()
    listeners = [one["path"] for one in engine["listeners"] or [] if one["proto"] == "unix"]
    asked = [
        host[len("unix://") :] for host in files.setting(engine, "hosts") or [] if str(host).startswith("unix:///")
    ]
    return watched.find({SOCKET, *(path for path in listeners if path in asked)}, engine, coming=offline)


def chosen(module: AnsibleModule) -> tuple[list[Watch], list[str]]:
    """What to watch, and what of the wanted does not exist."""
    if module.params["state"] == "absent":
        return [], []
    found = watchable(module.params["offline"])
    asked = [Watch(one["path"], one["permissions"], one["recursive"]) for one in module.params["paths"]]
    real = [dataclasses.replace(one, path=os.path.realpath(one.path)) for one in asked]
    if problems := choose.problems([*asked, *(one for one in real if one not in asked)], found):
        module.fail_json(msg="\n".join(problems))
    there = [one for one in real if Path(one.path).exists()]
    skipped = [one.path for one, at in zip(asked, real) if at not in there]
    devices = watched.mounted()
    placed = [one if one.tree else dataclasses.replace(one, place=watched.place(one.path, devices)) for one in there]
    return choose.merged(choose.engine(found, module.params["exclude"]), placed), skipped


def unavailable(module: AnsibleModule, audited: t.Mapping[str, t.Any]) -> str:
    """Why this host cannot audit, and what would help; empty when it can."""
    if not (module.get_bin_path("auditctl") and module.get_bin_path("augenrules") and FOLDER.is_dir()):
        return (
            "auditctl and augenrules are not there: docker_auditd_install: true installs them (auditd on Debian, audit"
            " on Fedora and its kin)."
        )
    if not module.params["load"]:
        return ""
    if audited["absent"]:
        return "This kernel was built without auditing (CONFIG_AUDIT): boot one that has it."
    if audited["error"]:
        return (
            f"The kernel does not let this host see its audit rules ({audited['error']}): in a container they are the"
            " machine's. Audit there; for an image, docker_auditd_load: false writes the file alone."
        )
    return ""


def write(text: str) -> None:
    if not text:
        FILE.unlink(missing_ok=True)
        return
    partial = FILE.with_name(f".{FILE.name}.new")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o640), "w") as file:
        file.write(text)
    partial.replace(FILE)


def load(module: AnsibleModule) -> str:
    """Ours leave the kernel first: where no file begins with -D, they would be there already, or stay for ever."""
    module.run_command([module.get_bin_path("auditctl", required=True), "-D", "-k", KEY])
    _rc, _out, err = module.run_command([module.get_bin_path("augenrules", required=True), "--load"])
    return str(err).strip()


def apply(module: AnsibleModule, before: str, after: str, watches: list[Watch]) -> None:
    """Write and load; when the kernel does not have it all then, go back and fail."""
    write(after)
    if not module.params["load"]:
        return
    said = load(module)
    lacking, surplus = differences(watches, kernel.read())
    if lacking or surplus:
        write(before)
        load(module)
        module.fail_json(
            msg=f"the kernel did not take the rules, so the former ones are back. Missing: {lacking or 'none'}; left:"
            f" {surplus or 'none'}. auditctl said: {said or 'nothing'}"
        )


def run(module: AnsibleModule) -> dict[str, t.Any]:
    watches, skipped = chosen(module)
    audited = kernel.read()
    reason = unavailable(module, audited)
    result = {"available": not reason, "reason": reason, "rules": [], "missing": skipped, "notes": []}
    if reason:
        return {**result, "changed": False, "reboot_required": False}
    before = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
    after = content(watches) if watches else ""
    live = module.params["load"]
    lacking, surplus = differences(watches, audited) if live else ([], [])
    locked = live and audited["enabled"] == kernel.LOCKED
    changed = before != after or (bool(lacking or surplus) and not locked)
    if changed and not module.check_mode:
        if locked:
            write(after)
        else:
            apply(module, before, after, watches)
    kernel_lacks = said("not in the kernel", lacking) + said("in the kernel, and not wanted", surplus)
    return {
        **result,
        "changed": changed,
        "rules": [line for line in after.splitlines() if line.startswith("-a")],
        "reboot_required": bool(locked and (lacking or surplus)),
        "notes": choose.notes(audited) if live and watches else [],
        "diff": {
            "before": before + kernel_lacks,
            "after": after,
            "before_header": str(FILE),
            "after_header": str(FILE),
        },
    }


def said(what: str, rules: list[str]) -> str:
    """How the kernel differs from the file, as lines of a diff."""
    return "".join(f"# {what}: {rule}\n" for rule in rules)


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    module.params["load"] = module.params["load"] and not module.params["offline"]
    module.exit_json(**run(module))


if __name__ == "__main__":
    main()
