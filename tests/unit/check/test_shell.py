"""Shell text is read as the shell reads it, or not at all."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layers.check.shell.calls import calls
from layers.check.shell.parser import Unreadable, commands

NOWHERE = "/"


def read(text: str, **env: str) -> list[str]:
    """Each call as its name and what is known of its arguments."""
    found = calls(commands(text), env, NOWHERE, lambda _: 1)
    return [" ".join((call.name, *call.args)) for call in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("apt-get update && apt-get install -y git", ["apt-get update", "apt-get install -y git"]),
        ("set -eu; a; b", ["set -eu", "a", "b"]),
        ("a | b |& c", ["a", "b", "c"]),
        ("a & b", ["a", "b"]),
        ("a || b", ["a", "b"]),
        ("'a b' \"c d\" e\\ f", ["a b c d e f"]),
        ("echo 'it''s' \"a\\\"b\"", ['echo its a"b']),
        ("a > f 2>&1 < g b", ["a b"]),
        ("a 2>/dev/null", ["a"]),
        ("echo 2 >x", ["echo 2"]),
        ("a &> f", ["a"]),
        ("(a; b) && c", ["a", "b", "c"]),
        ("{ a; b; } | c", ["a", "b", "c"]),
        ("if a; then b; elif c; then d; else e; fi; f", ["a", "b", "c", "d", "e", "f"]),
        ("for x in 1 2; do a; done", ["a"]),
        ("while read x; do a; done < f", ["read x", "a"]),
        ("until a; do b; done", ["a", "b"]),
        ("case $x in a|b) c ;; *) d;; esac; e", ["c", "d", "e"]),
        ("case x in (a) b;; esac", ["b"]),
        ("case x in a) b\nesac", ["b"]),
        ("! a", ["a"]),
        ("[[ $a == b && c < d ]] && e", ["[[", "e"]),
        ("a # b && c", ["a"]),
        ("a#b", ["a#b"]),
        ("a \\\n b", ["a b"]),
        ("a\nb", ["a", "b"]),
        ("sudo -E apt-get update", ["apt-get update"]),
        ("env -u X A=b apt-get update", ["apt-get update"]),
        ("timeout -k 5 30 a b", ["a b"]),
        ("exec /usr/bin/apt-get update", ["apt-get update"]),
        ("X=1 a", ["a"]),
        ("P='a b'; apt-get install $P \"$P\"", ["apt-get install a b a b"]),
        ("export P=x; a $P", ["a x"]),
        ("a ${P}y", ["a"]),
        ("a $(b; c) d", ["a d"]),
        ("a `b` d", ["a d"]),
        ("$TOOL install", []),
        ("echo $", ["echo $"]),
        ("cd /x && a", ["a"]),
    ],
)
def test_commands_come_in_their_order_with_what_is_known_of_them(
    text: str, expected: list[str]
) -> None:
    """Branches and loops too; redirections are no arguments."""
    assert read(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a 'b",
        'a "b',
        "a `b",
        "a $(b",
        "a ${b",
        "f() { a; }",
        "function f { a; }",
        "a=(1 2)",
        "a <(b)",
        "if a; then b",
        "fi",
        "case x in a) b",
        "{ a; ",
        "a $'b'",
        "[[ a",
        "a <",
        "done < f x",
    ],
)
def test_what_is_not_understood_is_refused_as_a_whole(text: str) -> None:
    """Silence is better than a guess."""
    with pytest.raises(Unreadable):
        commands(text)


@pytest.mark.parametrize(
    ("text", "fed"),
    [
        ("yes | a", True),
        ("a | yes", False),
        ("a < f", True),
        ("a <<< x", True),
        ("x | { a; }", True),
        ("while a; do b; done < f", True),
        ("x | y; a", False),
        ("a > f", False),
    ],
)
def test_whose_input_comes_from_elsewhere_waits_for_nobody(text: str, fed: bool) -> None:
    """By a pipe, a file or a here-string, also of the block around it."""
    found = {c.words[0].plain: c.fed for c in commands(text)}
    assert found["a"] is fed


@pytest.mark.parametrize(
    ("text", "decides"),
    [
        ("a", True),
        ("a;", True),
        ("a && b", True),
        ("b && a", True),
        ("a; b", False),
        ("b; a", True),
        ("a\nb\n", False),
        ("a || b", False),
        ("a && b || c", False),
        ("a && ( b ) || c", False),
        ("! a", False),
        ("a &", False),
        ("a | b", False),
        ("b | a", True),
        ("set -e; a; b", True),
        ("set -eux; a && b; c", False),
        ("set -e; set +e; a; b", False),
        ("if a; then b; fi", False),
        ("a; if b; then c; fi", False),
        ("set -ex; if b; then c; fi; a; d", True),
    ],
)
def test_whose_failure_fails_the_text(text: str, decides: bool) -> None:
    """The last list's commands, and under set -e the last of each list."""
    found = {c.words[0].plain: c.decides for c in commands(text)}
    assert found["a"] is decides


@pytest.mark.parametrize(
    ("text", "sure"),
    [
        ("a", True),
        ("b && a", True),
        ("b; a", True),
        ("b || a", False),
        ("b || c; a", True),
        ("[ -e x ] && a", False),
        ("[ -e x ] && b; a", True),
        ("if b; then a; fi", False),
        ("if b; then c; fi; a", True),
        ("for x in 1; do a; done", False),
        ("case x in y) a;; esac", False),
        ("(b; a)", True),
        ("{ b; a; }", True),
    ],
)
def test_it_is_known_whether_a_command_runs_at_all(text: str, sure: bool) -> None:
    """Not in a branch, nor behind a test."""
    assert {c.words[0].plain: c.sure for c in commands(text)}["a"] is sure


def test_what_is_missing_cannot_be_said_of_arguments_that_are_unknown() -> None:
    """``${YES:+-y}`` may be the very option."""
    (known,) = calls(commands("apt-get install $P git"), {"P": "-y"}, None, lambda _: 1)
    (unknown,) = calls(commands("apt-get install ${P:+-y} git"), {"P": "x"}, None, lambda _: 1)
    assert known.whole
    assert known.has("--yes", "-y")
    assert not unknown.whole


def test_a_variable_that_a_branch_may_set_is_not_known() -> None:
    """Neither the old value nor the new one."""
    assert read("if a; then P=x; fi; b $P", P="y") == ["a", "b"]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab $(){}[]<>|&;'\"`\\\n#=!-if then fi case esac do done for", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever people write, a check does not fall over it."""
    try:
        found = commands(text)
    except Unreadable:
        return
    list(calls(found, {"a": "b c"}, None, lambda _: 1))


WORDS = st.text(alphabet="ab '\"\\$*#-=", min_size=1, max_size=6)


@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no sh to compare with")
@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=4))
def test_quoted_words_are_what_sh_makes_of_them(words: list[str]) -> None:
    """The same words that the shell would hand to a program, whatever signs are in them."""
    import shlex

    text = "printf %s\\\\n " + " ".join(map(shlex.quote, words))
    (call,) = calls(commands(text), {}, None, lambda _: 1)
    shell = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=True)
    assert "".join(f"{each}\n" for each in call.args[1:]) == shell.stdout
