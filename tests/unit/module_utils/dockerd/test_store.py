# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our record of what is ours: never misread, never written by two runs at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_json import Owned
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import files
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.files import State, StateError, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Path("/etc/docker/daemon.json"), tmp_path / "state")


def test_what_is_saved_is_loaded(store: Store) -> None:
    assert store.load() == State()
    state = State({"icc": Owned(existed=True, value=None, wrote="x")}, daemon="boot/1/2", pending=("icc",), good={})
    store.save(state)
    assert store.load() == state


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"version": 1}', '{"version": 2, "owned": {}}', "\0"])
def test_a_record_that_is_not_ours_is_an_error_and_never_an_empty_one(store: Store, text: str) -> None:
    store.save(State())
    store.state_file.write_text(text)
    with pytest.raises(StateError, match=r"state, the record of which keys are ours, cannot be read"):
        store.load()


def test_a_second_run_waits_but_not_for_ever(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_LOCK_SECONDS", 0.01)
    with store.lock(), pytest.raises(StateError, match=r"another run .* has not finished"), store.lock():
        pytest.fail("two runs at once")
    with store.lock():
        assert not store.state_file.exists()


def test_without_root_the_record_is_not_called_broken(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_arguments: object, **_options: object) -> str:
        raise PermissionError

    monkeypatch.setattr(Path, "read_text", refused)
    with pytest.raises(StateError, match="needs root"):
        store.load()
