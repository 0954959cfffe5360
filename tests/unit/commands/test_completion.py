"""Completion, as real shells do it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from doit.cmd_base import DodoTaskLoader

from layers.build.push.claim import PREFIX
from layers.commands import completion
from layers.completion import bash, fish, zsh
from layers.completion.table import Entry, Option, entry
from layers.plan.remote_records import RESERVED
from layers.registry import layer_records
from tests.unit.test_docs import ROOT, classes

SPEC = """\
version = 1

[project]
name = "shop"

[images.api]
context = "."

[images.web]
context = "."

[images.web.variants.small]

[images.web.variants.large]

[stacks.all]
compose = ["compose.yaml"]

[profiles.local]
registry = "localhost:5000"
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project, and a ``doit`` to call in it."""
    root = tmp_path_factory.mktemp("shop")
    (root / "images.toml").write_text(SPEC)
    (root / "compose.yaml").write_text("services: {}\n")
    (root / "Dockerfile").write_text("FROM scratch AS part\nFROM scratch\nCOPY --from=part / /\n")
    (root / "dodo.py").write_text("from layers.tasks import DOIT_CONFIG, task_layers\n")
    (root / "bin").mkdir()
    program = root / "bin" / "doit"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m doit "$@"\n')
    program.chmod(0o755)
    for shell in completion.SHELLS:
        (root / f"_{shell}").write_text(run(root, "doit", "completion", shell).stdout)
    return root


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A program in the project."""
    path = f"{root / 'bin'}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "LAYERS_REGISTRY": ""}
    return subprocess.run(words, cwd=root, env=env, capture_output=True, text=True, check=True)


def offered(root: Path, line: str) -> set[str]:
    """What bash offers behind a line."""
    code = 'source ./_bash; COMP_LINE=$1; COMP_POINT=${#1}; _doit; printf "%s\\n" "${COMPREPLY[@]}"'
    done = run(root, "bash", "--norc", "-c", code, "bash", line)
    assert done.stderr == ""
    return set(done.stdout.split())


IMAGES = {"api", "web", "web-small", "web-large"}
LAYERS = {*IMAGES, "api:part", "web-small:part", "web-large:part"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("doit li", {"list"}),
        ("doit ap", {"api", "api:part"}),
        ("doit api:", {"part"}),
        ("doit api web-s", {"web-small", "web-small:part"}),
        ("doit list --j", {"--json"}),
        ("doit api --cont", {"--continue"}),
        ("doit -", {"-a", "-c", "--json", "--continue"}),
        ("doit check ", IMAGES),
        ("doit check --rule apt-a", {"apt-asks"}),
        ("doit why ", LAYERS),
        ("doit up ", {"all"}),
        ("doit engine st", {"start", "stop"}),
        ("doit engine start --version 2", {"26", "28"}),
        ("doit completion ", {"bash", "zsh", "fish"}),
        ("doit help image", {"images.toml"}),
        ("doit profile=", {"local"}),
        ("doit profile=local list a", {"api", "api:part"}),
        ("doit init --from comp", {"compose.yaml"}),
        ("doit clean a", {"api", "api:part"}),
    ],
)
def test_bash_offers_what_can_be_typed(line: str, words: set[str], shop: Path) -> None:
    """Commands, options, images, stages, stacks, rules, profiles and files, each in its place."""
    found = offered(shop, line)
    assert words <= found if line == "doit -" else words == found


def test_bash_offers_commands_and_images_first(shop: Path) -> None:
    """Where nothing was typed yet."""
    assert offered(shop, "doit ") == {*classes(), *LAYERS}


def test_keys_and_tags_are_offered_behind_an_image(shop: Path) -> None:
    """Once, and not of an image that there is not."""
    key = f"xxh3-{'12' * 16}"
    (shop / ".layers" / "manifests").mkdir(parents=True, exist_ok=True)
    (shop / ".layers" / "manifests" / f"{key}.json").write_text("{}")
    assert offered(shop, "doit why api xxh3") == {key}
    assert offered(shop, f"doit why api {key} xx") == set()
    assert offered(shop, "doit why nosuch ") == set()


