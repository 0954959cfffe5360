"""The three failures that cost the seeds' authors a day are told before the build begins."""

from __future__ import annotations

from pathlib import Path

from layers.check.online.package_names import asks, judge, read, script
from tests.unit.checks import findings, subject_of

DOCKERFILE = """\
FROM nvidia/cuda:11.8.0-runtime-ubuntu20.04
WORKDIR /app
RUN apt-get update && apt-get install -y --no-install-recommends \\
    python3 python3-pip git tzdata \\
    libwebp7 \\
    && rm -rf /var/lib/apt/lists/*
COPY requirements.txt .
RUN pip install --upgrade pip
RUN pip install joblib
RUN pip install "git+https://github.com/facebookresearch/pytorch3d@v0.7.0"
RUN pip install -r requirements.txt
"""
REQUIREMENTS = {"requirements.txt": "torch==2.0.1\nnumpy==1.23.5\n"}


def test_the_question_that_stood_for_43_minutes_is_told(tmp_path: Path) -> None:
    """Failure 1: tzdata asks for a time zone."""
    (found,) = findings(tmp_path, DOCKERFILE, REQUIREMENTS, rules=["apt-asks"])
    assert (found.severity, found.line) == ("error", 3)
    assert "tzdata" in found.message


def test_the_package_of_another_release_is_asked_for_and_told(tmp_path: Path) -> None:
    """Failure 2: libwebp7 in Ubuntu 20.04; what that index says is in its own words."""
    found = list(asks(subject_of(tmp_path, DOCKERFILE, REQUIREMENTS)))
    assert "libwebp7" in script(found)
    said = "@os ubuntu focal\n@ask 0\nE: Unable to locate package libwebp7\n"
    (told,) = judge(found, read(said)._replace(names=("libwebp6", "libwebpmux3")))
    assert (told.severity, told.line) == ("error", 3)
    assert "libwebp7 is not in ubuntu focal" in told.message
    assert "libwebp6" in told.hint


def test_pytorch3d_before_torch_is_told(tmp_path: Path) -> None:
    """Failure 3: its build imports what the next line installs."""
    found = findings(tmp_path, DOCKERFILE, REQUIREMENTS, rules=["build-needs", "build-isolation"])
    assert [(each.rule, each.severity, each.line) for each in found] == [
        ("build-isolation", "warning", 10),
        ("build-needs", "error", 10),
    ]


def test_what_their_authors_made_of_it_is_clean(tmp_path: Path) -> None:
    """With the three fixes nothing of this is left."""
    mended = (
        DOCKERFILE.replace("apt-get install", "DEBIAN_FRONTEND=noninteractive apt-get install")
        .replace("libwebp7", "libwebp6")
        .replace("RUN pip install joblib", "RUN pip install joblib torch==2.0.1")
        .replace('pip install "git', 'pip install --no-build-isolation "git')
    )
    found = findings(tmp_path, mended, REQUIREMENTS)
    assert [each.rule for each in found if each.severity == "error"] == []
