"""Keys of stages: what moves them, what does not, and laws that hold for any Dockerfile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hashes import ContextError, DockerfileError, External, Request, layers, parse
from tests.unit.memory import FILES, Memory, key, last, stages

HEAD = "FROM node AS deps\nARG V=1\nRUN npm ci\nCOPY a.txt dir /app/\n"

SAME = [
    ("comment", HEAD, "# hi\n" + HEAD.replace("RUN", "# ho\n\nRUN")),
    ("keyword case", HEAD, HEAD.replace("COPY", "copy").replace("RUN", "run")),
    ("gaps", HEAD, HEAD.replace("a.txt dir", "a.txt \t  dir")),
    ("indent", HEAD, HEAD.replace("COPY", "  COPY")),
    ("continuation", HEAD, HEAD.replace("a.txt dir", "a.txt \\\n  dir")),
    ("no last newline", HEAD, HEAD.rstrip()),
    ("crlf", HEAD, HEAD.replace("\n", "\r\n")),
    ("bom", HEAD, "\ufeff" + HEAD),
    ("json gaps", 'FROM a\nCOPY ["a.txt","/x"]\n', 'FROM a\nCOPY [ "a.txt" , "/x" ]\n'),
    ("json or not", 'FROM a\nCOPY ["a.txt","/x"]\n', "FROM a\nCOPY a.txt /x\n"),
    ("env quotes", "FROM a\nENV A=b\nRUN x\n", 'FROM a\nENV A="b"\nRUN x\n'),
    ("env lines", "FROM a\nENV A=b B=c\nRUN x\n", "FROM a\nENV A=b\nENV B=c\nRUN x\n"),
    ("old env", "FROM a\nENV A b c\nRUN x\n", "FROM a\nENV A='b c'\nRUN x\n"),
    ("label order", "FROM a\nLABEL a=1 b=2\n", "FROM a\nLABEL b=2\nLABEL a=1\n"),
    ("label place", "FROM a\nLABEL a=1\nRUN x\n", "FROM a\nRUN x\nLABEL a=1\n"),
    ("port", "FROM a\nEXPOSE 80\n", "FROM a\nEXPOSE 80/tcp\n"),
    ("paths", "FROM a\nCOPY a.txt dir /x/\n", "FROM a\nCOPY /a.txt ./sub/../dir/ /x/./\n"),
    ("dot", "FROM a\nWORKDIR /w\nCOPY a.txt .\n", "FROM a\nWORKDIR /w\nCOPY a.txt /w/\n"),
    (
        "flag order",
        "FROM a\nCOPY --chmod=644 --chown=1 a.txt /x\n",
        "FROM a\nCOPY --chown=1 --chmod=644 a.txt /x\n",
    ),
    (
        "default network",
        "FROM a\nRUN x\n",
        "FROM a\nRUN --network=default x\n",
    ),
    (
        "mount spelling",
        "FROM a\nRUN --mount=type=bind,source=dir,target=/d --mount=target=/s,source=sub x\n",
        "FROM a\nRUN --mount=dst=/s,src=/sub --mount=src=./dir,target=/d,ro x\n",
    ),
    (
        "cache id",
        "FROM a\nRUN --mount=type=cache,id=one,target=/c x\n",
        "FROM a\nRUN --mount=type=cache,id=two,sharing=locked,target=/c x\n",
    ),
    (
        "secret defaults",
        "FROM a\nRUN --mount=type=secret,id=b x\n",
        "FROM a\nRUN --mount=type=secret,id=b,target=/run/secrets/b,mode=0400 x\n",
    ),
    ("stage name", HEAD + "FROM deps\nRUN x\n", HEAD.replace("deps", "x") + "FROM x\nRUN x\n"),
    (
        "index or name",
        HEAD + "FROM a\nCOPY --from=0 /x /y\n",
        HEAD + "FROM a\nCOPY --from=DEPS /x /y\n",
    ),
    (
        "label of a builder stage",
        HEAD + "FROM a\nCOPY --from=deps /x /y\n",
        HEAD + "LABEL a=1\nCMD x\nENV Q=1\nFROM a\nCOPY --from=deps /x /y\n",
    ),
    ("argument after the last RUN", "FROM a\nRUN x\n", "FROM a\nRUN x\nARG LATE=1\n"),
    ("run heredoc name", "FROM a\nRUN <<E\nx\nE\n", "FROM a\nRUN <<F\nx\nF\n"),
    ("chomped before keying", "FROM a\nRUN <<-E\n\tx\nE\n", "FROM a\nRUN <<E\nx\nE\n"),
]

OTHER = [
    ("run text", HEAD, HEAD.replace("npm ci", "npm  ci")),
    ("run indent", HEAD.replace("npm ci", "a \\\n b"), HEAD.replace("npm ci", "a \\\n  b")),
    ("base", HEAD, HEAD.replace("node", "node:2")),
    ("env order", "FROM a\nENV A=b B=c\nRUN x\n", "FROM a\nENV B=c A=b\nRUN x\n"),
    ("env set again", "FROM a\nENV A=1 B=2\nRUN x\n", "FROM a\nENV A=1 B=2\nENV A=1\nRUN x\n"),
    ("workdir slash", "FROM a\nWORKDIR /w\nRUN x\n", "FROM a\nWORKDIR /w/\nRUN x\n"),
    ("source order", HEAD, HEAD.replace("a.txt dir", "dir a.txt")),
    ("destination", HEAD, HEAD.replace("/app/", "/app")),
    ("glob or not", HEAD, HEAD.replace("a.txt", "a.tx[t]")),
    ("copy or add", HEAD, HEAD.replace("COPY", "ADD")),
    ("label", "FROM a\nLABEL a=1\n", "FROM a\nLABEL a=2\n"),
    ("cmd form", "FROM a\nCMD x\n", 'FROM a\nCMD ["x"]\n'),
    ("user", "FROM a\nUSER root\n", "FROM a\nUSER 0\n"),
    ("user before run", "FROM a\nRUN x\nUSER 1\n", "FROM a\nUSER 1\nRUN x\n"),
    ("shell", "FROM a\nRUN x\n", 'FROM a\nSHELL ["/bin/bash","-c"]\nRUN x\n'),
    (
        "secrets in another order",
        "FROM a\nRUN --mount=type=secret,id=a --mount=type=secret,id=b x\n",
        "FROM a\nRUN --mount=type=secret,id=b --mount=type=secret,id=a x\n",
    ),
    (
        "cache target",
        "FROM a\nRUN --mount=type=cache,target=/c x\n",
        "FROM a\nRUN --mount=type=cache,target=/d x\n",
    ),
    ("copy heredoc name", "FROM a\nCOPY <<E /x/\nx\nE\n", "FROM a\nCOPY <<F /x/\nx\nF\n"),
    ("shebang heredoc name", "FROM a\nRUN <<E\n#!/x\nE\n", "FROM a\nRUN <<F\n#!/x\nF\n"),
    ("heredoc blank", "FROM a\nRUN <<E\nx\nE\n", "FROM a\nRUN <<E\n x\nE\n"),
    (
        "stage in front",
        HEAD + "FROM a\nCOPY --from=0 /x /y\n",
        "FROM q\n" + HEAD + "FROM a\nCOPY --from=0 /x /y\n",
    ),
    ("label inherited", HEAD + "FROM deps\n", HEAD + "LABEL a=1\nFROM deps\n"),
    ("run of a parent", HEAD + "FROM deps\n", HEAD + "RUN y\nFROM deps\n"),
]


@pytest.mark.parametrize(("one", "two"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_spellings_of_one_meaning_have_one_key(one: str, two: str) -> None:
    """BuildKit says CACHED for each of these, and the image is the same."""
    assert key(one) == key(two)


@pytest.mark.parametrize(("one", "two"), [row[1:] for row in OTHER], ids=[row[0] for row in OTHER])
def test_another_meaning_has_another_key(one: str, two: str) -> None:
    """BuildKit runs a step again for each of these, or the image differs."""
    assert key(one) != key(two)


def test_only_files_that_are_read_count() -> None:
    """And of these the bytes and the mode."""
    assert key(HEAD) == key(HEAD, files=FILES | {"other": "1"})
    assert key(HEAD) != key(HEAD, files=FILES | {"dir/new": "1"})
    assert key(HEAD) != key(HEAD, files=Memory(FILES, 0o755))


def test_a_missing_source_is_located() -> None:
    """With the Dockerfile's line, not only the path."""
    with pytest.raises(ContextError) as caught:
        key("FROM a\n\nCOPY nope /x\n")
    assert str(caught.value).startswith("Dockerfile:3: COPY: 'nope' is not in the build context")


