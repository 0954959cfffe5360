"""Finding: the cause of a failed step, by the rules of the tool that said the last words."""

from __future__ import annotations

from layers.build.failure import apt, buildkit, compilers, fetch, git, npm, pip, shell
from layers.build.failure.cause import Cause, Ending, Rule, matched

PLAIN: tuple[Rule, ...] = (
    *buildkit.RULES,
    *npm.RULES,
    *git.RULES,
    *fetch.RULES,
    *shell.RULES,
)
"""Rules that need nothing but their pattern."""

RULES: tuple[Rule, ...] = (
    *(apt.UNKNOWN, apt.NO_LISTS, *apt.RULES),
    *pip.RULES,
    *compilers.RULES,
    *PLAIN,
)
"""Each rule once; docs/failures.md shows them."""


def cause_of(ending: Ending) -> Cause | None:
    """What is behind an ending; None where its last words leave a doubt."""
    return (
        apt.cause(ending) or pip.cause(ending) or compilers.cause(ending) or matched(PLAIN, ending)
    )
