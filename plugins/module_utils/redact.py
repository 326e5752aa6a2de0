# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secret values never leave the host: they are replaced here, before anything else sees them; names stay."""

from __future__ import annotations

import math
import re
import typing as t

HIDDEN = "<redacted>"

_WORDS = (
    r"pass(?:word|wd|phrase|code)?s?|pwd|requirepass|masterauth|secrets?|tokens?|credentials?|creds?|"
    r"(?:basic|digest)?auth|htpasswd|bearer|"
    r"(?:api|access|private|secret|signing|encryption|master|account|shared|storage|service)[_.-]?keys?|dsn"
)
#: One of the words as a whole, or glued to the end of the name (PGPASSWORD, dbpassword).
_SECRET_NAME = re.compile(rf"(?:^|[^a-z0-9])(?:{_WORDS})(?:$|[^a-z])|(?:password|passwd|secret|token|apikey)$")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

#: Names that end so speak about a secret without holding it.
_ABOUT = re.compile(
    r"(?:file|path|dir|directory|ttl|length|len|min|max|size|expiry|expires|expiration|timeout|policy|type|method|"
    r"algorithm|enabled?|disabled?|required|name|id|url|uri|endpoint|issuer|host|port|user|username|version|hash)$"
)
_HARMLESS_VALUE = re.compile(r"(?:|true|false|yes|no|on|off|none|null|\d{1,4}|/run/secrets/.*)", re.IGNORECASE)

# The texts are not ours: each pattern starts only where a word does, or is bounded, so none takes quadratic time.
_USERINFO = re.compile(r"(\b[a-z][a-z0-9+.-]{0,20}://)[^\s/@]+@", re.IGNORECASE)
_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY.*|"
    r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|(?:AKIA|ASIA)[0-9A-Z]{16}|xox[abeoprs]-[\w-]{10,}|"
    r"(?:sk|rk|pk)_(?:live|test)_\w{16,}|sk-[\w-]{20,}|AIza[\w-]{30,}|dckr_pat_[\w-]{16,}|hv[sb]\.[\w-]{20,}|"
    r"SWMTKN-1-[\w-]+|eyJ[\w-]{8,500}\.[\w-]{8,}\.[\w-]*)|"
    r"\$(?:apr1|2[aby]|5|6|y|argon2\w*)\$[^\s,\"']+",
    re.DOTALL,
)
_HEX = re.compile(r"[0-9a-fA-F-]+")
_OPAQUE = re.compile(r"[A-Za-z0-9+/_=-]{24,}")

_QUOTED = r"\"[^\"]*\"|'[^']*'"
_ASSIGNMENT = re.compile(rf"(?P<name>(?<![\w.-])[\w.-]+)(?P<sign>=)(?P<value>{_QUOTED}|(?:(?!,[\w.-]+=)[^\s\"';&|])+)")
_OPTION = re.compile(
    rf"(?P<name>(?<![\w-])--?[A-Za-z][\w-]*)(?P<sign>\s+)(?P<value>{_QUOTED}|[^\s\"';&|-][^\s\"';&|]*)"
)
_HEADER = re.compile(
    r"((?:authorization|x-[\w-]{0,40}(?:token|key))\s*:\s*)(?:(?:bearer|basic|token)\s+)?[^\s\"']+", re.IGNORECASE
)
#: Short options that programs use for a password, unless what follows is a number, a port mapping or a path.
_SHORT = re.compile(r"-[pPa]")
_NOT_A_PASSWORD = re.compile(r"[\d:./-]*|/.*|-.*")

#: Log options that describe, rather than open, the place the log goes to; any other value is hidden.
_LOG_OPTION_NAMES = (
    "max-size max-file max-buffer-size mode compress labels labels-regex env env-regex tag cache-disabled "
    "cache-max-file cache-max-size cache-compress syslog-address syslog-facility syslog-format syslog-tls-skip-verify "
    "syslog-tls-ca-cert syslog-tls-cert syslog-tls-key gelf-address gelf-compression-type fluentd-address "
    "fluentd-async awslogs-region awslogs-group awslogs-stream splunk-url splunk-insecureskipverify gcp-project"
)
_LOG_OPTIONS = frozenset(_LOG_OPTION_NAMES.split())


def names_a_secret(name: str) -> bool:
    """Whether what goes by this name is likely a secret."""
    words = _CAMEL.sub("_", name).lower()
    return _SECRET_NAME.search(words) is not None and _ABOUT.search(words) is None


def looks_secret(name: str, value: str) -> bool:
    """Whether a value is likely a secret, by its name or by its own shape."""
    if _HARMLESS_VALUE.fullmatch(value):
        return False
    shaped = _USERINFO.search(value) and ":" in value.partition("://")[2].partition("@")[0]
    return bool(names_a_secret(name) or shaped or _SHAPES.search(value) or _opaque(value))


def _opaque(value: str) -> bool:
    """A long run of letters and digits with no pattern in it: a key, unless it is a digest in hexadecimal."""
    if not _OPAQUE.fullmatch(value) or _HEX.fullmatch(value) or "/" in value[:1]:
        return False
    classes = [any(map(test, value)) for test in (str.isupper, str.islower, str.isdigit)]
    counts = (value.count(one) / len(value) for one in set(value))
    return all(classes) and -sum(share * math.log2(share) for share in counts) >= 4.0


def text(value: str) -> str:
    """A line of text without the credentials inside it: in URLs, headers, tokens, assignments and options."""
    if len(value) < 6:
        return value
    value = _USERINFO.sub(rf"\1{HIDDEN}@", value)
    value = _SHAPES.sub(HIDDEN, value)
    value = _HEADER.sub(rf"\1{HIDDEN}", value)
    return _OPTION.sub(_hide_named, _ASSIGNMENT.sub(_hide_named, value))


