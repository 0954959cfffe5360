"""Sources, against what BuildKit exported for recorded COPY and ADD lines."""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from hashes.context.gopath import inside
from hashes.context.ignore import Ignore
from hashes.context.input import Input
from hashes.context.sources import Sources
from hashes.context.tree import Tree
from hashes.errors import ContextError

DATA = json.loads((Path(__file__).parents[2] / "data" / "copycases.json").read_text())
TARS = ("t.tar", "z.tar.gz")
VARIABLE = re.compile(r"\$\{?(\w+)(?::-(\w+))?\}?")


def build_tree(root: Path) -> None:
    """Make the recorded context."""
    for path, what in DATA["tree"].items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(what, str):
            place.write_text(what)
        elif "link" in what:
            place.symlink_to(what["link"])
        elif "dir" in what:
            place.mkdir()
        elif "tar" in what:
            place.write_bytes(b"stands for an archive")
        else:
            place.write_text(what["text"])
        if isinstance(what, dict) and "mode" in what:
            place.chmod(int(what["mode"], 8))
        elif place.is_file() and not place.is_symlink():
            place.chmod(0o644)
    for folder, _, _ in os.walk(root):
        Path(folder).chmod(0o755)
    (root / "gwdir").chmod(0o775)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("recorded")
    build_tree(root)
    return Sources(Tree(str(root)))


@pytest.fixture(scope="module")
def sha_of(recorded: Sources) -> Any:
    """Say of a value which bytes it stands for, in the table's own hash."""
    table = {}
    for item in recorded.everything():
        if item.kind == "file":
            data = Path(recorded._tree.root, item.path).read_bytes()
            table[item.value] = hashlib.sha256(data).hexdigest()[:12]
    return table


def copies(lines: str) -> list[tuple[str, list[str], list[str], str]]:
    """Read COPY and ADD lines: keyword, flags, expanded sources, absolute destination.

    As much of the Dockerfile's grammar as the recorded cases need.
    """
    found: list[tuple[str, list[str], list[str], str]] = []
    variables, folder = {"V": "v"}, "/"
    for line in lines.split("\n"):
        keyword, _, rest = line.partition(" ")
        if keyword in ("ENV", "ARG"):
            for part in shlex.split(rest):
                name, _, value = part.partition("=")
                variables[name] = value
        elif keyword == "WORKDIR":
            folder = posixpath.join(folder, rest)
            found.append((keyword, [], [], folder))
        elif keyword in ("COPY", "ADD"):
            words = json.loads(rest) if rest.startswith('["') else rest.split()
            words = [
                VARIABLE.sub(lambda m: variables.get(m[1]) or m[2] or "", word).strip('"')
                for word in words
            ]
            words = [re.sub(r"\\(.)", r"\1", word) for word in words]
            flags = [word for word in words if word.startswith("--")]
            *sources, place = [word for word in words if not word.startswith("--")]
            slash = "/" if place.endswith(("/", ".")) else ""
            place = posixpath.normpath(posixpath.join(folder, place)) + slash
            found.append((keyword, flags, sources, place))
    return found


NOT_OURS = {
    "parse error": "the Dockerfile's grammar",
    "circular": "stages",
    "non-directory": "destinations that clash, after every source was found",
    "not a directory": "the same",
    "/x/dlink/": "a destination that is a link",
    "COPY dir/a.txt a.txt": "BuildKit's own slip: it took the result of the other order for cached",
}
"""What of the table sources do not decide, by a word of the error or of the line."""

OURS = [
    case
    for case in DATA["cases"]
    if not any(word in case.get("error", "") + case["lines"] for word in NOT_OURS)
]


def landing(sources: Sources, source: str) -> tuple[dict[str, Input], bool]:
    """Say under which names a source's inputs arrive, and whether any was a folder.

    A folder's contents arrive, not itself. What a link below a pattern's match leads to is only
    keyed: what arrives is the link.
    """
    clean = inside(source)
    inputs = [item for item in sources.copy(source) if item.kind != "absent"]
    depth = len(clean.split("/")) if clean else 0
    folders = {item.path for item in inputs if item.kind == "dir"} if depth else {""}
    links = {item.path for item in inputs if item.kind == "link"}
    arrived: dict[str, Input] = {}
    flat = False
    for item in inputs:
        parts = item.path.split("/")
        if any("/".join(parts[:i]) in links for i in range(1, len(parts) + (item.kind != "link"))):
            continue
        if "/".join(parts[:depth]) in folders:
            flat = True
            if parts[depth:]:
                arrived["/".join(parts[depth:])] = item
        else:
            arrived[parts[-1]] = item
    return arrived, flat


