"""``doit help``, ``--help`` and what was likely meant: by real command lines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tomli
from doit.cmd_help import HELP_TASK
from doit.cmd_list import List
from doit.doit_cmd import DoitMain

from layers.commands import usage
from layers.commands.help import FIRST, overview
from layers.commands.list import ListCommand
from layers.commands.up import UpCommand
from layers.commands.why import WhyCommand
from layers.pages import page
from tests.unit.test_docs import classes, ours

SPEC = """\
version = 1

[project]
name = "shop"
registry = ""

[images.api]
context = "."
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one image."""
    (tmp_path / "images.toml").write_text(SPEC.replace('registry = ""\n', ""))
    (tmp_path / "Dockerfile").write_text(
        "FROM scratch AS part\nFROM scratch\nCOPY --from=part / /\n"
    )
    (tmp_path / "dodo.py").write_text("from layers.tasks import DOIT_CONFIG, task_layers\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A doit project of another kind."""
    (tmp_path / "dodo.py").write_text('def task_a():\n    return {"actions": ["echo hi"]}\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def doit(*words: str) -> tuple[int, str, str]:
    """Status, output and errors of a command line where we stand, in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "doit", *words], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def in_process(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """The same in this process, for what loads no dodo."""
    main = type("Main", (DoitMain,), {"BIN_NAME": "doit"})
    status = main().run(list(words))
    return (status, *capsys.readouterr())


@pytest.mark.parametrize("name", sorted(ours()))
def test_both_ways_to_ask_print_one_page(
    name: str, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It begins with what to type, fits the screen, and shows no object of doit's."""
    status, out, err = in_process(capsys, "help", name)
    assert (status, err) == (0, "")
    assert f"{out.splitlines()[0]} ".startswith(f"doit {name} ")
    assert "CmdOption" not in out
    assert "config:" not in out
    assert max(map(len, out.splitlines())) <= usage.WIDEST
    assert in_process(capsys, name, "--help") == (0, out, "")
    assert in_process(capsys, name, "-h") == (0, out, "")


def test_a_page_has_the_manuals_examples_and_every_option_of_ours(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """doit's own stand in a second group."""
    _, out, _ = in_process(capsys, "help", "list")
    first, _, second = out.partition("doit's own options")
    for line in page.examples("doit list").splitlines():
        assert " ".join(line.split()) in " ".join(first.split())
    assert {"--all", "--json", "-q, --quiet"} <= {
        line.strip().partition("  ")[0] for line in first.splitlines()
    }
    assert "--json" not in second
    assert "--template=TEMPLATE" in second


def test_options_name_what_they_take(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the field's own words, not ARG."""
    words = {"up": "--with=FILE", "rollback": "--to=EPOCH", "engine": "--version=26|28"}
    words |= {"publish": "-t TAG, --tag=TAG", "run": "-n N, --process=N"}
    for name, spelled in words.items():
        assert spelled in in_process(capsys, "help", name)[1]
    assert "--verify[=N]  " in in_process(capsys, "help", "publish")[1]


def test_help_shows_ours_first_with_a_line_each(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Then doit's own, then the pages."""
    status, out, _ = in_process(capsys, "help")
    assert status == 0
    groups = [part.splitlines() for part in out.split("\n\n")]
    assert [group[0] for group in groups[1:4]] == [
        "Images",
        "doit's own, for other tasks of a dodo.py",
        "Pages",
    ]
    names = {line.split()[1] for line in groups[1][2:]}
    assert names == set(ours())
    assert len(groups[1]) == len(names) + 2
    assert {"clean", "forget"} <= {line.split()[1] for line in groups[2][1:] if line[2] != " "}
    assert max(map(len, out.splitlines())) <= 80


def test_every_command_of_ours_has_its_place() -> None:
    """In the order of `FIRST`, and nothing is in it that there is not."""
    assert set(FIRST.split()) == set(ours())
    lines = overview(classes(), "doit").splitlines()
    assert lines.index(next(line for line in lines if line.startswith("  doit list"))) == 4


@pytest.mark.parametrize("name", page.TOPICS)
def test_a_page_is_printed_as_it_stands(
    name: str, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a pipe, Markdown."""
    assert in_process(capsys, "help", name) == (0, page.topic(name), "")


def test_rules_the_schema_and_doits_own_reference_are_there(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All by ``doit help``."""
    assert "# apt-asks\n" in in_process(capsys, "help", "rule", "apt-asks")[1]
    schema = (Path(__file__).parents[3] / "layers/config/images.schema.json").read_text()
    assert in_process(capsys, "help", "images.schema.json")[1] == schema
    assert HELP_TASK.strip() in in_process(capsys, "help", "task")[1]


def test_on_a_terminal_a_page_is_laid_out(capsys: pytest.CaptureFixture[str]) -> None:
    """Tables and headings, no Markdown."""
    from layers.pages import terminal

    terminal.show("## Title\n\n| a | b |\n|---|---|\n| `x` | y |\n", sys.stdout)
    out = capsys.readouterr().out
    assert "Title" in out
    assert "##" not in out
    assert "|---" not in out


def test_help_of_an_image_tells_what_to_do_with_it(shop: Path) -> None:
    """And of its stages."""
    status, out, _ = doit("help", "api")
    assert (status, out.splitlines()[0]) == (0, "api is an image of images.toml: api")
    assert "doit why api" in out
    assert doit("help", "api:part")[1].startswith("api:part is a stage of images.toml")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("lst", "'lst' is no command, image or stage of images.toml (did you mean 'list'?)"),
        ("chek --online",
         "'chek' is no command, image or stage of images.toml (did you mean 'check'?)"),
        ("apii", "'apii' is no command, image or stage of images.toml (did you mean 'api'?)"),
        ("--jsn", "doit run: option --jsn not recognized (did you mean '--json'?)"),
        ("api --json", "option --json stands behind a name"),
        ("list apii", "'apii' is not an image or stage (did you mean 'api'?)"),
        ("list --al --jsn", "doit list: option --jsn not recognized (did you mean '--json'?)"),
        ("gc --dryrun", "doit gc: option --dryrun not recognized (did you mean '--dry-run'?)"),
        ("engine strat", "engine: unknown 'strat' (did you mean 'start'?)"),
        ("help lst", "'lst' is no command, page, image or stage (did you mean 'list'?)"),
        ("help image.toml",
         "'image.toml' is no command, page, image or stage (did you mean 'images.toml'?)"),
        ("help apt-asks", "'apt-asks' is no command, page, image or stage"),
        ("help rule apt-ask", "there is no rule 'apt-ask' (did you mean 'apt-asks'?)"),
        ("help a b c", "doit help takes one word, and got 'a b c'"),
    ],
)  # fmt: skip
def test_what_was_likely_meant_is_told(words: str, said: str, shop: Path) -> None:
    """Status 1, the sentence, and a hint below it; never a traceback or an object."""
    status, out, err = doit(*words.split())
    assert (status, out) == (1, "")
    assert err.splitlines()[0] == said
    assert err.splitlines()[1].startswith("  ")
    assert "CmdOption" not in err


def test_an_option_of_one_command_is_not_suggested_for_another(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing is near, nothing is suggested."""
    assert in_process(capsys, "keys", "--dry-run")[2].splitlines()[0] == (
        "doit keys: option --dry-run not recognized"
    )


def test_another_doit_project_is_as_before(other: Path) -> None:
    """Its help, its list, its words for mistakes: those of doit."""
    assert doit("list")[:2] == (0, "a   \n")
    assert doit("help")[1].startswith("doit -- automation tool\n")
    assert "show help" in doit("help")[1]
    assert doit("help", "list")[1].startswith("PURPOSE\n    list tasks from dodo file\n")
    assert "--json" not in doit("help", "list")[1]
    assert doit("help", "a")[1] == "a  \n"
    assert (doit("lst")[0], doit("list", "--nosuch")[0]) == (3, 3)


def test_our_own_commands_speak_as_ever_beside_it(
    other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """doit has no ``why``; the page of it is ours anywhere."""
    assert "IMAGE[:STAGE]" in in_process(capsys, "why", "--help")[1]


def test_an_empty_folder_is_told_how_to_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a folder of a project, where its root is."""
    monkeypatch.chdir(tmp_path)
    status, _, err = doit("list")
    assert (status, err.splitlines()[0]) == (1, f"there is no dodo.py in {tmp_path}")
    assert "`doit init` writes it, and images.toml" in err
    assert doit("list", "--help")[0] == 0
    (tmp_path / "images.toml").write_text(SPEC)
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    assert f"images.toml is in {tmp_path}: `doit -k`" in doit()[2]


@pytest.mark.parametrize(
    ("command", "found"), [(ListCommand, List), (UpCommand, None), (WhyCommand, None)]
)
def test_what_of_doits_a_command_stands_before(command: type[Any], found: Any) -> None:
    """By its name; ``up`` is a run, and doit has no ``up``."""
    assert usage.doits(command) is found


def test_every_glob_of_the_wheel_matches(tmp_path: Path) -> None:
    """A page that is missing would be missed by nobody else."""
    config = tomli.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    for package, globs in config["tool"]["setuptools"]["package-data"].items():
        folder = Path(__file__).parents[3] / package.replace(".", "/")
        assert all(list(folder.glob(glob)) for glob in globs)
