# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of a daemon configuration: masked where they stand, and known wherever else they turn up."""

from __future__ import annotations

import json

from ansible_collections.bulkhead.docker.plugins.module_utils.daemon_secrets import find, mask, mask_text, telling

CONFIG = {
    "proxies": {"http-proxy": "http://user:c4n4ry%401@192.0.2.1:3128", "no-proxy": "localhost"},
    "log-opts": {"splunk-token": "c4n4ry-2-token", "max-size": "10m"},
    "labels": ["api-token=c4n4ry-3", "site=lab"],
    "registry-mirrors": ["https://user:c4n4ry-4@mirror.example"],
    "data-root": "/var/lib/docker",
    "icc": False,
}


def test_masking_keeps_shape_and_names() -> None:
    shown = mask(CONFIG)
    text = json.dumps(shown)
    assert "c4n4ry" not in text
    for kept in (
        "splunk-token",
        "api-token=",
        "site=lab",
        "192.0.2.1:3128",
        "10m",
        "/var/lib/docker",
        "mirror.example",
    ):
        assert kept in text
    assert all(mask(value, key) == shown[key] for key, value in CONFIG.items())


def test_found_secrets_are_the_masked_parts() -> None:
    assert {"c4n4ry%401", "c4n4ry-2-token", "c4n4ry-3", "c4n4ry-4"} <= set(find(CONFIG))
    assert list(find({"icc": False, "labels": ["site=lab"], "proxies": {"http-proxy": "http://p:1"}})) == []


def test_prose() -> None:
    known = telling(find(CONFIG))
    text = 'proxy "user:c4n4ry@1" said c4n4ry-2-token to https://other:hunter2@host'
    assert "c4n4ry@1" in known, "as it is once the URL is decoded"
    for secret in ("c4n4ry", "hunter2"):
        assert secret not in mask_text(text, known)


def test_short_words_are_not_hunted_in_prose() -> None:
    assert mask_text("the true value", {"true"}) == "the true value"