def exported(sources: Sources, lines: str, sha_of: dict[str, str]) -> dict[str, dict[str, str]]:
    """Carry out the lines on paper, in the table's own form."""
    image: dict[str, dict[str, str]] = {}

    def put(path: str, what: dict[str, str]) -> None:
        parts = path.split("/")
        for i in range(1, len(parts)):
            image.setdefault("/".join(parts[:i]), {"type": "dir", "mode": "755"})
        image[path] = what

    for keyword, _, names, place in copies(lines):
        target = place.strip("/")
        if keyword == "WORKDIR":
            put(posixpath.normpath(target), {"type": "dir", "mode": "755"})
            continue
        for name in names:
            arrived, folder = landing(sources, name)
            if folder and target and not arrived:
                put(target, {"type": "dir", "mode": "755"})
            for path, item in arrived.items():
                if keyword == "ADD" and path in TARS:
                    continue
                into = folder or place.endswith("/") or image.get(target, {}).get("type") == "dir"
                where = "/".join(filter(None, (target, path if into else "")))
                what = {"type": item.kind, "mode": f"{item.mode:o}"}
                if item.kind == "link":
                    what["to"] = item.value
                elif item.kind == "file":
                    what["sha"] = sha_of[item.value]
                put(where, what)
    return image


def test_the_table_covers_most_of_what_was_recorded() -> None:
    """What it leaves out is named in NOT_OURS, every word of which is needed."""
    assert len(OURS) >= len(DATA["cases"]) - 12
    for word in NOT_OURS:
        assert any(word in case.get("error", "") + case["lines"] for case in DATA["cases"])


@pytest.mark.parametrize("case", OURS, ids=lambda case: case["lines"][:60])
def test_a_recorded_line_reads_what_buildkit_exported(
    case: dict[str, Any], recorded: Sources, sha_of: dict[str, str]
) -> None:
    """BUILDKIT 6: names, types, modes, bytes and link texts as exported; errors as seen."""
    if "error" in case:
        with pytest.raises(ContextError):
            exported(recorded, case["lines"], sha_of)
        return
    # archives are unpacked, --chmod sets modes, and the recorded tars' bytes are not in the table
    unpacked = "in/archive.txt" in "".join(case["out"])
    expected = {
        path: {key: value for key, value in what.items() if key not in dropped(case, path)}
        for path, what in case["out"].items()
        if not (unpacked and re.fullmatch(r"x/in(/archive\.txt)?", path))
    }
    found = {
        path: {key: value for key, value in what.items() if key not in dropped(case, path)}
        for path, what in exported(recorded, case["lines"], sha_of).items()
    }
    if unpacked:
        expected.pop("x", None)
        found.pop("x", None)
    assert found == expected


def dropped(case: dict[str, Any], path: str) -> set[str]:
    """Name what of an exported entry is not the source's to decide."""
    tar = path.split("/")[-1] in TARS
    return {"own", *(["mode"] if "--chmod" in case["lines"] else []), *(["sha"] if tar else [])}


@pytest.fixture
def make(tmp_path: Path) -> Any:
    """Give a function that makes a context and its sources."""

    def build(ignore: bytes = b"", /, **files: Any) -> Any:
        for path, text in files.items():
            place = tmp_path / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                place.mkdir()
            elif text.startswith("-> "):
                place.symlink_to(text[3:])
            else:
                place.write_text(text)
        return Sources(Tree(str(tmp_path), Ignore.parse(ignore, "images/x/.dockerignore")))

    return build


def seen(inputs: Any) -> list[tuple[str, str]]:
    return [(item.path, item.kind) for item in inputs]


def test_a_missing_source_offers_its_neighbour(make: Any) -> None:
    """A typo is answered with the name that was meant."""
    with pytest.raises(ContextError, match=r"did you mean 'src/main\.py'"):
        make(**{"src/main.py": ""}).copy("src/mian.py")


