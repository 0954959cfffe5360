"""The docs say what is there: examples load, commands and options exist, links lead somewhere."""

from __future__ import annotations

import fnmatch
import importlib.util
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import tomli
from doit.cmd_base import DoitCmdBase
from doit.doit_cmd import DoitMain

from layers.commands.exit_status import BUG, MISTAKE, PIPE
from layers.config.load import load
from layers.config.toml import read
from layers.host.apt import system_sources
from layers.host.settings import pip_settings
from layers.runtime import signals

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
MANUAL = ROOT / "docs" / "manual.md"
PAGES = sorted([README, *(ROOT / "docs").glob("*.md")])
PICTURES = sorted((ROOT / "docs").glob("*.svg"))

_FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.M | re.S)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file that it is, and its text."""

    language: str
    name: str
    text: str


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page."""
    found = []
    for fence in _FENCE.finditer(page.read_text()):
        language, _, name = fence["info"].strip().partition(" ")
        found.append(Block(language, name, fence["text"]))
    return found


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text())


def command_lines(page: Path) -> Iterator[str]:
    """Every ``doit …`` and ``./run …`` that a page shows, in blocks and in the text."""
    lines = [line for each in blocks(page) for line in each.text.splitlines()]
    lines = [line.strip().removeprefix("$ ") for line in lines]
    for line in [*lines, *_SPAN.findall(prose(page))]:
        if re.match(r"(\./run|doit)( |$)", line) and not line.startswith("doit-"):
            yield line.partition("  #")[0].partition(" # ")[0].strip()


def classes() -> dict[str, type[Any]]:
    """The real command table: doit's own commands with ours over them."""
    found = {each.get_name(): each for each in DoitMain.DOIT_CMDS}
    config = tomli.loads((ROOT / "pyproject.toml").read_text())
    for name, where in config["project"]["entry-points"]["doit.COMMAND"].items():
        module, _, attribute = where.partition(":")
        found[name] = getattr(import_module(module), attribute)
    return found


def ours() -> dict[str, type[Any]]:
    """The commands that this package defines."""
    return {n: each for n, each in classes().items() if each.__module__.startswith("layers.")}


def spellings(options: Any) -> set[str]:
    """``--long`` and ``-s`` of doit's option tables."""
    found = set()
    for option in options:
        found |= {f"--{option['long']}"} if option.get("long") else set()
        found |= {f"-{option['short']}"} if option.get("short") else set()
        found |= {f"--{option['inverse']}"} if option.get("inverse") else set()
    return found


def options_of(command: type[Any]) -> set[str]:
    """Every option that a command takes, inherited ones too."""
    found = spellings(command.cmd_options) | {"--help"}
    if issubclass(command, DoitCmdBase):
        found |= spellings(command.base_options)
        found |= {"-f", "--file", "-d", "--dir", "-k", "--seek-file"}
    return found


def added_options(command: type[Any]) -> set[str]:
    """The options that are ours, not doit's."""
    inherited: set[str] = set()
    for base in command.__mro__[1:]:
        inherited |= spellings(getattr(base, "cmd_options", ()) or ())
    return spellings(command.cmd_options) - inherited


def own_words() -> list[str]:
    """The words that the script ``run`` takes itself."""
    text = (ROOT / "run").read_text()
    case = text[text.rindex("case ${1-} in") :]
    return re.findall(r"^([a-z]+)\)$", case, re.M)


def known_tasks() -> set[str]:
    """Images and stages of this checkout's images.toml, and those of the docs' examples."""
    images: dict[str, Any] = {}
    texts = [(ROOT / "images.toml").read_text()]
    texts += [each.text for page in PAGES for each in blocks(page) if each.name == "images.toml"]
    for text in texts:
        data = read(text, "images.toml")
        for table in (data, *data.get("profiles", {}).values()):
            for name, image in table.get("images", {}).items():
                images[name] = {**images.get(name, {}), **image}
    found = set(images)
    for name, image in images.items():
        dockerfile = ROOT / image.get("context", "") / "Dockerfile"
        if dockerfile.is_file():
            stages = re.findall(r"(?im)^FROM\s.*\sAS\s+(\S+)", dockerfile.read_text())
            found |= {f"{name}:{stage}" for stage in stages}
    return found


