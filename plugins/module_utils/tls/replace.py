# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replacing the files under a running daemon: prove, replace, restart, look at what is served; or undo it all."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils import plan
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd import files
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.apply import UndoneError
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.control import (
    ControlError,
    Daemon,
    last_words,
    validate,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.engine import EngineError, Snapshot
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.files import Original
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.proposal import RefusedError
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.survey import Survey
from ansible_collections.bulkhead.docker.plugins.module_utils.tls.material import (
    Material,
    Proven,
    UnsoundError,
    fingerprints,
    prove,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.tls.place import Place, material, text_of
from ansible_collections.bulkhead.docker.plugins.module_utils.tls.served import Serving, await_served, differing

_FAILURES = (ControlError, EngineError, OSError)


@dataclass(frozen=True)
class Request:
    """What is asked for. A part that is not given stays as it is."""

    kind: str
    given: Mapping[str, str]  # part -> PEM
    issuer: str = ""  # what the certificate is verified against, where that is not the ca
    passphrase: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What was found, and what of it must change."""

    found: Mapping[str, Original]
    texts: Mapping[str, str]  # what is to be there
    content: list[str]  # parts whose content changes
    modes: list[str]  # parts of which only mode or owner changes
    directory: bool  # its mode or owner changes
    problem: str = ""  # of what is there, when nothing is given
    proven: Proven = field(default_factory=Proven)

    @property
    def changed(self) -> bool:
        return bool(self.content or self.modes or self.directory)


def judge(request: Request, place: Place) -> Verdict:
    """Prove what is asked for. Raises RefusedError, before anything is touched."""
    found = place.read()
    texts = {part: request.given.get(part) or text_of(found, part) for part in place.layout.parts}
    missing = [part for part, text in texts.items() if not text]
    problem, proven = "", Proven()
    if missing:
        problem = f"{', '.join(str(place.path(part)) for part in missing)} missing"
    else:
        try:
            proven = prove(_to_prove(request, texts), request.kind, request.names)
        except UnsoundError as error:
            problem = str(error)
    if problem and request.given:
        raise RefusedError(f"{problem}. Nothing was changed")
    return Verdict(
        found=found,
        texts=texts,
        content=place.differing(found, texts) if request.given else [],
        modes=place.loose(found),
        directory=place.open_directory,
        problem=problem,
        proven=proven,
    )


def _to_prove(request: Request, texts: Mapping[str, str]) -> Material:
    whole = material(texts, request.kind, request.passphrase)
    return Material(request.issuer or whole.ca, whole.cert, whole.key, whole.passphrase)


def write(place: Place, verdict: Verdict) -> None:
    """Where no daemon is concerned, this is all."""
    place.prepare()
    place.write(verdict.texts, [*verdict.content, *(part for part in verdict.modes if part not in verdict.content)])


@dataclass(frozen=True)
class Outlook:
    """What the daemon needs."""

    decision: plan.Decision
    reasons: tuple[str, ...] = ()  # why it must start anew


def outlook(verdict: Verdict, place: Place, host: Survey, serving: Serving, policy: str) -> Outlook:
    """Whether the daemon must start anew, and may."""
    if not serving.uses or host.status in (plan.STOPPED, plan.ABSENT):
        return Outlook(plan.Decision())
    reasons = _reasons(verdict, place, host, serving)
    if not reasons:
        return Outlook(plan.Decision())
    live = host.info.get("LiveRestoreEnabled") is True
    change = plan.Change("tlscert", None, None, "config")
    situation = plan.Situation(
        status=host.status,
        containers=tuple(container["name"] for container in host.containers),
        live_now=live,
        live_after=live,
        controllable=host.unit.exists,
    )
    return Outlook(plan.decide([change], situation, policy), tuple(reasons))


def _reasons(verdict: Verdict, place: Place, host: Survey, serving: Serving) -> list[str]:
    if verdict.content:
        return [f"{', '.join(sorted(place.path(part).name for part in verdict.content))} changed"]
    if host.status == plan.FAILED:
        return ["the engine has failed"] if place.previous.exists() else []
    if place.on_trial and place.on_trial == host.daemon:
        return ["the daemon has not taken the files up since they changed"]
    if host.status != plan.RUNNING or verdict.problem:
        return []
    return differing(serving.addresses, fingerprints(verdict.texts["cert"])[0])


class Replace:
    """One run against one daemon."""

    def __init__(self, place: Place, verdict: Verdict, host: Survey, serving: Serving, daemon: Daemon) -> None:
        self.place = place
        self.verdict = verdict
        self.host = host
        self.serving = serving
        self.daemon = daemon
        self.on_trial = place.previous.exists()  # an earlier run has left its set unproved
        self.before: Snapshot | None = None
        self.live = False

    def run(self, decision: plan.Decision) -> None:
        """Raises UndoneError when the daemon does not come back as it was, with the new files in service."""
        restarts = decision.restart or decision.start
        refusal = self._refusal() if restarts else ""
        if refusal and not self.verdict.content:
            raise RefusedError(f"the daemon would not start again: {refusal}. Nothing was changed")
        if restarts or decision.pending:
            self.place.prepare()
            self.place.keep(self.verdict.found, self.host.daemon)
        if self.verdict.changed:
            write(self.place, self.verdict)
        if refusal:  # which may have been about the files that were there
            self._insist()
        if restarts:
            try:
                self._restart()
            except _FAILURES as error:
                raise self._undo(str(error)) from error
        if not decision.pending:
            self.place.forget()

    def _refusal(self) -> str:
        """Why the engine would refuse daemon.json, which a restart takes up as well; empty when it would not."""
        path = Path(self.host.config_path)
        if self.host.binary and self.host.context.at_least("23.0") and path.exists():
            try:
                validate(self.daemon.run, self.host.binary, self.host.unit, path)
            except ControlError as error:
                return str(error)
        return ""

    def _insist(self) -> None:
        """Raises RefusedError when the engine refuses the new files, too; those of before are back then."""
        if refusal := self._refusal():
            self.place.restore(self.verdict.found)
            if not self.on_trial:
                self.place.forget()
            raise RefusedError(f"the daemon would not start again: {refusal}. The files are as they were")

    def _restart(self) -> None:
        if self.host.status == plan.RUNNING:
            self.before = self.daemon.engine.snapshot()
            self.live = self.host.info.get("LiveRestoreEnabled") is True
        self.daemon.restart()
        if self.before:
            self.daemon.compare(self.before, self.live)
        await_served(self.serving.addresses, fingerprints(self.verdict.texts["cert"])[0])

    def _undo(self, reason: str) -> UndoneError:
        """The last files that are known to work, and the daemon with them; what fails on the way is added."""
        cause, tail = last_words(self.daemon.journal())
        words = [f"{reason}: {cause}" if cause else reason]
        kept = self.place.kept() or dict(self.verdict.found)
        complete = True
        try:
            self.place.restore(kept)
            if self.host.status == plan.RUNNING or self.on_trial:
                self.daemon.restart()
                if self.before:
                    self.daemon.compare(self.before, self.live)
                words.append("The previous certificate is back and the engine answers with it")
            else:
                words.append("The previous files are back; the engine was down before and is still")
            self.place.forget()
        except _FAILURES as error:
            words.append(f"Not all could be put back: {error}")
            complete = False
        return UndoneError(". ".join(words), tail, complete)


def describe(verdict: Verdict, place: Place) -> dict[str, t.Any]:
    """What a diff may show, file by file: never a key."""
    before: dict[str, t.Any] = {}
    after: dict[str, t.Any] = {}
    for part, file in sorted(place.layout.parts.items()):
        old = verdict.found[part]
        mended = part in verdict.content or part in verdict.modes
        is_ours = {"mode": f"{file.mode:04o}", "owner": "{}:{}".format(*files.OWNER)}
        was = {"mode": f"{old.mode:04o}", "owner": f"{old.uid}:{old.gid}"}
        before[file.name] = None if old.data is None else {**was, **_shown(part, old.text, "a key")}
        now = "another key" if part in verdict.content and old.data is not None else "a key"
        text = verdict.texts[part]
        after[file.name] = {**(is_ours if mended else was), **_shown(part, text, now)} if text else None
    return {"before": before, "after": after}


def _shown(part: str, text: str, key: str) -> dict[str, t.Any]:
    return {"content": key if part == "key" else fingerprints(text)}
