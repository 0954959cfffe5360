"""Lock files: versions by package, and what two of them differ in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.graph.lockfiles import differences, is_lockfile, packages_of

NPM = {"name": "app", "version": "1.0.0"}


def npm2(**versions: str) -> str:
    """A package-lock.json of version 2; ``a/b`` is b inside a."""
    packages: dict[str, Any] = {"": {**NPM}}
    for name, version in versions.items():
        path = "/".join(f"node_modules/{part}" for part in name.split("__"))
        packages[path] = {"version": version, "integrity": f"sha512-{name}{version}"}
    return json.dumps({**NPM, "lockfileVersion": 2, "packages": packages})


def npm1(entries: Any) -> str:
    """A package-lock.json of version 1."""
    return json.dumps({**NPM, "lockfileVersion": 1, "dependencies": entries})


def cargo(*pairs: tuple[str, str]) -> str:
    """A lock file of ``[[package]]`` tables."""
    return "".join(f'[[package]]\nname = "{n}"\nversion = "{v}"\n' for n, v in pairs)


HASHED = "torch==2.0.1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\nnumpy==1.26.4\n"

CASES = [
    ("requirements.txt", "torch==2.0.1\n", "torch==2.1.0\n", [("torch", "2.0.1", "2.1.0")]),
    ("requirements.txt", "a==1\n", "a==1\nb==2\n", [("b", None, "2")]),
    ("requirements.txt", "a==1\nb==2\n", "a==1\n", [("b", "2", None)]),
    ("requirements.txt", "a>=1,<2\n", "a>=1,<3\n", [("a", ">=1,<2", ">=1,<3")]),
    ("requirements.txt", "a\n", "a==1  # now fixed\n", [("a", "", "1")]),
    ("requirements.txt", "# old words\na==1\n", "# new words\n\na==1\n", []),
    ("requirements.txt", "A==1\n--index-url https://x/\n", "A==1\n-i https://y/\n", []),
    ("requirements.txt", "a[x]==1\n", "a[y]==1\n", [("a[y]", None, "1"), ("a[x]", "1", None)]),
    (
        "requirements.txt",
        'a==1; python_version < "3"\na==2; python_version >= "3"\n',
        'a==1; python_version < "3"\na==3; python_version >= "3"\n',
        [('a (python_version >= "3")', "2", "3")],
    ),
    (
        "requirements.txt",
        "a @ git+https://me:secret@git.example.com/a@v1\n",
        "a @ git+https://me:other@git.example.com/a@v2?token=secret\n",
        [("a", "git+https://git.example.com/a@v1", "git+https://git.example.com/a@v2")],
    ),
    ("requirements-dev.lock", HASHED, HASHED.replace("bb", "cc"), [("torch", "2.0.1", "2.0.1")]),
    ("x/requirements.lock", HASHED, HASHED.replace("2.0.1", "2.1"), [("torch", "2.0.1", "2.1")]),
    (
        "requirements.lock",
        HASHED,
        HASHED.replace("sha256:aa", "X")
        .replace("sha256:bb", "sha256:aa")
        .replace("X", "sha256:bb"),
        [],
    ),
    ("constraints.txt", "a==1\n", "a==2\n", [("a", "1", "2")]),
    ("package-lock.json", npm2(ms="2.0.0"), npm2(ms="2.1.3"), [("ms", "2.0.0", "2.1.3")]),
    ("package-lock.json", npm2(), npm2(ms="2.1.3"), [("ms", None, "2.1.3")]),
    (
        "package-lock.json",
        npm2(debug="1", debug__ms="2"),
        npm2(debug="1", debug__ms="3"),
        [("ms (in debug)", "2", "3")],
    ),
    (
        "package-lock.json",
        npm2(),
        npm2().replace('"version": "1.0.0"', '"version": "1.0.1"'),
        [("app", "1.0.0", "1.0.1")],
    ),
    (
        "package-lock.json",
        npm2(ms="2"),
        npm2(ms="2").replace("sha512-ms2", "sha512-other"),
        [("ms", "2", "2")],
    ),
    (
        "npm-shrinkwrap.json",
        npm1({"a": {"version": "1", "dependencies": {"b": {"version": "2"}}}}),
        npm1({"a": {"version": "1", "dependencies": {"b": {"version": "3"}}}}),
        [("b (in a)", "2", "3")],
    ),
    (
        "package.json",
        '{"dependencies": {"a": "^1"}, "devDependencies": {"b": "1"}, "scripts": {}}',
        '{"dependencies": {"a": "^2"}, "devDependencies": {"b": "2"}, "scripts": {"x": "y"}}',
        [("a", "^1", "^2"), ("b (dev)", "1", "2")],
    ),
    ("poetry.lock", cargo(("a", "1")), cargo(("a", "2")), [("a", "1", "2")]),
    ("uv.lock", cargo(("a", "1"), ("b", "1")), cargo(("b", "1")), [("a", "1", None)]),
    (
        "Cargo.lock",
        cargo(("a", "1"), ("a", "2")),
        cargo(("a", "1"), ("a", "3")),
        [("a 3", None, "3"), ("a 2", "2", None)],
    ),
    (
        "pyproject.toml",
        '[project]\ndependencies = ["a==1"]\noptional-dependencies = { x = ["b>=1"] }\n',
        '[project]\ndependencies = ["a==2"]\noptional-dependencies = { x = ["b>=2"] }\n',
        [("a", "1", "2"), ("b (x)", ">=1", ">=2")],
    ),
    (
        "Pipfile.lock",
        '{"default": {"a": {"version": "==1"}}, "develop": {"b": {"version": "==1"}}}',
        '{"default": {"a": {"version": "==2"}}, "develop": {"b": {"version": "==1"}}}',
        [("a", "1", "2")],
    ),
]


@pytest.mark.parametrize(("name", "old", "new", "told"), CASES)
def test_lock_files_are_compared_by_package(name: str, old: str, new: str, told: Any) -> None:
    """Name, version before, version after."""
    before, after = packages_of(name, old.encode()), packages_of(name, new.encode())
    assert before is not None
    assert after is not None
    assert list(differences(before, after)) == told


@pytest.mark.parametrize("name", [name for name, *_ in CASES])
def test_names_are_known_without_reading(name: str) -> None:
    """The quick question agrees with the reader."""
    assert is_lockfile(name)
    assert is_lockfile(f"some/folder/{name}")


@pytest.mark.parametrize(
    "name", ["app.py", "requirements", "notes.txt", "my-package.json", "x.lock"]
)
def test_other_files_are_none_of_ours(name: str) -> None:
    """Whatever they hold."""
    assert not is_lockfile(name)
    assert packages_of(name, b"a==1\n") is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("package-lock.json", b"{"),
        ("package-lock.json", b"[]"),
        ("package-lock.json", b'{"packages": 3}'),
        ("package.json", b'{"dependencies": ["a"]}'),
        ("uv.lock", b"package = 3\n"),
        ("uv.lock", b"[[package]]\n"),
        ("pyproject.toml", b"project = 1\n"),
        ("requirements.txt", b"\xff\xfe"),
        ("requirements.txt", b"\n"),
    ],
)
def test_a_damaged_file_is_no_lock_file(name: str, content: bytes) -> None:
    """It is then told as a file that changed."""
    assert packages_of(name, content) is None


@given(st.sampled_from(sorted({name for name, *_ in CASES})), st.binary(max_size=40))
def test_any_bytes_are_survived(name: str, content: bytes) -> None:
    """No file of a user's breaks `doit list`."""
    found = packages_of(name, content)
    assert found is None or all(isinstance(each, str) for each in found.values())


@pytest.mark.parametrize(
    "text",
    [
        "a @ https://user:hunter2@host/a.whl",
        "https://hunter2@host/a.whl",
        "a @ https://host/a.whl?token=hunter2#sha256=00",
        "-e git+https://hunter2@host/a.git#egg=a\nb==1",
        "--extra-index-url https://hunter2:x@host/simple\nb==1",
    ],
)
def test_no_credentials_are_kept(text: str) -> None:
    """What is kept goes into a file, and later into a registry."""
    found = packages_of("requirements.txt", text.encode())
    assert found
    assert "hunter2" not in json.dumps(found)
    package = json.dumps({"dependencies": {"a": text.partition(" @ ")[2] or text}})
    assert "hunter2" not in json.dumps(packages_of("package.json", package.encode()))
