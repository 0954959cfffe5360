"""Remote builders: what the plan leaves in the registry, who is found, and what is asked of it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashes.key import Key
from layers.build.builder import NoBuilder, find_builder
from layers.build.buildx import BuildCall, argv
from layers.build.remote import advice, candidate, output
from layers.config.faults import SpecError
from layers.config.load import load
from layers.config.spec import Spec
from layers.gc.item import Found
from layers.graph.graph import Layer
from layers.oci.compression import Compression
from layers.plan.plan import Node, Presence, Step, make_plan
from layers.setup.endpoint import Endpoint
from tests.unit.build.builders import FAILED, digest, known
from tests.unit.machines import APP, REPOSITORY

BASE = Layer("base")
SPEC = 'version = 1\nproject.name = "snow"\n'


def key(text: str) -> Key:
    return Key.parse(f"xxh3-{hashlib.md5(text.encode()).hexdigest()}")


# -- the plan --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("builders", "engine", "registry", "expected"),
    [
        ("app", "", "base", "base pull -, app build here"),
        ("app", "base", "", "base fresh -, app build here"),
        ("app", "", "", "base build here, app build here"),  # as the engine builds it
        ("base app", "", "", "base build there, app build here"),
        ("base", "", "", "base build here, app build here"),
        ("base", "", "base", "base pull here, app build here"),
        ("base app", "", "app", "base build -, app pull here"),
    ],
)
def test_what_a_builder_starts_from_comes_here_only_for_somebody_else(
    builders: str, engine: str, registry: str, expected: str
) -> None:
    """What the registry has is not pulled for a builder; the engine's own results are here."""
    at = {"base": BASE, "app": APP}
    farm = {name: "farm" if name in builders.split() else "" for name in at}
    nodes = [
        Node(BASE, key("base"), builder=farm["base"]),
        Node(APP, key("app"), (BASE,), builder=farm["app"]),
    ]
    presence = Presence(
        {at[name]: digest(name) for name in engine.split()},
        {at[name]: digest(name) for name in registry.split()},
        {at[name]: digest(name) for name in engine.split()},
    )
    steps = make_plan(nodes, presence, [APP], {}).steps.values()
    told = [f"{s.layer} {s.state} {_end(s)}" for s in steps]
    assert ", ".join(told) == expected


def _end(step: Step) -> str:
    if step.idle:
        return "-"
    return "here" if step.here or not step.builder else "there"


def test_what_is_wanted_in_the_registry_does_not_come_here() -> None:
    """`doit publish`; and a base that the engine builds from is here all the same."""
    nodes = [
        Node(BASE, key("base"), builder="farm"),
        Node(APP, key("app"), (BASE,), builder="farm"),
    ]
    steps = make_plan(nodes, Presence(), [APP], {}, there=True).steps
    assert [step.here for step in steps.values()] == [False, False]
    mixed = [nodes[0], Node(APP, key("app"), (BASE,))]
    assert make_plan(mixed, Presence(), [APP], {}, there=True).steps[BASE].here


def test_the_reasons_name_the_builder() -> None:
    """And where it takes its base from."""
    nodes = [Node(BASE, key("base")), Node(APP, key("app"), (BASE,), builder="farm")]
    reasons = make_plan(nodes, Presence({}, {BASE: digest("b")}), [APP], {}).steps[APP].reasons
    assert reasons[-2:] == (
        "base is taken from the registry by farm",
        "the builder farm makes it",
    )


@given(st.data())
def test_every_build_finds_its_parents_where_it_looks(data: st.DataObject) -> None:
    """The engine's in the engine, a builder's anywhere; and nothing is done in vain."""
    layers = [Layer(f"l{n}") for n in range(data.draw(st.integers(1, 7)))]
    some = st.lists(st.sampled_from(layers), unique=True)
    nodes = [
        Node(
            layer,
            key(str(layer)),
            tuple(data.draw(st.lists(st.sampled_from(layers[:n]), unique=True)) if n else ()),
            builder=data.draw(st.sampled_from(["", "farm"])),
        )
        for n, layer in enumerate(layers)
    ]
    engine = {layer: digest(str(layer)) for layer in data.draw(some)}
    registry = {layer: digest(str(layer)) for layer in data.draw(some) if layer not in engine}
    wanted, there = data.draw(some), data.draw(st.booleans())
    steps = make_plan(nodes, Presence(engine, registry, engine), wanted, {}, there=there).steps

    here, stored = set(engine), set(registry)
    for node in nodes:
        step = steps[node.layer]
        if step.idle:
            continue
        if step.state == "build":
            held = here | stored if step.builder else here
            assert set(node.parents) <= held, f"{node.layer} is built without a parent"
        if step.builder:
            stored.add(node.layer)
        if step.state == "pull" or not step.builder or step.here:
            here.add(node.layer)
    assert set(wanted) <= (here | stored if there else here)
    builds = [
        node for node in nodes if not steps[node.layer].idle and steps[node.layer].state == "build"
    ]
    for layer in here - set(engine):
        used = any(layer in node.parents and not node.builder for node in builds)
        alone = steps[layer].state == "build" and not steps[layer].builder
        assert layer in wanted or used or alone, f"{layer} came here in vain"


