# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The unit that runs dockerd, as systemd sees it: drop-ins applied, environment expanded; and the live process."""

from __future__ import annotations

import os
import re
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import TIMED_OUT, Run
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.scope import SYSTEM, Scope

_PROPERTIES = (
    "LoadState", "ActiveState", "SubState", "Result", "MainPID", "NRestarts", "ExecStart", "Environment",
    "EnvironmentFiles", "FragmentPath", "DropInPaths", "TriggeredBy", "CanReload",
)  # fmt: skip
_ARGV = re.compile(r"\bargv\[\]=(.*?) ; (?:ignore_errors|flags)=")
_ENVIRONMENT_FILE = re.compile(r"^(?P<path>.+?) \(ignore_errors=(?:yes|no)\)$")
_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")


@dataclass(frozen=True)
class Unit:
    """A service as systemd reports it; ``argv`` is the command that the next start runs."""

    name: str
    properties: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    argv: tuple[str, ...] = ()

    @property
    def exists(self) -> bool:
        return self.properties.get("LoadState") == "loaded"

    @property
    def active(self) -> str:
        """active, inactive, failed, activating, ...; "absent" where systemd or the unit is missing."""
        return self.properties.get("ActiveState", "absent") if self.exists else "absent"

    @property
    def main_pid(self) -> int:
        return int(self.properties.get("MainPID") or 0)

    @property
    def sources(self) -> str:
        """The files that a person must edit to change the command line."""
        files = [self.properties.get("FragmentPath", ""), self.properties.get("DropInPaths", "")]
        files += list(environment_files(self.properties))
        return ", ".join(part for part in files if part)

    @property
    def sockets(self) -> list[str]:
        return [name for name in self.properties.get("TriggeredBy", "").split() if name.endswith(".socket")]


def environment_files(properties: Mapping[str, str]) -> list[str]:
    """The paths of ``EnvironmentFiles``, which systemctl prints one a line."""
    found = (_ENVIRONMENT_FILE.match(line.strip()) for line in properties.get("EnvironmentFiles", "").splitlines())
    return [match.group("path") for match in found if match]


def parse_show(text: str) -> dict[str, str]:
    """``systemctl show`` output; a property may be printed on several lines (ExecStart, EnvironmentFiles)."""
    properties: dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            properties[name] = f"{properties[name]}\n{value}" if properties.get(name) else value
    return properties


def parse_environment(text: str) -> dict[str, str]:
    """An EnvironmentFile: NAME=value lines, comments, quotes, continued lines."""
    found: dict[str, str] = {}
    for line in text.replace("\\\n", " ").splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith(("#", ";")):
            found[name.strip()] = " ".join(split(value)) if value[:1] in "\"'" else value.strip()
    return found


def split(text: str) -> list[str]:
    """Words as systemd splits them; an unbalanced quote is kept as it is."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def expand(argv: list[str], environment: Mapping[str, str]) -> tuple[str, ...]:
    """systemd's rule: a word that is ``$NAME`` alone splits into words, ``${NAME}`` inside a word does not."""
    words: list[str] = []
    for word in argv:
        if re.fullmatch(r"\$\w+", word):
            words.extend(split(environment.get(word[1:], "")))
        else:
            words.append(_VARIABLE.sub(lambda m: environment.get(m.group(1) or m.group(2), ""), word))
    return tuple(words)


def parse_unit(name: str, text: str, files: Mapping[str, str]) -> Unit:
    """Pure half of read_unit: ``files`` holds the text of the environment files that could be read."""
    properties = parse_show(text)
    environment: dict[str, str] = {}
    for pair in split(properties.get("Environment", "")):
        variable, _equals, value = pair.partition("=")
        environment[variable] = value
    for path in environment_files(properties):
        environment.update(parse_environment(files.get(path, "")))
    commands = _ARGV.findall(properties.get("ExecStart", ""))
    # systemctl prints the words unquoted; dockerd's own options contain no blanks
    argv = expand(commands[-1].split(), environment) if commands else ()
    return Unit(name, properties, environment, argv)


