"""The postura stack's own files: two variants of one Dockerfile, its pins and its scripts."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from layers.config.load import load
from layers.config.spec import Spec
from tests.unit.stackfiles import IMAGES, MANDATORY, installed, parents, pins, read, texts, unhashed

SCRIPTS = IMAGES / "postura" / "scripts"


def spec() -> Spec:
    """images.toml as it stands."""
    text = (IMAGES.parent / "images.toml").read_text(encoding="utf-8")
    return load(text, profile=None, registry="", platform="linux/amd64", exists=lambda _path: True)


def test_one_dockerfile_makes_both_variants() -> None:
    """They differ in their base and their name, and in nothing else."""
    images = spec().images
    cpu, gpu = images["postura-cpu"], images["postura-gpu"]
    assert (cpu.context, cpu.dockerfile) == (gpu.context, gpu.dockerfile)
    assert (cpu.tag, gpu.tag) == ("postura-cpu", "postura-gpu")
    assert cpu.args == {"BASE": "python:3.10-slim"}
    assert gpu.args == {"BASE": "nvidia/cuda:12.2.0-cudnn8-runtime-ubuntu22.04"}
    assert parents("postura") == {"system": "${BASE}", "deps": "system", "runtime": "deps"}


def test_the_image_has_the_four_variables() -> None:
    """From its first stage on."""
    [told] = texts("postura", "system", "ENV")
    for pair in (
        *("PYTHONDONTWRITEBYTECODE=1", "PYTHONUNBUFFERED=1"),
        *("PIP_NO_CACHE_DIR=1", "POSTURA_ENV=docker"),
    ):
        assert pair in told


def test_only_the_listed_packages_are_installed() -> None:
    """Acceptance, minimal: no compiler, no git; Python alone where the base has none."""
    found = [
        installed(text) for stage in parents("postura") for text in texts("postura", stage, "RUN")
    ]
    assert [each for each in found if each] == [
        ["$python", "ca-certificates", "curl", "ffmpeg", "libgl1", "libglib2.0-0"]
    ]
    assert "|| echo python3 python3-venv)" in texts("postura", "system", "RUN")[0]


def test_every_package_of_python_is_pinned_with_its_hashes() -> None:
    """Acceptance, deterministic: what pip takes is decided by files, and nothing is compiled."""
    wanted, constraints = pins("postura/requirements.txt"), pins("postura/constraints.txt")
    assert wanted
    assert wanted.items() <= constraints.items()
    assert unhashed("postura/constraints.txt") == []
    [run] = texts("postura", "deps", "RUN")
    install, check = re.findall(r"pip install [^&]*", run)
    for word in ("--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile"):
        assert word in install
    assert "--no-index -r /opt/pins/requirements.txt -c /opt/pins/constraints.txt" in check
    assert "--mount=type=cache,target=/root/.cache/pip" in run


def test_the_pins_come_before_the_code() -> None:
    """A change of the code installs nothing."""
    assert texts("postura", "deps", "COPY") == ["COPY requirements.txt constraints.txt /opt/pins/"]
    assert texts("postura", "runtime", "RUN") == []


def test_nobody_runs_as_root() -> None:
    """Acceptance, non-root: a number, which Kubernetes can check."""
    assert texts("postura", "runtime", "USER") == ["USER 10001:10001"]


@pytest.mark.parametrize("entry", MANDATORY)
def test_ignore_file_has_the_mandatory_entry(entry: str) -> None:
    """Each mandatory entry is there for any depth."""
    lines = [line.rstrip("/") for line in read("postura/.dockerignore").splitlines()]
    assert f"**/{entry}" in lines


def program(folder: Path, name: str, text: str) -> dict[str, str]:
    """A program of that name which comes first on the path."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


@pytest.mark.parametrize(
    ("variable", "words", "started"),
    [
        (None, ["MODE=batch"], "-m pose.backend"),
        (None, [], "-m pose.backend"),
        (None, ["MODE=api"], "-m pose.api"),
        ("api", ["MODE=batch"], "-m pose.api"),
        ("batch", ["MODE=batch", "--input", "a b"], "-m pose.backend --input a b"),
        (None, ["--input", "x"], "-m pose.backend --input x"),
        ("", ["MODE=api"], "-m pose.api"),
    ],
)
def test_the_mode_is_a_variable_or_the_first_word(
    variable: str | None, words: list[str], started: str, tmp_path: Path
) -> None:
    """``docker run -e MODE=api`` and ``docker run IMAGE MODE=api``; batch where nobody says."""
    env = program(tmp_path, "python3", 'echo "$@"')
    env |= {} if variable is None else {"MODE": variable}
    script = str(SCRIPTS / "entrypoint.sh")
    answer = subprocess.run([script, *words], env=env, capture_output=True, text=True, check=True)
    assert answer.stdout == f"{started}\n"


def test_the_program_is_process_one_and_its_status_the_containers(tmp_path: Path) -> None:
    """No shell stands between docker's SIGTERM and Python."""
    env = program(tmp_path, "python3", "echo $$; exit 7")
    with subprocess.Popen([SCRIPTS / "entrypoint.sh"], env=env, stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        assert int(started.stdout.readline()) == started.pid
    assert started.returncode == 7


@pytest.mark.parametrize("mode", ["API", "serve", "api "])
def test_an_unknown_mode_is_refused_with_the_known_ones(mode: str) -> None:
    """Status 2, and nothing is started."""
    answer = subprocess.run(
        [SCRIPTS / "entrypoint.sh", f"MODE={mode}"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 2
    assert f"MODE is '{mode}', expected api or batch" in answer.stderr


@pytest.mark.parametrize("status", [0, 22])
def test_health_is_what_healthz_answers(status: int, tmp_path: Path) -> None:
    """curl's own status, at the port that the image is told."""
    env = program(tmp_path, "curl", f'echo "$@"; exit {status}') | {"PORT": "8123"}
    answer = subprocess.run(
        [SCRIPTS / "healthcheck.sh"], env=env, capture_output=True, text=True, check=False
    )
    assert answer.returncode == status
    assert "--fail" in answer.stdout
    assert answer.stdout.endswith("http://127.0.0.1:8123/healthz\n")


def test_a_batch_that_is_alive_is_healthy(tmp_path: Path) -> None:
    """Nothing listens then; the process itself is what counts."""
    env = program(tmp_path, "curl", "exit 7")
    batch = tmp_path / "batch"
    batch.write_text("#!/bin/sh\nread -r line\n")
    with subprocess.Popen(["sh", batch, "-m", "pose.backend"], stdin=subprocess.PIPE) as running:
        while b"pose.backend" not in Path(f"/proc/{running.pid}/cmdline").read_bytes():
            pass
        assert subprocess.run([SCRIPTS / "healthcheck.sh"], env=env, check=False).returncode == 0
        running.communicate(b"\n")
    assert subprocess.run([SCRIPTS / "healthcheck.sh"], env=env, check=False).returncode == 7
