# Copyright (c) 2026, bulkhead.docker contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docs that cannot lie: what is said in two places is the same in both."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.bulkhead.docker.plugins.module_utils import model

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.parent.parent.name for path in ROOT.glob("roles/*/tasks/main.yml"))
PLAYBOOKS = sorted(path.stem for path in ROOT.glob("playbooks/*.yml"))
MODULES = sorted(path.stem for path in ROOT.glob("plugins/modules/*.py"))

#: What Ansible's option types look like once read from YAML.
TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "path": (str,),
    "dict": (dict,),
    "list": (list,),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
    "raw": (object,),
}


def load(path: str) -> t.Any:
    return yaml.safe_load((ROOT / path).read_text())


def spec(role: str) -> dict[str, t.Any]:
    """The options of all entry points; one that several have is the same in each."""
    options: dict[str, t.Any] = {}
    for point in load(f"roles/{role}/meta/argument_specs.yml")["argument_specs"].values():
        for name, option in point["options"].items():
            assert options.setdefault(name, option) == option, name
    return options


@pytest.mark.parametrize("role", ROLES)
def test_role_defaults_are_the_documented_ones(role: str) -> None:
    documented = {name: option["default"] for name, option in spec(role).items() if "default" in option}
    assert load(f"roles/{role}/defaults/main.yml") == documented


@pytest.mark.parametrize("role", ROLES)
def test_role_options_are_typed_and_explained(role: str) -> None:
    for name, option in spec(role).items():
        assert name.startswith(f"{role}_"), name
        assert option["description"], name
        assert option.get("required") or "default" in option, f"{name} needs a default, or required"
        if "default" in option and option["default"] is not None:
            value = option["default"]
            assert isinstance(value, TYPES[option["type"]]), name
            assert option["type"] == "bool" or not isinstance(value, bool), name
        if option["type"] == "list":
            assert "elements" in option, name


@pytest.mark.parametrize("role", ROLES)
def test_role_reads_no_option_it_does_not_declare(role: str) -> None:
    text = "".join(
        path.read_text() for path in sorted((ROOT / "roles" / role).rglob("*.yml")) if "meta" not in path.parts
    )
    used = set(re.findall(rf"(?<![\w.]){role}_\w+", text))
    assert used == set(spec(role)), "options used and options declared differ"


@pytest.mark.parametrize("role", ROLES)
def test_role_readme_names_every_option(role: str) -> None:
    readme = (ROOT / "roles" / role / "README.md").read_text()
    assert [name for name in spec(role) if f"`{name}`" not in readme] == []


def templates(value: t.Any) -> t.Iterator[str]:
    """All strings with a template in them, wherever they are."""
    if isinstance(value, str):
        yield from [value] if "{{" in value else []
    elif isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from templates(inner)


@pytest.mark.parametrize("path", sorted(ROOT.glob("roles/*/*/*.yml")), ids=lambda path: "/".join(path.parts[-3:]))
def test_no_backslash_is_doubled_in_a_template(path: Path) -> None:
    """Ansible doubles them itself: a pattern with two would look for a backslash, and never match."""
    assert [text for text in templates(yaml.safe_load(path.read_text())) if "\\\\" in text] == []


def test_action_group_holds_every_module() -> None:
    assert sorted(load("meta/runtime.yml")["action_groups"]["docker"]) == MODULES


def test_version_is_the_same_everywhere() -> None:
    assert load("galaxy.yml")["version"] == model.VERSION


@pytest.mark.parametrize("name", [*ROLES, *MODULES, *(f"bulkhead.docker.{name}" for name in PLAYBOOKS)])
def test_readme_names_all_there_is(name: str) -> None:
    assert name in (ROOT / "README.md").read_text()


def test_every_file_of_code_names_its_licence() -> None:
    code = [path for folder in ("plugins", "tests", "tools") for path in (ROOT / folder).rglob("*.py")]
    assert len(code) > 10
    assert [str(path) for path in code if "SPDX-License-Identifier: GPL-3.0-or-later" not in path.read_text()] == []
