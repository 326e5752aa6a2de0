# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""People: who may drive the engine, and whose passwords for registries lie about."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.bulkhead.docker.plugins.module_utils.model import Rule
from ansible_collections.bulkhead.docker.plugins.module_utils.rules.words import cis

_rule = functools.partial(Rule, subject="host", lever="host")

RULES: t.Final[tuple[Rule, ...]] = (
    _rule(
        id="access-daemon-users",
        title="Only trusted users may drive the engine",
        threat="Whoever may write to the socket is root on this host, without a password and without a trace in sudo's"
        " log.",
        severity="high",
        needs=("users.untrusted",),
        offenders="users.untrusted",
        expected="nobody but root and the `trusted_users` of the policy (of a rootless engine: and its user)",
        source="every unix socket on which the dockerd process listens, and containerd's: owner, members of the owning"
        " group (users whose primary group it is among them), access list, mode. A directory service is asked for the"
        " members of the group, not for users whose primary group it is",
        remedy="Role docker_socket with `docker_socket_users: [NAME, ...]` makes the group's members exactly these; by"
        " hand, `gpasswd --delete NAME docker`, and `setfacl --remove-all` on the socket. Name those who stay in"
        " `trusted_users` of the policy. Give others a rootless engine (role docker_rootless).",
        role="docker_socket",
        cis=cis("1.1.2"),
    ),
    _rule(
        id="access-sudo",
        title="Only trusted users may run everything, or Docker, by sudo",
        threat="They are root on this host as much as the members of the group docker are, and are often forgotten.",
        severity="medium",
        needs=("users.sudo",),
        offenders="users.sudo",
        expected="nobody but root and the `trusted_users` of the policy",
        source="/etc/sudoers and the files that it includes: rules for ALL, for the engine's programs and for shells,"
        " as root or with the socket's group; host lists are not weighed. Rules that a directory service serves cannot"
        " be seen: where nsswitch.conf asks one, nothing is taken for granted",
        remedy="Take the rule out (`visudo`, `visudo -f /etc/sudoers.d/FILE`), or name its users in `trusted_users` of"
        " the policy. For a look at containers alone, give `/usr/bin/docker ps` and the like with their arguments.",
        cis=cis("1.1.2"),
    ),
    _rule(
        id="access-registry-credentials",
        title="No registry password lies in a client's configuration",
        threat="It is only encoded there: a backup, or one broken container with the home directory in it, gives it"
        " away.",
        severity="medium",
        needs=("credentials",),
        offenders="credentials",
        expected="no entry with a value under `auths`; a credential helper instead",
        source="~/.docker/config.json of root and of all who may write to the engine's sockets; names of registries"
        " only",
        remedy="Set `credsStore` or `credHelpers` to a credential helper and log in anew, or `docker logout REGISTRY`"
        " and hand short-lived tokens to the job that pulls. The password in the file needs to be changed.",
    ),
)
