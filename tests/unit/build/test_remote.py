"""Remote builders: what the plan leaves in the registry, who is found, and when a key is set."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashes.key import Key
from layers.build.builder import NoBuilder, find_builder
from layers.build.buildx import BuildCall, BuildFailed, argv
from layers.build.execute import InputsMoved, carry_out
from layers.build.remote import Kept, advice, candidate, keep, output
from layers.config.faults import SpecError
from layers.config.load import load
from layers.config.spec import Spec
from layers.gc.item import Found
from layers.graph.graph import Layer
from layers.graph.record import Record
from layers.oci.artifact import digest_of
from layers.oci.compression import Compression
from layers.oci.digest import Digest
from layers.plan.learned import TIMES, read
from layers.plan.names import LABEL_KEY
from layers.plan.plan import Node, Presence, Step, make_plan
from layers.plan.presence import TagMoved
from layers.plan.session import Session
from layers.project.history import Begun
from layers.project.project import Project
from layers.registry import referrers
from layers.registry.registry import RegistryError
from layers.setup.endpoint import Endpoint
from tests.fakes import MemoryEngine, MemoryRegistry
from tests.unit.machines import APP, HOST, NOWHERE, REPOSITORY, World, begin, machine
from tests.unit.test_direction import runs_up

BASE = Layer("base")
SPEC = 'version = 1\nproject.name = "snow"\n'


def key(text: str) -> Key:
    return Key.parse(f"xxh3-{hashlib.md5(text.encode()).hexdigest()}")


def digest(text: str) -> Digest:
    return digest_of(text.encode())


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


def known(folder: Path, *, builders: str = "", contexts: str = "") -> str:
    """A docker configuration folder that has these."""
    for name in builders.split():
        (folder / "buildx" / "instances").mkdir(parents=True, exist_ok=True)
        (folder / "buildx" / "instances" / name).write_text("{}")
    for name in contexts.split():
        at = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
        at.mkdir(parents=True)
        (at / "meta.json").write_text(json.dumps({"Name": name}))
    return str(folder)


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


FAILED = 'failed to push {0}/p/ch:c: failed to do request: Head "https://{0}/v2/p/": dial tcp {0}: '


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


# -- the key -----------------------------------------------------------------------------------

BUILDX = """\
#!{python}
import json, os, sys
words = dict(word.split("=", 1) for word in sys.argv[1:] if word.startswith("--") and "=" in word)
assert words["--builder"] == "farm" and "push-by-digest=true" in words["--output"]
exec(open({more!r}).read())
json.dump({{"containerimage.digest": {digest!r}}}, open(words["--metadata-file"], "w"))
"""


@pytest.fixture
def farm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], World]:
    """A machine whose builder pushes an image of the given label by digest, and runs some lines."""
    known(tmp_path / "config", builders="farm")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("LAYERS_BUILDER", "farm")

    def make(more: str = "") -> World:
        world = machine(tmp_path / f"machine{os.urandom(4).hex()}", MemoryRegistry(HOST))
        pushed = elsewhere(world, "one")
        (tmp_path / "more").write_text(more)
        script = tmp_path / "buildx"
        text = BUILDX.format(python=sys.executable, digest=pushed.text, more=str(tmp_path / "more"))
        script.write_text(text)
        script.chmod(0o755)
        endpoint = NOWHERE._replace(buildx=(str(script),))
        tell = world.told.append
        run = begin(world.project, world.engine, world.registry, endpoint=endpoint, tell=tell)
        return replace(world, run=run)

    return make


def elsewhere(world: World, content: str, label: str = "") -> Digest:
    """An image of the key that some other engine pushed, with no tag that counts."""
    engine = MemoryEngine(world.registry)
    engine.build(f"{REPOSITORY}:tmp", content, {LABEL_KEY: label or world.key})
    return engine.push(f"{REPOSITORY}:tmp", lambda done, total: None)


def test_a_builders_result_gets_its_key_its_record_and_a_name_here(
    farm: Callable[[str], World],
) -> None:
    """By our own client, once the inputs were read again; then it is pulled, since it is wanted."""
    world = farm("")
    assert (world.step.builder, world.step.here) == ("farm", True)
    carry_out(world.run, world.step)
    question = (REPOSITORY, world.key)
    found = world.registry.heads([question])[question]
    assert Record.first(referrers.fetch(world.registry, REPOSITORY, found, referrers.INPUTS)) == (
        world.project.record(APP)
    )
    assert world.engine.find(["app:latest"])["app:latest"].digest == found
    backends = world.run.backends
    again = Session.begin(Project(world.project.root), backends=backends).planner
    assert again.plan.idle() is False  # tool is not there
    assert again.plan.steps[APP].idle


def test_a_steps_way_through_the_folders_never_climbs(farm: Callable[[str], World]) -> None:
    """No folder calls into one that stands behind it, not by what it was handed either."""
    world = farm("")
    step = world.step
    calls: set[tuple[str, str]] = set()

    def ours(frame: FrameType | None) -> str:
        while frame is not None:
            name = str(frame.f_globals.get("__name__"))
            if name.startswith(("hashes.", "layers.")):
                return name
            frame = frame.f_back
        return ""

    def watch(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and (callee := str(frame.f_globals.get("__name__"))) == ours(frame):
            calls.add((ours(frame.f_back), callee))

    sys.setprofile(watch)
    try:
        carry_out(world.run, step)
    finally:
        sys.setprofile(None)
    assert ("layers.build.prepare", "layers.build.buildx") in calls
    assert [call for call in sorted(calls) if call[0] and runs_up(*call)] == []
    assert runs_up("layers.build.prepare", "layers.refresh.run")


def test_a_result_whose_inputs_moved_gets_no_key(farm: Callable[[str], World]) -> None:
    """What the builder pushed has no tag, and nobody finds it."""
    world = farm("")
    at = os.path.join(world.project.root, "app", "a")
    (Path(world.project.root).parent / "more").write_text(f"open({at!r}, 'a').write('x')")
    with pytest.raises(InputsMoved):
        carry_out(world.run, world.step)
    assert world.registry.heads([(REPOSITORY, world.key)]) == {}
    assert world.engine.find(["app:latest"]) == {}


def test_a_build_that_fails_leaves_no_tag(farm: Callable[[str], World]) -> None:
    """And no state."""
    world = farm("sys.exit(1)")
    with pytest.raises(BuildFailed):
        carry_out(world.run, world.step)
    assert world.registry.tags(REPOSITORY) == ("tmp",)


def test_what_the_builder_could_not_push_says_what_it_needs(farm: Callable[[str], World]) -> None:
    """The hint stands under BuildKit's own words."""
    told = FAILED.format(HOST) + "connect: connection refused"
    world = farm(f"sys.exit({told!r})")
    with pytest.raises(BuildFailed) as failed:
        carry_out(world.run, world.step)
    assert "connection refused" in failed.value.message
    assert "the builder farm has to reach the registry" in failed.value.hint


