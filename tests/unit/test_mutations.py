# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No rule without a mutation that must turn it red, or a reason why there is none."""

from __future__ import annotations

from ansible_collections.bulkhead.docker.plugins.module_utils.rules.catalogue import RULES
from ansible_collections.bulkhead.docker.plugins.module_utils.rules.policy import merged
from ansible_collections.bulkhead.docker.tests import mutations

IDS = {rule.id for rule in RULES}
ROWS: tuple[mutations.Container | mutations.Daemon | mutations.Host, ...] = (
    *mutations.CONTAINERS,
    *mutations.DAEMONS,
    *mutations.HOSTS,
    *mutations.VM_CONTAINERS,
    *mutations.VM_HOSTS,
    *mutations.SELINUX_CONTAINERS,
    *mutations.SELINUX_HOSTS,
)
MUTATED = {row.rule for row in ROWS} | set(mutations.MENDED)


def test_every_rule_is_mutated_or_excused() -> None:
    assert MUTATED | set(mutations.IMMUTABLE) == IDS
    assert MUTATED & set(mutations.IMMUTABLE) == set()


def test_tables_name_rules_that_exist() -> None:
    implied = {rule for row in mutations.CONTAINERS for rule in (*row.implied, *row.perhaps)}
    assert implied | set(mutations.OPEN) <= IDS


def test_mutants_have_names_of_their_own() -> None:
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names))


def test_policies_are_valid() -> None:
    for row in mutations.DAEMONS:
        merged(row.policy)
    for mutant in mutations.HOSTS:
        merged({**mutations.HOST_POLICY, **mutant.policy})


def test_a_batch_breaks_each_rule_once() -> None:
    """Else one mutant could hide that another one does nothing."""
    for batch in {row.batch for row in mutations.HOSTS}:
        rules = [rule for row in mutations.HOSTS if row.batch == batch for rule in (row.rule, *row.implied)]
        assert len(rules) == len(set(rules)), batch
        assert set(rules) <= IDS
