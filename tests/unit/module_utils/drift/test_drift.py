# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drift: what is a difference and what is none, what it means, and what an approval takes over."""

from __future__ import annotations

import copy
import json
import typing as t

import pytest
from ansible_collections.bulkhead.docker.plugins.module_utils.collect.baseline import digest
from ansible_collections.bulkhead.docker.plugins.module_utils.drift import catalogue, compare, store
from ansible_collections.bulkhead.docker.plugins.module_utils.drift.baseline import (
    Approval,
    BaselineError,
    approved,
    checked,
    recorded,
    text,
)
from ansible_collections.bulkhead.docker.plugins.module_utils.drift.containers import container
from ansible_collections.bulkhead.docker.plugins.module_utils.drift.plan import ROLES, plan
from ansible_collections.bulkhead.docker.plugins.module_utils.drift.snapshot import chains
from ansible_collections.bulkhead.docker.plugins.module_utils.model import LEVERS, SEVERITIES
from ansible_collections.bulkhead.docker.plugins.module_utils.redact import HIDDEN

Json = dict[str, t.Any]

ID, OTHER = "a" * 64, "b" * 64
DIGEST = f"sha256:{ID}"
STATE: t.Final[Json] = {
    "daemon": {"configured": {"icc": False, "live-restore": True, "log-driver": "local"}, "flags": {}},
    "defaults": {"log-driver": "local", "no-new-privileges": True},
    "files": {"/etc/docker/daemon.json": {"mode": "0644", "owner": "root:root"}},
    "groups": {"docker": ["alice"]},
    "units": None,
    "containers": {
        "web": {
            "image": {"id": DIGEST, "reference": "acme/web:1"},
            "privileged": False,
            "log": {"driver": "local"},
            "live": {"no_new_privileges": True},
        },
        "a.b": {"privileged": False},
    },
    "images": {DIGEST: [f"acme/web@sha256:{OTHER}"]},
    "networks": {"front": {"internal": True}},
    "users": {"bob": {"daemon": {"configured": {"debug": False}}, "containers": {}}},
}
CONTEXT: t.Final[Json] = {
    "config_changed_at": 1000.0,
    "started_at": 2000.0,
    "pending": {},
    "created_at": {"web": "1970-01-01T00:00:01.5Z"},
}
WHO = Approval("2026-11-22T12:00:00Z", "alice", "CHG-1")


def seen(changes: t.Mapping[str, t.Any] | None = None, **context: t.Any) -> Json:
    """A snapshot with some values changed, by JSON of their paths; ``...`` takes one away."""
    state = copy.deepcopy(STATE)
    for path, value in (changes or {}).items():
        *parents, last = json.loads(path)
        at = state
        for part in parents:
            at = at[part]
        if value is ...:
            del at[last]
        else:
            at[last] = value
    return {
        "schema": 1,
        "tool": {},
        "host": {"name": "one"},
        "collected_at": "",
        "state": state,
        "context": {**CONTEXT, **context},
    }


BASELINE: t.Final = recorded(seen(), WHO)


def found(changes: t.Mapping[str, t.Any], images: t.Sequence[str] = (), **context: t.Any) -> list[compare.Entry]:
    return compare.drift(BASELINE, seen(changes, **context), images)[0]


def path(*parts: str) -> str:
    return json.dumps(parts)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, []),
        (
            {path("daemon", "configured", "icc"): True},
            [("daemon.configured.icc", "changed", "medium", "docker_daemon")],
        ),
        (
            {path("files", "/etc/docker/daemon.json", "mode"): "0666"},
            [('files."/etc/docker/daemon.json".mode', "changed", "critical", "docker_host")],
        ),
        ({path("groups", "docker"): ["alice", "eve"]}, [("groups.docker", "changed", "critical", "docker_socket")]),
        ({path("containers", "web", "privileged"): True}, [("containers.web.privileged", "changed", "critical", None)]),
        ({path("containers", "a.b"): ...}, [('containers."a.b"', "removed", "high", None)]),
        ({path("containers", "new"): {"privileged": False}}, [("containers.new", "added", "high", None)]),
        ({path("containers", "new"): {"privileged": True}}, [("containers.new", "added", "critical", None)]),
        ({path("networks", "other"): {"internal": False}}, [("networks.other", "added", "medium", None)]),
        (
            {path("users", "bob", "daemon", "configured", "debug"): True},
            [("users.bob.daemon.configured.debug", "changed", "low", "docker_rootless")],
        ),
        ({path("images"): {}}, []),
    ],
    ids=lambda one: str(one)[:60],
)
def test_differences(changes: Json, wanted: list[tuple[t.Any, ...]]) -> None:
    assert [(one["path"], one["kind"], one["severity"], one["role"]) for one in found(changes)] == wanted


