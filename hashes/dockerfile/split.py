"""Splitting: one instruction's line as command, flags and arguments, as BuildKit's parser does."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
"""What Go's unicode.IsSpace says yes to; Python's own list is longer."""

_ASCII_SPACE = "\t\n\v\f\r "
_BYTE_SPACE = "\t\n\v\f\r \x85\xa0"
_GAP = re.compile(r"[\t\v\f\r ]+")


class SplitError(ValueError):
    """Arguments that BuildKit cannot take apart; the caller knows file and line."""


class Split(NamedTuple):
    """One instruction, taken apart."""

    keyword: str
    """As written."""
    flags: tuple[str, ...]
    rest: str
    """What stands behind the flags."""


class Arguments(NamedTuple):
    """The arguments of an instruction."""

    words: tuple[str, ...]
    json: bool = False
    tail: bool = False
    """A JSON array with something behind it, which versions of BuildKit read differently."""


def split(line: str, escape: str) -> Split:
    """Take keyword and flags off a line."""
    keyword, *rest = _GAP.split(line.strip(SPACE), maxsplit=1)
    flags, text = flags_of(rest[0], escape) if rest else ((), "")
    return Split(keyword, flags, text.strip(SPACE))


def flags_of(text: str, escape: str) -> tuple[tuple[str, ...], str]:
    """The words that begin with ``--``, without quotes and escapes, and what follows them.

    BuildKit goes by bytes here: what is not ASCII comes out as Latin-1, and a byte that would be
    a blank there ends a word.
    """
    if not text.lstrip(_ASCII_SPACE).startswith("--"):
        return (), text
    line = text.encode("utf-8", "surrogateescape").decode("latin-1")
    found: list[str] = []
    at, end = 0, len(line)
    while True:
        while at < end and line[at] in _BYTE_SPACE:
            at += 1
        if at >= end:
            return tuple(found), ""
        if not line.startswith("--", at):
            return tuple(found), line[at:].encode("latin-1").decode("utf-8", "surrogateescape")
        word, quoted, at = _flag(line, at, escape)
        if word == "--" and not (at >= end and quoted):
            return tuple(found), line[at:].encode("latin-1").decode("utf-8", "surrogateescape")
        if word or quoted:
            found.append(word)


def _flag(line: str, at: int, escape: str) -> tuple[str, bool, int]:
    """One word from ``at``: its text, whether it held quotes, and where it ends."""
    out: list[str] = []
    quote, quoted, end = "", False, len(line)
    while at < end:
        sign = line[at]
        if not quote and sign in _BYTE_SPACE:
            break
        at += 1
        if quote and sign == quote:
            quote = ""
        elif not quote and sign in "'\"":
            quote, quoted = sign, True
        elif sign != escape:
            out.append(sign)
        elif at < end:  # an escape sign at the very end is dropped
            out.append(line[at])
            at += 1
    return "".join(out), quoted, at


def arguments(keyword: str, rest: str, escape: str, whole_json: bool) -> Arguments:
    """The arguments of a known instruction, before expansion; raises `SplitError`.

    ``whole_json`` False: what stands behind a JSON array is dropped, as before frontend 1.9. Not
    for a command, whose text says all that either reading does: so it is one under both.
    """
    if keyword in ("RUN", "CMD", "ENTRYPOINT"):
        return _maybe_json(rest, True) or Arguments((rest,) if rest else ())
    if keyword == "SHELL":
        return _maybe_json(rest, whole_json) or Arguments((rest,) if rest else ())
    if keyword in ("COPY", "ADD", "VOLUME"):
        found = _maybe_json(rest, whole_json)
        if found is None:
            return Arguments(gaps(rest))
        return found if found.json else Arguments(gaps(rest), tail=True)
    if keyword in ("ENV", "LABEL"):
        return Arguments(_pairs(rest, keyword, escape))
    if keyword == "ARG":
        return Arguments(words(rest, escape))
    if keyword in ("EXPOSE", "FROM"):
        return Arguments(gaps(rest))
    if keyword == "HEALTHCHECK":
        form, *command = re.split(r"[\t\n\v\f\r ]+", rest, maxsplit=1)
        if not form:
            return Arguments(())
        text = command[0] if command else ""
        parsed = _maybe_json(text, True) or Arguments((text,) if text else ())
        return parsed._replace(words=(form, *parsed.words))
    if keyword in ("MAINTAINER", "STOPSIGNAL", "USER", "WORKDIR"):
        return Arguments((rest,) if rest else ())
    return Arguments(())


def is_json(rest: str, whole: bool) -> bool:
    """Whether a RUN, COPY or ADD is in JSON form, and so has no heredocs."""
    try:
        found = _maybe_json(rest, whole)
    except SplitError:
        return False
    return found is not None and found.json


def gaps(rest: str) -> tuple[str, ...]:
    """Words between blanks, whatever quotes say."""
    return tuple(_GAP.split(rest)) if rest else ()


def words(rest: str, escape: str) -> tuple[str, ...]:
    """Words with their quotes and escapes still in them."""
    found: list[str] = []
    out: list[str] = []
    quote, open_, at = "", False, 0
    while at < len(rest):
        sign = rest[at]
        at += 1
        if not quote and sign in SPACE:
            if open_ or out:
                found.append("".join(out))
            out, open_ = [], False
            continue
        if quote and sign == quote:
            quote = ""
        elif not quote and sign in "'\"":
            quote, open_ = sign, True
        elif sign == escape and quote != "'":
            if at == len(rest):
                break  # at the very end it is dropped
            out.append(sign)
            sign = rest[at]
            at += 1
        out.append(sign)
    if open_ or out:
        found.append("".join(out))
    return tuple(found)


def _pairs(rest: str, keyword: str, escape: str) -> tuple[str, ...]:
    """Names and values in turn: ``A=1 B=2``, or the old ``A all the rest``."""
    found = words(rest, escape)
    if not found:
        return ()
    if "=" not in found[0]:
        parts = _GAP.split(rest, maxsplit=1)
        if len(parts) < 2:
            raise SplitError(f"{keyword} must have two arguments, as in {keyword} name=value")
        return tuple(parts)
    pairs: list[str] = []
    for word in found:
        name, equals, value = word.partition("=")
        if not equals:
            raise SplitError(f"{keyword}: {word!r} has no '=': expected name=value")
        pairs += [name, value]
    return tuple(pairs)


def _maybe_json(rest: str, whole: bool) -> Arguments | None:
    """A JSON array of texts; None when it is none."""
    text = rest.lstrip(SPACE)
    if not text.startswith("["):
        return None
    try:
        value, end = _JSON.raw_decode(text)
    except ValueError:
        return None
    tail = bool(text[end:].strip(" \t\r\n"))
    if tail and whole:
        # For a shell that is one text, and the whole of it: nothing to tell apart.
        return Arguments((rest,), tail=True)
    if not all(isinstance(each, str) for each in value):
        raise SplitError("a JSON array of texts only: expected each in double quotes")
    # Go puts a replacement sign where a \\u escape is half of a pair.
    texts = tuple(re.sub("[\ud800-\udfff]", "\ufffd", each) for each in value)
    return Arguments(texts, json=True, tail=tail)


def _constant(text: str) -> object:
    raise ValueError(text)  # NaN and Infinity are not JSON


_JSON = json.JSONDecoder(parse_constant=_constant)
