"""Explaining: the cause that a person made comes first, down to file, line and version."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hashes import BadManifest, Key, changes
from hashes.change import Change
from layers.graph import causes as explaining
from layers.graph.graph import Layer
from layers.graph.record import Record
from layers.plan.explain import Explanation, UnknownKey, explanation
from layers.plan.session import Session
from layers.project.project import Project

CHECKOUT = Path(__file__).resolve().parents[3]
APP = Layer("app")

FILES = {
    "images.toml": """\
version = 1

[project]
name = "shop"
platform = "linux/amd64"

[images.base]
context = "base"

[images.app]
context = "app"
args = { MODE = "slow", API_TOKEN = "first-secret" }
contexts = { assets = "shared/assets" }
packages = "wheels"

[profiles.ci.images.app]
args = { MODE = "fast" }
network = "none"
""",
    "dodo.py": "from layers.tasks import DOIT_CONFIG, task_layers\n",
    "base/Dockerfile": "FROM debian:12\nRUN apt-get update\nCOPY ca.txt /ca.txt\n",
    "base/ca.txt": "1\n",
    "app/Dockerfile": """\
ARG MODE
FROM base AS deps
ARG API_TOKEN
COPY requirements.txt package.json package-lock.json /
RUN install

FROM deps AS build
ARG MODE
ARG LEVEL=1
COPY src /src
COPY --from=assets logo.svg /src/
COPY <<EOF /src/version
one
EOF
RUN make

FROM base AS runtime
ENV PORT=80
COPY --from=deps /lib /lib
COPY --from=build /out /out
USER nobody
CMD ["run"]
""",
    "app/requirements.txt": "torch==2.0.1\nnumpy==1.26.4\n",
    "app/package.json": '{"dependencies": {"express": "4.21.2"}}\n',
    "app/package-lock.json": """\
{"lockfileVersion": 3, "packages": {
"node_modules/express": {"version": "4.21.2", "integrity": "sha512-a"},
"node_modules/ms": {"version": "2.0.0", "integrity": "sha512-b"}}}
""",
    "app/src/main.py": "1\n",
    "app/src/old.py": "1\n",
    "app/src/notes.txt": "1\n",
    "app/.dockerignore": "*.log\n",
    "shared/assets/logo.svg": "1\n",
    "wheels/torch/setup.py": "1\n",
}


class Repository:
    """The shop, with its files edited as a person would."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for path, text in FILES.items():
            self.write(path, text)

    def write(self, path: str, text: str) -> None:
        at = self.root / path
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(text)

    def edit(self, path: str, old: str, new: str) -> None:
        text = (self.root / path).read_text()
        assert old in text
        self.write(path, text.replace(old, new))

    def project(self, profile: str | None = None) -> Project:
        return Project(str(self.root), profile=profile)

    def remember(self, layer: Layer = APP) -> str:
        """Keep what is there now, as a build would, and say its key."""
        project = self.project()
        for each in dict.fromkeys((Layer("base"), APP, layer)):
            project.records.remember(project.inputs.key(each), project.record(each))
        return str(project.inputs.key(layer))

    def why(self, key: str, layer: Layer = APP, profile: str | None = None) -> Explanation:
        return explanation(Session.begin(self.project(profile)), layer, key)


