"""Explaining a key: by a whole one or its beginning, under a profile, by the command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from layers.graph.graph import Layer
from layers.plan.explain import UnknownKey
from tests.unit.graph.shop import APP, REQ, D, Repository, told

CHECKOUT = Path(__file__).resolve().parents[3]


@pytest.fixture
def shop(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_another_profile_is_said_first(shop: Repository) -> None:
    """It moves nearly everything, and nothing of it was edited."""
    key = shop.remember()
    assert told(shop.why(key, profile="ci")) == [
        "app: built without a profile, now under ci",
        f"app: {D}:5 RUN: --network=none added",
        "app: build arg MODE: slow → fast",
        f"app: {D}:15 RUN: --network=none added",
    ]


def test_a_profile_that_changes_nothing_is_not_blamed(shop: Repository) -> None:
    """The base is the same under both; a file was edited."""
    key = shop.remember(Layer("base"))
    shop.write("base/ca.txt", "2\n")
    found = shop.why(key, Layer("base"), profile="ci")
    assert told(found) == ["base: base/ca.txt changed"]


def test_a_stage_is_explained_by_itself(shop: Repository) -> None:
    """What comes later in the file is none of its causes."""
    deps = Layer("app", "deps")
    key = shop.remember(deps)
    shop.write("app/src/main.py", "2\n")
    assert shop.why(key, deps).causes == ()
    shop.edit(REQ, "2.0.1", "2.1.0")
    assert told(shop.why(key, deps)) == [f"app: {REQ}: torch 2.0.1 → 2.1.0"]


def test_the_same_key_means_nothing_changed(shop: Repository) -> None:
    """Neither comments in a Dockerfile nor names of stages are inputs."""
    key = shop.remember()
    shop.edit(D, "FROM deps AS build", "# a comment, and another name\nFROM deps AS make")
    shop.edit(D, "--from=build", "--from=make")
    found = shop.why(key)
    assert (found.old, found.causes) == (found.new, ())


def test_a_key_may_be_shortened(shop: Repository) -> None:
    """Six digits, with or without the prefix, when only one key begins so."""
    key = shop.remember()
    shop.write("app/src/main.py", "2\n")
    for text in (key[:11], key[5:11], f"{key[:14]}…", key.upper()[5:17]):
        assert shop.why(text).old == key


@pytest.mark.parametrize("text", ["xxh3-", "abc", "12345", "hello", "xxh3-hello-world", ""])
def test_what_is_no_key_is_refused(shop: Repository, text: str) -> None:
    """In words that say what a key is."""
    shop.remember()
    with pytest.raises(UnknownKey):
        shop.why(text)


def test_a_mistyped_key_is_guessed(shop: Repository) -> None:
    """By its beginning."""
    key = shop.remember()
    shop.write("app/src/main.py", "2\n")
    wrong = key[:14] + ("0" if key[14] != "0" else "1")
    with pytest.raises(UnknownKey, match=f"did you mean '{key}'"):
        shop.why(wrong)


def test_two_keys_of_one_beginning_are_both_named(shop: Repository) -> None:
    """Nothing is chosen for the user."""
    key = shop.remember()
    other = f"{key[:12]}{'0' * 25}"
    source = shop.root / ".layers/manifests"
    shutil.copy(source / f"{key}.json", source / f"{other}.json")
    with pytest.raises(UnknownKey, match="beginning of 2 keys"):
        shop.why(key[:12])


def test_an_earlier_key_that_was_made_elsewhere_is_unknown(shop: Repository) -> None:
    """A whole key is taken at its word; there is only nothing to compare it with."""
    stranger = f"xxh3-{'12' * 16}"
    found = shop.why(stranger)
    assert (found.old, found.causes, found.unknown) == (stranger, (), (stranger,))


def doit(shop: Repository, *words: str) -> subprocess.CompletedProcess[str]:
    """Run doit in the shop, where no engine answers."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(CHECKOUT),
        "DOCKER_HOST": f"unix://{shop.root}/no.sock",
    }
    return subprocess.run(
        [sys.executable, "-m", "doit", *words],
        cwd=shop.root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_tells_people_and_programs(shop: Repository) -> None:
    """With a key no engine is needed."""
    key = shop.remember()
    shop.edit(REQ, "2.0.1", "2.1.0")
    shop.write("base/ca.txt", "2\n")
    new = str(shop.project().inputs.key(APP))
    text = doit(shop, "why", "app", key)
    assert (text.returncode, text.stderr) == (0, "")
    assert text.stdout.splitlines() == [
        f"app: {key} → {new}",
        "  base",
        "    base/ca.txt changed",
        "  app",
        f"    {REQ}: torch 2.0.1 → 2.1.0",
    ]
    answer = json.loads(doit(shop, "why", "app", key[5:12], "--json").stdout)
    assert (answer["image"], answer["old"], answer["new"]) == ("app", key, new)
    first, second = answer["changes"]
    assert first["layer"] == "base"
    assert (first["kind"], first["name"], first["line"]) == ("file", "ca.txt", 3)
    assert second == {
        "layer": "app",
        "kind": "package",
        "name": "torch",
        "old": "2.0.1",
        "new": "2.1.0",
        "file": REQ,
        "line": None,
        "text": f"{REQ}: torch 2.0.1 → 2.1.0",
    }


@pytest.mark.parametrize(
    ("words", "status", "out", "err"),
    [
        (["app", "KEY"], 0, "app: nothing changed, xxh3-", ""),
        (["app", f"xxh3-{'12' * 16}"], 1, "→", "is not kept here"),
        (["app", "123456789"], 1, "", "not a key"),
        (["ap", "KEY"], 1, "", "did you mean 'app'"),
        (["app:dep", "KEY"], 1, "", "did you mean 'deps'"),
        ([], 1, "", "doit why IMAGE[:STAGE] [KEY | TAG]"),
        (["app", "KEY", "more"], 1, "", "doit why IMAGE[:STAGE] [KEY | TAG]"),
    ],
)
def test_the_command_ends_as_others_do(
    shop: Repository, words: list[str], status: int, out: str, err: str
) -> None:
    """0 for an answer, 1 with a sentence for what is the user's to mend."""
    key = shop.remember()
    done = doit(shop, "why", *(key if word == "KEY" else word for word in words))
    assert done.returncode == status
    assert out in done.stdout
    assert err in done.stderr
    assert "Traceback" not in done.stderr


def test_the_inputs_of_an_image_can_be_compared_as_text(shop: Repository) -> None:
    """Stages and all, so that two outputs differ where somebody edited; lines do not matter."""

    def inputs() -> list[str]:
        return doit(shop, "keys", "--inputs", "app").stdout.splitlines()

    before = inputs()
    assert [line for line in before if line.startswith("file requirements.txt 644 ")]
    assert any(
        line.startswith("image from key xxh3-") and line.endswith("(base)") for line in before
    )
    assert "first-secret" not in "\n".join(before)
    shop.edit(D, "FROM deps", "# one line more\n\nFROM deps")
    assert inputs() == before
    shop.write("app/src/main.py", "2\n")
    after = inputs()
    changed = [line for line in after if line not in before]
    assert [line.split()[0] for line in changed] == ["#", "file", "#", "stage"]
