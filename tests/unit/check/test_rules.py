"""Rules, their pages, their severities and their tests are kept in step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from layers.check.catalogue import RULES
from tests.unit.test_direction import imports
from tests.unit.test_docs import classes, command_lines, problem

ROOT = Path(__file__).resolve().parents[3]
RULE_PAGES = ROOT / "docs" / "rules"
CODE = ROOT / "layers" / "check"
SECTIONS = ["Why", "How to mend it", "How to silence it"]


def test_every_rule_has_a_page_and_every_page_a_rule() -> None:
    """By name; README.md lists them all."""
    assert sorted(path.stem for path in RULE_PAGES.glob("*.md")) == sorted(["README", *RULES])


@pytest.mark.parametrize("name", RULES)
def test_a_page_tells_what_why_and_what_to_do(name: str) -> None:
    """And the severity and the line about it that the code has."""
    rule = RULES[name]
    text = (RULE_PAGES / f"{name}.md").read_text()
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
    assert text.startswith(f"# {name}\n\n**{rule.severity}**: {rule.about}.\n")
    assert re.findall(r"^## (.+)$", text, re.M) == SECTIONS
    assert (
        f"| [{name}]({name}.md) | {rule.severity} | {rule.about} |"
        in (RULE_PAGES / "README.md").read_text()
    )


@pytest.mark.parametrize("name", RULES)
def test_a_rule_is_named_in_a_test_of_its_own(name: str) -> None:
    """A rule that no test breaks may be one that never finds anything."""
    tests = [*ROOT.glob("tests/unit/check/test_*.py"), *ROOT.glob("tests/e2e/test_check_*.py")]
    assert [path for path in tests if path.name != Path(__file__).name and name in path.read_text()]


EFFECTS = {"online/", "built/", "survey", "hadolint", "build_checks", "run"}
"""Modules of layers/check that read a disk, an engine or an index; all others take values."""


def inside(path: Path) -> str:
    """Where a module of layers/check is, as `EFFECTS` has it."""
    return path.relative_to(CODE).with_suffix("").as_posix()


@pytest.mark.parametrize("path", sorted(CODE.rglob("*.py")), ids=inside)
def test_rules_know_values_and_no_effects(path: Path) -> None:
    """Context alone lists what it is asked about."""
    if inside(path).startswith(tuple(EFFECTS)):
        return
    names = {name for name, _ in imports(path)}
    assert not names & {"subprocess", "socket", "requests"}
    assert not [name for name in names if name.startswith(("layers.project", "layers.engine"))]
    effects = {f"layers.check.{each}".replace("/", ".") for each in EFFECTS}
    assert not [name for name in names if f"{name}.".startswith(tuple(effects))]


@pytest.mark.parametrize("page", sorted(RULE_PAGES.glob("*.md")), ids=lambda path: path.stem)
def test_commands_and_links_of_the_pages_hold(page: Path) -> None:
    """As for the other docs."""
    assert "check" in classes()
    assert [line for line in command_lines(page) if problem(line)] == []
    for link in re.findall(r"\]\(([^)#\s]+)\)", page.read_text()):
        assert link.startswith("https://") or (page.parent / link).exists(), link
