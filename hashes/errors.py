"""Errors for people: what is wrong, where it stands, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class LayersError(Exception):
    """A mistake that its reader can mend; the text is the whole message.

    ``file`` is a path as the user wrote it, ``line`` counts from 1, ``hint`` says what to do.
    """

    def __init__(
        self, message: str, *, file: str | None = None, line: int | None = None, hint: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.hint = hint

    def __str__(self) -> str:
        where = self.file or ""
        if where and self.line:
            where = f"{where}:{self.line}"
        text = f"{where}: {self.message}" if where else self.message
        return f"{text}\n  {self.hint}" if self.hint else text


class Several(LayersError):
    """Some mistakes of one kind in one error, whose place is the first one's."""

    def __init__(self, faults: Sequence[LayersError]) -> None:
        first = faults[0]
        super().__init__(first.message, file=first.file, line=first.line, hint=first.hint)
        self.faults = tuple(faults)

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


class DockerfileError(LayersError):
    """A Dockerfile that BuildKit would refuse."""


class IgnoreError(LayersError):
    """An ignore file that BuildKit would refuse."""


class ContextError(LayersError):
    """A file that a Dockerfile asks for and its build context does not have."""

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        hint: str = "",
        gone: str = "",
    ) -> None:
        """``gone`` is the path in the context that is not there; empty: it is something else."""
        super().__init__(message, file=file, line=line, hint=hint)
        self.gone = gone


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The tail of a message: ``" (did you mean 'cuda'?)"``, or nothing where no word is near."""
    import difflib  # only a fault needs it

    words = sorted(set(known) - {word})
    folded = word.casefold()
    same = [other for other in words if other.casefold() == folded]
    near = same or difflib.get_close_matches(word, words, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