def test_what_cannot_be_read_is_unknown_and_what_was_not_known_is_not_compared() -> None:
    entries, unknown = compare.drift(BASELINE, seen({path("groups"): None, path("units"): {"docker.service": {}}}))
    assert (entries, unknown) == ([], ["groups"])


@pytest.mark.parametrize(
    ("key", "value", "context", "kind"),
    [
        ("icc", True, {"config_changed_at": 3000.0}, "not_restarted"),  # needs a restart, and got none
        ("icc", True, {"config_changed_at": 1000.0}, "changed"),
        ("live-restore", False, {"config_changed_at": 3000.0}, "changed"),  # a reload suffices
        (
            "live-restore",
            False,
            {"pending": {"live-restore": {"configured": False, "running": True}}},
            "not_restarted",
        ),
    ],
)
def test_changed_but_not_restarted_is_a_kind_of_its_own(key: str, value: object, context: Json, kind: str) -> None:
    (entry,) = found({path("daemon", "configured", key): value}, **context)
    assert entry["kind"] == kind


def test_a_file_as_approved_that_the_daemon_does_not_follow_is_drift() -> None:
    (entry,) = found({}, pending={"icc": {"configured": False, "running": True}})
    assert (entry["path"], entry["kind"], entry["before"], entry["after"]) == (
        "daemon.configured.icc",
        "not_restarted",
        True,
        False,
    )


@pytest.mark.parametrize(
    ("created", "driver", "kinds"),
    [
        ("1970-01-01T00:00:01Z", "local", {"changed", "created_before"}),  # before the change, with the old default
        ("1970-01-01T01:00:00Z", "local", {"changed"}),  # after it: somebody chose it
        ("1970-01-01T00:00:01Z", "json-file", {"changed"}),  # has the new one
    ],
)
def test_made_before_the_default_changed(created: str, driver: str, kinds: set[str]) -> None:
    changes = {
        path("defaults", "log-driver"): "json-file",
        path("daemon", "configured", "log-driver"): "json-file",
        path("containers", "web", "log", "driver"): driver,
    }
    context: Json = {"created_at": {"web": created}}
    entries = found(changes, (), **context)
    assert {one["kind"] for one in entries} == kinds
    # the daemon's change is approved, and the container is still of before
    after = approved(BASELINE, seen(changes, **context), entries, WHO._replace(paths=["daemon"]))
    left = compare.drift(after, seen(changes, **context))[0]
    assert {one["kind"] for one in left} - {"changed"} == kinds - {"changed"}
    accepted = approved(after, seen(changes, **context), left, WHO)
    assert compare.drift(accepted, seen(changes, **context))[0] == []


@pytest.mark.parametrize(
    ("images", "good"),
    [
        ([DIGEST], True),
        ([f"sha256:{OTHER}"], True),
        ([f"acme/*@sha256:{OTHER}"], True),
        ([f"other/*@sha256:{OTHER}"], False),
        ([f"sha256:{'c' * 64}"], False),
    ],
)
def test_approved_images(images: list[str], good: bool) -> None:
    assert [one["kind"] for one in found({}, compare.digests(images))] == ([] if good else ["image_not_approved"])


@pytest.mark.parametrize("image", ["web:1", "sha256:abc", f"md5:{ID}", f"@{DIGEST}"])
def test_what_is_no_digest_is_refused(image: str) -> None:
    with pytest.raises(compare.DriftError, match=r"images: .* is no digest; write sha256"):
        compare.digests([image])


@pytest.mark.parametrize(
    ("glob", "wanted"),
    [
        ("*", True),
        ("containers", True),
        ("containers.web", True),
        ("containers.web.privileged", True),
        ("containers.*.privileged", True),
        ("containers.we", False),
        ("files", False),
    ],
)
def test_paths_are_selected_with_all_below_or_as_globs(glob: str, wanted: bool) -> None:
    assert compare.selected("containers.web.privileged", [glob]) is wanted