def test_no_key_is_a_tag() -> None:
    """What stands beside them in a repository is no tag that people gave."""
    keyed = (f"xxh3-{'0' * 32}", f"claim-xxh3-{'0' * 32}", f"sha256-{'0' * 64}")
    tags = ("latest", "v1.2", *keyed, f"layer-{'0' * 64}")
    assert [tag for tag in tags if not tag.startswith(RESERVED)] == ["latest", "v1.2"]
    assert {PREFIX, layer_records.PREFIX} <= set(RESERVED)


def test_bash_knows_the_function(shop: Path) -> None:
    """As ``complete -p`` tells."""
    done = run(shop, "bash", "--norc", "-c", 'eval "$(doit completion bash)"; complete -p doit')
    assert done.stdout == "complete -F _doit doit\n"


def test_another_dodo_has_its_tasks_completed(shop: Path, tmp_path: Path) -> None:
    """The same ``doit`` serves it."""
    shutil.copytree(shop / "bin", tmp_path / "bin")
    shutil.copy(shop / "_bash", tmp_path)
    (tmp_path / "dodo.py").write_text('def task_hello():\n    return {"actions": []}\n')
    assert offered(tmp_path, "doit hel") == {"hello", "help"}


def test_an_empty_folder_offers_commands(shop: Path, tmp_path: Path) -> None:
    """And no error."""
    shutil.copytree(shop / "bin", tmp_path / "bin")
    shutil.copy(shop / "_bash", tmp_path)
    assert offered(tmp_path, "doit in") == {"info", "init"}


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_reads_its_script(shop: Path) -> None:
    """Its grammar; what it offers was tried by hand."""
    run(shop, "zsh", "-fc", "autoload -U compinit; compinit -u -D; source ./_zsh; whence _doit")


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_offers_what_can_be_typed(shop: Path) -> None:
    """By its own ``complete -C``."""

    def told(line: str) -> set[str]:
        done = run(shop, "fish", "--no-config", "-c", f'source _fish; complete -C "{line}"')
        return {each.partition("\t")[0] for each in done.stdout.splitlines()}

    assert told("doit li") == {"list"}
    assert told("doit api:") == {"api:part"}
    assert "--json" in told("doit list --j")


def test_an_unknown_shell_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """With what was likely meant."""
    assert completion.CompletionCommand().parse_execute(["fsh"]) == 1
    assert "(did you mean 'fish'?)" in capsys.readouterr().err


def test_the_table_is_read_from_the_commands() -> None:
    """Nobody keeps a second list of options."""
    found = entry(classes()["rollback"](), {})
    assert (found.kind, found.words) == ("images", ())
    to = next(option for option in found.options if "--to" in option.spellings)
    assert to.takes
    published = entry(classes()["publish"](), {}).options
    verify = next(option for option in published if "--verify" in option.spellings)
    assert not verify.takes, "it may do without its N, so that the next word is an image"
    listed = entry(classes()["list"](DodoTaskLoader()), {}).options
    everything = next(option for option in listed if "--all" in option.spellings)
    assert everything.about == "every stage and system base, too"
    assert entry(classes()["engine"](), {}).words == ("start", "stop", "env")


@pytest.mark.parametrize("shell", [bash, zsh, fish])
def test_texts_cannot_end_a_quote(shell: object) -> None:
    """What an option says of itself is shown, never run."""
    text = "it's $(false) \\"
    sample = Entry("run", text, options=(Option(("--x",), text.replace("'", "’")),))
    script = shell.script([sample])  # type: ignore[attr-defined]
    assert "it's" not in script.replace("it\\'s", "").replace("checkout's", "")
