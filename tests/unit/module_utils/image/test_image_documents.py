# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifest, and options that an image may keep."""

from __future__ import annotations

import hashlib
import json
import typing as t
from pathlib import Path

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.dockerd.run import Done
from ansible_collections.bulkhead.docker.plugins.module_utils.image import manifest, options
from ansible_collections.bulkhead.docker.plugins.module_utils.image.seal import Tree
from ansible_collections.bulkhead.docker.plugins.module_utils.redact import HIDDEN

KEY = "-----BEGIN PRIVATE KEY-----\nx\n"
SPECS: dict[str, dict[str, t.Any]] = {
    "docker_tls_listen": {"type": "list", "default": []},
    "docker_tls_ca_passphrase": {"type": "str", "default": ""},
    "docker_tls_key_type": {"type": "str", "default": "ecdsa"},
    "docker_tls_supplied_key": {"type": "str", "default": ""},
    "docker_logging_key": {"type": "path", "default": ""},
    "docker_x_said": {"type": "str", "default": "", "no_log": True},
}
#: Name, value, whether it is a secret.
OPTIONS: list[tuple[str, t.Any, bool]] = [
    ("docker_tls_listen", ["10.0.0.5"], False),
    ("docker_tls_ca_passphrase", "open", True),
    ("docker_tls_ca_passphrase", "", False),
    ("docker_tls_key_type", "rsa", False),
    ("docker_tls_supplied_key", KEY, True),
    ("docker_logging_key", "/etc/key.pem", False),
    ("docker_logging_key", KEY, True),
    ("docker_x_said", "quietly", True),
    ("docker_unknown", 5, False),
]


@pytest.mark.parametrize(("name", "value", "is_secret"), OPTIONS)
def test_secrets_stay_out_of_an_image(name: str, value: t.Any, is_secret: bool) -> None:
    values = {name: value}
    assert options.redacted(values, SPECS) == {name: HIDDEN if is_secret else value}
    assert options.withheld(values, SPECS) == ([name] if is_secret else [])
    default = SPECS.get(name, {}).get("default")
    assert options.given(values, SPECS) == ({} if is_secret or value == default else {name: value})


def test_secrets_within_an_option_are_hidden_from_people() -> None:
    found = options.redacted({"docker_daemon_config": {"proxies": {"http-proxy": "http://me:open@proxy:3128"}}}, {})
    assert "open" not in json.dumps(found)


def test_files_are_written_down_by_content(tmp_path: Path) -> None:
    (tmp_path / "etc" / "docker").mkdir(parents=True)
    (tmp_path / "etc" / "docker" / "daemon.json").write_text("{}")
    (tmp_path / "etc" / "docker" / "daemon.json").chmod(0o640)
    (tmp_path / "etc" / "docker" / "link").symlink_to("daemon.json")
    (tmp_path / "etc" / "docker" / "secret").write_text("x")
    found = manifest.files(Tree(str(tmp_path)), ["/etc/docker", "/etc/docker/*.json", "/none"], ["*/secret"])
    assert [one["path"] for one in found] == ["/etc/docker/daemon.json", "/etc/docker/link"]
    assert found[0]["sha256"] == hashlib.sha256(b"{}").hexdigest() and found[0]["mode"] == "0640"
    assert found[1]["link"] == "daemon.json" and "sha256" not in found[1]


def test_units_that_a_boot_starts(tmp_path: Path) -> None:
    wants = tmp_path / "etc" / "systemd" / "system" / "multi-user.target.wants"
    wants.mkdir(parents=True)
    (wants / "docker.service").symlink_to("/usr/lib/systemd/system/docker.service")
    assert manifest.enabled(Tree(str(tmp_path))) == ["docker.service"]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (
            {"dpkg-query": Done(1, "installed runc 1.1\nconfig-files docker.io 26.1\n", "no such package")},
            {"runc": "1.1"},
        ),
        (
            {"dpkg-query": Done(127, "", ""), "rpm": Done(1, "runc 1.2-1\npackage x is not installed\n", "")},
            {"runc": "1.2-1"},
        ),
        ({"dpkg-query": Done(127, "", ""), "rpm": Done(127, "", "")}, {}),
    ],
)
def test_versions_of_what_is_installed(answers: dict[str, Done], expected: dict[str, str]) -> None:
    def run(argv: t.Sequence[str], seconds: float, environment: t.Mapping[str, str] | None = None) -> Done:
        return answers[argv[0]]

    assert manifest.packages(run, ["runc", "docker.io"]) == expected


def test_no_time_unless_one_is_given() -> None:
    one = manifest.document({}, [], {"files": []}, None)
    assert one == manifest.document({}, [], {"files": []}, None)
    assert "built" not in json.loads(one)
    assert json.loads(manifest.document({}, [], {}, 0))["built"] == "1970-01-01T00:00:00Z"


def test_a_baseline_is_of_no_machine_and_no_time() -> None:
    recorded = {"at": "2026-11-22T13:00:00Z", "by": "the build", "reason": ""}
    found = manifest.impersonal({"host": {"name": "builder"}, "recorded": recorded, "state": {"files": {}}})
    assert found == {"host": {"name": ""}, "recorded": {**recorded, "at": ""}, "state": {"files": {}}}
    assert manifest.impersonal({}) == {}