def read_unit(run: Run, name: str = "docker.service", scope: Scope = SYSTEM) -> Unit:
    """The effective unit. A host without systemd (a user who never logged in has none), or without the unit, gives one
    that does not exist.

    Raises TimeoutError when systemd does not answer: what it would say is not guessed.
    """
    done = run(scope.systemctl("show", name, f"--property={','.join(_PROPERTIES)}"), 30, scope.environment)
    if done.rc == TIMED_OUT:
        raise TimeoutError(f"systemctl show {name} took too long: is systemd well?")
    # without systemd (an image build) the files say what it would say
    shown = done.out if not done.rc and "LoadState=" in done.out else offline(name, scope.unit_directories)
    files = {path: _text(path) for path in environment_files(parse_show(shown))}
    return parse_unit(name, shown, files)


def offline(name: str, directories: Sequence[str]) -> str:
    """What ``systemctl show`` would print of a unit, from its files; in fewer words, and without a state."""
    fragment = next((path for path in (Path(directory, name) for directory in directories) if path.is_file()), None)
    if fragment is None:
        return ""
    drop_ins = _drop_ins(name, directories)
    ordered = [drop_ins[key] for key in sorted(drop_ins)]
    shown = [f"FragmentPath={fragment}", f"DropInPaths={' '.join(map(str, ordered))}"]
    for path in (fragment, *ordered):
        shown = _apply_file(shown, _text(str(path)))
    return "\n".join(shown)


def _drop_ins(name: str, directories: Sequence[str]) -> dict[str, Path]:
    """By file name: of two with one name that of the first directory counts."""
    return {path.name: path for base in reversed(directories) for path in Path(base, f"{name}.d").glob("*.conf")}


def files_of(unit: Unit, directories: Sequence[str]) -> list[tuple[str, str]]:
    """Path and text of what makes up the unit, in systemd's order, as the files are now: it may not have read them."""
    fragment = unit.properties.get("FragmentPath", "")
    known = {Path(path).name: Path(path) for path in unit.properties.get("DropInPaths", "").split()}
    drop_ins = {**known, **_drop_ins(unit.name, directories)}
    ordered = [str(drop_ins[key]) for key in sorted(drop_ins) if drop_ins[key].exists()]
    return [(path, _text(path)) for path in ([fragment] if fragment else []) + ordered]


def _apply_file(shown: list[str], text: str) -> list[str]:
    """Add a unit file's settings; an empty one takes back what came before."""
    names = {"ExecStart": "ExecStart", "Environment": "Environment", "EnvironmentFile": "EnvironmentFiles"}
    for line in text.replace("\\\n", " ").splitlines():
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals or name not in names:
            continue
        if not value:
            shown = [one for one in shown if not one.startswith(f"{names[name]}=")]
        elif name == "ExecStart":
            shown.append(f"ExecStart={{ argv[]={value.lstrip('-@:+!')} ; ignore_errors=no }}")
        elif name == "EnvironmentFile":
            shown.append(f"EnvironmentFiles={value.lstrip('-')} (ignore_errors=yes)")
        else:
            shown.append(f"{name}={value}")
    return shown


def _text(path: str) -> str:
    """A file that cannot be read counts as empty: systemd ignores it too, or the unit fails without us."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def command_line(pid: int) -> tuple[str, ...]:
    """argv of a live process; empty when it is gone."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return ()
    return tuple(os.fsdecode(word) for word in raw.split(b"\0")[:-1])


def process_start(pid: int) -> str:
    """An identity of a process that survives pid reuse: boot, pid, start tick. Empty when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return ""
    return f"{boot}/{pid}/{stat.rpartition(')')[2].split()[19]}"


def started_at(pid: int) -> float:
    """Wall-clock second at which a process began; 0.0 when it is gone."""
    identity = process_start(pid)
    if not identity:
        return 0.0
    # /proc/stat tells the boot in whole seconds only: too coarse beside the time of a file
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return booted + int(identity.rpartition("/")[2]) / os.sysconf("SC_CLK_TCK")