def test_brackets_in_a_path_are_no_glob() -> None:
    assert compare.selected('listeners."[::]:2376"', ['listeners."[::]:2376"', "x"])
    assert not compare.selected("groups.d", ["groups.[a-z]"])


def test_a_partial_approval_takes_over_what_it_names_and_says_who() -> None:
    now = seen({path("groups", "docker"): ["eve"], path("containers", "web", "privileged"): True})
    entries = compare.drift(BASELINE, now)[0]
    after = approved(BASELINE, now, entries, WHO._replace(paths=["groups.*"]))
    assert [one["path"] for one in compare.drift(after, now)[0]] == ["containers.web.privileged"]
    assert after["approvals"] == [
        {"at": WHO.at, "by": "alice", "reason": "CHG-1", "paths": ["groups.docker"]},
    ]
    assert BASELINE["approvals"] == []


def test_an_approval_of_nothing_changes_nothing() -> None:
    now = seen({path("groups", "docker"): ["eve"]})
    entries = compare.drift(BASELINE, now)[0]
    assert approved(BASELINE, now, entries, WHO._replace(paths=["containers.*"])) is BASELINE


def test_approving_all_learns_what_was_not_known() -> None:
    now = seen({path("units"): {"docker.service": {"active": True}}})
    after = approved(BASELINE, now, [], WHO)
    assert after["state"]["units"] == {"docker.service": {"active": True}}


@pytest.mark.parametrize("added", [{"new": {"privileged": True}}, {}])
def test_an_approval_can_be_undone_by_the_next(added: Json) -> None:
    """What came is taken over, and what went is forgotten."""
    now = seen({path("containers"): added})
    after = approved(BASELINE, now, compare.drift(BASELINE, now)[0], WHO)
    assert compare.drift(after, now)[0] == []
    back = approved(after, seen(), compare.drift(after, seen())[0], WHO)
    assert back["state"]["containers"] == STATE["containers"]


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ([], "is no baseline"),
        ({}, "is no baseline"),
        ({"state": []}, "is no baseline"),
        ({"state": {}, "schema": 99}, "has schema 99, and this release reads 1"),
    ],
)
def test_what_is_no_baseline_is_refused(value: object, why: str) -> None:
    with pytest.raises(BaselineError, match=why):
        checked(value, "the option baseline")


def test_a_baseline_is_kept_as_it_is() -> None:
    assert checked(json.loads(text(BASELINE)), "") == BASELINE


def test_every_path_has_a_severity_and_a_mender() -> None:
    for parts in [
        ("daemon", "configured", "x"),
        ("anything",),
        ("containers", "x"),
        ("users", "bob"),
        ("files", "/x", "mode"),
    ]:
        assert catalogue.severity(parts, None) in SEVERITIES
        lever, role = catalogue.mender(parts)
        assert lever in LEVERS
        assert role is None or lever == "host"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a = 1\n", "# why\n\na = 1   \n", True),
        ("a = 1\n", "a = 2\n", False),
        ("password=first\n", "password=second\n", True),  # not to be guessed from a digest
        ('{"a": 1, "b": [2]}', '{\n "b": [2], "a": 1}\n', True),
        ('{"a": 1}', '{"a": 2}', False),
    ],
)
def test_content(one: str, other: str, same: bool) -> None:
    assert (digest(one) == digest(other)) is same


INSPECT: t.Final[Json] = {
    "Id": ID,
    "Name": "/web",
    "Image": DIGEST,
    "Config": {"Hostname": ID[:12], "Image": "acme/web:1", "Env": ["B=<redacted>", "A=<redacted>"], "Labels": {}},
    "HostConfig": {
        "CapAdd": ["CAP_NET_ADMIN"],
        "NetworkMode": f"container:{OTHER}",
        "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": ""}], "81/tcp": [{"HostIp": "::1", "HostPort": "81"}]},
        "SecurityOpt": ['seccomp={"defaultAction": "SCMP_ACT_ERRNO"}'],
        "Memory": 0,
    },
    "Mounts": [{"Type": "volume", "Name": OTHER, "Destination": "/data", "RW": True}],
    "NetworkSettings": {"Networks": {"front": {"Aliases": [ID[:12], "db"], "IPAddress": "172.18.0.2"}}},
}