def test_a_missing_source_of_an_unused_stage_is_fine() -> None:
    """BuildKit does not look."""
    assert key("FROM a\nCOPY nope /x\nFROM b\n") == key("FROM b\n")


def test_a_variable_of_an_unknown_base_takes_everything_in() -> None:
    """The base may set it, and it may name any file."""
    text = "FROM a\nCOPY $WHERE/a.txt /x\n"
    paths = [entry.name for entry in last(text).manifest.entries if entry.kind == "file"]
    assert paths == sorted(FILES)
    known = last(text, resolve=lambda *_: External("digest sha256:1", {"WHERE": "."}))
    assert [entry.name for entry in known.manifest.entries if entry.kind == "file"] == ["a.txt"]


def test_what_an_unknown_variable_may_become_stays_apart() -> None:
    """``${X:+a}`` and ``${X:+b}`` are both empty while X is unset, and the base may set it."""
    one, two = (f"FROM a\nENV Y=${{X:+{letter}}}\nRUN x\n" for letter in "ab")
    assert key(one) != key(two)


def test_an_outcome_is_what_a_child_image_needs() -> None:
    """Environment, triggers, and whether an image could take its place."""
    known = lambda *_: External("digest sha256:1", {"PATH": "/bin", "A": "1"})  # noqa: E731
    text = "FROM a\nARG Q=1\nENV A=2 B=$A PATH=/x:$PATH\nONBUILD RUN x\nONBUILD COPY a.txt /\n"
    layer = last(text, resolve=known)
    assert layer.env == {"PATH": "/x:/bin", "A": "2", "B": "1"}
    assert layer.onbuild == ("RUN x", "COPY a.txt /")
    assert layer.declares_args
    assert last(text).env is None
    assert layer.external().identity == f"key {layer.key}"
    assert (last("FROM scratch\nENV A=1\n").env or {})["A"] == "1"
    assert not last("FROM scratch\nENV A=1\n").declares_args
    assert stages(text + "FROM 0x\nRUN y\n")[1].declares_args is False


