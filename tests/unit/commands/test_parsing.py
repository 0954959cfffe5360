"""Command lines: options anywhere, and mistakes told in a sentence with status 1."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from doit.cmd_base import DodoTaskLoader
from doit.cmdparse import CmdOption, CmdParseError

from hashes.errors import LayersError
from layers.commands.gc import GcCommand
from layers.commands.list import ListCommand
from layers.commands.parsing import options_first, parsed, sentence, valued
from layers.commands.publish import PublishCommand, verified
from layers.commands.rollback import RollbackCommand

TAGS = ("--tag", "-t")


@pytest.mark.parametrize(
    ("words", "ordered"),
    [
        ("app --tag v1 tool --json", "--tag v1 --json app tool"),
        ("--tag=v1 app -t v2", "--tag=v1 -t v2 app"),
        ("app -t", "-t"),
        ("app - --json", "--json app -"),
        ("app --json -- --tag x", "--json app -- --tag x"),
    ],
)
def test_options_may_come_behind_names(words: str, ordered: str) -> None:
    """getopt stops at the first word; what follows ``--`` is a name."""
    assert options_first(words.split(), TAGS) == ordered.split()


def test_the_options_that_take_a_word_are_read_from_the_command() -> None:
    """Nobody keeps a second list of them."""
    assert valued(PublishCommand().get_options()) == set(TAGS)
    assert valued(GcCommand().get_options()) == {"--keep", "--build-cache"}


@pytest.mark.parametrize(
    ("words", "one_in", "names"),
    [
        ("app", 0, ["app"]),
        ("--verify=none app", 0, ["app"]),
        ("--verify app", 1, ["app"]),
        ("app --verify", 1, ["app"]),
        ("app --verify=10 tool", 10, ["app", "tool"]),
    ],
)
def test_verify_may_do_without_a_number(
    words: str, one_in: int, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alone it is of every image; the word behind it is a name."""
    taken: list[object] = []

    def execute(self: PublishCommand, options: Mapping[str, object], names: list[str]) -> int:
        taken.append((verified(str(options["verify"])), names))
        return 0

    monkeypatch.setattr(PublishCommand, "execute", execute)
    assert PublishCommand().parse_execute(words.split()) == 0
    assert taken == [(one_in, names)]


@pytest.mark.parametrize("text", ["0", "-1", "", "1/2", "all"])
def test_verify_of_one_in_no_images_is_told_what_to_type(text: str) -> None:
    with pytest.raises(LayersError, match="expected a number from 1 on") as error:
        verified(text)
    assert "--verify=10" in error.value.hint


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["app", "--nosuch"], "doit rollback: option --nosuch not recognized\n"),
        (["app", "--to", "x"], "doit rollback: --to: expected a whole number\n"),
        (["app", "--to"], "doit rollback: option --to requires argument\n"),
    ],
)
def test_a_mistake_is_a_sentence_and_status_1(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Not doit's own status 3 with a list of objects."""
    (tmp_path / "images.toml").write_text("version = 1\n")
    monkeypatch.chdir(tmp_path)
    assert RollbackCommand().parse_execute(words) == 1
    assert capsys.readouterr().err == f"{said}  `doit help rollback` lists its options\n"


def test_what_another_dodo_is_told_is_doits_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`doit list` and `doit run` serve other repositories unchanged."""
    (tmp_path / "dodo.py").write_text("")
    monkeypatch.chdir(tmp_path)

    def fails(words: list[str]) -> None:
        raise CmdParseError(" ".join(words))

    with pytest.raises(CmdParseError):
        parsed(ListCommand(DodoTaskLoader()), fails, ["--nosuch"])


def test_a_text_that_is_not_known_is_told_as_it_is() -> None:
    """A later doit may word it otherwise."""
    assert sentence("something else", ()) == "something else"


def test_a_value_that_is_no_choice_is_told_with_the_choices() -> None:
    """As doit words it when an option has choices."""
    option = CmdOption({"name": "store", "default": "", "choices": (("a", ""), ("b", ""))})
    with pytest.raises(CmdParseError) as caught:
        option.str2type("c")
    option.long, option.short = "", "s"
    assert sentence(str(caught.value), [option]) == "-s: 'c' is none of 'a', 'b'"


def test_doits_own_list_keeps_its_options() -> None:
    """Ours is in front of doit's class, not in its place."""
    assert issubclass(ListCommand, ListCommand.__mro__[2])
    assert ListCommand.parse_execute.__qualname__ == "Parsed.parse_execute"