def test_a_key_that_came_meanwhile_is_not_built_again(farm: Callable[[str], World]) -> None:
    """Another process of this checkout, or another machine, was quicker."""
    world = farm("sys.exit('nobody asks the builder')")
    step = world.step
    engine = MemoryEngine(world.registry)
    engine.build(f"{REPOSITORY}:{world.key}", "two", {LABEL_KEY: world.key})
    theirs = engine.push(f"{REPOSITORY}:{world.key}", lambda done, total: None)
    carry_out(world.run, step)
    assert world.engine.find(["app:latest"])["app:latest"].digest == theirs


def test_what_was_put_first_stays(farm: Callable[[str], World]) -> None:
    """The loser's result keeps no tag, and a warning says so."""
    world = farm("")
    step, ours = world.step, elsewhere(world, "ours")
    begun = Begun("build", time.monotonic() - 312)
    theirs = keep(world.run, step, REPOSITORY, elsewhere(world, "theirs"), begun)
    assert keep(world.run, step, REPOSITORY, ours) == theirs != ours
    assert world.registry.heads([(REPOSITORY, world.key)]) == {(REPOSITORY, world.key): theirs}
    assert "adopted" in world.warnings()
    (told,) = referrers.notes(world.registry, REPOSITORY, theirs, referrers.INPUTS)
    assert [took.seconds for took in read(told[TIMES], "app")] == [312]


def test_a_builder_that_pushed_elsewhere_is_found_out(farm: Callable[[str], World]) -> None:
    """It says that it pushed, and the registry that we know has nothing."""
    world = farm("")
    with pytest.raises(RegistryError, match="another registry under that name"):
        keep(world.run, world.step, REPOSITORY, digest("nowhere"))
    assert world.registry.heads([(REPOSITORY, world.key)]) == {}


def test_a_parent_is_handed_over_by_digest_and_only_if_its_label_is_right(
    farm: Callable[[str], World],
) -> None:
    """It is never pulled, so that nobody else would look."""
    world = farm("")
    carry_out(world.run, world.step)
    (found,) = world.registry.heads([(REPOSITORY, world.key)]).values()
    assert Kept(world.run).hand_over(APP) == f"docker-image://{REPOSITORY}@{found}"
    world.run.planner.stored(APP, elsewhere(world, "evil", label="xxh3-" + "0" * 32))
    with pytest.raises(TagMoved, match=f"not from {world.key}"):
        Kept(world.run).hand_over(APP)


def test_a_parent_that_only_the_engine_has_is_pushed(farm: Callable[[str], World]) -> None:
    """Whether or not its image is pushed by itself."""
    world = farm("")
    world.built("one")
    assert world.step.state == "fresh"
    told = Kept(world.run).hand_over(APP)
    (found,) = world.registry.heads([(REPOSITORY, world.key)]).values()
    assert told == f"docker-image://{REPOSITORY}@{found}"


def test_a_builder_without_a_registry_is_told_by_the_plan(
    farm: Callable[[str], World], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is built."""
    monkeypatch.setenv("LAYERS_REGISTRY", "")
    world = farm("")
    assert "needs a registry" in world.step.problem
    with pytest.raises(NoBuilder, match="through a registry"):
        carry_out(world.run, world.step)


def test_what_is_on_trial_is_built_here(farm: Callable[[str], World]) -> None:
    """A refresh tries an image in the engine before anybody sees it."""
    world = farm("")
    trial = world.run.trial(world.project.lock).wanting([APP])
    assert trial.planner.plan.steps[APP].builder == ""
    assert world.step.builder == "farm"
