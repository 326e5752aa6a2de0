# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets go, names stay."""

from __future__ import annotations

import json
import time
import typing as t

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils import redact

HIDDEN = redact.HIDDEN
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "name",
    [
        "PGPASSWORD",
        "DB_PASS",
        "MYSQL_ROOT_PASSWORD",
        "AWS_SECRET_ACCESS_KEY",
        "SECRET_KEY_BASE",
        "API_TOKEN",
        "apiKey",
        "dbPassword",
        "requirepass",
        "client_secret",
        "traefik.http.middlewares.auth.basicauth.users",
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert redact.names_a_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "KEYBOARD",
        "MONKEY",
        "TOKENIZERS_PARALLELISM",
        "POSTGRES_PASSWORD_FILE",
        "PASSWORD_MIN_LENGTH",
        "TOKEN_TTL",
        "org.opencontainers.image.authors",
        "com.docker.compose.config-hash",
        "GPG_KEY",
        "BYPASS",
    ],
)
def test_names_that_only_sound_so(name: str) -> None:
    assert not redact.names_a_secret(name)


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("DB_PASSWORD", "hunter2", True),
        ("DB_PASSWORD", "", False),
        ("ALLOW_EMPTY_PASSWORD", "yes", False),
        ("DB_PASSWORD", "/run/secrets/db", False),
        ("DATABASE_URL", "postgres://app:hunter2@db/app", True),
        ("REGISTRY", "https://registry.example.com/v2", False),
        ("KEY", "-----BEGIN RSA PRIVATE KEY-----\nMIIE", True),
        ("X", "ghp_" + "a1B2" * 9, True),
        ("X", "AKIAIOSFODNN7EXAMPLE", True),
        ("X", JWT, True),
        ("USERS", "admin:$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/", True),
        ("X", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY99", True),
        ("PYTHON_SHA256", "8d1d1d8a33ba8a1a9ad8b1b4f9d5a6ed24b7e0f2c0a1f8e0d3d8b7c6a5f4e3d2", False),
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", False),
        ("LANG", "C.UTF-8", False),
    ],
)
def test_values_that_look_secret(name: str, value: str, secret: bool) -> None:
    assert redact.looks_secret(name, value) is secret


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["mysqld", "--password", "x1"], ["mysqld", "--password", HIDDEN]),
        (["mysqld", "--password=x1"], ["mysqld", f"--password={HIDDEN}"]),
        (["mysql", "-phunter2", "-u", "root"], ["mysql", f"-p{HIDDEN}", "-u", "root"]),
        (["redis-cli", "-a", "hunter2"], ["redis-cli", "-a", HIDDEN]),
        (["redis-server", "--requirepass", "x"], ["redis-server", "--requirepass", HIDDEN]),
        (["serve", "-p", "8080"], ["serve", "-p", "8080"]),
        (["serve", "-p", "127.0.0.1:8080:80"], ["serve", "-p", "127.0.0.1:8080:80"]),
        (["java", "-Ddb.password=x1", "-jar", "a.jar"], ["java", f"-Ddb.password={HIDDEN}", "-jar", "a.jar"]),
        (["env", "DB_PASSWORD=x", "run"], ["env", f"DB_PASSWORD={HIDDEN}", "run"]),
        (["get", "https://u:p@host/x"], ["get", f"https://{HIDDEN}@host/x"]),
        (["sh", "-c", "a --token abc && b"], ["sh", "-c", f"a --token {HIDDEN} && b"]),
        (["sh", "-c", "PASSWORD='a b' run"], ["sh", "-c", f"PASSWORD={HIDDEN} run"]),
        (["curl", "-H", "Authorization: Bearer abc.def"], ["curl", "-H", f"Authorization: {HIDDEN}"]),
        (["run", JWT], ["run", HIDDEN]),
        (["--token", "--verbose"], ["--token", "--verbose"]),
        (["sleep", "10", None], ["sleep", "10", None]),
        ([], []),
    ],
)
def test_command_lines(words: list[t.Any], shown: list[t.Any]) -> None:
    assert redact.arguments(words) == shown