def problem(line: str) -> str:
    """What is wrong with a command line, "" when the real command table would take it."""
    program, *words = shlex.split(line)
    words = [word for word in words if "=" not in word or word.startswith("-")]
    if program == "./run" and words and words[0] in own_words():
        return ""
    table = classes()
    name = words[0] if words and words[0] in table else "run"
    rest = words[1:] if words and words[0] in table else words
    command = table[name]
    for word in rest:
        if (
            word.startswith("-")
            and word != "-"
            and word.partition("=")[0] not in options_of(command)
        ):
            return f"{name} has no option {word}"
    plain = [word for word in rest if not word.startswith("-") and not word.isdigit()]
    if name in ("run", "list", "keys", "why"):
        tasks = known_tasks()
        for word in plain:
            placeholder = word.isupper() or word == "…" or word.startswith("xxh3-")
            if not placeholder and not fnmatch.filter(tasks, word):
                return f"no image or stage {word}"
    return ""


def slug(title: str) -> str:
    """A heading as GitHub makes an anchor of it."""
    bare = re.sub(r"[^\w\- ]", "", title.replace("`", "").strip().lower())
    return bare.replace(" ", "-")


def ids(value: Path) -> str:
    return value.name


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_images_toml_in_the_docs_loads(page: Path) -> None:
    """A block of TOML that names its file is that file, whole and right."""
    for block in blocks(page):
        if block.language == "toml" and block.name == "images.toml":
            found = load(
                block.text,
                profile=None,
                registry=None,
                platform="linux/amd64",
                exists=lambda _path: True,
            )
            assert found.images
        else:
            assert block.language != "toml" or not block.name.endswith("images.toml")


def test_the_readme_gives_both_files_of_a_new_repository() -> None:
    """The end-to-end test of the README works with exactly these."""
    assert [block.name for block in blocks(README) if block.name] == ["images.toml", "dodo.py"]


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_every_command_line_in_the_docs_would_be_taken(page: Path) -> None:
    """Commands, options, images and stages exist."""
    wrong = [f"{line}: {problem(line)}" for line in command_lines(page) if problem(line)]
    assert wrong == []


@pytest.mark.parametrize(
    "line",
    [
        "doit lst pose-service",
        "doit list --jsn",
        "doit list frontent",
        "doit keys a:b",
        "doit keys --all",
        "doit pose-servise",
        "doit -z",
    ],
)
def test_a_wrong_command_line_would_be_found(line: str) -> None:
    """The test above can fail."""
    assert problem(line)


@pytest.mark.parametrize("name", sorted(ours()))
def test_the_manual_tells_of_every_command_and_its_options(name: str) -> None:
    """Each has a section, and what we add to doit's options is named in it."""
    text = MANUAL.read_text()
    title = f"## doit {name}" if name != "run" else "## doit"
    assert f"\n{title}\n" in text
    section = text.partition(f"\n{title}\n")[2].partition("\n## ")[0]
    long = {option for option in added_options(ours()[name]) if option.startswith("--")}
    assert {option for option in long if f"`{option}" not in section} == set()


def test_the_readme_names_what_run_takes() -> None:
    """Exactly the words of the script, each in a block of commands."""
    lines = [line for line in command_lines(README) if line.startswith("./run")]
    assert sorted({line.split()[1] for line in lines if line != "./run"}) == sorted(own_words())


def test_the_manual_names_every_environment_variable_of_ours() -> None:
    """LAYERS_… in the code and LAYERS_… in the manual are the same."""
    code = "".join(path.read_text() for path in [*ROOT.glob("layers/**/*.py"), ROOT / "dodo.py"])
    used = set(re.findall(r"\bLAYERS_[A-Z]+(?:_[A-Z]+)*\b", code))
    assert set(re.findall(r"\bLAYERS_[A-Z]+(?:_[A-Z]+)*\b", MANUAL.read_text())) == used


