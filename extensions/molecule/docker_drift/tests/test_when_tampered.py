# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody does to a hardened host is found, what happens by itself is not; the roles mend what is theirs.

The last of the scenario, as it leaves the hosts in disorder.
"""

from __future__ import annotations

import fnmatch
import json
import re
import subprocess
import typing as t

import pytest
from ansible_collections.bulkhead.docker.tests.support import ROOT, adhoc, playbook

Json = dict[str, t.Any]

#: The oldest engine and the newest; the third host is busy with the timer.
pytestmark = pytest.mark.debian(12, 14)

#: Beside the one that the other tests use.
BASELINE = "/var/lib/bulkhead.docker/tampering/baseline.json"
SITE = ROOT / "extensions" / "molecule" / "docker_drift" / "vars" / "site.yml"
#: How each container of the tests is made, option by option; a tampering leaves one out, or says another.
OPTIONS: t.Final[t.Mapping[str, str]] = {
    "network": "--network front",
    "user": "--user app",
    "read_only": "--read-only",
    "memory": "--memory 64m",
    "pids": "--pids-limit 50",
    "capabilities": "--cap-drop ALL",
    "environment": "--env GREETING=hello",
    "volume": "--volume data:/data --volume /anonymous",
    "port": "--publish 127.0.0.1::8080",
    "log": "--log-driver journald",
    "image": "tiny:1",
    "command": "sleep 1000000",
}


class Tampering(t.NamedTuple):
    """Done in a shell on the host; ``mended``: by remediation."""

    name: str
    do: str
    path: str
    severity: str
    kind: str = "changed"
    mended: bool = False


def made(name: str, **options: str) -> str:
    """A container, in the order that docker wants: options, image, command."""
    words = {**OPTIONS, **options}
    command = words.pop("command")
    image = words.pop("image")
    return f"docker create --name {name} {' '.join(words.values())} {image} {command} >/dev/null"


def remade(what: str, path: str, severity: str, kind: str = "changed", **options: str) -> Tampering:
    """The container of that name, made otherwise."""
    name = f"c-{what}"
    do = f"docker rm -f {name} >/dev/null; {made(name, **options)}"
    return Tampering(what, do, f'containers."{name}".{path}', severity, kind)


def key(name: str, value: str, severity: str, kind: str = "not_restarted") -> Tampering:
    """A setting in daemon.json that nobody told the daemon of; ``value`` is Python, None takes it away."""
    program = f"import json; f = '/etc/docker/daemon.json'; d = json.load(open(f)); d['{name}'] = {value}; "
    program += "json.dump({k: v for k, v in d.items() if v is not None}, open(f, 'w'), indent=1)"
    shown = name if "-" not in name else f'"{name}"'
    return Tampering(f"key {name}", f'python3 -c "{program}"', f"daemon.configured.{shown}", severity, kind, True)


def file(path: str, what: str, do: str, severity: str = "high", mended: bool = False) -> Tampering:
    return Tampering(f"{what} of {path}", do, f'files."{path}".{what}', severity, mended=mended)


#: First of all, as a restart brings what is in the file into effect.
LISTENER = (
    "echo 'DOCKER_OPTS=--metrics-addr=127.0.0.1:9323' >>/etc/default/docker; "
    "systemctl reset-failed docker; systemctl restart docker"
)
DROP_IN = "/etc/systemd/system/docker.service.d/zzz-somebody.conf"
SELF_SIGNED = (
    "cd /etc/docker/tls; openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 "
    "-subj /CN=somebody -keyout /tmp/somebody.key -out {} 2>/dev/null"
)
PLUGIN = (
    "mkdir -p /tmp/plugin/rootfs; echo '"
    '{"description": "x", "entrypoint": ["/x"], '
    '"interface": {"types": ["docker.volumedriver/1.0"], "socket": "x.sock"}}'
    "' >/tmp/plugin/config.json; docker plugin create somebody /tmp/plugin >/dev/null"
)

TAMPERINGS: t.Final[t.Sequence[Tampering]] = (
    Tampering("flag and listener", LISTENER, 'daemon.flags."metrics-addr"', "medium", "added"),
    Tampering("listener", "true", 'listeners."127.0.0.1:9323"', "critical", "added"),
    Tampering("options of the service", "true", 'files."/etc/default/docker".content', "high"),
    Tampering("drop-in", f"printf '[Service]\\nEnvironment=X=1\\n' >{DROP_IN}", f'files."{DROP_IN}"', "high", "added"),
    key("icc", "True", "medium"),
    key("no-new-privileges", "False", "high"),
    key("userland-proxy", "True", "medium"),
    key("log-driver", "'json-file'", "medium"),
    key("insecure-registries", "['registry.example:5000']", "high", "added"),
    key("registry-mirrors", "['https://mirror.example']", "high", "added"),
    key("default-cgroupns-mode", "None", "medium"),
    key("hosts", "['fd://', 'tcp://0.0.0.0:2375']", "critical"),
    key("tlsverify", "False", "critical"),
    file("/etc/docker/daemon.json", "mode", "chmod 0646 /etc/docker/daemon.json", "critical", True),
    file("/etc/docker/tls/server-key.pem", "mode", "chmod 0440 /etc/docker/tls/server-key.pem", mended=True),
    file("/etc/default/docker", "owner", "chown nobody /etc/default/docker", mended=True),
    file("/run/docker.sock", "mode", "chmod 0666 /run/docker.sock", "critical", True),
    Tampering("new file", "echo '{}' >/etc/docker/somebody.json", 'files."/etc/docker/somebody.json"', "high", "added"),
    file("/etc/containerd/config.toml", "content", "echo 'oom_score = 1' >>/etc/containerd/config.toml"),
    file("/etc/sysctl.d/99-zz-bulkhead-docker.conf", "content",
         "echo 'vm.swappiness = 1' >>/etc/sysctl.d/99-zz-bulkhead-docker.conf", mended=True),
    file("/etc/bulkhead.docker/firewall.json", "content",
         "sed -i 's/}$/, \"x\": 1}/' /etc/bulkhead.docker/firewall.json", mended=True),
    file("/etc/systemd/system/bulkhead-docker-events.service", "content",
         "sed -i 's/^ProtectSystem=.*/ProtectSystem=no/' /etc/systemd/system/bulkhead-docker-events.service",
         mended=True),
    Tampering("unit", "systemctl disable --quiet --now bulkhead-docker-events",
              'units."bulkhead-docker-events.service".enabled', "high", mended=True),
    Tampering("stopped service", "true", 'units."bulkhead-docker-events.service".active', "high", mended=True),
    Tampering("log shipper", "echo '*.* @@logs.example:514' >/etc/rsyslog.d/99-somebody.conf",
              'logging.forwards."/etc/rsyslog.d/99-somebody.conf logs.example:514"', "high", "added"),
    Tampering("its file", "true", 'files."/etc/rsyslog.d/99-somebody.conf"', "high", "added"),
    Tampering("group member", "useradd --no-create-home mallory; usermod --append --groups docker mallory",
              "groups.docker", "critical", mended=True),
    Tampering("sudo", "echo 'eve ALL=(root) NOPASSWD: /usr/bin/docker' >/etc/sudoers.d/eve",
              "sudo.eve", "high", "added"),
    Tampering("certificate", SELF_SIGNED.format("server-cert.pem"),
              "certificates.tlscert.certificates", "high", mended=True),
    Tampering("authority", SELF_SIGNED.format("ca.pem"), "certificates.tlscacert.certificates", "high", mended=True),
    Tampering("firewall rule", "iptables -I INPUT -s 192.0.2.66 -j ACCEPT", "firewall.ipv4.INPUT.rules", "high"),
    Tampering("firewall policy", "ip6tables -P OUTPUT DROP", "firewall.ipv6.OUTPUT.policy", "high"),
    Tampering("kernel parameter", "sysctl -qw net.ipv4.conf.all.send_redirects=1",
              'sysctl."net.ipv4.conf.all.send_redirects"', "medium", mended=True),
    Tampering("new container", made("c-new"), 'containers."c-new"', "high", "added"),
    Tampering("new privileged container", made("c-evil", capabilities="--privileged"),
              'containers."c-evil"', "critical", "added"),
    Tampering("container gone", "docker rm -f c-gone >/dev/null", 'containers."c-gone"', "high", "removed"),
    Tampering("default of before", "true", "containers.running.live.no_new_privileges", "critical", "created_before",
              mended=True),
    remade("privileged", "privileged", "critical", capabilities="--privileged --cap-drop ALL"),
    remade("capability", "capabilities.add", "critical", capabilities="--cap-drop ALL --cap-add SYS_ADMIN"),
    remade("kept", "capabilities.drop", "high", capabilities=""),
    remade("seccomp", "security_options", "critical", capabilities="--cap-drop ALL --security-opt seccomp=unconfined"),
    remade("pid", "namespaces.pid", "critical", capabilities="--cap-drop ALL --pid host"),
    remade("ipc", "namespaces.ipc", "critical", capabilities="--cap-drop ALL --ipc host"),
    remade("uts", "namespaces.uts", "critical", capabilities="--cap-drop ALL --uts host"),
    remade("net", "namespaces.network", "critical", network="--network host", port=""),
    remade("socket", 'mounts."/run/docker.sock"', "critical", "added",
           volume=OPTIONS["volume"] + " --volume /run/docker.sock:/run/docker.sock"),
    remade("bind", 'mounts."/data".source', "high", volume="--volume /srv:/data --volume /anonymous"),
    remade("writable", 'mounts."/data".writable', "high", volume="--volume data:/data:ro --volume /anonymous"),
    remade("port", 'ports."8080/tcp"', "high", port="--publish 8080:8080"),
    remade("device", "devices", "critical", volume=OPTIONS["volume"] + " --device /dev/null:/dev/sda"),
    remade("root", "user", "high", user="--user 0"),
    remade("root-fs", "read_only", "medium", read_only=""),
    remade("memory", "limits.memory", "medium", memory=""),
    remade("pids", "limits.pids", "medium", pids=""),
    remade("environment", "environment", "medium", environment="--env GREETING=hello --env LD_PRELOAD=/x.so"),
    remade("command", "command", "high", command="sleep 1"),
    remade("image", "image.id", "high", image="tiny:2"),
    remade("log", "log.driver", "medium", log="--log-driver none"),
    remade("label", "labels.role", "low", "added", log="--log-driver journald --label role=admin"),
    remade("restart", "restart", "low", memory="--memory 64m --restart always"),
    remade("host", "extra_hosts", "medium", network="--network front --add-host bank.example:192.0.2.66"),
    remade("alias", "networks.front.aliases", "medium", network="--network front --network-alias db"),
    remade("group", "groups", "high", user="--user app --group-add 0"),
    Tampering("new network", "docker network create somebody >/dev/null", "networks.somebody", "medium", "added"),
    Tampering("network", "docker network rm inside >/dev/null; docker network create inside >/dev/null",
              "networks.inside.internal", "medium"),
    Tampering("new volume", "docker volume create somebody >/dev/null", "volumes.somebody", "low", "added"),
    Tampering("volume", "docker volume rm spare >/dev/null; "
              "docker volume create --opt type=none --opt o=bind --opt device=/ spare >/dev/null",
              "volumes.spare.options.device", "low", "added"),
    Tampering("plugin", PLUGIN, 'plugins."somebody:latest"', "critical", "added"),
)  # fmt: skip

#: What else the tamperings come to, each told where it shows.
ALSO: t.Final = (
    "daemon.configured.*",
    "daemon.flags.*",
    'containers."c-*".*',  # such as the tag beside the image, and what of privileged is not masked
    "volumes.spare.options.*",
    "containers.*.namespaces.cgroup",
    "containers.*.live.no_new_privileges",
    "containers.*.log.driver",
    'sysctl."vm.swappiness"',
    'units."bulkhead-docker-events.service".*',
    'units."docker.service".reload_needed',
    "daemon.environment",
    'files."/etc/systemd/system/bulkhead-docker-events.service".*',
    "listeners.*",
    "groups.mallory",
    "engine.*",
    "firewall.pending",
    "logging.recorder",
    "networks.*",
)

#: What happens on any host, and must not be told.
HARMLESS: t.Final[t.Mapping[str, str]] = {
    "restart of the engine": "systemctl reset-failed docker; systemctl restart docker",
    "restart of containerd": "systemctl restart containerd; sleep 1; docker version >/dev/null",
    "reload of the engine": "systemctl reload docker",
    "restart of a container": "docker restart --time 0 running >/dev/null",
    "container stopped": "docker stop --time 0 stopping >/dev/null",
    "container started": "docker start c-new-start >/dev/null",
    "container made anew": f"docker rm -f remade >/dev/null; {made('remade')}; docker start remade >/dev/null",
    "renamed, and back": "docker rename c-log was-log; docker rename was-log c-log",
    "command in a container": "docker exec running true",
    "daemon.json in another form": 'python3 -c "import json; f = \'/etc/docker/daemon.json\'; d = json.load(open(f)); '
    "d['hosts'] = d['hosts'][::-1]; json.dump(dict(reversed(d.items())), open(f, 'w'), separators=(',', ':'))\"",
    "daemon.json touched": "touch /etc/docker/daemon.json",
    "comments": "printf '\\n# a comment\\n' >>/etc/default/docker; printf '\\n# a comment\\n' >>/etc/rsyslog.conf",
    "systemd told of nothing": "systemctl daemon-reload",
    "log shipper restarted": "systemctl restart rsyslog",
    "firewall once more": "systemctl reload bulkhead-docker-firewall",
    "another image": "lab-image unused:1 >/dev/null",
    "volume without a name": "docker volume create >/dev/null",
    "network taken and given back": "docker network disconnect front running; docker network connect front running",
    "prune": "docker builder prune --force >/dev/null 2>&1 || true; docker image prune --force >/dev/null",
    "job": "docker run --rm --network none tiny:1 true",
    "member and back": "groupadd --force docker; useradd --no-create-home guest; "
    "usermod --append --groups docker guest; gpasswd --delete guest docker >/dev/null",
    "log of a container": "docker exec running sh -c 'echo hello >/proc/1/fd/1'",
    "sockets made anew": "systemctl reset-failed docker.socket; systemctl restart docker.socket docker",
}  # fmt: skip

#: The containers that are there from the beginning.
NAMES = sorted(
    {one.path.split('"')[1] for one in TAMPERINGS if re.match(r'containers\."[^"]+"(?:\.|$)', one.path)}
    - {"c-new", "c-evil"}
)


def shell(name: str, command: str) -> None:
    done = subprocess.run(["docker", "exec", name, "sh", "-euc", command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[:300]}\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="module")
def name(host: t.Any) -> str:
    """A host with all that will be tampered with, and its state approved."""
    found: str = host.backend.get_hostname()
    made_all = "; ".join(made(one) for one in (*NAMES, "running", "stopping", "c-new-start", "remade"))
    shell(
        found,
        "lab-image tiny:1 >/dev/null; lab-image tiny:2 --change 'ENV TWO=2' >/dev/null; "
        "docker network create front >/dev/null 2>&1 || true; docker network create --internal inside >/dev/null; "
        "docker volume create data >/dev/null; "
        f"docker volume create spare >/dev/null; {made_all}; docker start running stopping remade >/dev/null",
    )
    baseline(found, state="present", approved_by="the test")
    return found


def baseline(name: str, **options: t.Any) -> Json:
    """The result of the module."""
    return adhoc("bulkhead.docker.docker_baseline", name, {"path": BASELINE, **options})


@pytest.fixture(scope="module")
def drift(name: str) -> Json:
    """What one check finds after all of it."""
    for one in TAMPERINGS:
        shell(name, one.do)
    found: Json = baseline(name, state="compared")["drift"]
    return found


def test_a_host_that_nobody_touched_has_none(name: str) -> None:
    assert baseline(name, state="compared")["drift"]["entries"] == []


def test_what_happens_by_itself_is_none(name: str) -> None:
    for do in HARMLESS.values():
        shell(name, do)
    found = baseline(name, state="compared")["drift"]
    assert found["entries"] == []
    assert len(HARMLESS) >= 20


@pytest.mark.parametrize("tampering", TAMPERINGS, ids=lambda one: one.name)
def test_it_is_found(drift: Json, tampering: Tampering) -> None:
    found = {one["path"]: one for one in drift["entries"]}
    assert tampering.path in found, sorted(found)
    entry = found[tampering.path]
    assert (entry["severity"], entry["kind"]) == (tampering.severity, tampering.kind), entry


def test_nothing_else_is(drift: Json) -> None:
    wanted = {one.path for one in TAMPERINGS}
    others = {one["path"] for one in drift["entries"]} - wanted
    assert {one for one in others if not any(fnmatch.fnmatchcase(one, glob) for glob in ALSO)} == set()


def test_the_roles_mend_what_is_theirs_and_touch_nothing_else(name: str, drift: Json) -> None:
    variables = {"docker_drift_mode": "remediate", "docker_drift_baseline_path": BASELINE}
    run = playbook("bulkhead.docker.drift", name, f"--extra-vars=@{SITE}", f"--extra-vars={json.dumps(variables)}")
    assert run.rc == 0, run.output[-3000:]
    result = json.loads((ROOT / "build" / "docker_drift" / "report" / "drift" / f"{name}.json").read_text())
    assert result["remediation"]["attempts"] <= 2
    left = {one["path"] for one in result["drift"]["entries"]}
    assert {one.path for one in TAMPERINGS if one.mended} & left == set()
    assert {one.path for one in TAMPERINGS if not one.mended} - left == set()
    assert left - {one["path"] for one in drift["entries"]} == set()
