"""Other names for images and stages in a Dockerfile, and nothing else changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashes.dockerfile.parser import parse
from hashes.dockerfile.rewrite import Use, rewrite
from hashes.errors import DockerfileError

ROWS = [
    ("FROM base AS base\n", Use(1, "FROM", "base"), "FROM n AS base\n"),
    ("from\tBase as x", Use(1, "FROM", "Base"), "from n as x"),
    (
        "FROM --platform=linux/arm64 ${A} AS x\n",
        Use(1, "FROM", "debian"),
        "FROM --platform=linux/arm64 n AS x\n",
    ),
    (
        "FROM --platform=linux/arm64 \\\n# why\n  base \\\n  AS x\nRUN a\n",
        Use(1, "FROM", "base"),
        "FROM --platform=linux/arm64 n AS x\n\n\n\nRUN a\n",
    ),
    ("FROM base\r\nRUN a\r\n", Use(1, "FROM", "base"), "FROM n\nRUN a\r\n"),
    (
        "FROM a\nCOPY --chown=1 --from=base /base /base\n",
        Use(2, "COPY", "base"),
        "FROM a\nCOPY --chown=1 --from=n /base /base\n",
    ),
    ('FROM a\nCOPY --from="base" /x /y\n', Use(2, "COPY", "base"), "FROM a\nCOPY --from=n /x /y\n"),
    ("FROM a\nCOPY --from=0 0 /0\n", Use(2, "COPY", "0"), "FROM a\nCOPY --from=n 0 /0\n"),
    (
        "FROM a\nCOPY --link \\\n  --from=base \\\n  /x /y\n",
        Use(2, "COPY", "base"),
        "FROM a\nCOPY --link \\\n  --from=n \\\n  /x /y\n",
    ),
    (
        "FROM a\nADD --link https://x/y.git#v1 \\\n  https://x/y.git#v1:sub /d\n",
        Use(2, "ADD", "https://x/y.git#v1"),
        "FROM a\nADD --link n \\\n  https://x/y.git#v1:sub /d\n",
    ),
    (
        'FROM a\nADD ["https://x/y.git#${V}", "/d"]\n',
        Use(2, "ADD", "https://x/y.git#${V}"),
        'FROM a\nADD ["n", "/d"]\n',
    ),
    (
        "FROM a\nRUN --mount=from=base,target=/x echo ,from=base\n",
        Use(2, "RUN", "base"),
        "FROM a\nRUN --mount=from=n,target=/x echo ,from=base\n",
    ),
    (
        "FROM a\nRUN --mount=type=bind,\\\nfrom=base,target=/x true\n",
        Use(2, "RUN", "base"),
        None,
    ),
    (
        "FROM a\nRUN --mount=from=base:1,target=/x --mount=from=base <<E\nfrom=base\nE\n",
        Use(2, "RUN", "base"),
        "FROM a\nRUN --mount=from=base:1,target=/x --mount=from=n <<E\nfrom=base\nE\n",
    ),
    ("# escape=`\nFROM `\n base", Use(2, "FROM", "base"), "# escape=`\nFROM n\n"),
]
"""A file, a place in it, and the file with ``n`` there; None: the place is not found."""


@pytest.mark.parametrize(("text", "use", "expected"), ROWS)
def test_the_name_in_one_place_is_another(text: str, use: Use, expected: str | None) -> None:
    """Lines keep their numbers, and every other byte is as it was."""
    escape = "`" if "`" in text else "\\"
    if expected is None:
        with pytest.raises(DockerfileError, match="flags on one line"):
            rewrite(text.encode(), [(use, "n")], escape, "Dockerfile")
        return
    found = rewrite(text.encode(), [(use, "n")], escape, "Dockerfile").decode()
    assert found == expected
    assert found.count("\n") == text.count("\n")


def test_a_name_that_several_mounts_use_is_another_in_each() -> None:
    """One instruction, one name, two places."""
    text = b"FROM a\nRUN --mount=from=b,target=/x --mount=from=b,target=/y cp from=b /z\n"
    use = Use(2, "RUN", "b")
    assert rewrite(text, [(use, "n"), (use, "n")], "\\", "Dockerfile") == (
        b"FROM a\nRUN --mount=from=n,target=/x --mount=from=n,target=/y cp from=b /z\n"
    )


def test_bytes_that_are_no_text_stay() -> None:
    """A Dockerfile may hold anything."""
    text = b"FROM base\nRUN echo \xff\xfe\n"
    found = rewrite(text, [(Use(1, "FROM", "base"), "n")], "\\", "Dockerfile")
    assert found == b"FROM n\nRUN echo \xff\xfe\n"


@given(
    st.lists(
        st.sampled_from(["# c", "", "RUN a \\\n  b", "ENV A=1", "LABEL from=base"]), max_size=4
    ),
    st.sampled_from(["FROM base", "from base AS base", "FROM --platform=linux/amd64 base as B"]),
)
def test_the_rest_of_a_file_parses_as_before(more: list[str], head: str) -> None:
    """Stages, names and instructions are the same; the base alone is another."""
    text = "\n".join([head, *more, ""])
    before = parse(text.encode(), "Dockerfile")
    found = rewrite(text.encode(), [(Use(1, "FROM", "base"), "n")], "\\", "Dockerfile")
    after = parse(found, "Dockerfile")
    assert after.stages[0].base == "n"
    assert after.stages[0].name == before.stages[0].name
    assert after.stages[0].platform == before.stages[0].platform
    assert after.stages[0].instructions == before.stages[0].instructions
