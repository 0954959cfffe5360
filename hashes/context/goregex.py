"""Go regular expressions, as far as ignore patterns turn into them, in Python's `re`.

moby's patternmatcher escapes only ``.+()$``; what else stands in a pattern reaches Go's `regexp`
as it is: classes, ``\\d``, ``a|b``, ``a{2}``, ``^``.
"""

from __future__ import annotations

import re
import sys

from hashes.context.gopath import BadPattern

_PERL = {"d": "0-9", "s": r"\t\n\f\r ", "w": "0-9A-Za-z_"}
_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_CONTROL = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ANCHORS = {"A": r"\A", "z": r"\Z", "b": r"(?a:\b)", "B": r"(?a:\B)"}
_REPEAT = r"\{(0|[1-9][0-9]*)(,?)(0|[1-9][0-9]*)?\}"
_OCTAL = r"\\([0-7]{1,3})"
_HEXADECIMAL = r"\\x(?:\{([0-9A-Fa-f]+)\}|([0-9A-Fa-f]{2}))"


def python_of(regex: str) -> str:
    """Say in Python what a Go expression says; BadPattern where Go refuses it."""
    return _Reader(regex).read()


class _Reader:
    """Reads an expression once, from left to right."""

    def __init__(self, regex: str) -> None:
        self.text = regex
        self.at = 0
        self.out: list[str] = []
        self.repeated = False
        """The last item is a repetition, which Go lets nobody repeat again."""

    def fail(self) -> BadPattern:
        return BadPattern(self.text)

    def read(self) -> str:
        while self.at < len(self.text):
            rest = self.text[self.at]
            if rest in "*+?{" and self._repetition():
                continue
            self.repeated = False
            if rest == "[":
                self.out.append(self._class())
            elif rest == "\\":
                self._escape()
            else:
                self.at += 1
                # `(.*/)?` is the only group and `.*` the only dot that a pattern turns into
                self.out.append(self._plain(rest))
        return "".join(self.out)

    def _plain(self, char: str) -> str:
        if char == "(":
            if not self.text.startswith(".*/)", self.at):
                raise self.fail()
            self.at += 4
            return "(?:.*/)"
        if char == "^":
            return r"\A"
        if char == "$":
            return r"\Z"
        return char if char in ".|" else re.escape(char)

    def _repetition(self) -> bool:
        """Append what repeats the last item; False when a brace is only a brace."""
        if self.text[self.at] == "{":
            found = re.compile(_REPEAT).match(self.text, self.at)
            if found is None or (found[3] and not found[2]):
                return False
            low, high = int(found[1]), int(found[3]) if found[3] else -1
            if low > 1000 or high > 1000 or 0 <= high < low:
                raise self.fail()
            sign, end = found[0], found.end()
        else:
            sign, end, low = self.text[self.at], self.at + 1, 0
        if not self.out or self.out[-1] == "|" or self.repeated:
            raise self.fail()
        self.at = end
        self.repeated = True
        if self.out[-1] in (r"\A", r"\Z", *_ANCHORS.values()):  # Python refuses to repeat these
            self.out[-1] = "(?:)" if low == 0 else self.out[-1]
        else:
            self.out[-1] = f"(?:{self.out[-1]}){sign}"
        return True

    def _escape(self) -> None:
        """Read an escape outside a class."""
        after = self.text[self.at + 1 : self.at + 2]
        if after in _ANCHORS and after:
            self.out.append(_ANCHORS[after])
            self.at += 2
        elif after == "Q":
            literal, _, _ = self.text[self.at + 2 :].partition(r"\E")
            self.at = min(self.at + 2 + len(literal) + 2, len(self.text))
            self.out.extend(re.escape(char) for char in literal)
        elif (chars := self._set()) is not None:
            self.out.append(f"[{chars}]")
        else:
            self.out.append(re.escape(self._char()))

    def _set(self) -> str | None:
        r"""Read ``\d``, ``\pL`` and their like as the inside of a class; None for any other."""
        name = self.text[self.at + 1 : self.at + 2]
        if name and name.lower() in _PERL:
            self.at += 2
            chars = _PERL[name.lower()]
            return chars if name.islower() else _complement(f"[{chars}]")
        if name and name in "pP":
            found = re.compile(r"\\[pP](?:\{(\^?)(\w+)\}|(\w))").match(self.text, self.at)
            if found is None:
                raise self.fail()
            self.at = found.end()
            negated = (name == "P") != bool(found[1])
            return _category(found[2] or found[3], negated, self.fail())
        return None

    def _char(self) -> str:
        """Read an escaped character."""
        char = self.text[self.at + 1 : self.at + 2]
        if "1" <= char <= "7" and not "0" <= self.text[self.at + 2 : self.at + 3] <= "7":
            raise self.fail()  # a back-reference
        if "0" <= char <= "7" and (octal := re.compile(_OCTAL).match(self.text, self.at)):
            self.at = octal.end()
            return chr(int(octal[1], 8))
        if char == "x" and (hexadecimal := re.compile(_HEXADECIMAL).match(self.text, self.at)):
            self.at = hexadecimal.end()
            code = int(hexadecimal[1] or hexadecimal[2], 16)
            if code > sys.maxunicode:
                raise self.fail()
            return chr(code)
        if char in _CONTROL or (char and char < "\x80" and not char.isalnum()):
            self.at += 2
            return _CONTROL.get(char, char)
        raise self.fail()

    def _class(self) -> str:
        self.at += 1
        negated = self.text.startswith("^", self.at)
        self.at += negated
        parts: list[str] = []
        first = True
        while first or not self.text.startswith("]", self.at):
            first = False
            posix = re.compile(r"\[:(.*?):\]", re.DOTALL).match(self.text, self.at)
            if posix:
                name = posix[1].removeprefix("^")
                if name not in _POSIX:
                    raise self.fail()
                self.at = posix.end()
                chars = _POSIX[name]
                parts.append(_complement(f"[{chars}]") if posix[1] != name else chars)
            elif self.text.startswith("\\", self.at) and (chosen := self._set()) is not None:
                parts.append(chosen)
            else:
                low = self._class_char()
                high = low
                if re.compile(r"-[^\]]", re.DOTALL).match(self.text, self.at):
                    self.at += 1
                    high = self._class_char()
                if high < low:
                    raise self.fail()
                parts.append(f"{re.escape(low)}-{re.escape(high)}")
        self.at += 1
        return f"[{'^' if negated else ''}{''.join(parts)}]"

    def _class_char(self) -> str:
        if self.at >= len(self.text):
            raise self.fail()
        if self.text[self.at] == "\\":
            return self._char()
        self.at += 1
        return self.text[self.at - 1]


def _complement(group: str) -> str:
    """Turn a class of ASCII characters into the ranges of all others."""
    member = re.compile(group)
    others = "".join(re.escape(chr(i)) for i in range(128) if not member.match(chr(i)))
    return others + "\x80-\U0010ffff"


def _category(name: str, negated: bool, error: BadPattern) -> str:
    """Spell out a Unicode category; scripts are not known to Python and are refused."""
    import unicodedata

    found: list[list[int]] = []
    for code in range(sys.maxunicode + 1):
        if (unicodedata.category(chr(code)).startswith(name) or name == "Any") != negated:
            if found and found[-1][1] == code - 1:
                found[-1][1] = code
            else:
                found.append([code, code])
    if not found:
        raise error
    return "".join(f"{re.escape(chr(low))}-{re.escape(chr(high))}" for low, high in found)
