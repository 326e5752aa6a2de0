# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts that do the restoring: a shell script, which needs no Ansible and no Python, and its two units. Pure.

The units lie in /etc and are enabled, instead of being made by systemd-run: a transient timer is gone after a reboot,
this one starts again. It counts from its start by the monotonic clock, so that setting the clock does not move it.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils.guard.record import GUARDS, Record

STEP_SECONDS = 300  # for each step, so that one that hangs does not keep the others from running
UNITS = Path("/etc/systemd/system")

_SCRIPT = """#!/bin/sh
# Puts back the state from before the change {name}, which nobody confirmed. It may also be run by hand, and again.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
trap '' HUP PIPE # whoever looks on may go
umask 022
guard={guard}
failed=0

# not while the guard is being confirmed, and not once it is
exec 9>>"$guard.lock" && flock 9 || exit 1
[ -e "$guard/record" ] || {{ echo "confirmed meanwhile: nothing to do"; exit 0; }}

note() {{ # KIND STATUS WHAT
  echo "$1 $2" >>"$guard/result.part"
  if [ "$2" = 0 ]; then echo "done: $3"; else failed=1; echo "<3>failed (exit status $2): $3"; fi
}}
put_back() {{ # NUMBER PATH
  beside="${{2%/*}}/.${{2##*/}}.bulkhead-guard"
  mkdir -p -- "${{2%/*}}" && rm -f -- "$beside" && cp --archive --no-target-directory -- "$guard/files/$1" "$beside" &&
    {{ [ -L "$beside" ] || sync -- "$beside"; }} && mv --force --no-target-directory -- "$beside" "$2"
  note file $? "restore $2"
}}
take_away() {{ # PATH
  rm -f -- "$1"
  note file $? "remove $1"
}}
run() {{ # PROGRAM ARGUMENT...
  timeout --kill-after=5 {seconds} "$@" 9>&- </dev/null
  note step $? "$*"
}}

rm -f "$guard/result"
echo "fired $(date +%s)" >"$guard/result.part"
{actions}
echo "ended $(date +%s)" >>"$guard/result.part"
mv "$guard/result.part" "$guard/result"
[ $failed = 1 ] || rm -rf "$guard/files"
sync -- "$guard/result" "$guard"
systemctl --quiet disable --now {timer}
rm -f {units}
systemctl daemon-reload
exit $failed
"""

_SERVICE = """[Unit]
Description=Undo the change {name}, which was not confirmed in time
RequiresMountsFor={guard}
ConditionPathExists={guard}/record

[Service]
Type=oneshot
ExecStart=/bin/sh {guard}/restore
"""

_TIMER = """[Unit]
Description=Time left to confirm the change {name}

[Timer]
OnActiveSec={seconds}s
AccuracySec=100ms

[Install]
WantedBy=timers.target
"""


def timer(name: str) -> str:
    return f"bulkhead-guard-{name}.timer"


def service(name: str) -> str:
    return f"bulkhead-guard-{name}.service"


def script(record: Record) -> str:
    actions = [
        f"put_back {number} {shlex.quote(path)}" if saved else f"take_away {shlex.quote(path)}"
        for number, (path, saved) in enumerate(zip(record.plan.files, record.saved))
    ]
    actions += [f"run {shlex.join(argv)}" for argv in record.plan.restore]
    return _SCRIPT.format(
        name=record.name,
        guard=GUARDS / record.name,
        seconds=STEP_SECONDS,
        actions="\n".join(actions),
        timer=timer(record.name),
        units=" ".join(str(UNITS / unit) for unit in units(record)),
    )


def units(record: Record) -> dict[str, str]:
    """Name and text of the unit files."""
    words = {"name": record.name, "guard": GUARDS / record.name, "seconds": record.timeout}
    return {service(record.name): _SERVICE.format(**words), timer(record.name): _TIMER.format(**words)}
