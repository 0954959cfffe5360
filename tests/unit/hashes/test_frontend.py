"""Frontends: which version reads a Dockerfile, and that it decides on no key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashes import DockerfileError, LayersError, parse
from hashes.dockerfile.frontend import (
    ANY,
    NEWEST,
    Frontend,
    named,
    of_buildkit,
    of_docker,
    of_syntax,
)
from tests.unit.memory import key, stages

DOCKER_26, DOCKER_28 = Frontend((1, 7)), Frontend((1, 19))


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("v0.13.2", (1, 7)),
        ("0.25.2-0ubuntu1", (1, 19)),
        ("v0.32.2", (1, 26)),
        ("v0.0.0+unknown", None),
        ("", None),
        ("v1.0.0", None),
    ],
)
def test_a_buildkit_says_what_it_reads(version: str, expected: tuple[int, int] | None) -> None:
    """Six less, from 0.9 on; Debian's engines do not say."""
    assert of_buildkit(version) == (Frontend(expected) if expected else None)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("26.1.5+dfsg1", (1, 7)),
        ("27.2.0", (1, 9)),
        ("28.5.2+dfsg4", (1, 19)),
        ("29.0.1", (1, 19)),
        ("29.9.0", (1, 26)),
        ("30.0.0", (1, 26)),
        ("20.10.24", (1, 2)),
        ("19.03.1", None),
        ("dev", None),
    ],
)
def test_an_engine_says_what_it_reads(version: str, expected: tuple[int, int] | None) -> None:
    """By its own version, where its BuildKit has none."""
    assert of_docker(version) == (Frontend(expected) if expected else None)


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("docker/dockerfile:1", NEWEST),
        ("docker/dockerfile", NEWEST),
        ("docker/dockerfile:1.7", Frontend((1, 7))),
        ("docker/dockerfile:1.7.1@sha256:" + "a" * 64, Frontend((1, 7))),
        ("docker/dockerfile:1.7-labs", Frontend((1, 7), True)),
        ("docker/dockerfile:1-labs", Frontend(NEWEST.version, True)),
        ("docker.io/docker/dockerfile:1.4", Frontend((1, 4))),
        ("127.0.0.1:5000/mirror/docker/dockerfile:1.10", Frontend((1, 10))),
        ("127.0.0.1:5000/docker/dockerfile", NEWEST),
        ("docker/dockerfile-upstream:master", NEWEST),
        ("docker/dockerfile-upstream:master-labs", ANY),
        ("docker/dockerfile:1.0-experimental", ANY),
        ("docker/dockerfile:labs", ANY),
        ("somebody/language:3", ANY),
    ],
)
def test_a_syntax_line_says_what_reads_it(reference: str, expected: Frontend) -> None:
    """A tag that moves is the newest; what nobody knows may know anything."""
    assert of_syntax(reference) == expected
    assert parse(f"# syntax={reference}\nFROM a\n".encode(), "f").frontend == expected


def test_a_version_as_people_write_it() -> None:
    """For the command line."""
    assert named("1.19") == DOCKER_28
    assert named("1.7-labs") == Frontend((1, 7), True)
    assert str(named("1.7-labs")) == "1.7-labs"
    assert named("2.0") is named("x") is None


FEATURES = {
    "RUN --mount=type=secret,id=a,env=A true": (1, 10),
    "RUN cat << 'EOF'\nx\nEOF": (1, 16),
    'RUN ["a"] <<EOF\nx\nEOF': (1, 9),
    "ADD --unpack=false a.txt /x": (1, 17),
    "COPY --exclude=*.md a.txt /x": (1, 19),
    "ADD --exclude=*.md a.txt /x": (1, 19),
    "COPY --parents a.txt /x": (1, 20),
    "RUN --security=insecure true": (1, 20),
}


@pytest.mark.parametrize("line", FEATURES, ids=lambda line: line.split("\n")[0])
def test_a_feature_has_its_first_version(line: str) -> None:
    """Before it the file is refused by line and name, from it on it is read (reference; tried)."""
    text = f"FROM a\n{line}\n".encode()
    first = FEATURES[line]
    before = Frontend((1, first[1] - 1))
    with pytest.raises(DockerfileError) as caught:
        parse(text, "x/Dockerfile", frontend=before)
    assert f"needs frontend 1.{first[1]} (BuildKit 0.{first[1] + 6})" in str(caught.value)
    assert str(before) in str(caught.value)
    assert caught.value.line == 2
    assert parse(text, "f", frontend=Frontend(first)).frontend == Frontend(first)
    assert parse(b"# syntax=docker/dockerfile:1\n" + text, "f", frontend=before).stages


@pytest.mark.parametrize(
    ("line", "since"),
    [("COPY --parents a /x", 7), ("COPY --exclude=a b /x", 7), ("RUN --device=a/b true", 14)],
)
def test_labs_have_it_earlier(line: str, since: int) -> None:
    """As ``# syntax=docker/dockerfile:1.7-labs`` says."""
    text = "# syntax=docker/dockerfile:1.%d-labs\nFROM a\n" + line + "\n"
    assert parse((text % since).encode(), "f").stages
    with pytest.raises(DockerfileError, match="needs"):
        parse((text % (since - 1)).encode(), "f")


def test_a_build_argument_goes_before_the_syntax_line() -> None:
    """BUILDKIT_SYNTAX, as BuildKit has it."""
    text = b"# syntax=docker/dockerfile:1.7\nFROM a\nCOPY --parents a b\n"
    with pytest.raises(DockerfileError, match=r"read by 1\.7"):
        parse(text, "f")
    assert parse(text, "f", syntax="docker/dockerfile:1.20 x").stages


