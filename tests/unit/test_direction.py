"""Imports point one way: dodo.py → layers.tasks → effects → pure → hashes."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PURE = {
    "bases",
    "containers",
    "containerstreams",
    "artifacts",
    "claim",
    "compose/bringing",
    "compose/composer",
    "compose/matching",
    "compose/pinning",
    "compose/services",
    "compose/settling",
    "compose/states",
    "compose/telling",
    "digest",
    "engine",
    "events",
    "explain",
    "frontier",
    "gc/found",
    "gc/reach",
    "gc/sweep",
    "graph",
    "imagediff",
    "inventory",
    "lock",
    "mirror",
    "names",
    "plan",
    "reference",
    "registry",
    "spec",
    "stall",
    "suggest",
    "variants",
    "wiring",
    "durations",
}
"""Modules of layers that take values and return values."""

FOREIGN = {
    "hashes": {"xxhash", "dockerfile", "blake3"},
    "layers": {
        "xxhash",
        "docker",
        "requests",
        "urllib3",
        "rich",
        "doit",
        "tomli",
        "certifi",
        "zstandard",
    },
}
"""Distributions that each package may import."""

OWNERS = {
    "rich": {"layers/report/terminal.py"},
    "doit": {"layers/tasks.py", "layers/project/open.py", "layers/plugin.py", "layers/plugin.py"},
    "docker": {"layers/oci/credentials.py"},
}
"""Who alone may import what; the commands may import doit, too."""

LAZY = {"docker", "requests", "zstandard", "urllib3", "rich", "blake3", "certifi"}
"""What nobody imports at the top of a module, unless the module itself is imported late."""
LATE = {
    "layers/report/terminal.py",
    "layers/registry/errors.py",
    "layers/registry/transport.py",
}


def sources() -> list[Path]:
    """Every Python file of the two packages."""
    return sorted([*ROOT.glob("hashes/**/*.py"), *ROOT.glob("layers/**/*.py")])


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Modules that a file imports, and whether at its top; those for types alone are left out."""
    tree = ast.parse(path.read_text())
    typing: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            typing.update(each for part in node.body for each in ast.walk(part))
    for node in ast.walk(tree):
        if node in typing:
            continue
        top = node in tree.body
        if isinstance(node, ast.Import):
            yield from ((name.name, top) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or "", top


def relative(path: Path) -> str:
    """A path as the tables above have it."""
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", sources(), ids=relative)
def test_hashes_never_imports_layers(path: Path) -> None:
    """What a layer is does not depend on what is done about it."""
    if relative(path).startswith("hashes/"):
        assert not [name for name, _ in imports(path) if name.split(".")[0] == "layers"]


@pytest.mark.parametrize("path", sources(), ids=relative)
def test_pure_modules_import_no_effects(path: Path) -> None:
    """Graph, plan and spec know values, not engines."""
    if relative(path) in {f"layers/{name}.py" for name in PURE}:
        known = {f"layers.{name}".replace("/", ".") for name in PURE}
        helpers = {"layers.config.spec", "layers.toml", "layers.config.json_schema"}
        for name, _ in imports(path):
            if name.startswith("layers"):
                assert name in known or name.startswith(tuple(helpers)), name
            assert name not in {"subprocess", "socket", "http.client", "urllib.request"}


@pytest.mark.parametrize("path", sources(), ids=relative)
def test_only_declared_distributions_are_imported(path: Path) -> None:
    """Each package keeps to the libraries that it is meant to use, each in its own place."""
    package = relative(path).split("/")[0]
    for name, top in imports(path):
        first = name.split(".")[0]
        if first in sys.stdlib_module_names or first in {"hashes", "layers"}:
            continue
        assert first in FOREIGN[package], f"{relative(path)} imports {name}"
        if first in OWNERS and not relative(path).startswith("layers/commands/"):
            assert relative(path) in OWNERS[first], f"{relative(path)} imports {name}"
        assert not (top and first in LAZY and relative(path) not in LATE), f"{name} at the top"


@pytest.mark.parametrize("path", sources(), ids=relative)
def test_modules_are_short(path: Path) -> None:
    """A long module is two nouns."""
    assert len(path.read_text().splitlines()) <= 350


def test_the_dodo_takes_everything_from_one_module() -> None:
    """A user's dodo.py is two lines, and so is ours but for its docstring."""
    assert [name for name, _ in imports(ROOT / "dodo.py")] == ["layers.tasks"]


def test_the_reader_of_imports_sees_a_wrong_one(tmp_path: Path) -> None:
    """The tests above can fail: an import inside a function is found as well as one on top."""
    file = tmp_path / "bad.py"
    file.write_text("import layers.plan.plan\ndef f():\n    from docker import errors\n")
    assert list(imports(file)) == [("layers.plan.plan", True), ("docker", False)]