def test_the_manual_tells_the_exit_statuses() -> None:
    """0, and those that the code ends with."""
    table = MANUAL.read_text().partition("\n## Exit status\n")[2].partition("\n## ")[0]
    told = [int(number) for number in re.findall(r"^\| (\d+) \|", table, re.M)]
    assert told == [0, MISTAKE, BUG, signals.INTERRUPTED, PIPE]


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_files_of_ours_that_the_docs_name_are_there(page: Path) -> None:
    """``layers/plan/plan.py`` in the text means that file."""
    named = re.findall(
        r"(?<![\w.])(?:layers|hashes|tests|docs|bench)/[\w./-]+\.\w+\b", page.read_text()
    )
    assert [path for path in dict.fromkeys(named) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_links_lead_somewhere(page: Path) -> None:
    """Files exist, and so do the headings behind a #."""
    for link in _LINK.findall(prose(page)):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            titles = re.findall(r"^#+ (.+)$", prose(target), re.M)
            assert anchor in map(slug, titles), f"{page.name}: {link}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    """Following links from page to page."""
    seen: set[Path] = set()
    todo = [README]
    while todo:
        page = todo.pop()
        if page not in seen and page in PAGES:
            seen.add(page)
            links = _LINK.findall(prose(page))
            todo += [(page.parent / link.partition("#")[0]).resolve() for link in links]
    assert sorted(seen) == PAGES


def registries_of_this_machine() -> set[str]:
    """Hosts that this machine's own settings of apt and pip name."""
    pip = pip_settings(os.environ)
    urls = [source.uri for source in system_sources()]
    urls += [pip.index, *pip.extra]
    hosts = {re.sub(r"^\w+(\+\w+)?://([^@/]*@)?", "", url).partition("/")[0] for url in urls}
    return {host for host in hosts if "." in host}


@pytest.mark.parametrize("page", [*PAGES, *PICTURES], ids=ids)
def test_no_host_of_a_package_registry_and_no_path_of_a_machine(page: Path) -> None:
    """What stands in the docs holds on every machine."""
    text = page.read_text()
    public = (
        r"\b(?:deb|ftp|security|snapshot)[.]debian[.]org|\b(?:archive|security|ports)[.]ubuntu[.]com"
        r"|\bpypi[.]org|\bpythonhosted[.]org|\bnpmjs[.](?:org|com)|\b\d+[.]\d+[.]\d+[.]\d+:\d+"
    )
    assert re.findall(public, text) == []
    assert [host for host in registries_of_this_machine() if host in text] == []
    assert re.findall(r"(?<![\w.…])/(?:home|root|work|tmp|Users)/\S*", text) == []


def recorder() -> Any:
    """``docs/record.py`` as a module."""
    found = importlib.util.spec_from_file_location("record", ROOT / "docs" / "record.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("printed", "seen"),
    [
        ("one\r\ntwo\r\n", "one\ntwo\n"),
        ("one\rtwo", "two\n"),
        ("row 1\r\nrow 2\r\x1b[2K\x1b[1A\x1b[2Kdone\r\n", "done\n"),  # how rich wipes rows away
        ("ab\x1b[Kc\x1b[1D\x1b[Kd", "abd\n"),
        ("\x1b[?25lx\x1b[?25h", "x\n"),
        ("\x1b]0;title\x07x", "x\n"),
        ("\x1b[32mfresh\x1b[0m it", "\x1b[0m\x1b[32mfresh\x1b[0m it\n"),
        ("x" * 101, "x" * 100 + "\nx\n"),
    ],
)
def test_a_recording_is_what_stands_on_the_screen(printed: str, seen: str) -> None:
    """Rows that were wiped away are gone, colours stay, long lines wrap as on a terminal."""
    screen = recorder().Screen()
    screen.feed(printed)
    assert screen.text() == seen


ROWS = "done 1\r\nrow 1\r\nrow 2\r\x1b[2K\x1b[1A\x1b[2Kdone 2\r\nrow 3\r\x1b[2Kdone 3\r\n"


@pytest.mark.parametrize(
    ("moment", "seen"),
    [
        ("", "done 1\ndone 2\ndone 3\n"),
        ("^row 2", "done 1\nrow 1\nrow 2\n"),
        ("^row", "done 1\ndone 2\nrow 3\n"),
    ],
)
def test_a_moment_is_the_last_at_which_it_could_be_read(moment: str, seen: str) -> None:
    """Rows that move are whole in it."""
    assert recorder().screenful(ROWS, moment) == seen
    with pytest.raises(ValueError, match="'row 9' was never on the screen"):
        recorder().screenful(ROWS, "row 9")


@pytest.mark.parametrize("page", PICTURES, ids=ids)
def test_a_picture_is_small_and_fetches_nothing(page: Path) -> None:
    """Below 100 kB, and the only address in it is the name of the SVG format."""
    text = page.read_text()
    assert len(text.encode()) < 100_000
    assert set(re.findall(r"https?://[^\"'\s)]+", text)) == {"http://www.w3.org/2000/svg"}
