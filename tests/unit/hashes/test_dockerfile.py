"""Dockerfiles: what a file says, and where it is wrong."""

from __future__ import annotations

import pickle

import pytest

from hashes import DockerfileError, parse

SAMPLE = """\
# syntax=docker/dockerfile:1
# escape=`
ARG V=1
FROM --platform=$BUILDPLATFORM node:$V AS Deps
RUN --mount=type=cache,target=/x `
# comment
  npm ci
COPY <<EOF /x
hello
EOF
FROM Deps
"""


def test_stages_keep_what_is_written() -> None:
    """Names, bases and platforms are raw; lines count from 1."""
    file = parse(SAMPLE.encode(), "Dockerfile")
    assert (file.syntax, file.escape) == ("docker/dockerfile:1", "`")
    assert [item.words for item in file.global_args] == [("V=1",)]
    first, second = file.stages
    assert (first.index, first.name, first.base, first.line) == (0, "Deps", "node:$V", 4)
    assert first.platform == "$BUILDPLATFORM"
    assert (second.name, second.base, second.platform) == ("", "Deps", None)
    run, copy = first.instructions
    assert (run.flags, run.words) == (("--mount=type=cache,target=/x",), ("npm ci",))
    assert copy.heredocs[0].content == "hello\n"
    assert copy.line == 8


def test_a_parsed_file_can_be_stored() -> None:
    """A later start may take it from a cache instead of parsing."""
    file = parse(SAMPLE.encode(), "Dockerfile")
    assert pickle.loads(pickle.dumps(file)) == file


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "no instructions"),
        ("# only this\n", 1, "no instructions"),
        ("RUN x\n", 1, "before the first FROM"),
        ("ARG V\n", 1, "expected a FROM"),
        ("FROM a\nFOO b\n", 2, "unknown instruction FOO"),
        ("FROM a\nRUM b\n", 2, "did you mean RUN"),
        ("FROM a\n\nENV x\n", 3, "two arguments"),
        ("FROM a b c\n", 1, "FROM image AS name"),
        ("FROM a AS 1x\n", 1, "stage name '1x'"),
        ("FROM a\nCOPY x\n", 2, "a source and a destination"),
        ("FROM a\nCOPY x <<EOF\nEOF\n", 2, "destination"),
        ("FROM a\nRUN <<EOF\nx\n", 2, "unterminated heredoc"),
        ("FROM a\nCOPY --wrong x y\n", 2, "unknown flag --wrong"),
        ("FROM a\nRUN --device=a/b true\n", 2, "needs a -labs frontend"),
        ("FROM a\nRUN --network=lan true\n", 2, "default, none, host"),
        ("FROM a\nRUN --security=none true\n", 2, "sandbox, insecure"),
        ("FROM a\nRUN echo $((1 << 4))\n", 2, "between quotes"),
        ("FROM a\nRUN cat << 'EOF'\nx\n", 2, "unterminated heredoc"),
        ("FROM a\nRUN [1]\n", 2, "in double quotes"),
        ('FROM a\nSHELL ["a"] # b\n', 2, "JSON array"),
        ("FROM a\nONBUILD --x RUN a\n", 2, "unknown flag --x"),
        ("# check=skip=all\n# check=skip=all\nFROM a\n", 2, "a second '# check='"),
        ("FROM a\nRUN " + "x" * 65536, 2, "BuildKit takes 65535"),
        ("FROM a\nCOPY --chown x y\n", 2, "expected a value"),
        ("FROM a\nCOPY --link=maybe x y\n", 2, "true or false"),
        ("FROM a\nCOPY --from=a --from=b x y\n", 2, "twice"),
        ("FROM a\nLABEL --x a=b\n", 2, "unknown flag --x"),
        ("FROM a\nUSER\n", 2, "exactly one"),
        ("FROM a\nEXPOSE\n", 2, "at least one"),
        ("FROM a\nSHELL bash\n", 2, "JSON array"),
        ("FROM a\nHEALTHCHECK FOO\n", 2, "CMD or NONE"),
        ("FROM a\nONBUILD FROM b\n", 2, "ONBUILD FROM"),
        ("FROM a\nONBUILD ONBUILD RUN b\n", 2, "ONBUILD ONBUILD"),
        ("FROM a\nRUN --mount=from=$X,target=/x true\n", 2, "variable"),
        ("# escape=x\nFROM a\n", 1, "escape"),
    ],
)
def test_a_mistake_is_located(text: str, line: int, words: str) -> None:
    """Where BuildKit refuses a file we do too, in any stage, with the line."""
    with pytest.raises(DockerfileError) as caught:
        parse(text.encode(), "x/Dockerfile")
    assert words in str(caught.value)
    assert (caught.value.file, caught.value.line) == ("x/Dockerfile", line)