def test_an_excluded_source_names_the_line_that_excludes_it(make: Any) -> None:
    """The commonest mistake has its own words."""
    sources = make(b"# models\n\n*.pkl\n", **{"smpl.pkl": ""})
    with pytest.raises(ContextError, match=r"images/x/\.dockerignore:3 excludes it"):
        sources.copy("smpl.pkl")


def test_a_link_to_an_excluded_file_fails(make: Any) -> None:
    """A link is resolved among what is sent."""
    with pytest.raises(ContextError, match="leads to 'a'"):
        make(b"a\n", a="", link="-> a").copy("link")


def test_a_pattern_without_a_match_is_one_absent_input(make: Any) -> None:
    """So that the appearance of a file is a change."""
    assert make(a="").copy("*.lock") == (Input("*.lock", "absent", 0, ""),)


def test_a_pattern_in_a_folder_that_is_missing_fails(make: Any) -> None:
    """Seen on docker 26.1.5: `lstat nodir: no such file`."""
    with pytest.raises(ContextError):
        make(a="").copy("nodir/*")


@pytest.mark.parametrize("pattern", ["a[", "[]a]", "[z-a]", "a*["])
def test_a_malformed_pattern_is_refused(make: Any, pattern: str) -> None:
    """By path.Match or by the sender's matcher."""
    with pytest.raises(ContextError, match="syntax error"):
        make(a="").copy(pattern)


def test_a_class_may_match_a_slash(make: Any) -> None:
    """Seen on docker 26.1.5: `COPY d[^a]x` copies d/x."""
    assert seen(make(**{"d/x": ""}).copy("d[^a]x")) == [("d/x", "file")]


def test_a_pattern_keys_what_links_below_its_match_lead_to(make: Any) -> None:
    """contenthash follows every link that a wildcard includes; only the text is copied."""
    sources = make(**{"d/l": "-> ../foo", "foo/a": ""})
    assert seen(sources.copy("d*")) == [
        ("d", "dir"), ("d/l", "dir"), ("d/l", "link"), ("d/l/a", "file")
    ]  # fmt: skip
    assert seen(sources.copy("d")) == [("d", "dir"), ("d/l", "link")]


def test_a_dangling_link_below_a_match_fails(make: Any) -> None:
    """Seen on docker 26.1.5: `COPY d*` with d/s/dang is an error, `COPY d` is not."""
    sources = make(**{"d/s/dang": "-> nope"})
    with pytest.raises(ContextError):
        sources.copy("d*")
    assert ("d/s/dang", "link") in seen(sources.copy("d"))


def test_a_pattern_goes_through_no_link_but_in_its_prefix(make: Any) -> None:
    """`*/x` does not enter a linked folder, `link/*` does."""
    sources = make(**{"d/x": "", "l": "-> d"})
    assert seen(sources.copy("*/x")) == [("d/x", "file")]
    assert seen(sources.copy("l/*")) == [("l/x", "file")]


@pytest.mark.parametrize("text", ["/d/../a", "nope/../a", "a/../a", "../../a", "./a"])
def test_link_texts_are_cleaned_before_they_are_followed(make: Any, text: Any) -> None:
    """Seen on docker 26.1.5; a kernel would refuse some of them."""
    assert seen(make(a="", link="-> " + text).copy("link")) == [("link", "file")]


def test_a_link_to_the_root_is_the_whole_context(make: Any) -> None:
    """As `COPY .`, with the link in it."""
    assert seen(make(a="", r="-> /").copy("r")) == [("r/a", "file"), ("r/r", "link")]


def test_a_circle_of_links_fails(make: Any) -> None:
    """Not a hang, not a recursion error."""
    with pytest.raises(ContextError, match="circle"):
        make(l="-> m", m="-> l").copy("l")


def test_a_path_through_a_file_is_missing(make: Any) -> None:
    """`a/b` where a is a file."""
    with pytest.raises(ContextError):
        make(a="").copy("a/b")


def test_a_mount_knows_no_wildcards(make: Any) -> None:
    """`source=a*` is a name."""
    sources = make(ab="")
    with pytest.raises(ContextError):
        sources.mount("a*")
    assert sources.mount("ab") == sources.copy("ab")
    assert sources.mount() == sources.mount("/") == sources.everything() == sources.copy(".")
