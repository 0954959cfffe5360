"""A report's findings with something in every section, for tests and for the pictures in docs."""

from __future__ import annotations

from layers.htmlreport.findings import (
    Age,
    Findings,
    Growth,
    Package,
    Part,
    Reason,
    Status,
    Weight,
    Work,
)
from layers.picture.drawing import Arrow, Box, Drawing

DAY = 86400.0
NOW = 1767225600.0
"""2026-01-01."""
MB = 1_000_000
KEYS = [f"xxh3-{digit * 32}" for digit in "0123456789abcdef"]
ODD = "<script>alert('x')</script>&\"`"


def _up(name: str) -> Box:
    return Box(f"upstream {name} linux/amd64", name, "upstream", "pinned")


def _box(name: str, state: str, size: int | None = None, expected: float | None = None) -> Box:
    return Box(name, name, "image", state, size, expected)


DRAWING = Drawing(
    "shop",
    (
        _up("nvidia/cuda:12.2.0-runtime-ubuntu22.04"),
        _box("base-gpu", "fresh", 9_800 * MB),
        _box("pose", "build", None, 540.0),
        _box("tracker", "pull", 1_200 * MB, 40.0),
        _up("python:3.12-slim"),
        _box("base-python", "fresh", 190 * MB),
        _box("api", "fresh", 265 * MB),
        _box("worker", "build", None, 75.0),
        _up("node:22-alpine"),
        _box("frontend", "error"),
    ),
    (
        Arrow("upstream nvidia/cuda:12.2.0-runtime-ubuntu22.04 linux/amd64", "base-gpu"),
        Arrow("base-gpu", "pose"),
        Arrow("base-gpu", "tracker"),
        Arrow("upstream python:3.12-slim linux/amd64", "base-python"),
        Arrow("base-python", "api"),
        Arrow("base-python", "worker"),
        Arrow("api", "worker", whole=False),
        Arrow("upstream node:22-alpine linux/amd64", "frontend"),
        Arrow("api", "frontend", whole=False),
    ),
)


def _weights(sizes: list[int], *, torch: int = 0) -> tuple[Weight, ...]:
    found = []
    for at, size in enumerate(sizes):
        grown = torch + at * torch // 20
        packages = (
            Package("pip torch", grown * MB),
            Package("dpkg libcudnn8", 1040 * MB),
            Package("pip numpy", 72 * MB),
            Package("dpkg libc6", 13 * MB),
        )
        parts = (
            Part("a base", size * MB // 5),
            Part("RUN apt-get install -y libgl1 ffmpeg", size * MB // 10),
            Part("RUN pip install -r requirements.txt", size * MB * 7 // 10),
        )
        day = NOW - (len(sizes) - at) * 17 * DAY
        held = packages if torch else packages[2:]
        found.append(Weight(KEYS[at], day, size * MB, parts, held))
    return tuple(found)


def _works() -> tuple[Work, ...]:
    times = {
        "base-gpu": [1560.0, 1490.0, 1710.0, 1620.0],
        "pose": [610.0, 540.0, 520.0, 538.0, 541.0],
        "api": [75.0, 71.0, 22.0],
        "worker": [80.0],
    }
    found = [
        Work(NOW - (len(row) - at) * 16 * DAY, layer, "build", KEYS[at], seconds, True)
        for layer, row in times.items()
        for at, seconds in enumerate(row)
    ]
    found += [Work(NOW - 3 * DAY, "frontend", "build", KEYS[0], 12.0, False)]
    found += [Work(NOW - at * DAY, "base-gpu", "pull", KEYS[3], 210.0, True) for at in (2, 5, 9)]
    found += [Work(NOW - DAY, "tracker", "pull", KEYS[1], 41.0, True)]
    return tuple(sorted(found))


def example(odd: str = "") -> Findings:
    """Everything, at `NOW`; ``odd`` is put wherever a text of somebody else's can stand."""
    return Findings(
        f"shop{odd}",
        odd,
        NOW,
        "2 to build (≈ 10 min), 1 to pull (up to 1.2 GB), 3 fresh, 1 that cannot be made",
        DRAWING._replace(
            boxes=tuple(box._replace(name=box.name + odd) for box in DRAWING.boxes),
            title=f"shop{odd}",
        ),
        (
            Status("base-gpu", "image", "fresh", size=9_800 * MB, created=NOW - 16 * DAY),
            Status(
                "pose",
                "image",
                "build",
                f"pose/requirements.txt: numpy 1.26.3 → 1.26.4{odd}",
                2,
                expected=540.0,
            ),
            Status(
                "tracker",
                "image",
                "pull",
                "tracker/track.py changed",
                size=1_200 * MB,
                expected=40.0,
            ),
            Status("base-python", "image", "fresh", size=190 * MB, created=NOW - 130 * DAY),
            Status("api", "image", "fresh", size=265 * MB, created=NOW - 4 * DAY),
            Status("worker", "image", "build", "base-python is built first", expected=75.0),
            Status("frontend", "image", "error", "frontend/Dockerfile:7: unknown instruction: RUM"),
        ),
        (
            Growth("base-gpu", _weights([9100, 9250, 9300, 9800], torch=2500), 10_000 * MB),
            Growth("pose", _weights([10_900, 10_950, 11_400, 11_390], torch=2500)),
            Growth("api:deps", _weights([210, 240])),
            Growth("api", _weights([240, 238, 262, 265]), 300 * MB),
            Growth(f"worker{odd}", _weights([251])),
        ),
        _works(),
        (
            Age(
                "node:22-alpine",
                "upstream",
                NOW - 140 * DAY,
                ("frontend",),
                "pinned in images.lock",
            ),
            Age(
                "python:3.12-slim",
                "upstream",
                NOW - 60 * DAY,
                ("base-python",),
                "pinned in images.lock",
            ),
            Age("base-gpu", "refreshed base", NOW - 16 * DAY, ("pose", "tracker"), f"epoch 7{odd}"),
        ),
        (
            Reason(
                "base-gpu",
                KEYS[3],
                KEYS[2],
                NOW - 16 * DAY,
                (("base-gpu", "base-gpu/Dockerfile:12: RUN pip install torch==2.2.0 changed"),),
            ),
            Reason(
                "pose",
                KEYS[4],
                KEYS[3],
                None,
                (
                    ("base-gpu", "base-gpu/Dockerfile:12: RUN pip install torch==2.2.0 changed"),
                    ("pose", f"pose/requirements.txt: numpy 1.26.3 → 1.26.4{odd}"),
                ),
            ),
            Reason(
                "api",
                KEYS[2],
                KEYS[1],
                NOW - 16 * DAY,
                note=f"what {KEYS[1]} was made from is not kept here",
            ),
            Reason("worker", KEYS[0], None, NOW - 16 * DAY, note="no earlier key is known here"),
        ),
        (f"tracker: packages were not looked up: no such image{odd}",),
    )