def test_a_container_without_what_changes_by_itself() -> None:
    one = container({"inspect": INSPECT, "process": None}, {OTHER: "vpn"})
    assert one
    assert one["hostname"] == ""
    assert one["environment"] == ["A", "B"]
    assert one["capabilities"]["add"] == ["NET_ADMIN"]
    assert one["namespaces"]["network"] == "container:vpn"
    assert one["ports"] == {"80/tcp": ["*:ephemeral"], "81/tcp": ["::1:81"]}
    assert one["mounts"]["/data"]["source"] == ""
    assert one["networks"]["front"]["aliases"] == ["db"]
    assert one["security_options"][0].startswith("seccomp=sha256:")
    assert one["limits"]["memory"] == 0
    assert one["live"] is None
    assert ID[:12] not in json.dumps({**one, "image": None})


def test_a_container_that_cannot_be_inspected_is_unknown() -> None:
    assert container({"inspect": None}, {}) is None


def test_chains_without_dockers_and_ours() -> None:
    lines = [
        ":INPUT ACCEPT [0:0]",
        ":DOCKER - [0:0]",
        ":DOCKER-USER - [0:0]",
        ":BULKHEAD-EGRESS - [0:0]",
        "-A INPUT -s 192.0.2.1/32 -j DROP",
        "-A INPUT -j BULKHEAD-INPUT",
        "-A DOCKER-USER -j RETURN",
        "-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -j ACCEPT",
    ]
    assert chains(lines) == {
        "INPUT": {"policy": "ACCEPT", "rules": ["-s 192.0.2.1/32 -j DROP"]},
        "DOCKER-USER": {"policy": "-", "rules": ["-j RETURN"]},
    }


def test_an_entry_keeps_the_time_it_was_first_seen(tmp_path: t.Any) -> None:
    file = tmp_path / "baseline.json"
    entries = found({path("groups", "docker"): ["eve"]})
    (first,) = store.seen_before(file, entries, "2026-11-22T12:00:00Z")
    store.keep(tmp_path / store.LAST, {"entries": [first]})
    assert (tmp_path / store.LAST).stat().st_mode & 0o777 == 0o600
    (again,) = store.seen_before(file, entries, "2026-11-23T12:00:00Z")
    assert again["first_seen"] == "2026-11-22T12:00:00Z"
    (other,) = store.seen_before(file, [{**entries[0], "after": ["mallory"]}], "2026-11-23T12:00:00Z")
    assert other["first_seen"] == "2026-11-23T12:00:00Z"


@pytest.mark.parametrize("mode", [0o666, 0o620])
def test_a_baseline_that_others_could_write_is_refused(tmp_path: t.Any, mode: int) -> None:
    file = tmp_path / "baseline.json"
    store.keep(file, BASELINE)
    assert store.read(file) == BASELINE
    file.chmod(mode)
    with pytest.raises(BaselineError, match="may be anybody's"):
        store.read(file)


def test_a_baseline_by_a_link_or_broken_is_refused(tmp_path: t.Any) -> None:
    assert store.read(tmp_path / "none.json") is None
    (tmp_path / "link.json").symlink_to(tmp_path / "other.json")
    with pytest.raises(BaselineError, match="cannot be read"):
        store.read(tmp_path / "link.json")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(BaselineError, match="not valid JSON"):
        store.read(tmp_path / "broken.json")


@pytest.mark.parametrize(
    ("changes", "attempts", "settings"),
    [
        ({path("daemon", "configured", "icc"): True}, 0, {}),  # the role's own variables come first
        ({path("daemon", "configured", "icc"): True}, 1, {"icc": False}),
        ({path("daemon", "configured", "insecure-registries"): ["x"]}, 1, {"insecure-registries": None}),
        ({path("groups", "docker"): ["eve"]}, 1, {}),
    ],
)
def test_what_no_variable_says_is_put_back_as_it_was_approved(changes: Json, attempts: int, settings: Json) -> None:
    drift = {"entries": found(changes)}
    assert plan(drift, SEVERITIES, ROLES, attempts, BASELINE)["settings"] == settings


def test_what_was_redacted_cannot_be_put_back() -> None:
    baseline = copy.deepcopy(BASELINE)
    baseline["state"]["daemon"]["configured"]["proxies"] = {"http-proxy": f"http://{HIDDEN}@proxy"}
    drift = {"entries": compare.drift(baseline, seen())[0]}
    assert [one["path"] for one in drift["entries"]] == ["daemon.configured.proxies"]
    assert plan(drift, SEVERITIES, ROLES, 1, baseline)["settings"] == {}