def test_an_argument_is_inherited_by_a_stage() -> None:
    """With its value, so that the child cannot do without the parent stage."""
    text = "FROM a AS p\nARG Q=1\nFROM p AS c\nRUN x\n"
    assert stages(text)["c"].declares_args
    assert key(text) != key(text, {"Q": "2"})


def test_named_contexts_on_disk_are_read() -> None:
    """By COPY, by mounts and by FROM; only what is asked for."""
    text = "FROM a\nCOPY --from=assets img /x\n"
    one = key(text, contexts={"assets": Memory({"img": "1", "b": "2"})})
    assert one == key(text, contexts={"assets": Memory({"img": "1", "b": "9"})})
    assert one != key(text, contexts={"assets": Memory({"img": "9", "b": "2"})})
    text = "FROM assets\nRUN x\n"
    one = key(text, contexts={"assets": Memory({"img": "1"})})
    assert one != key(text, contexts={"assets": Memory({"img": "2"})})


def test_a_frontend_counts() -> None:
    """Another syntax image may build anything."""
    assert key("FROM a\n") != key("# syntax=x/y\nFROM a\n")
    assert last("# syntax=x/y\nFROM a\n").manifest.unpinned == ("x/y", "a")


def test_no_secret_is_in_a_manifest() -> None:
    """Neither where it is declared nor where it is expanded."""
    text = (
        "FROM a\nARG NPM_TOKEN\nENV URL=https://$NPM_TOKEN@host\nLABEL l=$NPM_TOKEN\n"
        "COPY <<E /x\n$NPM_TOKEN\nE\nADD https://host/$NPM_TOKEN /y\nRUN x\n"
    )
    secret = 'hunter"2é'
    manifest = last(text, {"NPM_TOKEN": secret}).manifest
    assert "hunter" not in manifest.to_json() + manifest.text()
    assert key(text, {"NPM_TOKEN": secret}) != key(text, {"NPM_TOKEN": "other-one"})


