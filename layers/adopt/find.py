"""Find: the files of a repository that say how images are built."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from layers.adopt.sources.reading import LeftOut

_DOCKERFILE = re.compile(
    r"(?:Dockerfile|Containerfile)(?:[._-].+)?|.+\.(?:Dockerfile|Containerfile)", re.IGNORECASE
)
_NO_DOCKERFILE = re.compile(
    r".*\.(?:dockerignore|containerignore|md|rst|txt|adoc|sh|bash|py|rb|js|ts|go|ya?ml|json|lock"
    r"|html?|license|bak|orig|swp|png|svg|patch|diff|dot)|.*~",
    re.IGNORECASE,
)
_TEMPLATE = re.compile(r".*\.(?:j2|jinja2?|tmpl|tpl|template|in|erb|ejs|hbs|mustache|m4|cog)", re.I)
_COMPOSE = re.compile(r"(?:(?:docker|podman)-)?compose(?:[._-].+)?\.ya?ml|.+[._-]compose\.ya?ml")
_BAKE = re.compile(r".*bake.*\.(?:hcl|json)|[^.]*\.hcl")
_WORKFLOW = re.compile(r"\.github/workflows/[^/]+\.ya?ml")

_OTHERS = ("vendor", "node_modules", "third_party", "bower_components", "site-packages", ".venv")
"""Folders of what other people wrote."""
_ASIDE = frozenset(
    {
        *("test", "tests", "testing", "testdata", "testfiles", "testcases", "testsuite", "e2e"),
        *("fixtures", "__tests__"),
        *("example", "examples", "sample", "samples", "demo", "demos", "doc", "docs", "template"),
        *("templates", "legacy", "deprecated", "archive", "archived"),
    }
)
_FILES_OF_TESTS = frozenset({"testdata", "testfiles", "testfile", "testcases", "fixtures"})
"""What such a folder's name may begin with: ``testfiles-negative``."""
_SKIPPED = frozenset({".git", ".hg", ".layers", ".venv", "venv", "node_modules", "__pycache__"})
"""Where a walk without git does not look."""


@dataclass(frozen=True)
class Found:
    """Files of a repository by kind; paths are relative to its root, sorted."""

    root: str
    git: bool
    """Whether git keeps the folder."""
    dockerfiles: tuple[str, ...] = ()
    compose: tuple[str, ...] = ()
    bake: tuple[str, ...] = ()
    workflows: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def find(root: str) -> Found:
    """Every file that may say how an image is built.

    What git ignores is not looked at.  Folders of tests, examples and the like are left out where
    anything is found elsewhere.
    """
    names = _listed(root)
    git = names is not None
    names = sorted(names if names is not None else _walked(root))
    left_out: list[LeftOut] = []
    every: dict[str, list[str]] = {kind: [] for kind in ("dockerfile", "compose", "bake", "flow")}
    for name in names:
        if (kind := _kind(name)) is None or not os.path.lexists(os.path.join(root, name)):
            continue
        if kind == "template":
            left_out.append(LeftOut(name, "a template, no Dockerfile yet"))
        elif other := _below(name, _OTHERS):
            left_out.append(LeftOut(name, f"it is somebody else's: below {other}/"))
        else:
            every[kind].append(name)
    beside = {kind: [each for each in found if _aside(each)] for kind, found in every.items()}
    beside["bake"] = []  # who writes one of those means it: see what its targets are
    if any(len(beside[kind]) < len(every[kind]) for kind in ("dockerfile", "compose", "bake")):
        for kind, found in beside.items():
            every[kind] = [each for each in every[kind] if each not in set(found)]
            left_out += [LeftOut(each, f"it lies below {_aside(each)}/") for each in found]
    return Found(
        root,
        git,
        tuple(every["dockerfile"]),
        tuple(every["compose"]),
        tuple(every["bake"]),
        tuple(every["flow"]),
        tuple(left_out),
    )


def only(found: Found, path: str) -> Found:
    """``path`` alone: a compose file, a bake file, a workflow or a Dockerfile."""
    none = Found(found.root, found.git)
    kind = _kind(path)
    if kind == "compose" or (kind is None and path.endswith((".yaml", ".yml"))):
        return replace(none, compose=(path,))
    if kind == "bake" or path.endswith((".hcl", ".json")):
        return replace(none, bake=(path,))
    if kind == "flow":
        return replace(none, workflows=(path,))
    return replace(none, dockerfiles=(path,))


def ignored(root: str, paths: Iterable[str]) -> frozenset[str]:
    """Those of ``paths``, relative to the root, that git ignores; none where there is no git."""
    asked = sorted(set(paths))
    if not asked:
        return frozenset()
    done = _git(root, "check-ignore", "-z", "--stdin", given="\0".join(asked) + "\0")
    return frozenset(filter(None, done.split("\0"))) if done is not None else frozenset()


def _kind(path: str) -> str | None:
    name = path.rpartition("/")[2]
    if _WORKFLOW.fullmatch(path):
        return "flow"
    if _COMPOSE.fullmatch(name):
        return "compose"
    if _BAKE.fullmatch(name):
        return "bake"
    if _DOCKERFILE.fullmatch(name):
        if _TEMPLATE.fullmatch(name):
            return "template"
        return None if _NO_DOCKERFILE.fullmatch(name) else "dockerfile"
    return None


def _below(path: str, folders: Iterable[str]) -> str:
    """The first folder on the way to ``path`` that is one of ``folders``; empty: none is."""
    known = frozenset(folders)
    return next((part for part in path.split("/")[:-1] if part.lower() in known), "")


def _aside(path: str) -> str:
    """The first folder on the way to ``path`` that is there for tests, examples and the like."""
    for part in path.split("/")[:-1]:
        bare = part.lower().lstrip("._")
        if bare in _ASIDE or re.split(r"[-_]", bare)[0] in _FILES_OF_TESTS:
            return part
    return ""


def _listed(root: str) -> list[str] | None:
    """What git keeps or would keep below ``root``; None where there is no git."""
    done = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return list(filter(None, done.split("\0"))) if done is not None else None


def _git(root: str, *words: str, given: str = "") -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", root, *words],
            input=given.encode("utf-8", "surrogateescape"),
            capture_output=True,
            check=False,
        )
    except OSError:
        return None
    known = done.returncode == 0 or (done.returncode == 1 and not done.stderr)
    return done.stdout.decode("utf-8", "surrogateescape") if known else None


def _walked(root: str) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(each for each in folders if each not in _SKIPPED)
        below = os.path.relpath(folder, root)
        for name in files:
            yield os.path.normpath(os.path.join(below, name)).replace(os.sep, "/")