def _hide_named(found: re.Match[str]) -> str:
    return f"{found['name']}{found['sign']}{HIDDEN}" if names_a_secret(found["name"].strip("-")) else found[0]


def arguments(words: t.Sequence[t.Any]) -> list[t.Any]:
    """A command line: ``--password x``, ``--password=x``, ``-px``, and whatever ``text`` finds inside a word."""
    shown: list[t.Any] = []
    hide_next = False
    for word in words:
        if not isinstance(word, str):
            shown.append(word)
            continue
        hide = hide_next and not word.startswith("-")
        shown.append(HIDDEN if hide else _argument(word))
        hide_next = _opens_secret(word)
    return [HIDDEN if _short_secret(words, at) else word for at, word in enumerate(shown)]


def _argument(word: str) -> str:
    attached = _SHORT.match(word)
    if attached and len(word) > 2 and not _NOT_A_PASSWORD.fullmatch(word[2:]):
        return word[:2] + HIDDEN
    return HIDDEN if _opaque(word) else text(word)


def _opens_secret(word: str) -> bool:
    """Whether the next word is the value of an option that names a secret."""
    return word.startswith("-") and "=" not in word and names_a_secret(word.lstrip("-"))


def _short_secret(words: t.Sequence[t.Any], at: int) -> bool:
    word, before = words[at], words[at - 1] if at else ""
    if not isinstance(word, str) or not isinstance(before, str) or not _SHORT.fullmatch(before):
        return False
    return _NOT_A_PASSWORD.fullmatch(word) is None


def labels(values: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Labels, driver options and other flat mappings: the value goes when it, or its name, looks secret."""
    return {name: _named(name, value) for name, value in values.items()}


def _named(name: str, value: t.Any) -> t.Any:
    if not isinstance(value, str):
        return settings(value)
    return HIDDEN if looks_secret(name, value) and not _USERINFO.search(value) else text(value)


def log_options(values: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {name: text(str(value)) if name in _LOG_OPTIONS else HIDDEN for name, value in values.items()}


def settings(value: t.Any) -> t.Any:
    """daemon.json, flags, the engine's answers: any depth."""
    if isinstance(value, dict):
        return {name: _setting(name, one) for name, one in value.items()}
    if isinstance(value, list):
        return arguments(value) if value and isinstance(value[0], str) else [settings(one) for one in value]
    return text(value) if isinstance(value, str) else value


def _setting(name: str, value: t.Any) -> t.Any:
    if name == "log-opts" and isinstance(value, dict):
        return log_options(value)
    return _named(name, value)


def environment(entries: t.Sequence[t.Any]) -> list[str]:
    """``NAME=value`` without any value: what looks harmless today is a secret tomorrow."""
    names = (entry.partition("=") for entry in entries if isinstance(entry, str))
    return [f"{name}={HIDDEN}" if sign else name for name, sign, _dummy in names]


def container(inspect: t.Mapping[str, t.Any]) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """An inspected container without its secrets, and the names of those it had."""
    config, host = _part(inspect, "Config"), _part(inspect, "HostConfig")
    state = {**_part(inspect, "State"), "Health": None}  # which holds the output of health checks
    state["Error"] = text(str(state.get("Error") or ""))
    words = [*_words(config, "Entrypoint"), *_words(config, "Cmd"), *_words(inspect, "Args")]
    secrets = {
        "env": [name for name, value in _pairs(config.get("Env")) if looks_secret(name, value)],
        "labels": [name for name, value in _items(config.get("Labels")) if looks_secret(name, value)],
        "args": arguments(words) != words,
    }
    shown_config = {**config, **_each(config, arguments, "Cmd", "Entrypoint"), **_each(config, environment, "Env")}
    shown_config.update(_each(config, labels, "Labels"), Healthcheck=settings(config.get("Healthcheck")))
    log = _part(host, "LogConfig")
    shown_host = {
        **host,
        **{name: settings(host[name]) for name in ("Mounts", "Annotations", "StorageOpt") if name in host},
        "LogConfig": {**log, **_each(log, log_options, "Config")},
    }
    shown = {**inspect, **_each(inspect, arguments, "Args"), "Config": shown_config, "HostConfig": shown_host}
    return {**shown, "State": state, "NetworkSettings": _network_settings(inspect)}, secrets


def _network_settings(inspect: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Of all that is in it, only driver options may be anything."""
    found = _part(inspect, "NetworkSettings")
    networks = {
        name: {**network, **_each(network, labels, "DriverOpts")} if isinstance(network, dict) else network
        for name, network in _part(found, "Networks").items()
    }
    return {**found, "Networks": networks}


def _part(document: t.Mapping[str, t.Any], name: str) -> t.Mapping[str, t.Any]:
    part = document.get(name)
    return part if isinstance(part, dict) else {}


def _words(document: t.Mapping[str, t.Any], name: str) -> list[t.Any]:
    words = document.get(name)
    return words if isinstance(words, list) else []


def _each(document: t.Mapping[str, t.Any], redact: t.Callable[[t.Any], t.Any], *names: str) -> dict[str, t.Any]:
    """The named parts redacted; null and what is not there stay as they are."""
    return {name: redact(document[name]) for name in names if isinstance(document.get(name), (list, dict))}


def _pairs(entries: t.Any) -> list[tuple[str, str]]:
    parts = (entry.partition("=") for entry in entries or [] if isinstance(entry, str))
    return [(name, value) for name, _dummy, value in parts]


def _items(values: t.Any) -> list[tuple[str, str]]:
    return [(name, value) for name, value in (values or {}).items() if isinstance(value, str)]
