# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Doing what was proposed: validate, record, write, reload or restart, prove; on any failure put everything back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils import daemon_json, daemon_listeners, plan
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_json import Config, Cut, Ownership
from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_keys import KEYS
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import files, listening
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.control import ControlError, Daemon, last_words
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.disk import Disk, encoded
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.engine import EngineError, Snapshot
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.files import Original, State, Store
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.proposal import Found, Proposal, RefusedError
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.start import EXEC
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.survey import Survey

_FAILURES = (ControlError, EngineError, OSError)


class UndoneError(Exception):
    """Applying failed and was undone, if not all of it; ``journal`` holds the daemon's last words."""

    def __init__(self, message: str, journal: list[str], complete: bool) -> None:
        super().__init__(message)
        self.journal = journal
        self.complete = complete


@dataclass(frozen=True)
class Outcome:
    """What was done in the end: ``pending`` may differ from the plan when a reload did not take."""

    action: str
    pending: str
    backup: str = ""


def _resets(keys: list[str]) -> Config:
    return {key: KEYS[key].reset for key in keys if key in KEYS and KEYS[key].reset is not None}


class Apply:
    """One run on one host."""

    def __init__(self, host: Survey, at: Found, proposal: Proposal, store: Store, daemon: Daemon, path: Path) -> None:
        self.host = host
        self.at = at
        self.proposal = proposal
        self.store = store
        self.daemon = daemon
        self.path = path
        self.disk = Disk(path, host, at, proposal, daemon)
        self.touched = ""  # how far the daemon was involved: "", reload, restart
        self.missed: list[str] = []
        self.before: Snapshot | None = None
        self.live = False  # live-restore carried the containers over the restart

    def run(self, policy: str) -> Outcome:
        try:
            self.disk.stage([files.read(self.store.backup), files.read(self.store.first)])
            self.disk.untouched()
            state = self._record()
            self.disk.install()
        except (OSError, ControlError) as error:
            self.disk.discard()
            raise RefusedError(f"{error}. Nothing was changed") from error
        try:
            outcome, now = self._act(policy)
        except _FAILURES as error:
            raise self._undo(state, str(error)) from error
        self.store.save(replace(now, owned=self.proposal.owned, good=state.good))
        return outcome

    # before anything changes

    def _record(self) -> State:
        """Say what is about to be written, so that a run that dies here is understood by the next one."""
        trusted = not self.proposal.stale and not self.at.broken and self.host.status != plan.FAILED
        good = self.at.state.good
        if self.proposal.file_changed and trusted:
            self.store.keep(self.at.original)
            good = self.at.owned
        if self.proposal.file_changed and not self.at.owned:
            self.store.keep_first(self.at.original)
        keys = {**self.at.owned, **self.proposal.owned}
        state = State(
            owned=self.at.owned,
            cut=Cut(
                self.proposal.owned,
                {key: daemon_json.digest(self.proposal.content, key) for key in keys},
                daemon_json.digests(self._resets()),
            ),
            daemon=self.host.daemon,
            applied=dict(self.proposal.running),
            pending=tuple(change.key for change in self.proposal.changes if not change.running),
            good=good,
        )
        if self.proposal.changed or self.proposal.decision.action != "none":
            self.store.save(state)
        return state

    # the daemon

    def _act(self, policy: str) -> tuple[Outcome, State]:
        decision = self.proposal.decision
        applied = dict(self.proposal.running) if self.host.status in (plan.RUNNING, plan.HUNG, plan.FAILED) else {}
        identity = self.host.daemon
        if decision.reload:
            decision = self._reload(policy, applied)
        if decision.restart or decision.start:
            identity = self._restart()
            applied = self._applied_by_restart()
        taken = decision.restart or decision.start
        missed = tuple(self.missed) if identity == self.host.daemon else ()
        backup = str(self.store.backup) if self.proposal.file_changed else ""
        pending = tuple(
            change.key for change in self.proposal.changes if decision.pending and self._owed(change, applied, taken)
        )
        return Outcome(decision.action, decision.pending, backup), State(
            daemon=identity, applied=applied, pending=pending, missed=missed
        )

    def _owed(self, change: plan.Change, applied: dict[str, str], restarted: bool) -> bool:
        if change.key == EXEC:
            return not change.running and not restarted
        return applied.get(change.key, "") != daemon_json.digest(self.proposal.content, change.key)

    def _applied_by_restart(self) -> dict[str, str]:
        """All of the file, less what containers carried over by live-restore hold back."""
        applied = daemon_json.digests(self.proposal.content)
        for change in plan.held_back(self.proposal.changes, self.proposal.situation):
            applied[change.key] = self.proposal.running.get(change.key, daemon_json.ABSENT)
        return {key: value for key, value in applied.items() if value}

    def _reload(self, policy: str, applied: dict[str, str]) -> plan.Decision:
        """SIGHUP, believed only for the keys whose new value the daemon then shows or cannot show."""
        proposal = self.proposal
        self.touched = "reload"
        keys = [change.key for change in proposal.changes if change.effect == "reload"]
        effective = {**self.host.context.flags, **proposal.content}
        passing = {**self.disk.reloadable(proposal.content), **self._resets()}
        if passing != proposal.content:
            files.write(self.path, encoded(passing), proposal.file_mode)
        self.missed = missed = self.daemon.reload({key: effective.get(key) for key in keys})
        if passing != proposal.content:
            self.disk.put_file()
        applied.update({key: daemon_json.digest(proposal.content, key) for key in keys if key not in missed})
        if not missed and not (proposal.decision.restart and self._still_costly()):
            return proposal.decision
        situation = replace(proposal.situation, live_now=self._live())
        decision = plan.decide_restart(plan.Decision(), situation, policy)
        if not decision.pending:
            return decision
        reason = f"a reload did not bring {', '.join(missed)} about; {decision.pending}" if missed else decision.pending
        return plan.Decision(reload=True, pending=reason)

    def _resets(self) -> Config:
        """Defaults to be said aloud during the reload, for keys that go away."""
        reloads = [change.key for change in self.proposal.changes if change.effect == "reload"]
        resets = _resets([key for key in reloads if key not in self.proposal.content])
        if self.host.context.at_least("29.10"):
            resets.pop("insecure-registries", None)  # there [] is not the default
        return resets

    def _live(self) -> bool:
        return self.daemon.engine.info().get("LiveRestoreEnabled") is True

    def _still_costly(self) -> bool:
        return self.proposal.situation.live_after and not self._live()

    def _restart(self) -> str:
        """Restart, then hold what runs against what ran."""
        if self.host.status == plan.RUNNING:
            self.before = self.daemon.engine.snapshot()
            self.live = self._live() and self.proposal.situation.live_after
        self.touched = "restart"
        identity = self.daemon.restart()
        if self.before and not self.proposal.situation.moves_data:  # else it cannot show what it had
            self.daemon.compare(self.before, self.live)
        self._listens()
        return identity

    def _listens(self) -> None:
        """The addresses that we opened are there, and turn strangers away."""
        settings = {**self.host.context.flags, **self.proposal.content}
        hosts = daemon_listeners.remote(settings.get("hosts")) if "hosts" in self.proposal.owned else []
        reasons = listening.lacking(hosts, str(settings.get("tlscert")), self.daemon.timeout) if hosts else []
        if reasons:
            raise ControlError("after the restart: " + "; ".join(reasons))

    # the way back

    def _undo(self, state: State, reason: str) -> UndoneError:
        """Old file, old record, old daemon; whatever fails on the way is added to the message."""
        journal = self.daemon.journal()
        cause, tail = last_words(journal)
        words = [f"{reason}: {cause}" if cause else reason]
        target, owned, known_good = self._target(state)
        drop_in = self.host.command.ours if target == self.at.original else self.disk.good_drop_in(target)
        try:
            self.disk.put_back(target, drop_in)
            state = replace(state, owned=owned, cut=None, pending=self.at.state.pending)
            self.store.save(state)
            if self.touched:
                self.store.save(self._bring_back(state, target, known_good))
            words.append(self._aftermath(known_good))
            if self.touched == "restart" and self.before:
                self.daemon.compare(self.before, self.live)
        except _FAILURES as error:
            return UndoneError(". ".join([*words, f"Not all could be put back: {error}"]), tail, complete=False)
        return UndoneError(". ".join(words), tail, complete=True)

    def _target(self, state: State) -> tuple[Original, Ownership, bool]:
        """What to put back: the file as found, or the last one known to work when that one was never taken up."""
        original = self.at.original
        doubtful = self.at.broken or self.host.status == plan.FAILED or self.proposal.unproven
        if not doubtful or state.good is None:
            return original, self.at.owned, not doubtful
        good = files.read(self.store.backup)
        if good.data is None:
            return original, self.at.owned, False
        if not good.data:
            return Original(), state.good, True
        mode = original.mode if original.data is not None else self.proposal.file_mode
        return replace(good, mode=mode), state.good, True

    def _bring_back(self, state: State, target: Original, known_good: bool) -> State:
        try:
            content = daemon_json.parse(target.text)
        except daemon_json.BrokenFileError as error:
            raise ControlError(f"the file as it was found is not valid JSON ({error}): no daemon starts") from error
        if self.touched == "reload" and self._reloaded_back(content, target):
            return state
        if self.touched == "reload" and self.proposal.situation.containers and not self._carries():
            raise ControlError("the daemon did not take the old settings back by a reload: restart it when that suits")
        if self.host.status == plan.FAILED and not known_good:
            return state  # the engine was down before, and nothing says that the old file would bring it up
        identity = self.daemon.restart()
        return replace(state, daemon=identity, applied=daemon_json.digests(content), pending=(), missed=())

    def _carries(self) -> bool:
        return self._live() and not self.host.scope.rootless

    def _reloaded_back(self, content: Config, target: Original) -> bool:
        """The old values by another reload, the defaults said aloud for keys that were not there."""
        keys = [change.key for change in self.proposal.changes if change.effect == "reload"]
        resets = _resets([key for key in keys if key not in content])
        files.write(self.path, encoded({**self.disk.reloadable(content), **resets}), self.proposal.file_mode)
        try:
            return not self.daemon.reload({key: content.get(key) for key in keys})
        except EngineError:
            return False
        finally:
            files.restore(self.path, target)

    def _aftermath(self, known_good: bool) -> str:
        if self.host.status == plan.FAILED and not known_good:
            return f"The previous {self.path} is back; the engine had failed before and is still down"
        which = "previous" if known_good and not self.proposal.unproven else "last good"
        return f"The {which} {self.path} is back and the engine answers with it"