def test_an_unknown_platform_is_refused() -> None:
    """As an error of ours."""
    file = parse(b"FROM a\n", "Dockerfile")
    with pytest.raises(Exception, match="bogus") as caught:
        layers(Request(file, platform="bogus"), Memory({}), lambda *_: External("x"))
    assert not isinstance(caught.value, DockerfileError)


LINES = st.lists(
    st.sampled_from(
        [
            "RUN one",
            "RUN two \\\n  more",
            "COPY a.txt /x",
            "COPY --from=tool /t /t",
            "ADD dir /y/",
            "ENV A=1",
            "ENV B=$A",
            "ARG V=1",
            "ARG V",
            "WORKDIR w",
            "USER 1",
            "LABEL l=$V",
            "RUN --mount=from=tool,target=/t x",
            "COPY $V /q",
            "RUN <<E\nbody\nE",
        ]
    ),
    min_size=1,
    max_size=7,
)
GAPS = st.sampled_from(["", "\n", "# a comment\n", "   \n", "\t# another\n"])


def file_of(lines: list[str]) -> str:
    return "FROM t AS tool\nRUN make\nFROM base AS main\n" + "".join(f"{line}\n" for line in lines)


FULL = FILES | {"1": "x", "2": "y"}


@settings(max_examples=60, deadline=None)
@given(LINES, st.data())
def test_law_comments_and_blank_lines_keep_every_key(lines: list[str], data: Any) -> None:
    """Wherever they are put between instructions."""
    gaps = [data.draw(GAPS) for _ in lines]
    spaced = [f"{gap}{line}" for gap, line in zip(gaps, lines, strict=True)]
    assert key(file_of(lines), files=FULL) == key(file_of(spaced), files=FULL)


@settings(max_examples=60, deadline=None)
@given(LINES, st.text(alphabet="abc $&", min_size=1, max_size=6), st.data())
def test_law_any_edit_of_a_reached_run_changes_the_key(
    lines: list[str], text: str, data: Any
) -> None:
    """Every byte of it is handed to a shell."""
    assume(text.strip() == text)
    at = data.draw(st.integers(0, len(lines)))
    one, two = ([*lines[:at], f"RUN q{end}", *lines[at:]] for end in ("", text))
    assert key(file_of(one), files=FULL) != key(file_of(two), files=FULL)


def unreached_law(build: Callable[[str], str]) -> bool:
    """Whether an edit in a stage that the target does not need leaves the key alone."""
    rest = "FROM base AS main\nRUN x\n"
    return build(f"FROM u AS unused\nRUN one\n{rest}") == build(
        f"FROM u AS unused\nRUN two\n{rest}"
    )


@settings(max_examples=60, deadline=None)
@given(LINES, LINES)
def test_law_an_unreached_stage_never_matters(lines: list[str], unused: list[str]) -> None:
    """Whatever is in it, as long as it parses."""
    own = [line for line in unused if "tool" not in line]
    assume(own)
    text = file_of(lines)
    extra = "FROM u AS unused\n" + "".join(f"{line}\n" for line in own)
    front, _, main = text.partition("FROM base")
    assert key(text, files=FULL) == key(f"{front}{extra}FROM base{main}", files=FULL)


def test_the_law_can_fail() -> None:
    """A twin that keys the whole file breaks it; the real one does not."""
    whole_file = lambda text: "".join(str(each.key) for each in all_stages(text))  # noqa: E731
    assert unreached_law(key)
    assert not unreached_law(whole_file)


def all_stages(text: str) -> Any:
    file = parse(text.encode(), "Dockerfile")
    for stage in file.stages:
        request = Request(file)
        yield from layers(
            request, Memory(FILES), lambda *_: External("x"), stage.name or None
        ).values()