@pytest.fixture
def shop(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def told(found: Explanation) -> list[str]:
    """Each cause as ``image: text``."""
    return [f"{cause.image}: {cause.change.text()}" for cause in found.causes]


def edits(*parts: str) -> Callable[[Repository], None]:
    """Path, old and new text, once or more."""

    def apply(shop: Repository) -> None:
        for at in range(0, len(parts), 3):
            shop.edit(*parts[at : at + 3])

    return apply


def writes(path: str, text: str = "new\n") -> Callable[[Repository], None]:
    return lambda shop: shop.write(path, text)


def removes(path: str) -> Callable[[Repository], None]:
    return lambda shop: (shop.root / path).unlink()


def both(*parts: Callable[[Repository], None]) -> Callable[[Repository], None]:
    def apply(shop: Repository) -> None:
        for part in parts:
            part(shop)

    return apply


def mode(path: str, value: int) -> Callable[[Repository], None]:
    return lambda shop: (shop.root / path).chmod(value)


def link(shop: Repository) -> None:
    (shop.root / "app/src/old.py").unlink()
    (shop.root / "app/src/old.py").symlink_to("main.py")


def pin(shop: Repository) -> None:
    shop.write(
        "images.lock",
        f'version = 1\n\n[upstream."debian:12"."linux/amd64"]\ndigest = "sha256:{"ab" * 32}"\n',
    )


D, TOML, REQ, NPM = "app/Dockerfile", "images.toml", "app/requirements.txt", "app/package-lock.json"

MUTATIONS: dict[str, tuple[Callable[[Repository], None], list[str]]] = {
    "a file": (writes("app/src/main.py"), ["app: app/src/main.py changed"]),
    "a new file": (writes("app/src/new.py"), ["app: app/src/new.py added"]),
    "a file less": (removes("app/src/old.py"), ["app: app/src/old.py removed"]),
    "a mode": (mode("app/src/main.py", 0o755), ["app: app/src/main.py: mode 644 → 755"]),
    "a file to a link": (link, ["app: app/src/old.py changed"]),
    "a folder": (
        both(writes("app/src/lib/a.py"), writes("app/src/lib/b/c.py")),
        ["app: app/src/lib/ added"],
    ),
    "a rename": (
        both(removes("app/src/old.py"), writes("app/src/older.py", "1\n")),
        ["app: app/src/older.py added", "app: app/src/old.py removed"],
    ),
    "a version": (edits(REQ, "2.0.1", "2.1.0"), [f"app: {REQ}: torch 2.0.1 → 2.1.0"]),
    "a package more": (
        edits(REQ, "numpy", "flask==3.0\nnumpy"),
        [f"app: {REQ}: flask 3.0 added"],
    ),
    "a package less": (edits(REQ, "numpy==1.26.4\n", ""), [f"app: {REQ}: numpy 1.26.4 removed"]),
    "a comment in a lock file": (edits(REQ, "numpy", "# x\nnumpy"), [f"app: {REQ} changed"]),
    "an npm version": (edits(NPM, "2.0.0", "2.1.3"), [f"app: {NPM}: ms 2.0.0 → 2.1.3"]),
    "an npm checksum": (
        edits(NPM, "sha512-b", "sha512-c"),
        [f"app: {NPM}: ms 2.0.0: other files under the same version"],
    ),
    "what npm follows from": (
        edits("app/package.json", "4.21.2", "5.0.0", NPM, "4.21.2", "5.0.0"),
        [
            "app: app/package.json: express 4.21.2 → 5.0.0",
            f"app: {NPM}: express 4.21.2 → 5.0.0",
        ],
    ),
    "a RUN": (edits(D, "RUN make", "RUN make all"), [f"app: {D}:15 RUN changed"]),
    "a RUN more": (edits(D, "RUN make", "RUN make\nRUN test"), [f"app: {D}:16 RUN added"]),
    "a COPY more": (
        both(writes("app/more.txt"), edits(D, "RUN make", "COPY more.txt /\nRUN make")),
        [f"app: {D}:15 COPY added"],
    ),
    "a COPY that takes more": (
        edits(D, "COPY src /src", "COPY . /src"),
        [f"app: {D}:10 COPY changed"],
    ),
    "an ENV": (edits(D, "PORT=80", "PORT=8080"), [f"app: {D}:18 ENV PORT: 80 → 8080"]),
    "a USER": (edits(D, "USER nobody", "USER www"), [f"app: {D}:21 USER: nobody → www"]),
    "a CMD": (edits(D, '"run"', '"go"'), [f'app: {D}:22 CMD: ["run"] → ["go"]']),
    "a heredoc": (edits(D, "\none\n", "\ntwo\n"), [f"app: {D}:12 heredoc EOF changed"]),
    "a stage's parent": (
        edits(D, "FROM base AS runtime", "FROM deps AS runtime"),
        [
            f"app: {D}:17 FROM base → deps",
        ],
    ),
    "a stage's name": (
        both(
            edits(D, "AS build", "AS make", D, "--from=build", "--from=make"),
            writes("app/src/main.py"),
        ),
        [f"app: {D}:20 COPY --from build → make", "app: app/src/main.py changed"],
    ),
    "an arg": (edits(TOML, '"slow"', '"fast"'), ["app: build arg MODE: slow → fast"]),
    "an arg's default": (edits(D, "LEVEL=1", "LEVEL=2"), ["app: build arg LEVEL: 1 → 2"]),
    "a secret arg": (
        edits(TOML, "first-secret", "other-secret"),
        [
            "app: build arg API_TOKEN changed",
        ],
    ),
    "the network": (
        edits(TOML, 'packages = "wheels"', 'packages = "wheels"\nnetwork = "none"'),
        [f"app: {D}:5 RUN: --network=none added", f"app: {D}:15 RUN: --network=none added"],
    ),
    "a named context": (writes("shared/assets/logo.svg"), ["app: shared/assets/logo.svg changed"]),
    "a served package": (writes("wheels/torch/setup.py"), ["app: wheels/torch/setup.py changed"]),
    "the ignore file": (
        writes("app/.dockerignore", "*.log\nsrc/*.txt\n"),
        ["app: app/.dockerignore changed", "app: app/src/notes.txt removed"],
    ),
    "the base's file": (writes("base/ca.txt"), ["base: base/ca.txt changed"]),
    "the base's RUN": (
        edits("base/Dockerfile", "update", "upgrade"),
        ["base: base/Dockerfile:2 RUN changed"],
    ),
    "the base's base": (
        edits("base/Dockerfile", "debian:12", "debian:13"),
        ["base: base/Dockerfile:1 FROM debian:12 → debian:13"],
    ),
    "a digest": (pin, [f"base: base debian:12: unpinned → digest sha256:{'ab' * 6}…"]),
    "base and service": (
        both(writes("app/src/main.py"), writes("base/ca.txt"), edits(REQ, "2.0.1", "2.1.0")),
        [
            "base: base/ca.txt changed",
            f"app: {REQ}: torch 2.0.1 → 2.1.0",
            "app: app/src/main.py changed",
        ],
    ),
    "the platform": (
        edits(TOML, "linux/amd64", "linux/arm64"),
        [
            "app: platform: linux/amd64 → linux/arm64",
            "base: platform: linux/amd64 → linux/arm64",
        ],
    ),
    "the algorithm": (
        edits(TOML, 'name = "shop"', 'name = "shop"\nhash = "blake3"'),
        ["app: hash: xxh3 → blake3"],
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_cause_is_told_where_it_was_made(shop: Repository, name: str) -> None:
    """Everything that is told of one edit, first cause first; nothing that only follows."""
    change, expected = MUTATIONS[name]
    key = shop.remember()
    change(shop)
    found = shop.why(key)
    assert found.old == key != found.new
    assert told(found) == expected
    assert found.unknown == ()


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_way_back_is_told_as_well(shop: Repository, name: str) -> None:
    """Every change has its inverse; silence would leave a stale layer without a reason."""
    change, _ = MUTATIONS[name]
    before = {at: at.read_bytes() for at in shop.root.rglob("*") if at.is_file()}
    change(shop)
    key = shop.remember()
    for at in sorted(shop.root.rglob("*"), reverse=True):
        if ".layers" in at.parts or at in before:
            continue
        if at.is_dir() and not any(each.is_relative_to(at) for each in before):
            at.rmdir()
        elif not at.is_dir():
            at.unlink()
    for at, content in before.items():
        at.unlink(missing_ok=True)
        at.write_bytes(content)
        at.chmod(0o644)
    found = shop.why(key)
    assert found.causes
    assert not [line for line in told(found) if "order of the steps" in line]


def test_an_order_by_name_would_be_caught(
    shop: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A twin that sorts causes by their text tells another first cause: the table would see it."""

    def by_name(old: Any, new: Any) -> list[Change]:
        return sorted(changes(old, new), key=lambda change: change.text())

    change, expected = MUTATIONS["what npm follows from"]
    key = shop.remember()
    change(shop)
    monkeypatch.setattr(explaining, "changes", by_name)
    assert told(shop.why(key)) != expected


def test_a_parent_that_nobody_remembers_is_named(shop: Repository) -> None:
    """Its key is told, and the rest is explained as far as it goes."""
    key = shop.remember()
    base = str(shop.project().inputs.key(Layer("base")))
    (shop.root / f".layers/manifests/{base}.json").unlink()
    shop.write("base/ca.txt", "2\n")
    shop.write("app/src/main.py", "2\n")
    found = shop.why(key)
    assert told(found) == ["app: parent base changed", "app: app/src/main.py changed"]
    assert found.unknown == (base,)


def test_only_the_parent_is_told_without_going_down(shop: Repository) -> None:
    """So does `doit list`, where the parent has a row of its own."""
    old = shop.project().record(APP)
    shop.write("base/ca.txt", "2\n")
    shop.write("app/src/main.py", "2\n")
    found = explaining.why(old, shop.project().record(APP))
    assert [change.text() for change in found] == ["parent base changed", "app/src/main.py changed"]


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


def test_a_record_is_read_back_exactly(shop: Repository) -> None:
    """``from_json(to_json(x)) == x``, lock files and all."""
    record = shop.project().record(APP)
    assert record.packages[REQ] == {"torch": "2.0.1", "numpy": "1.26.4"}
    assert Record.from_json(record.to_json()) == record


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 1}', '{"version": 2, "own": 3}'])
def test_a_damaged_record_is_none(shop: Repository, text: str) -> None:
    """It costs the explanation and nothing else."""
    with pytest.raises(BadManifest):
        Record.from_json(text)
    key = shop.remember()
    path = shop.root / f".layers/manifests/{key}.json"
    path.write_text(text)
    assert shop.project().records.recall(Key.parse(key)) is None
    shop.remember()
    assert shop.project().records.recall(Key.parse(key)) is not None


def test_no_secret_is_kept(shop: Repository) -> None:
    """Neither a build arg's value nor the credentials of an address in a lock file."""
    shop.edit(REQ, "numpy", "x @ https://me:hunter2@host.example.com/x.whl\nnumpy")
    shop.remember()
    kept = "".join(at.read_text() for at in (shop.root / ".layers/manifests").iterdir())
    assert "host.example.com/x.whl" in kept
    assert "hunter2" not in kept
    assert "first-secret" not in kept


def test_a_lock_file_that_moved_on_is_not_kept(shop: Repository) -> None:
    """Only the bytes behind the key: else a later answer would be about other versions."""
    project = shop.project()
    key = project.inputs.key(APP)
    shop.edit(REQ, "2.0.1", "2.1.0")
    project.records.remember(key, project.record(APP))
    assert told(shop.why(str(key))) == [f"app: {REQ} changed"]


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
