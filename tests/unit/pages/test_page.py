"""Pages travel with the package: what a hint points at is printed by a command, wherever we are."""

from __future__ import annotations

import ast
import fnmatch
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli

from hashes.errors import LayersError
from layers.check.catalogue import RULES
from layers.commands.help import SCHEMA
from layers.pages import page
from tests.unit.test_direction import ROOT, relative, sources
from tests.unit.test_docs import classes

FILES = [*(file for file, _ in page.TOPICS.values()), *(f"rules/{name}.md" for name in RULES)]

OURS = re.compile(r"\bdocs/|README|[\w-]\.md\b|\./run\b|\b(?:tests|bench)/\w")
"""What a checkout of this project has and an installed package does not."""

WRITTEN = {"/refresh.md"}
"""Files of that kind that the program itself writes."""


def texts(path: Path) -> Iterator[str]:
    """The string constants of a module, without its docstrings."""
    tree = ast.parse(path.read_text())
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value


@pytest.mark.parametrize("path", sources(), ids=relative)
def test_no_message_names_a_file_that_only_a_checkout_has(path: Path) -> None:
    """Who installed a wheel could not open it."""
    if path.parent.name != "pages":
        wrong = [text for text in texts(path) if OURS.search(text)]
        assert [text for text in wrong if not any(each in text for each in WRITTEN)] == []


@pytest.mark.parametrize("path", sources(), ids=relative)
def test_every_help_that_a_message_names_is_there(path: Path) -> None:
    """``doit help WORD`` in a text means a command or a page."""
    known = {*page.TOPICS, *classes(), SCHEMA, "rule", "COMMAND"}
    named = re.findall(r"`doit help ([\w.-]+)", "\n".join(texts(path)))
    assert [word for word in named if word not in known] == []


def test_the_readers_of_messages_see_wrong_ones(tmp_path: Path) -> None:
    """The tests above can fail, on an f-string too; a docstring is no message."""
    file = tmp_path / "bad.py"
    file.write_text('"""docs/x.md"""\nhint = f"docs/{1} has it"\n')
    assert [bool(OURS.search(text)) for text in texts(file)] == [True, False]


def test_each_rule_has_a_page_and_each_page_a_rule() -> None:
    """What ``doit help rule`` takes is what ``doit check`` finds."""
    assert page.rules() == tuple(sorted(RULES))


@pytest.mark.parametrize("file", FILES)
def test_a_page_is_that_of_the_docs_and_goes_into_the_wheel(file: str) -> None:
    """One text, linked and not copied; the globs of pyproject.toml take it."""
    path = Path(page.FOLDER) / file
    assert os.path.samefile(path, ROOT / "docs" / file)
    globs = tomli.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    assert any(fnmatch.fnmatch(file, glob) for glob in globs["layers.pages"])


@pytest.mark.parametrize("text", [*map(page.topic, page.TOPICS), *map(page.rule, page.rules())])
def test_no_page_sends_its_reader_to_a_file(text: str) -> None:
    """Links are told as commands; what stands in code may be a file of the reader's own."""
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.M | re.S)
    assert re.findall(r"\]\((?!https?:)|[\w-]+\.md\b", prose) == []


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ("[Rules](rules/README.md)", "Rules (`doit help rules`)"),
        ("[manual](manual.md#silent-builds)", "manual (`doit help manual`)"),
        ("[security-of-keys.md](security-of-keys.md)", "`doit help security-of-keys`"),
        ("[below](#below)", "below"),
        ("[Design](design.md)", "Design"),
        ("[doit](https://pydoit.org)", "doit (https://pydoit.org)"),
        ("https://pydoit.org", "https://pydoit.org"),
    ],
)
def test_a_link_is_told_as_what_can_be_typed(link: str, told: str) -> None:
    """A page that is not installed leaves its name alone."""
    assert page._without_links(link, "") == told


def test_examples_are_those_of_the_manual() -> None:
    """The first commands of its section, none of the next one's."""
    assert page.examples("doit list").startswith("doit list  ")
    assert page.examples("doit list").rstrip().endswith("doit list --json")
    assert page.examples("doit nosuch") == ""


def test_a_rule_that_there_is_not_gets_a_suggestion() -> None:
    """As everywhere."""
    with pytest.raises(LayersError, match="no rule 'apt-ask' \\(did you mean 'apt-asks'\\?\\)"):
        page.rule("apt-ask")
