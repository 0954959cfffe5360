"""A stall: something that a build is at and that says nothing for too long."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from layers.runtime.events import Stalled

PAUSE = 0.4
"""Seconds between two looks, however much a build prints."""

LAST_LINES = 10
"""Lines of a step's output that are shown."""

ASKS = (
    "it seems to wait for an answer, which nobody can give in a build: set"
    " DEBIAN_FRONTEND=noninteractive for this RUN, or pass the tool's option for yes (-y);"
    " `doit check` finds such steps before a build"
)
FETCHES = (
    "a server, mirror or proxy may not answer: try its address from this machine, and give the"
    " tool a time limit (pip --timeout, curl --max-time, apt-get -o Acquire::http::Timeout=60);"
    " or it asks a question, which nobody can answer in a build"
)
RUNS = (
    "usual causes: a question, which nobody can answer in a build (-y,"
    " DEBIAN_FRONTEND=noninteractive), a server that does not answer, a service that stays in the"
    " foreground. If this step is silent by its nature, raise the image's stall_timeout"
)
WAITS = (
    "it has printed nothing yet: another step or build may hold the cache that it mounts with"
    " sharing=locked"
)
CLIPPED = (
    "BuildKit passes on no more than 2 MiB of a step, or 200 KiB/s: it may well print and work. Let"
    " it print less, or set BUILDKIT_STEP_LOG_MAX_SIZE=-1 for the engine or the builder"
)
OWN = (
    "BuildKit itself is at this: large images take long to fetch, copy or pack. If a registry or"
    " a server is behind it, see whether that one answers"
)
NOBODY = "no step is at work: see whether the engine, or the builder, still answers"

_QUESTION = re.compile(
    r"""
    [?:]\s*\Z                                # a prompt
    | [\[(]y/n[\])] | [\[(]yes/no | \byes\ or\ no\b | \[more\]
    | geographic\ area | passphrase | password | press\ (?:enter|return|any\ key)
    """,
    re.I | re.X,
)
_FETCH = re.compile(
    r"\b(?:apt|apt-get|apk|curl|wget|git|pip3?|uv|poetry|conda|npm|npx|yarn|pnpm|go\ (?:get|mod)"
    r"|cargo|gem|bundle|composer|dnf|yum|mvn|gradle)\b"
)


@dataclass(frozen=True)
class Patience:
    """How long silence is borne; ``ends``: a RUN step that is silent for longer ends the build."""

    seconds: float = 600.0
    ends: bool = False


@dataclass(frozen=True)
class Work:
    """Something that a build is at, as it is now."""

    name: str
    """As BuildKit has it; empty: the build itself."""
    heard: int
    """Grows with each word of it."""
    number: int = 0
    """Its place among the steps of the Dockerfile; 0: work of BuildKit's own, such as exporting."""
    total: int = 0
    lines: tuple[str, ...] = ()
    """What it printed last; the very last may be a prompt, without its end."""

    @property
    def text(self) -> str:
        """The step without its ``[stage n/m]`` prefix."""
        return self.name.partition("] ")[2] or self.name

    @property
    def program(self) -> bool:
        """Whether a program of the user's runs here, which alone can hang for good.

        All else is BuildKit's own (COPY, FROM, exporting): it may be silent over 13 GB.
        A RUN that mounts a locked cache may wait for another build until it prints, and one whose
        output is clipped may be far from silent.
        """
        runs = self.number > 0 and self.text.startswith("RUN ")
        return runs and not self.waits and not self.clipped

    @property
    def waits(self) -> bool:
        """Whether it may not have begun at all."""
        return not self.lines and "sharing=locked" in self.text

    @property
    def clipped(self) -> bool:
        """Whether BuildKit keeps back what it prints (moby/buildkit, util/progress/logs)."""
        return self.last.startswith("[output clipped, log limit ")

    @property
    def last(self) -> str:
        """The last line with anything in it; empty: there is none."""
        return next((line for line in reversed(self.lines) if line.strip()), "")


class Stall(NamedTuple):
    """Something that stalls, and whether the build has to end for it."""

    event: Stalled
    ends: bool


@dataclass
class _Silence:
    heard: int
    since: float
    due: float
    """Seconds of silence after which it is told of."""


@dataclass
class Watch:
    """Who was silent since when; times are of any clock that does not go back."""

    layer: str
    patience: Patience
    _silences: dict[str, _Silence] = field(default_factory=dict)
    _next: float = -math.inf

    def look(self, now: float, works: Callable[[], Mapping[str, Work]]) -> list[Stall]:
        """What to tell of all that is at work now; ``works`` is asked at most every `PAUSE`.

        Each is told of once it was silent for as long as is borne, and after that at each doubling
        of the time, also if it spoke in between.
        """
        if now < self._next:
            return []
        self._next = now + PAUSE
        told = []
        for key, work in works().items():
            silence = self._silences.get(key)
            if silence is None:
                silence = _Silence(work.heard, now, self.patience.seconds)
                self._silences[key] = silence
            elif silence.heard != work.heard:
                silence.heard, silence.since = work.heard, now
            quiet = now - silence.since
            ends = self.patience.ends and work.program and quiet >= self.patience.seconds
            if quiet < silence.due and not ends:
                continue
            while silence.due <= quiet:
                silence.due *= 2
            told.append(Stall(self._stalled(work, quiet), ends))
        return told

    def _stalled(self, work: Work, quiet: float) -> Stalled:
        name = work.name or "docker buildx build"
        lines = work.lines[-LAST_LINES:]
        return Stalled(self.layer, work.number, work.total, name, quiet, lines, advice(work))


def advice(work: Work) -> str:
    """What may be behind the silence of ``work``, and what to do."""
    if not work.name:
        return NOBODY
    if work.number == 0 or not work.text.startswith("RUN "):
        return OWN
    if work.waits:
        return WAITS
    if work.clipped:
        return CLIPPED
    if _QUESTION.search(work.last):
        return ASKS
    return FETCHES if _FETCH.search(work.text) else RUNS
