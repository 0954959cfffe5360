"""What stages of one file give each other by mistake, and plain builds without it.

Frontends before 1.24 keep labels, ports and volumes of stages with one base in one map: LABEL in
a stage that is only copied from shows in the image (moby/buildkit#6712, mended by #6713).  A kept
stage is an image of its own, and gives nothing away.  So the image that plain builds should have
given comes from the same file without those lines in the stages that the target is not made from.
"""

from __future__ import annotations

from collections.abc import Sequence

SHARED = ("Labels", "ExposedPorts", "Volumes")
"""Settings in maps."""
_LINES = ("LABEL ", "EXPOSE ", "VOLUME ")


def only_shared(told: Sequence[str]) -> bool:
    """Whether differences, told as ``image: setting …``, are in those settings alone."""
    return all(any(f": setting {name}: " in each for name in SHARED) for each in told)


def own(lines: Sequence[str], target: str = "") -> tuple[str, ...]:
    """Instructions without the settings of stages that ``target`` is not ``FROM``.

    As they are, where a name in FROM is a variable or the target is none of the stages.
    """
    starts = [at for at, line in enumerate(lines) if line[:5].upper() == "FROM "]
    words = [[word for word in lines[at].split()[1:] if word[:2] != "--"] for at in starts]
    if any("$" in each[0] for each in words):
        return tuple(lines)
    names = [each[2].lower() if len(each) > 2 else "" for each in words]
    named = {name: number for number, name in enumerate(names)}
    wanted = target.lower() or str(len(starts) - 1)
    number = named.get(wanted, int(wanted) if wanted.isdigit() else -1)
    chain: set[int] = set()
    while 0 <= number < len(starts):
        chain.add(number)
        above = {name: at for at, name in enumerate(names[:number])}
        number = above.get(words[number][0].lower(), -1)
    if not chain:
        return tuple(lines)
    stage, found = -1, []
    for at, line in enumerate(lines):
        stage += at in starts
        if stage < 0 or stage in chain or not line.upper().startswith(_LINES):
            found.append(line)
    return tuple(found)