def test_a_mistake_is_pointed_at() -> None:
    """The message shows the line and marks the part."""
    with pytest.raises(DockerfileError) as caught:
        parse(b"FROM a\nCOPY --wrong x y\n", "Dockerfile")
    assert str(caught.value).endswith("COPY --wrong x y\n       ^^^^^^^")


@pytest.mark.parametrize(
    "text",
    [
        "FROM a\nRUN\n",
        "FROM a\nARG --x Y\n",
        "FROM a\nSTOPSIGNAL --x 9\n",
        "FROM a\nRUN [broken\n",
        "# syntax=docker/dockerfile:1\nFROM a\nCOPY --parents --exclude=z x y\n",
        "FROM scratch",
    ],
)
def test_what_buildkit_takes_is_taken(text: str) -> None:
    """Odd, but accepted by docker 26.1.5."""
    assert parse(text.encode(), "Dockerfile").stages


def test_bytes_of_another_encoding_are_said_to_be_that() -> None:
    """An editor on Windows writes UTF-16, and nobody sees it."""
    for encoding in ("utf-16", "utf-16-be"):
        text = "\ufeff" * (encoding != "utf-16") + "FROM a\n"
        with pytest.raises(DockerfileError, match="UTF-16: expected UTF-8") as caught:
            parse(text.encode(encoding), "x/Dockerfile")
        assert "iconv" in caught.value.hint
        assert caught.value.line == 1


@pytest.mark.parametrize(
    ("text", "syntax", "escape", "check"),
    [
        ("# syntax=x/y\n# escape=`\nFROM a\n", "x/y", "`", ""),
        ("#!/usr/bin/env x\n# syntax=x/y\n# escape=`\nFROM a\n", "x/y", "\\", ""),
        ("#!/usr/bin/env x\n# check=skip=all\nFROM a\n", "", "\\", "skip=all"),
        ("  # syntax=x/y\nFROM a\n", "", "\\", ""),
        ("\t # escape=`\nFROM a\n", "", "`", ""),
        ("\ufeff# syntax=x/y\n# escape=`\nFROM a\n", "x/y", "`", ""),
        ("\n# syntax=x/y\n# escape=`\nFROM a\n", "", "\\", ""),
        ("# syntax=x/y more\r\n#escape = ` \r\nFROM a\n", "x/y", "`", ""),
        ("# Syntax=x/y\n# ESCAPE=`\nFROM a\n", "x/y", "`", ""),
        ("# other=1\n# syntax=x/y\nFROM a\n", "", "\\", ""),
        ("# check=skip=all\n# escape=`\nFROM a\n", "", "`", "skip=all"),
    ],
)
def test_directives_as_buildkit_finds_them(text: str, syntax: str, escape: str, check: str) -> None:
    """Behind a byte order mark; behind ``#!`` all but escape; indented escape alone.

    Tried on docker 26.1.5 and 28.5.2; the syntax line by its sources (parser/directives.go).
    """
    file = parse(text.encode(), "Dockerfile")
    assert (file.syntax, file.escape, file.check) == (syntax, escape, check)


def test_bytes_that_are_not_utf8_stay_different() -> None:
    """Two bad bytes in a RUN are two texts."""
    one = parse(b"FROM a\nRUN echo \xff\n", "Dockerfile")
    two = parse(b"FROM a\nRUN echo \xfe\n", "Dockerfile")
    assert one != two


def test_onbuild_keeps_flags_and_heredocs() -> None:
    """The trigger is the text that BuildKit reads again in the child."""
    text = "FROM a\nONBUILD RUN --network=none <<EOF\n\tx\nEOF\nonbuild copy --from=b c d\n"
    one, two = parse(text.encode(), "Dockerfile").stages[0].instructions
    assert one.words == ("RUN --network=none <<EOF\n\tx\nEOF",)
    assert two.words == ("copy --from=b c d",)