def test_settings_of_any_depth() -> None:
    given = {
        "proxies": {"http-proxy": "http://u:canary@proxy:3128", "no-proxy": "localhost"},
        "HttpProxy": "http://canary@proxy",
        "log-opts": {"splunk-token": "canary", "max-size": "10m", "unheard-of": "canary"},
        "labels": ["env=prod", "token=canary"],
        "runtimes": {"x": {"path": "/x", "runtimeArgs": ["--token=canary"]}},
        "icc": False,
        "tlskey": "/etc/docker/key.pem",
        "hosts": ["unix:///run/docker.sock"],
        "ulimits": [{"Name": "nofile", "Soft": 1}],
    }
    shown = redact.settings(given)
    assert "canary" not in json.dumps(shown)
    assert shown["log-opts"] == {"splunk-token": HIDDEN, "max-size": "10m", "unheard-of": HIDDEN}
    assert shown["proxies"]["no-proxy"] == "localhost"
    for same in ("icc", "tlskey", "hosts", "ulimits"):
        assert shown[same] == given[same]


def test_a_container_keeps_its_names_and_loses_its_values() -> None:
    given = {
        "Name": "/web",
        "Args": ["--password=canary"],
        "State": {"Pid": 5, "Error": "mount http://u:canary@h failed", "Health": {"Log": [{"Output": "canary"}]}},
        "Config": {
            "Env": ["DB_PASSWORD=canary", "HARMLESS=canary", "BARE"],
            "Labels": {"token": "canary", "tier": "web"},
            "Cmd": ["--password=canary"],
            "Entrypoint": None,
            "Healthcheck": {"Test": ["CMD-SHELL", "curl http://u:canary@localhost"]},
        },
        "HostConfig": {
            "Privileged": True,
            "LogConfig": {"Type": "splunk", "Config": {"splunk-token": "canary", "max-size": "1m"}},
            "Mounts": [{"VolumeOptions": {"DriverConfig": {"Options": {"o": "username=u,password=canary"}}}}],
        },
        "NetworkSettings": {
            "Ports": {},
            "Networks": {"n": {"DriverOpts": {"api-key": "canary"}, "IPAddress": "1.2.3.4"}},
        },
    }
    shown, secrets = redact.container(given)
    assert "canary" not in json.dumps([shown, secrets])
    assert shown["Config"]["Env"] == [f"DB_PASSWORD={HIDDEN}", f"HARMLESS={HIDDEN}", "BARE"]
    assert shown["Config"]["Labels"] == {"token": HIDDEN, "tier": "web"}
    assert shown["Config"]["Entrypoint"] is None
    assert shown["HostConfig"]["LogConfig"] == {"Type": "splunk", "Config": {"splunk-token": HIDDEN, "max-size": "1m"}}
    assert (shown["HostConfig"]["Privileged"], shown["State"]["Pid"]) == (True, 5)
    assert shown["NetworkSettings"]["Networks"]["n"]["IPAddress"] == "1.2.3.4"
    assert secrets == {"env": ["DB_PASSWORD"], "labels": ["token"], "args": True}


@pytest.mark.parametrize(
    "given",
    [{}, {"Config": None, "HostConfig": None, "State": None}, {"Config": {"Env": None, "Labels": None, "Cmd": None}}],
)
def test_missing_parts_are_nothing_special(given: dict[str, t.Any]) -> None:
    shown, secrets = redact.container(given)
    assert secrets == {"env": [], "labels": [], "args": False}
    assert shown["HostConfig"]["LogConfig"] == {}


@pytest.mark.parametrize("unit", ["a", "a.", "a-", "-a", "x-", "=", "ey", "eyJ-", "http:", "a=", "--p ", "$y$", "a/b."])
def test_hostile_text_takes_linear_time(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    start = time.process_time()
    redact.arguments([text])
    redact.looks_secret("NAME", text)
    assert time.process_time() - start < 2