# -- images.toml -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("project", "profile", "image", "environment", "expected"),
    [
        ("", "", "", None, ""),
        ("farm", "", "", None, "farm"),
        ("farm", "ci", "", None, "ci"),
        ("farm", "ci", "own", None, "own"),
        ("farm", "", "default", None, ""),
        ("farm", "ci", "own", "other", "other"),
        ("farm", "ci", "own", "default", ""),
        ("farm", "ci", "own", "", ""),
    ],
)
def test_the_nearest_word_names_the_builder(
    project: str, profile: str, image: str, environment: str | None, expected: str
) -> None:
    """The environment, the image, the profile, the project; 'default' is the engine in use."""
    text = SPEC + (f'project.builder = "{project}"\n' if project else "")
    text += "[profiles.p]\n" + (f'builder = "{profile}"\n' if profile else "")
    text += '[images.app]\ncontext = "a"\n' + (f'builder = "{image}"\n' if image else "")
    assert _load(text, environment).images["app"].builder == expected


def _load(text: str, builder: str | None) -> Spec:
    return load(
        text,
        profile="p",
        registry=None,
        platform="linux/amd64",
        exists=lambda path: True,
        builder=builder,
    )


def test_an_image_whose_packages_are_served_on_loopback_is_built_here() -> None:
    """No builder comes to this machine's loopback; to ask for both is a mistake."""
    text = SPEC + '[profiles.p]\n[images.app]\ncontext = "a"\npackages = "wheels"\n'
    assert _load(text, "farm").images["app"].builder == ""
    with pytest.raises(SpecError, match="has no meaning beside 'packages'"):
        _load(text + 'builder = "farm"\n', None)


# -- buildx ------------------------------------------------------------------------------------


def private(config: str) -> Endpoint:
    environment = {"DOCKER_HOST": "unix:///private.sock", "DOCKER_CONFIG": config}
    return Endpoint(environment["DOCKER_HOST"], environment, True, None, "docker")


def test_a_builder_is_found_beside_the_private_engine_and_then_the_users(tmp_path: Path) -> None:
    """A user's builder stands on the user's engine, ours on ours; BUILDX_BUILDER is not asked."""
    ours = known(tmp_path / "ours", builders="farm")
    theirs = known(tmp_path / "theirs", builders="farm other")
    environ = {"DOCKER_CONFIG": theirs, "BUILDX_BUILDER": "x", "DOCKER_HOST": "unix:///user.sock"}
    first = find_builder("Farm", private(ours), environ)
    assert (first.name, first.context) == ("Farm", False)
    assert first.environment["DOCKER_CONFIG"] == ours
    assert first.environment["DOCKER_HOST"] == "unix:///private.sock"
    second = find_builder("other", private(ours), environ)
    assert second.environment["DOCKER_CONFIG"] == theirs
    assert second.environment["DOCKER_HOST"] == "unix:///user.sock"
    assert "BUILDX_BUILDER" not in {**first.environment, **second.environment}


def test_a_context_is_the_one_in_use_for_its_build(tmp_path: Path) -> None:
    """buildx refuses a context that is not, and DOCKER_HOST goes over any context."""
    config = known(tmp_path, contexts="second")
    environ = {"DOCKER_CERT_PATH": "/certs", "DOCKER_TLS_VERIFY": "1"}
    found = find_builder("second", private(config), environ)
    assert found.context
    assert found.environment["DOCKER_CONTEXT"] == "second"
    assert not {"DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"} & set(found.environment)


def test_a_builder_that_nobody_knows_is_told_with_a_guess(tmp_path: Path) -> None:
    """Builders and contexts are guessed alike."""
    config = known(tmp_path, builders="farm", contexts="second")
    for wrong, guess in {"fram": "farm", "secnod": "second"}.items():
        with pytest.raises(NoBuilder, match=f"did you mean '{guess}'"):
            find_builder(wrong, private(config), {})


def test_a_builder_gets_its_name_and_an_output_of_its_own() -> None:
    """By digest where that can be; a context pushes under a tag."""
    call = BuildCall("app", ".", "Dockerfile", None, "linux/amd64", builder="farm")
    words = argv(replace(call, output=output("h/demo/app", "", Compression())), "m.json")
    assert "--builder=farm" in words
    (told,) = [word for word in words if word.startswith("--output=")]
    assert "name=h/demo/app,push-by-digest=true" in told
    assert {"push=true", "compression=zstd"} <= set(told.split(","))
    gzip = output("h/demo/app", "candidate-1", Compression("gzip", 9))
    assert {"compression=gzip", "compression-level=9"} <= set(gzip.split(","))
    assert "name=h/demo/app:candidate-1,push=true" in output(
        "h/demo/app", "candidate-1", Compression("gzip", 9)
    )
    assert "push-by-digest" not in output("h/demo/app", "candidate-1", Compression("gzip", 9))


@pytest.mark.parametrize(
    ("registry", "text", "said"),
    [
        ("127.0.0.1:5000", "connect: connection refused", "name the registry by its address"),
        ("r.example:5000", "lookup r.example on 10.0.0.1:53: no such host", "under the very name"),
        ("r.example:5000", "x509: certificate signed by unknown authority", "to trust it"),
        ("r.example:5000", "something else", ""),
    ],
)
def test_a_registry_out_of_a_builders_reach_gets_a_hint(
    registry: str, text: str, said: str
) -> None:
    """As BuildKit 0.13 words it; a step that could not reach something else is no such case."""
    found = advice(FAILED.format(registry) + text, "farm", registry)
    assert said in found
    assert bool(found) == bool(said)
    assert advice(f"dial tcp other.example: {text}", "farm", registry) == ""


def test_a_candidate_that_a_killed_run_left_behind_keeps_no_image_from_being_removed() -> None:
    """It is no tag that people gave; the key in the image's label counts."""
    left = Found("registry", REPOSITORY, digest("a"), (candidate(),), key=str(key("a")))
    assert left.moving == ()
    assert left.keys == {str(key("a"))}
    assert Found("registry", REPOSITORY, digest("a"), ("candidate-1",)).moving == ("candidate-1",)