DIFFERENT = {
    'COPY ["a.txt","/x"] # c': "a JSON form before 1.9, words after it",
    'ADD ["a.txt", "/x"] /y': "the same",
    'VOLUME ["/a"] /b': "the same",
    'RUN ["a"] && b': "what followed was dropped before 1.9",
    'CMD ["a"] b': "the same",
}


@pytest.mark.parametrize("line", DIFFERENT)
def test_what_versions_read_differently_counts_as_a_whole(line: str) -> None:
    """One key under all of them, which moves with anything that one of them may read."""
    text = f"FROM a\nARG V=1\n{line}\nRUN x\n"
    files = {
        "a.txt": "1",
        "#": "1",
        "c": "1",
        '["a.txt",': "1",
        "x]": "1",
        "xq]": "1",
        "1]": "1",
        "2]": "1",
    }
    frontends = (Frontend((1, 7)), Frontend((1, 9)), DOCKER_28, NEWEST)
    assert len({key(text, files=files, frontend=each) for each in frontends}) == 1
    assert key(text, files=files) != key(text.replace('"]', 'q"]'), files=files)
    if line.startswith(("COPY", "ADD")):
        assert key(text, files=files) != key(text, files=files | {"a.txt": "2"})
        assert parse(text.encode(), "f").doubtful
        varied = text.replace("/x", "/$V").replace("/y", "/$V")
        assert key(varied, files=files) != key(varied, {"V": "2"}, files=files)


def test_flags_and_the_escape_sign() -> None:
    """Before 1.15 flags knew the backslash alone; the key is one, and moves with either."""
    text = "# escape=`\nFROM a\nCOPY --chown=%s a.txt /x\nRUN --mount=type=tmpfs,target=/%s x\n"
    old, new = Frontend((1, 14)), Frontend((1, 15))
    for one, two in (("1\\2", "12"), ("1`2", "12")):
        keys = {key(text % (one, one), frontend=each) for each in (old, new)}
        assert len(keys) == 1
        assert keys != {key(text % (two, two))}
    chown = parse((text % ("1\\2", "x")).encode(), "f", frontend=old).stages[0].instructions[0]
    assert chown.flag("chown") == "12"


def test_a_shift_is_none_of_ours() -> None:
    """``$((1 << 4))`` opens a document for BuildKit 0.22 and later, and ran before (tried)."""
    text = "FROM a\nRUN echo $((1 << 4))\n"
    assert parse(text.encode(), "f", frontend=Frontend((1, 15))).stages
    with pytest.raises(DockerfileError, match="unterminated heredoc"):
        parse(text.encode(), "f", frontend=DOCKER_28)
    assert parse(text.replace("$((1 << 4))", '"$((1 << 4))"').encode(), "f").stages


def test_a_document_that_would_pass_for_instructions_is_refused() -> None:
    """Else a file meant one thing to one engine and another to the next."""
    text = b"FROM a\nRUN cat << CMD\nRUN x\nCMD\n"
    with pytest.raises(DockerfileError, match=r"needs frontend 1\.16"):
        parse(text, "f", frontend=DOCKER_26)
    assert len(parse(text, "f").stages[0].instructions) == 1


def test_escape_behind_check_was_passed_over() -> None:
    """By frontends before 1.8, which do not know check (tried on docker 26.1.5)."""
    text = b"# check=skip=all\n# escape=`\nFROM a\n"
    with pytest.raises(DockerfileError, match=r"needs frontend 1\.8"):
        parse(text, "f", frontend=DOCKER_26)
    assert parse(text, "f").escape == "`"


def test_the_target_stage_counts_where_it_is_declared() -> None:
    """ARG TARGETSTAGE is the target's name (frontend 1.11), for every stage below it."""
    text = "FROM a AS base\nARG TARGETSTAGE\nRUN x\nFROM base AS one\nFROM base AS two\n"
    one, two = (stages(text, target=name)["base"].key for name in ("one", "two"))
    assert one != two
    assert stages(text)["base"].key == two
    plain = text.replace("ARG TARGETSTAGE\n", "")
    assert stages(plain, target="one")["base"].key == stages(plain)["base"].key


LINES = st.sampled_from(
    [
        *FEATURES,
        *DIFFERENT,
        "RUN echo $((1 << 4))",
        "RUN x \\",
        "  y",
        "# c",
        "",
        "EOF",
        "\tEOF",
        "CMD",
        "RUN cat << CMD",
        "RUN cat <<CMD <<EOF",
        "COPY << EOF /x",
        "COPY <<EOF a.txt /x/",
        "COPY --chown=1\\2 a.txt /x",
        "ENV A=1",
        'RUN --mount=type=cache,target=/c`x ["a"]',
        "ONBUILD RUN cat << EOF",
        "ADD x/y.git /x",
        "FROM a AS b",
        'SHELL ["a"] x',
        'HEALTHCHECK --interval=5s CMD ["a"] x',
    ]
)


@given(
    head=st.sampled_from(["", "# escape=`\n", "# check=skip=all\n# escape=`\n"]),
    lines=st.lists(LINES, max_size=8),
    versions=st.tuples(st.integers(4, 26), st.integers(4, 26)),
)
def test_whoever_takes_a_file_gives_it_the_same_keys(
    head: str, lines: list[str], versions: tuple[int, int]
) -> None:
    """The law: an engine may refuse a Dockerfile, and never has a say in its key."""
    text = head + "\n".join(["FROM a", *lines, ""])
    files = {"a.txt": "1", "x/y.git": "2", "<<": "3", "EOF": "4", "b": "5"}
    found = []
    for version in versions:
        try:
            each = stages(text, files=files, frontend=Frontend((1, version)))
        except LayersError:
            return
        found.append([str(layer.key) for layer in each.values()])
    assert found[0] == found[1]
