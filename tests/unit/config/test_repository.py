"""Where images go in the registry: the template, and every way in which it can be wrong."""

from __future__ import annotations

import pytest

from layers.config.faults import SpecError
from layers.config.load import load
from layers.config.spec import Spec
from layers.oci.template import DEFAULT_REPOSITORY, Home, Template

HEAD = 'version = 1\n[project]\nname = "shop"\n'
TWO = '[images.api]\ncontext = "a"\n[images.web]\ncontext = "w"\n'


def spec(text: str, profile: str | None = None) -> Spec:
    """Load with everything there."""
    return load(
        text, profile=profile, registry=None, platform="linux/amd64", exists=lambda _path: True
    )


@pytest.mark.parametrize(
    ("template", "home"),
    [
        (DEFAULT_REPOSITORY, Home("shop/api")),
        ("{image}", Home("api")),
        ("team/{project}-{image}", Home("team/shop-api")),
        ("{project}/{image}:{tag}", Home("shop/api")),
        ("all:{image}.{tag}", Home("all", "api.")),
        ("{project}:{image}___{tag}", Home("shop", "api___")),
        ("{project}/{image}:dev-{tag}", Home("shop/api", "dev-")),
    ],
)
def test_a_template_says_where_an_image_goes(template: str, home: Home) -> None:
    """Its repository, and what its tags begin with."""
    assert Template.parse(template).home("shop", "api") == home


@pytest.mark.parametrize(
    ("template", "home"),
    [
        (DEFAULT_REPOSITORY, Home("shop/upstream/library/debian")),
        ("{image}", Home("upstream__library__debian")),
        ("team/{project}-{image}", Home("team/shop-upstream__library__debian")),
        ("all:{image}.{tag}", Home("all", "upstream__library__debian.")),
    ],
)
def test_copies_of_upstreams_are_no_deeper_than_images(template: str, home: Home) -> None:
    """Where somebody says how deep a registry is; by default they have a folder of their own."""
    assert Template.parse(template).copies("shop", "library/debian") == home


FAULTS = [
    ("{imge}", "unknown placeholder {imge} (did you mean 'image'?)\n  known: {project}, {image}"),
    ("{image", "'{image' has a brace too many"),
    ("a {image}", "'a {image}' has a blank in it"),
    ("Team/{image}", "'Team/{image}': name 'Team/x' must be in lower case"),
    ("{image}/", "'{image}/': name 'x/': expected lower-case letters and digits"),
    ("a//{image}", "expected lower-case letters and digits"),
    ("{image}-{tag}", "{tag} belongs behind a colon\n  such as all:{image}.{tag}"),
    ("all:{image}", "must end with {tag}\n  a key, and what `doit publish --tag` names"),
    ("all:{tag}-{image}", "must end with {tag}"),
    ("{image}:{tag}-{tag}", "must end with {tag}"),
    ("localhost:5000/{image}", "must end with {tag}"),
    ("all:.{image}{tag}", "'.{image}': expected letters, digits, '_', '.' and '-', not starting"),
]


@pytest.mark.parametrize(("template", "expected"), FAULTS)
def test_a_template_that_is_none_is_told_with_its_line(template: str, expected: str) -> None:
    """Once, however many images it is for."""
    with pytest.raises(SpecError) as caught:
        spec(f'{HEAD}repository = "{template}"\n{TWO}')
    (fault,) = caught.value.faults
    assert str(fault).startswith("images.toml:4: project.repository: ")
    assert expected in str(fault)


@pytest.mark.parametrize(
    ("text", "line", "place"),
    [
        (f'repository = "all"\n{TWO}', 4, "project.repository"),
        (f'repository = "all:{{tag}}"\n{TWO}', 4, "project.repository"),
        (f'{TWO}repository = "shop/api"\n', 8, "images.web.repository"),
        (f'{TWO}[profiles.p]\nrepository = "all"\n', 9, "profiles.p.repository"),
        (
            'repository = "all:{image}-{tag}"\n[images.base]\ncontext = "b"\n'
            '[images.base-gpu]\ncontext = "g"\n',
            4,
            "project.repository",
        ),
    ],
)
def test_images_that_nobody_could_tell_apart_are_refused(text: str, line: int, place: str) -> None:
    """Whether a tag of one is one of the other, or may be: ``base-gpu-v1``."""
    with pytest.raises(SpecError) as caught:
        spec(HEAD + text, profile="p" if "profiles" in text else None)
    (fault,) = caught.value.faults
    assert str(fault).startswith(f"images.toml:{line}: {place}: ")
    assert "are one repository" in str(fault)


def test_a_tag_that_gets_too_long_is_told_before_a_push() -> None:
    """A key and what belongs to it have to fit; blake3's keys are longer."""
    long = "n" * 70
    image = f'[images.{long}]\ncontext = "a"\n'
    text = f'{HEAD}repository = "all:{{image}}.{{tag}}"\n'
    assert spec(text + image).images[long].repository == ""
    with pytest.raises(SpecError, match=r"get 148 characters, 128 are the most"):
        spec(f'{text}hash = "blake3"\n{image}')


def test_an_image_may_have_a_place_of_its_own_and_a_profile_another_template() -> None:
    """The image's own counts most."""
    text = f'{HEAD}repository = "{{image}}"\n{TWO}repository = "legacy/web"\n'
    text += '[profiles.hub]\nrepository = "{project}-{image}"\n'
    assert spec(text).repository == "{image}"
    assert spec(text).images["web"].repository == "legacy/web"
    assert spec(text, profile="hub").repository == "{project}-{image}"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("['make', '{repositry}']", "4: project.create_repository[1]: unknown placeholder {rep"),
        ("['make', '{name} {repository}']", "unknown placeholder {name}\n  known: {repository}"),
        ("['make']", "4: project.create_repository: expected {repository} in one of its words"),
        ("[]", "4: project.create_repository: expected at least one element"),
        ("'make {repository}'", "4: project.create_repository: expected an array, found the str"),
    ],
)
def test_a_command_that_makes_nothing_is_told_with_its_line(words: str, expected: str) -> None:
    """Before anything is pushed."""
    with pytest.raises(SpecError) as caught:
        spec(f"{HEAD}create_repository = {words}\n{TWO}")
    (fault,) = caught.value.faults
    assert expected in str(fault)


def test_a_command_may_hold_json() -> None:
    """Its braces are no placeholders."""
    words = ("make", "{repository}", '--tags=[{"Key": "a"}]')
    text = f"{HEAD}create_repository = ['make', '{{repository}}', '{words[2]}']\n{TWO}"
    assert spec(text).create_repository == words
    assert spec(HEAD + TWO).create_repository == ()
