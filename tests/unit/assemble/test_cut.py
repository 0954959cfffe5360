"""The trunk of an image that is there, and what is assembled upon it again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hashes.context.sources import Sources
from hashes.context.tree import Tree
from layers.assemble.cut import Cut, Image, cut
from layers.assemble.image import Assembled, assemble
from layers.assemble.obstacle import Obstacle
from layers.assemble.recipe import Recipe, Trunk
from layers.assemble.tarballs import apply
from tests.unit.assemble.test_image import CONFIG, assembled, recipe, trunk

Config = dict[str, Any]
STEPS = """\
ARG V=one
ENV A=$V/$D
WORKDIR /w
CMD early
{step}
LABEL l=$V
ENV B=$A/$V
ENTRYPOINT run
COPY f $B/
USER $V
"""
LABELS = {"io.doit-layers.key": "the trunk's"}


def base() -> Image:
    return Image(trunk().layers, {**CONFIG, "history": [{"created_by": "a base"}]})


def made_of(context: Path, text: str = STEPS) -> Assembled:
    """The steps, where the one that runs copies g instead."""
    below = Trunk(base().configuration, trunk().layers, trunk().listing)
    return assembled(context, "FROM b\n" + text.format(step="COPY g /x/"), below)


def image(context: Path, text: str = STEPS) -> Image:
    """What BuildKit makes of the steps."""
    made = made_of(context, text)
    told = made.configuration.replace(b"COPY g /x/ # assembled", b"RUN /bin/sh -c x # buildkit")
    return Image(json.loads(made.manifest)["layers"], json.loads(told))


def running(text: str = STEPS, step: str = "RUN x") -> Recipe:
    return recipe("FROM b\n" + text.format(step=step))


def cut_of(context: Path, text: str = STEPS) -> Cut:
    found = cut(image(context, text), base(), running(text), LABELS)
    assert isinstance(found, Cut), found
    return found


def upon(context: Path, found: Cut, text: str = STEPS) -> Assembled:
    """The tail once more, upon the trunk."""
    listing = trunk().listing
    for each in made_of(context, text).layers[: found.own]:
        apply(listing, each.parts())
    there = Trunk(json.loads(found.configuration), found.layers, listing, inside=True)
    made = assemble(there, running(text), Sources(Tree(str(context))))
    assert isinstance(made, Assembled), made
    return made


def test_a_trunk_is_the_first_layers_and_the_settings_so_far(context: Path) -> None:
    whole, found = image(context), cut_of(context)
    config, manifest = json.loads(found.configuration), json.loads(found.manifest)
    assert manifest["layers"] == list(found.layers) == list(whole.layers[:3])
    assert found.own == 2  # of WORKDIR, and of what runs
    assert config["rootfs"]["diff_ids"] == whole.diff_ids[:3]
    assert config["history"] == whole.history[:6]
    assert config["config"]["Env"] == ["PATH=/bin", "D=/srv", "A=one//srv"]
    assert config["config"]["Labels"] == LABELS
    assert config["config"]["Cmd"] == ["/bin/sh", "-c", "early"]
    assert "Entrypoint" not in config["config"]


def test_a_tail_upon_a_trunk_is_the_image_again(context: Path) -> None:
    """Arguments of the trunk's steps have their values, and a CMD of the same stage stays."""
    whole, again = image(context), upon(context, cut_of(context))
    config = json.loads(again.configuration)
    assert json.loads(again.manifest)["layers"] == list(whole.layers)
    config["config"].pop("Labels")
    expected = {**whole.configuration["config"]}
    assert expected.pop("Labels") == {"l": "one"}
    assert config["config"] == expected
    assert config["rootfs"] == whole.configuration["rootfs"]


@pytest.mark.parametrize(
    ("steps", "user"),
    [
        ("ARG U=1\n{step}\nUSER $U\n", "1"),
        ("ARG U\n{step}\nUSER x$U\n", "x"),
        ("ARG D\n{step}\nUSER $D\n", "/srv"),
        ("ARG D=2\n{step}\nUSER $D\n", "2"),
        ("ENV U=1\nARG U=2\nENV U=3\n{step}\nUSER $U\n", "3"),
        ("ARG U=$D\n{step}\nUSER $U\n", None),
        ("ARG U=$NEVER\n{step}\nUSER 7\n", "7"),
        ("ENV U=$D\n{step}\nUSER $U\n", "/srv"),
        ("{step}\nARG D=4\nUSER $D\n", "4"),
    ],
)
def test_words_of_a_tail_are_those_of_the_whole(
    context: Path, steps: str, user: str | None
) -> None:
    """Or nobody knows them, and it is built: an image does not have its arguments."""
    whole = image(context, steps)
    found = cut_of(context, steps)
    there = Trunk(json.loads(found.configuration), found.layers, trunk().listing, inside=True)
    made = assemble(there, running(steps), Sources(Tree(str(context))))
    if user is None:
        assert isinstance(made, Obstacle)
        assert "depends on what the base brings" in made.reason
    else:
        assert isinstance(made, Assembled)
        assert json.loads(made.configuration)["config"]["User"] == user
        assert whole.configuration["config"]["User"] == user


def dropped(config: Config, at: int) -> Config:
    return {**config, "history": [*config["history"][:at], *config["history"][at + 1 :]]}


def setting(name: str, value: object) -> Callable[[Config], Config]:
    return lambda config: {**config, "config": {**config["config"], name: value}}


def told(at: int, **more: object) -> Callable[[Config], Config]:
    def change(config: Config) -> Config:
        history = [dict(each) for each in config["history"]]
        history[at].update(more)
        return {**config, "history": history}

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (setting("User", "other"), "its User is 'other' where 'one' is expected"),
        (setting("Env", ["PATH=/bin"]), "its Env is"),
        (setting("Labels", {"l": "two"}), "its Labels is"),
        (setting("Volumes", {"/v": {}}), "its Volumes is"),
        (lambda config: {**config, "architecture": "arm64"}, "its architecture is"),
        (lambda config: dropped(config, 4), "its history does not tell"),
        (told(6, created_by="COPY a b # buildkit"), "its history does not tell"),
        (told(6, empty_layer=False), "the image has 4 layers, and 5 in its history"),
        (told(0, created_by="another base"), "does not begin with the history of its base"),
        (lambda config: {**config, "history": []}, "the image has 4 layers, and 0"),
        (
            lambda config: {**config, "rootfs": {"diff_ids": ["sha256:" + "7" * 64] * 4}},
            "does not begin with the layers of its base",
        ),
    ],
)
def test_an_image_that_is_not_what_its_dockerfile_makes_has_no_trunk(
    context: Path, change: Callable[[Config], Config], reason: str
) -> None:
    whole = image(context)
    other = Image(whole.layers, change(dict(whole.configuration)))
    found = cut(other, base(), running(), LABELS)
    assert isinstance(found, Obstacle), found
    assert reason in found.reason


def test_a_base_with_other_triggers_has_no_trunk(context: Path) -> None:
    config = setting("OnBuild", ["RUN z"])(dict(base().configuration))
    found = cut(image(context), Image(base().layers, config), running(), LABELS)
    assert isinstance(found, Obstacle)
