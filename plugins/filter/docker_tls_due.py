# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter docker_tls_due."""

from __future__ import annotations

DOCUMENTATION = r"""
name: docker_tls_due
short_description: Why a certificate must be made anew
version_added: 0.2.0
author: bulkhead.docker maintainers (@bulkhead)
description:
  - Compares a certificate with what it should be. It is due when there is none, when it expires soon, and when issuer,
    key type or names are others.
positional: _input, issuer, terms, names
options:
  _input:
    description:
      - What P(community.crypto.x509_certificate_info#filter) says of the certificate; empty when there is none.
    type: dict
    required: true
  issuer:
    description: Key identifier of the authority that must have signed it.
    type: str
    required: true
  terms:
    description: How certificates must be.
    type: dict
    required: true
    suboptions:
      key_type:
        description: V(ECC), V(Ed25519) or V(RSA).
        type: str
        required: true
      key_bits:
        description: Of an RSA key.
        type: int
        required: true
      renew_days:
        description: How long before its end a certificate is renewed.
        type: int
        required: true
  names:
    description: Subject alternative names that it must have; not compared when left out.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Say why a certificate has to be renewed
  ansible.builtin.debug:
    msg: >-
      {{ certificate | community.crypto.x509_certificate_info
         | bulkhead.docker.docker_tls_due(issuer, {'key_type': 'ECC', 'key_bits': 0, 'renew_days': 30}) }}
"""

RETURN = r"""
_value:
  description: The reasons; empty when there is none to renew it.
  type: list
  elements: str
"""

import typing as t
from datetime import datetime, timezone

from ansible_collections.bulkhead.docker.plugins.module_utils.tls.issue import Terms, due


def docker_tls_due(
    value: t.Mapping[str, t.Any] | None,
    issuer: str,
    terms: t.Mapping[str, t.Any],
    names: t.Sequence[str] | None = None,
) -> list[str]:
    """A certificate to reasons for another."""
    return due(value, issuer, Terms(now=datetime.now(timezone.utc), **terms), names)


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, t.Callable[..., object]]:
        return {"docker_tls_due": docker_tls_due}
