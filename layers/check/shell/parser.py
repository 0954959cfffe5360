"""Shell: the commands that a text for ``sh -c`` runs, in their order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from layers.check.shell.command import Command, setting
from layers.check.shell.words import REDIRECTIONS, Operator, Unreadable, Word, cut

__all__ = ["Command", "Unreadable", "commands"]

_OPENING = frozenset(("if", "while", "until", "for", "select", "case", "{"))
_CLOSING = {"fi": "if", "done": "do", "esac": "case", "}": "{"}
_BETWEEN = frozenset(("then", "else", "elif", "do", "!", "time"))
_TESTS = frozenset(("[", "test", "[[", "command", "which", "type", "grep", "hash"))
_FEEDS = frozenset(("<", "<<", "<<-", "<<<", "<&", "<>"))


def commands(text: str) -> tuple[Command, ...]:
    """Every simple command of a text, those of branches and loops too; raises `Unreadable`."""
    return tuple(_Parser(list(cut(text))).parse())


class _Link(NamedTuple):
    """How the text goes on behind a command that stands in no block."""

    number: int
    """Of the ``&&`` and ``||`` list that it is in."""
    sign: str
    """What follows it; empty: the end of the text."""
    negated: bool
    exits: bool
    """Whether ``set -e`` holds."""


class _Block(NamedTuple):
    kind: str
    start: int
    """How many commands came before it."""
    fed: bool
    sure: bool


class _Parser:
    def __init__(self, tokens: Sequence[Word | Operator]) -> None:
        self.tokens = tokens
        self.at = 0
        self.found: list[Command] = []
        self.blocks: list[_Block] = []
        self.pipeline = 0
        self.piped = False
        """Whether the next command reads from a pipe."""
        self.sure = True
        self.guarded = False
        """Whether a test stands before this command in its && list."""
        self.links: dict[int, _Link] = {}
        self.lists = 0
        """How many && and || lists ended so far, outside of blocks."""
        self.dropped: set[int] = set()
        """Lists whose end says nothing of the text's: something else follows."""
        self.rescued: set[int] = set()
        """Lists with || or &, whose commands may fail."""
        self.negated = self.exits = False

    def parse(self) -> list[Command]:
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if isinstance(token, Word):
                self.command_position(token)
            else:
                self.at += 1
                self.operator(token.sign)
        if self.blocks:
            raise Unreadable(f"{self.blocks[-1].kind!r} is not closed")
        return [each._replace(decides=self.decides(at)) for at, each in enumerate(self.found)]

    def decides(self, at: int) -> bool:
        """Whether the text fails when this command does; False where that is not known."""
        link = self.links.get(at)
        if link is None or link.negated or link.sign in ("|", "|&"):
            return False
        if link.number in self.rescued:
            return False
        return link.number not in self.dropped or (link.exits and link.sign in ("", ";", "\n"))

    def command_position(self, token: Word) -> None:
        word = token.plain
        if word in _OPENING:
            self.at += 1
            self.open(word)
        elif word in _BETWEEN:
            self.at += 1
            self.negated = self.negated or word == "!"
            if word == "do":
                self.blocks.append(_Block("do", *self.pop(("while", "until", "for"))[1:]))
            if word in ("then", "else", "elif", "do"):
                self.fresh()
        elif word in _CLOSING:
            self.at += 1
            self.close(self.pop((_CLOSING[word],)))
        elif word == "function":
            raise Unreadable("a function")
        elif word == "[[":
            self.condition(token)
        else:
            self.simple(token)

    def open(self, word: str) -> None:
        self.begin()
        kind = {"select": "for", "until": "while"}.get(word, word)
        self.blocks.append(
            _Block(kind, len(self.found), self.piped, self.sure and not self.guarded)
        )
        if kind != "{":
            self.sure = False
        self.guarded = self.piped = False
        if kind == "for":
            self.words_until_end()
        elif kind == "case":
            self.take("a word")
            if self.take("in").plain != "in":
                raise Unreadable("case without in")
            self.pattern()

    def words_until_end(self) -> None:
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if isinstance(token, Operator):
                if token.sign not in (";", "\n"):
                    raise Unreadable("for")
                return
            self.at += 1

    def pattern(self) -> None:
        """Skip ``a|b)`` of a case, or stand before its esac."""
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if isinstance(token, Word) and token.plain == "esac":
                return
            self.at += 1
            if isinstance(token, Operator):
                if token.sign == ")":
                    self.fresh()
                    return
                if token.sign not in ("|", "\n", "("):
                    raise Unreadable("case")

    def take(self, what: str) -> Word:
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        if not isinstance(token, Word):
            raise Unreadable(f"expected {what}")
        self.at += 1
        return token

    def pop(self, kinds: tuple[str, ...]) -> _Block:
        if not self.blocks or self.blocks[-1].kind not in kinds:
            raise Unreadable("blocks do not close")
        return self.blocks.pop()

    def close(self, block: _Block) -> None:
        self.sure, self.guarded = block.sure, False
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if isinstance(token, Word):
                if token.plain in _CLOSING or token.plain in _BETWEEN:
                    return
                raise Unreadable("words behind a block")
            if token.sign not in REDIRECTIONS:
                return
            self.at += 1
            self.take("a file")
            if token.sign in _FEEDS:
                inside = self.found[block.start :]
                self.found[block.start :] = [each._replace(fed=True) for each in inside]

    def condition(self, first: Word) -> None:
        """Skip ``[[ … ]]``, which has rules of its own."""
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            if isinstance(token, Word) and token.plain == "]]":
                self.add((first,), (), first.at, False)
                return
        raise Unreadable("[[ is not closed")

    def simple(self, first: Word) -> None:
        settings: list[tuple[str, Word]] = []
        words: list[Word] = []
        fed = False
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            if isinstance(token, Operator):
                if token.sign not in REDIRECTIONS:
                    if token.sign == "(" and words:
                        raise Unreadable("a function, or an array")
                    break
                self.at += 1
                self.take("a file")
                fed = fed or token.sign in _FEEDS
                continue
            self.at += 1
            given = None if words else setting(token)
            if given is None:
                words.append(token)
            else:
                settings.append(given)
                follows = self.tokens[self.at] if self.at < len(self.tokens) else None
                if isinstance(follows, Operator) and follows.sign == "(":
                    raise Unreadable("an array")
        self.add(tuple(words), tuple(settings), first.at, fed)

    def add(
        self, words: tuple[Word, ...], settings: tuple[tuple[str, Word], ...], at: int, fed: bool
    ) -> None:
        fed = fed or self.piped or any(block.fed for block in self.blocks)
        sure = self.sure and not self.guarded
        if not self.blocks:
            self.begin()
            self.links[len(self.found)] = _Link(self.lists, "", self.negated, self.exits)
            self.negated = False
            if words and words[0].plain == "set":
                flags = [each.plain or "" for each in words[1:]]
                for each in flags:
                    if re.match(r"[-+][a-z]*e", each):
                        self.exits = each[0] == "-"
        self.found.append(Command(words, settings, at, fed, self.pipeline, sure))
        if words and words[0].plain in _TESTS:
            self.guarded = True
        self.piped = False

    def begin(self) -> None:
        """Something runs after all lists that ended before it."""
        if not self.blocks:
            self.dropped.update(range(self.lists))

    def ends(self, sign: str) -> None:
        """What follows the last command, where it stands in no block."""
        if self.blocks:
            return
        last = len(self.found) - 1
        link = self.links.get(last)
        if link is not None and link.number == self.lists and not link.sign:
            self.links[last] = link._replace(sign=sign)
        if sign in ("||", "&"):
            self.rescued.add(self.lists)
        if sign in (";", "\n", "&"):
            self.lists += 1

    def operator(self, sign: str) -> None:
        if sign not in REDIRECTIONS:
            self.ends(sign)
        if sign in ("|", "|&"):
            self.piped = True
            return
        if sign in REDIRECTIONS:
            self.take("a file")
            return
        self.pipeline += 1
        self.piped = False
        if sign in (";", "\n", "&"):
            self.fresh()
        elif sign == "||":
            self.sure = False
        elif sign in (";;", ";&", ";;&"):
            if not self.blocks or self.blocks[-1].kind != "case":
                raise Unreadable(sign)
            self.pattern()
        elif sign == "(":
            self.blocks.append(_Block("(", len(self.found), False, self.sure))
        elif sign == ")":
            self.close(self.pop(("(",)))

    def fresh(self) -> None:
        """A new list begins: what came before it in its line decides nothing any more."""
        self.guarded = False
        self.sure = all(block.kind in ("{", "(") and block.sure for block in self.blocks)
