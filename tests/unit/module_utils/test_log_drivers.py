# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.bulkhead.docker.plugins.filter.docker_log_keys import docker_log_keys
from ansible_collections.bulkhead.docker.plugins.module_utils import log_drivers

NON_BLOCKING = {"mode": "non-blocking", "max-buffer-size": "4m"}


@pytest.mark.parametrize(
    ("driver", "options", "wanted"),
    [
        ("", {}, {}),
        ("journald", {}, {"log-driver": "journald", "log-opts": {"tag": "{{.ImageFullID}}"}}),
        ("journald", {"tag": "mine"}, {"log-driver": "journald", "log-opts": {"tag": "mine"}}),
        ("local", {}, {"log-driver": "local", "log-opts": {"max-size": "20m", "max-file": "5"}}),
        ("json-file", {"max-size": "1G"}, {"log-driver": "json-file", "log-opts": {"max-size": "1G", "max-file": "5"}}),
        ("fluentd", NON_BLOCKING, {"log-driver": "fluentd", "log-opts": NON_BLOCKING}),
        ("grafana/loki-docker-driver:3.3", NON_BLOCKING, None),
    ],
)
def test_a_choice_is_completed(driver: str, options: dict[str, str], wanted: dict[str, t.Any] | None) -> None:
    keys = docker_log_keys(driver, options)
    assert keys == (wanted if wanted is not None else {"log-driver": driver, "log-opts": options})


@pytest.mark.parametrize(
    ("driver", "options", "said"),
    [
        ("jounald", {}, "'jounald' is none of journald, json-file, local, awslogs"),
        ("none", {}, "'none' is none of"),
        ("", {"max-size": "1m"}, "say which driver"),
        ("local", {"max-file": 5}, "put quotes around max-file: 5"),
        ("local", {"max-size": "-1"}, "max-size '-1' sets no limit"),
        ("json-file", {"max-size": "0"}, "max-size '0' sets no limit"),
        *((driver, {}, "docker_logging_accept_blocking: true takes the risk") for driver in log_drivers.REMOTE),
        ("syslog", {"mode": "blocking"}, "mode: non-blocking"),
        ("loki:latest", {}, "mode: non-blocking"),
    ],
)
def test_a_choice_that_would_harm_is_refused(driver: str, options: dict[str, t.Any], said: str) -> None:
    with pytest.raises(AnsibleFilterError, match="docker_logging_driver") as raised:
        docker_log_keys(driver, options)
    assert said in str(raised.value)


def test_the_risk_of_waiting_can_be_taken() -> None:
    assert docker_log_keys("gelf", {"gelf-address": "udp://192.0.2.1:1"}, True)["log-driver"] == "gelf"


@pytest.mark.parametrize("driver", ["none", "", *log_drivers.LOCAL])
def test_what_stays_on_the_host_makes_nobody_wait(driver: str) -> None:
    assert not log_drivers.blocks(driver, {})
