"""Imports point one way, from a folder to those before it in one list."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeGuard

import pytest

ROOT = Path(__file__).resolve().parents[2]

ORDER = """
hashes runtime pages completion oci host assemble config
registry engine lock report graph setup project plan build sizes verify
check gc compose adopt
picture refresh htmlreport watch plugin commands tasks
"""
"""Folders, and modules that stand beside them: each may import those before it."""

BESIDE = ("check", "gc", "compose", "adopt")
"""These stand side by side: none of them imports another."""

MOST_MODULES = 15
"""What a folder may hold at one level."""

FOREIGN = {
    "hashes": {"xxhash", "blake3"},
    "layers": {
        "xxhash",
        "docker",
        "requests",
        "urllib3",
        "rich",
        "doit",
        "packaging",
        "tomli",
        "tomli_w",
        "certifi",
        "zstandard",
        "yaml",
        "hcl2",
        "grandalf",
        "jinja2",
        "markupsafe",
        "watchfiles",
    },
}
"""Distributions that each package may import."""

OWNERS = {
    "rich": {
        "layers/report/listing.py",
        "layers/report/row.py",
        "layers/report/terminal.py",
        "layers/pages/terminal.py",
        "layers/picture/text.py",
    },
    "grandalf": {"layers/picture/layout.py"},
    "jinja2": {"layers/htmlreport/page.py"},
    "markupsafe": {"layers/htmlreport/page.py"},
    "doit": {"layers/tasks.py", "layers/project/open.py", "layers/plugin.py"},
    "docker": {
        "layers/engine/client.py",
        "layers/engine/docker_containers.py",
        "layers/engine/sdk.py",
        "layers/engine/store.py",
        "layers/oci/credentials.py",
    },
    "packaging": {
        "layers/build/packages/sdist.py",
        "layers/check/shell/pip_calls.py",
        "layers/check/online/pip_resolve.py",
        "layers/refresh/inventory.py",
    },
    "yaml": {"layers/runtime/yaml.py"},
    "tomli_w": {"layers/lock/lock.py"},
    "watchfiles": {"layers/watch/changes.py"},
    "hcl2": {"layers/adopt/sources/targets.py"},
}
"""Who alone may import what; the commands may import doit, too."""

LAZY = {
    *("docker", "requests", "zstandard", "urllib3", "rich", "blake3", "certifi", "packaging"),
    *("yaml", "hcl2", "tomli_w", "grandalf", "jinja2", "markupsafe", "watchfiles"),
}
"""What nobody imports at the top of a module, unless the module itself is imported late."""
LATE = {
    "layers/engine/sdk.py",
    "layers/htmlreport/page.py",
    "layers/pages/terminal.py",
    "layers/check/online/pip_resolve.py",
    "layers/check/shell/pip_calls.py",
    "layers/report/row.py",
    "layers/picture/layout.py",
    "layers/picture/text.py",
    "layers/report/terminal.py",
    "layers/registry/errors.py",
    "layers/registry/transport.py",
}


@cache
def sources() -> tuple[Path, ...]:
    """Every Python file of the two packages."""
    return tuple(sorted([*ROOT.glob("hashes/**/*.py"), *ROOT.glob("layers/**/*.py")]))


@cache
def modules() -> frozenset[str]:
    """The same as imports have them."""
    return frozenset(map(dotted, sources()))


@cache
def tree(path: Path) -> ast.Module:
    """What a file says; several tests ask."""
    return ast.parse(path.read_text())


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Modules that a file imports, and whether at its top; those for types alone are left out."""
    module = tree(path)
    typing: set[ast.AST] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            typing.update(each for part in node.body for each in ast.walk(part))
    for node in ast.walk(module):
        if node in typing:
            continue
        top = node in module.body
        if isinstance(node, ast.Import):
            yield from ((name.name, top) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or "", top


def relative(path: Path) -> str:
    """A path as the tables above have it."""
    return path.relative_to(ROOT).as_posix()


def dotted(path: Path) -> str:
    """A path as an import has it."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def ours(path: Path) -> list[str]:
    """Our own modules that a file imports, for types or anywhere in it, too."""
    known = modules()
    found: dict[str, None] = {}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = [f"{node.module}.{name.name}" for name in node.names]
            names = [each if each in known else node.module for each in inside]
        else:
            continue
        found.update((name, None) for name in names if name in known)
    return list(found)


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules of one circle in the order of their imports; none where there is no circle."""
    done: set[str] = set()

    def walk(module: str, way: list[str]) -> list[str]:
        if module in way:
            return [*way[way.index(module) :], module]
        if module in done:
            return []
        for each in sorted(graph.get(module, ())):
            if found := walk(each, [*way, module]):
                return found
        done.add(module)
        return []

    return next((found for module in sorted(graph) if (found := walk(module, []))), [])


def room(module: str) -> str:
    """The folder of a module as `ORDER` has it, or the module itself that stands beside them."""
    first, *rest = module.split(".")
    return rest[0] if first == "layers" and rest else first


def runs_up(module: str, imported: str) -> bool:
    """True for an import against the order."""
    order = ORDER.split()
    here, there = room(module), room(imported)
    if here in BESIDE and there in BESIDE:
        return here != there
    return order.index(there) > order.index(here)


@pytest.mark.parametrize("path", sources(), ids=relative)
def test_imports_run_one_way(path: Path) -> None:
    """A folder may import those before it; imports for types alone count, too."""
    module = dotted(path)
    if module in ("layers", "hashes"):
        return
    ups = [name for name in ours(path) if runs_up(module, name)]
    assert not ups, f"{module} imports {', '.join(ups)}"


def test_no_import_runs_in_a_circle() -> None:
    """Neither between folders nor inside one."""
    graph = {dotted(path): set(ours(path)) - {dotted(path)} for path in sources()}
    assert circle(graph) == []


@pytest.mark.parametrize("folder", sorted({path.parent for path in sources()}), ids=relative)
def test_a_folder_can_be_read_at_a_glance(folder: Path) -> None:
    """A listing that is longer than this hides what it lists."""
    if relative(folder) != "layers/commands":  # a file a command: the list of commands
        modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(modules) <= MOST_MODULES


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
    assert len(path.read_text().splitlines()) <= 300


LIBRARIES = {
    "layers/oci/layout.py": {"size"},  # tarfile's
    "layers/assemble/layer.py": {  # tarfile's
        *(
            "mode",
            "mtime",
            "uid",
            "gid",
            "type",
            "linkname",
            "size",
            "pax_headers",
            "uname",
            "gname",
        ),
    },
    "layers/build/packages/index.py": {"daemon_threads"},  # http.server's
    "layers/build/packages/sdist.py": {"mode", "size"},  # tarfile's
    "layers/engine/docker_containers.py": {"daemon"},  # threading's
    "layers/engine/sockets.py": {"check_hostname", "verify_mode"},  # ssl's
    "layers/htmlreport/chart.py": {"text"},  # ElementTree's
    "layers/picture/layout.py": {"xspace", "yspace"},  # grandalf's
    "layers/registry/transport.py": {"auth"},  # requests'
    "layers/report/row.py": {"no_wrap"},  # rich's
    "layers/picture/svg.py": {"text"},  # ElementTree's
}
"""Fields of libraries' objects, which have no other way to be set."""


def strangers_fields(path: Path) -> set[str]:
    """Fields that a module assigns to, of classes that stand in another one."""
    module = tree(path)
    own: set[str] = set()
    for node in (each for each in ast.walk(module) if isinstance(each, ast.ClassDef)):
        named = [each.target for each in node.body if isinstance(each, ast.AnnAssign)]
        own.update(each.id for each in named if isinstance(each, ast.Name))
        own.update(each.attr for each in ast.walk(node) if is_stored(each) and is_self(each.value))
    stored = [each for each in ast.walk(module) if is_stored(each)]
    return {each.attr for each in stored if not is_self(each.value)} - own


def is_stored(node: ast.AST) -> TypeGuard[ast.Attribute]:
    """Whether a node is an attribute that is set or deleted."""
    return isinstance(node, ast.Attribute) and isinstance(node.ctx, (ast.Store, ast.Del))


def is_self(node: ast.expr) -> bool:
    """Whether an expression is the object, or the class, that a method belongs to."""
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


@pytest.mark.parametrize("path", sources(), ids=relative)
def test_nobody_assigns_to_another_modules_fields(path: Path) -> None:
    """What an object is, its own module says."""
    assert strangers_fields(path) <= LIBRARIES.get(relative(path), set())


def test_an_assignment_to_a_strangers_field_is_seen(tmp_path: Path) -> None:
    """In whatever form; a field of a class of the same module is none."""
    file = tmp_path / "bad.py"
    file.write_text(
        "class Own:\n    a: int\n    def __init__(self):\n        self.b = 1\n"
        "def f(own, other):\n    own.a, own.b = 1, 2\n    other.c += 1\n    del other.d.e\n"
    )
    assert strangers_fields(file) == {"c", "e"}


def test_the_dodo_takes_everything_from_one_module() -> None:
    """A user's dodo.py is two lines, and so is ours but for its docstring."""
    assert [name for name, _ in imports(ROOT / "dodo.py")] == ["layers.tasks"]


def test_the_reader_of_imports_sees_a_wrong_one(tmp_path: Path) -> None:
    """The tests above can fail: an import inside a function is found as well as one on top."""
    file = tmp_path / "bad.py"
    file.write_text("import layers.plan.plan\ndef f():\n    from docker import errors\n")
    assert list(imports(file)) == [("layers.plan.plan", True), ("docker", False)]
