# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A docker host and its collector on another host; what arrived there is read there."""

from __future__ import annotations

import dataclasses
import json
import time
import typing as t

T = t.TypeVar("T")


def until(look: t.Callable[[], T], seconds: float = 60) -> T:
    """What it gives as soon as that is something; the last it gave, in the end."""
    end = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < end:
        time.sleep(0.5)
    return found


@dataclasses.dataclass
class Site:
    """One docker host, and the collectors that stand for its own."""

    host: t.Any
    collector: t.Any
    name: str
    variables: dict[str, t.Any] = dataclasses.field(repr=False)  # there is a key among them

    def service(self, action: str, kind: str = "right") -> None:
        self.collector.check_output(f"systemctl {action} {kind}@{self.name}")

    def arrived(self, word: str, kind: str = "right") -> list[str]:
        """Lines that hold the word."""
        return list(
            self.collector.run(f"grep --text -F -- '{word}' /srv/site/{kind}-{self.name}.log").stdout.splitlines()
        )

    def record(self, word: str) -> dict[str, t.Any]:
        """The body of the one line that a container wrote, once it has arrived."""
        (line,) = set(until(lambda: self.of_containers(word)))
        return dict(json.loads(line[line.index("{") :]))

    def of_containers(self, word: str) -> list[str]:
        return [line for line in self.arrived(word) if '"container":' in line]

    def say(self, word: str, options: str = "", image: str = "tiny:1") -> str:
        """A container writes a line; its id."""
        return str(self.host.check_output(f"docker run --detach --network none {options} {image} echo '{word}'"))

    def events(self, container: str) -> list[dict[str, t.Any]]:
        """What was recorded of a container, by its id, in order."""
        found = self.host.run("journalctl --unit bulkhead-docker-events --output cat --grep '^{'").stdout
        records = [json.loads(line) for line in found.splitlines()]
        return [record for record in records if record.get("id") == container]
