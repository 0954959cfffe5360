"""Words: expansion, quotes and escapes, as moby/buildkit's shell/lex.go does them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashes.dockerfile.expand import WordError, expand
from hashes.dockerfile.heredocs import chomp, heredoc

ENV = {"A": "one", "E": "", "V": "1.2.3", "P": "/a/b/c.tar.gz", "S": "x*y"}


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("plain", "plain"),
        ("$A", "one"),
        ("${A}", "one"),
        ("$A$A", "oneone"),
        ("$NOPE", ""),
        ("$", "$"),
        ("a$", "a$"),
        ("$/x", "$/x"),
        ("$1x", "x"),
        ("$A.txt", "one.txt"),
        ("$A_b", ""),
        ("${A}_b", "one_b"),
        ("\\$A", "$A"),
        ("\\\\$A", "\\one"),
        ("'$A'", "$A"),
        ('"$A"', "one"),
        ('"\\$A"', "$A"),
        ('"\\n"', "\\n"),
        ("\\n", "n"),
        ("a\\", "a"),
        ('a"b c"d', "ab cd"),
        ("${NOPE:-x}", "x"),
        ("${E:-x}", "x"),
        ("${E-x}", ""),
        ("${NOPE-x}", "x"),
        ("${A:-x}", "one"),
        ("${A:+x}", "x"),
        ("${E:+x}", ""),
        ("${E+x}", "x"),
        ("${NOPE+x}", ""),
        ("${NOPE:-${A}y}", "oney"),
        ("${NOPE:-'$A'}", "$A"),
        ('${NOPE:-"a b"}', "a b"),
        ("${NOPE:-a\\}b}", "a}b"),
        ("${A:?no}", "one"),
        ("${E?no}", ""),
        ("${V#*.}", "2.3"),
        ("${V##*.}", "3"),
        ("${V%.*}", "1.2"),
        ("${V%%.*}", "1"),
        ("${P##*/}", "c.tar.gz"),
        ("${P%%/*}", ""),
        ("${V#x}", "1.2.3"),
        ("${V/./-}", "1-2.3"),
        ("${V//./-}", "1-2-3"),
        ("${V//?/y}", "yyyyy"),
        ("${S#x\\*}", "y"),
        ("${P//\\//_}", "_a_b_c.tar.gz"),
        ("src_${A:+no_}copy", "src_no_copy"),
    ],
)
def test_a_word_becomes_what_buildkit_makes_of_it(word: str, text: str) -> None:
    """Each form of the grammar, alone and nested."""
    assert expand(word, ENV).text == text


@pytest.mark.parametrize(
    "word",
    ["'a", '"a', "${A", "${", "${}", "${:x}", "${{A}}", "${A:!x}", "${A@x}", "${NOPE:?say}"],
)
def test_a_malformed_word_is_refused(word: str) -> None:
    """BuildKit fails the build for each of these."""
    with pytest.raises(WordError):
        expand(word, ENV)


def test_the_message_of_a_required_variable_is_passed_on() -> None:
    """``${X:?why}`` says why."""
    with pytest.raises(WordError, match="NOPE: set it please"):
        expand("${NOPE:?set it please}", ENV)


def test_the_escape_directive_changes_the_escape_sign() -> None:
    """With ``# escape=` `` a backslash is an ordinary character."""
    assert expand("c:\\x`$A$A", ENV, escape="`").text == "c:\\x$Aone"


def test_quotes_stay_in_heredoc_bodies() -> None:
    """Bodies are expanded, but their quotes belong to the content."""
    assert expand("a \"$A\" '$A'\n", ENV, quotes=False).text == "a \"one\" 'one'\n"


def test_read_and_unset_variables_are_told() -> None:
    """Both matter to scoping: what was read, and what was not there."""
    found = expand("$A${NOPE:-$OTHER}${E}", ENV)
    assert found.read == {"A", "NOPE", "OTHER", "E"}
    assert found.unset == {"NOPE", "OTHER"}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("<<EOF", ("EOF", True, False)),
        ("<<-EOF", ("EOF", True, True)),
        ('<<"EOF"', ("EOF", False, False)),
        ("<<-'E F'", ("E F", False, True)),
        ("3<<EOF", ("EOF", True, False)),
        ("<<", None),
        ("EOF", None),
        ("<<EOF cat", None),
        ("<<<EOF", None),
    ],
)
def test_heredoc_words(word: str, expected: tuple[str, bool, bool] | None) -> None:
    """A quoted name keeps variables as written."""
    found = heredoc(word)
    assert (found and (found.name, found.expand, found.chomp)) == expected


def test_chomp_takes_leading_tabs_only() -> None:
    """Blanks stay."""
    assert chomp("\t\ta\n \tb\n") == "a\n \tb\n"


@given(st.text(alphabet=st.characters(exclude_characters="$\\'\""), max_size=20))
def test_text_without_signs_is_itself(text: str) -> None:
    """Expansion touches nothing but its own signs."""
    assert expand(text, ENV).text == text


@given(st.text(max_size=20))
def test_any_text_is_expanded_or_refused(text: str) -> None:
    """No input makes the lexer hang or fail in another way."""
    with contextlib.suppress(WordError):
        expand(text, ENV)
