"""Durations and sizes as people write them."""

from __future__ import annotations

_TIMES = {"s": 1, "m": 60, "h": 3600}
_FACTORS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12} | {
    "ki": 2**10, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40,
}  # fmt: skip
_DAY = 86400.0
_YEAR = 365.25 * _DAY
_AGES = (
    ("s", 1.0, 120.0),
    ("min", 60.0, 7200.0),
    ("h", 3600.0, 2 * _DAY),
    ("days", _DAY, 14 * _DAY),
    ("weeks", 7 * _DAY, 61 * _DAY),
    ("months", _YEAR / 12, 2 * _YEAR),
)
_UNITS = ("B", "kB", "MB", "GB", "TB")


def seconds(value: float) -> str:
    """A duration with its unit: ``1.3 s``, ``41 s``, ``3:20 min``, ``1:02:03 h``."""
    if value < 9.95:
        return f"{max(value, 0.0):.1f} s"
    if value < 59.5:
        return f"{value:.0f} s"
    text = clock(value)
    return f"{text} h" if text.count(":") == 2 else f"{text} min"


def clock(value: float) -> str:
    """A duration as a running clock shows it: ``0:41``, ``3:20``, ``1:02:03``."""
    minutes, rest = divmod(round(max(value, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def about(value: float) -> str:
    """A duration that was guessed: ``41 s``, ``26 min``, ``1 h 20 min``."""
    if value < 59.5:
        return f"{max(value, 1):.0f} s"
    hours, minutes = divmod(round(value / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def age(value: float) -> str:
    """How long ago, in the unit of which there are two or more: ``30 s``, ``3 days``."""
    number = max(value, 0.0)
    for unit, length, next_from in _AGES:
        if number < next_from:
            return f"{number // length:.0f} {unit}"
    return f"{number // _YEAR:.0f} years"


def parsed(text: str) -> int:
    """The seconds of a duration as ``images.toml`` has it: ``90s``, ``10m``, ``2 h``."""
    return int(text[:-1]) * _TIMES[text[-1]]


def size(value: int) -> str:
    """A number of bytes in powers of 1,000, as registries count: ``999 B``, ``12 kB``, ``1.2 GB``.

    One decimal below 10, none above.
    """
    number = float(max(value, 0))
    for unit in _UNITS:
        digits = 1 if unit != "B" and number < 9.95 else 0
        if number < 999.5 or unit == _UNITS[-1]:
            return f"{number:.{digits}f} {unit}"
        number /= 1000
    raise AssertionError("unreachable")


def parse_size(text: str) -> int:
    """Bytes of a size as ``images.toml`` has it: ``14 GB`` (thousands) or ``512 MiB`` (1,024s)."""
    number = text.rstrip("kKMGTiB ")
    unit = text[len(number) :].strip().removesuffix("B")
    return int(float(number) * _FACTORS[unit])
