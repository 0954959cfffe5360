"""Causes: what a person changed comes first, down to file, line and version."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hashes import changes
from hashes.change import Change
from layers.graph import causes as explaining
from layers.graph.graph import Layer
from tests.unit.graph.shop import APP, NPM, REQ, TOML, D, Repository, told


@pytest.fixture
def shop(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


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
