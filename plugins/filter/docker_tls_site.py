# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter docker_tls_site."""

from __future__ import annotations

DOCUMENTATION = r"""
name: docker_tls_site
short_description: What is to be done for the authority of a site and its clients
version_added: 0.2.0
author: bulkhead.docker maintainers (@bulkhead)
description:
  - Decides whether there must be a new authority, which older ones stay trusted, and which clients need a certificate.
positional: _input, issued, clients, terms, days, renew
options:
  _input:
    description:
      - What P(community.crypto.x509_certificate_info#filter) says of each authority in the bundle, the newest first.
    type: list
    elements: dict
    required: true
  issued:
    description: The same of the last certificate of each client, by name.
    type: dict
    required: true
  clients:
    description: The clients, as O(bulkhead.docker.docker_tls#role:main:docker_tls_clients) has them.
    type: list
    elements: dict
    required: true
  terms:
    description: How certificates must be, as in P(bulkhead.docker.docker_tls_due#filter).
    type: dict
    required: true
  days:
    description:
      - How many days certificates live (C(ca), C(server), C(client)), and an authority is trusted after another has
        followed it (C(overlap)).
    type: dict
    required: true
  renew:
    description: What to renew whatever its age, as O(bulkhead.docker.docker_tls#role:main:docker_tls_renew) has it.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: See what is due
  ansible.builtin.debug:
    msg: "{{ bundle | bulkhead.docker.docker_tls_site(issued, docker_tls_clients, terms, days) }}"
"""

RETURN = r"""
_value:
  description: What is to be done.
  type: dict
  contains:
    new:
      description: Why there must be a new authority; empty when there need not be.
      type: list
      elements: str
    keep:
      description: Indexes of those that stay in the bundle.
      type: list
      elements: int
    rewrite:
      description: Whether the bundle changes.
      type: bool
    clients:
      description: The clients to make certificates for (C(name), C(days), C(reasons)).
      type: list
      elements: dict
    revoked:
      description: The clients that are to have none.
      type: list
      elements: str
    unlisted:
      description: Names that can still come in though nobody lists them.
      type: list
      elements: str
"""

import typing as t
from datetime import datetime, timezone

from ansible.errors import AnsibleFilterError
from ansible_collections.bulkhead.docker.plugins.module_utils.tls.issue import Days, Info, Terms, site
from ansible_collections.bulkhead.docker.plugins.module_utils.tls.options import OptionError, check_clients


def docker_tls_site(
    value: t.Sequence[Info],
    issued: t.Mapping[str, Info],
    clients: t.Sequence[t.Mapping[str, t.Any]],
    terms: t.Mapping[str, t.Any],
    days: t.Mapping[str, int],
    renew: t.Sequence[str] = (),
) -> dict[str, t.Any]:
    """Certificates to what is to be done."""
    whole = [{**client, "days": client.get("days") or days["client"]} for client in clients]
    lives = Days(
        ca=days["ca"],
        server=days["server"],
        clients=tuple(client["days"] for client in whole),
        renew=terms["renew_days"],
        overlap=days["overlap"],
    )
    try:
        check_clients(clients, renew)
        lives.check()
    except OptionError as error:
        raise AnsibleFilterError(str(error)) from error
    return site(value, issued, whole, renew, Terms(now=datetime.now(timezone.utc), **terms), lives)


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., object]]:
        return {"docker_tls_site": docker_tls_site}
