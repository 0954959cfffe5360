"""The safety stack's own files: stages, pins, budgets, the model and the script that copies it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import runpy
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from layers.config.toml import read as read_toml
from layers.runtime.units import parse_size
from tests.unit.stackfiles import IMAGES, MANDATORY, installed, parents, pins, read, texts, unhashed

SAFETY = IMAGES / "safety"
BACKEND, FRONTEND, MODEL = "safety/backend", "safety/frontend", "safety/yolov8-model"
TOML = read_toml((IMAGES.parent / "images.toml").read_text(encoding="utf-8"), "images.toml")
GB, MB = 10**9, 10**6


@pytest.mark.parametrize(
    ("folder", "stages"),
    [
        (BACKEND, {"base": "python:${PYTHON_VERSION}-slim", "builder": "base", "runtime": "base"}),
        (MODEL, {"base": "alpine:3.19", "model-prep": "base", "runtime": "base"}),
        (
            FRONTEND,
            {
                "base": "node:18-alpine",
                "deps-prod": "base",
                "deps-dev": "base",
                "builder": "deps-dev",
                "nginx-base": "nginx:alpine",
                "production": "nginx-base",
            },
        ),
    ],
)
def test_the_stages_are_those_of_the_stack(folder: str, stages: dict[str, str]) -> None:
    """Name by name, each on the base that it should have."""
    assert parents(folder) == stages
    assert list(parents(folder)) == list(stages)


@pytest.mark.parametrize(
    ("image", "budget"),
    [("safety-backend", 2 * GB), ("safety-frontend", 100 * MB), ("yolov8-model", 30 * MB)],
)
def test_the_size_table_is_the_budget(image: str, budget: int) -> None:
    """The upper end of what the authors measured."""
    assert parse_size(TOML["images"][image]["max_size"]) == budget


@pytest.mark.parametrize("folder", [BACKEND, FRONTEND, MODEL])
@pytest.mark.parametrize("entry", MANDATORY)
def test_ignore_file_has_the_mandatory_entry(folder: str, entry: str) -> None:
    """Each mandatory entry is there for any depth."""
    lines = [line.rstrip("/") for line in read(f"{folder}/.dockerignore").splitlines()]
    assert f"**/{entry}" in lines


@pytest.mark.parametrize(
    ("folder", "stage", "user"),
    [(BACKEND, "runtime", "1000"), (MODEL, "runtime", "1000"), (FRONTEND, "production", "101")],
)
def test_nobody_runs_as_root(folder: str, stage: str, user: str) -> None:
    """The last word about the user is a number other than 0, which Kubernetes can check."""
    assert texts(folder, stage, "USER")[-1] == f"USER {user}:{user}"


# -- backend ---------------------------------------------------------------------------------


def test_compilers_are_in_the_builder_alone() -> None:
    """The runtime takes the environment from there, and its base installs what OpenCV loads."""
    [base] = map(installed, texts(BACKEND, "base", "RUN"))
    assert base == ["ca-certificates", "curl", "libgl1", "libglib2.0-0", "libsm6", "libxext6"]
    assert installed(texts(BACKEND, "builder", "RUN")[0]) == ["build-essential", "git", "wget"]
    assert not any(installed(text) for text in texts(BACKEND, "runtime", "RUN"))
    copies = [text for text in texts(BACKEND, "runtime", "COPY") if "--from" in text]
    assert copies == ["COPY --from=builder /opt/venv /opt/venv"]


def test_torch_is_for_the_cpu_and_comes_first() -> None:
    """Its version and index are build args; the rest is locked with hashes and has no torch."""
    args = texts(BACKEND, "builder", "ARG")
    assert args[0] == "ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu"
    assert re.search(r"torch==\S+\+cpu torchvision==\S+\+cpu", args[1])
    runs = texts(BACKEND, "builder", "RUN")
    torch = next(n for n, text in enumerate(runs) if "$TORCH" in text)
    rest = next(n for n, text in enumerate(runs) if "requirements.lock" in text)
    assert torch < rest
    assert "--require-hashes --no-deps" in runs[rest]
    assert not pins(f"{BACKEND}/requirements.lock").keys() & {"torch", "torchvision"}


def test_backend_lock_covers_what_is_wanted() -> None:
    """Every pin of requirements.txt is in the lock, and nothing there lacks a hash."""
    wanted, lock = pins(f"{BACKEND}/requirements.txt"), pins(f"{BACKEND}/requirements.lock")
    assert wanted
    assert wanted.items() <= lock.items()
    assert unhashed(f"{BACKEND}/requirements.lock") == []


@pytest.mark.parametrize("name", ["torch", "torchvision"])
def test_stand_ins_answer_the_default_pins(name: str) -> None:
    """The pins of the true stack are met by them, in versions that PyPI allows nobody."""
    text = read(f"safety/stand-ins/{name}/pyproject.toml")
    version = read_toml(text, "pyproject.toml")["project"]["version"]
    assert version.endswith("+cpu")
    assert f"{name}=={version}" in texts(BACKEND, "builder", "ARG")[1]
    assert f'"{version}"' in read(f"safety/stand-ins/{name}/{name}/__init__.py")


SETTINGS = runpy.run_path(str(SAFETY / "backend" / "settings.py"))
VARIABLES = {
    "MODEL_PATH": "/app/models/best.pt",
    "PROCESS_EVERY_N_FRAMES": "5",
    "INFERENCE_SIZE": "480",
    "JPEG_QUALITY": "70",
}


def test_the_image_sets_the_variables_to_the_programs_own_defaults() -> None:
    """Whoever starts the program by hand gets what the image gives."""
    [told] = texts(BACKEND, "runtime", "ENV")
    assert "PYTHONUNBUFFERED=1" in told
    for name, value in VARIABLES.items():
        assert f"{name}={value}" in told
    assert SETTINGS["read"]({}) == SETTINGS["read"](VARIABLES)


@pytest.mark.parametrize("name", ["PROCESS_EVERY_N_FRAMES", "INFERENCE_SIZE", "JPEG_QUALITY"])
@pytest.mark.parametrize("text", ["0", "-1", "x", "1e2", "99999", "٣"])
def test_a_setting_that_is_no_number_in_its_range_is_named(name: str, text: str) -> None:
    """The backend ends with the variable's name, not with a traceback of int()."""
    with pytest.raises(SETTINGS["SettingsError"], match=f"{name}: expected a number from"):
        SETTINGS["read"]({name: text})


def test_backend_health_is_stats() -> None:
    """As the compose file and the seeds have it."""
    [check] = texts(BACKEND, "runtime", "HEALTHCHECK")
    for word in ("--interval=30s", "--timeout=10s", "--start-period=40s", "--retries=3"):
        assert word in check
    assert "curl -f http://localhost:8000/stats || exit 1" in check


# -- frontend --------------------------------------------------------------------------------


def test_source_maps_are_made_and_removed() -> None:
    """A build without maps would make the removal a step that cannot fail."""
    assert 'sourcemap: "hidden"' in read(f"{FRONTEND}/vite.config.js")
    [build] = texts(FRONTEND, "builder", "RUN")
    assert build.index("npm run build") < build.index("find build -name '*.map' -delete")
    assert texts(FRONTEND, "builder", "ARG") == ["ARG VITE_API_URL=http://localhost:8000"]


def test_package_lock_pins_content_not_hosts() -> None:
    """Each entry has an integrity and no address, for both libcs."""
    packages = json.loads(read(f"{FRONTEND}/package-lock.json"))["packages"]
    entries = {name: entry for name, entry in packages.items() if name}
    assert [name for name, entry in entries.items() if "resolved" in entry] == []
    assert all(entry["integrity"].startswith("sha512-") for entry in entries.values())
    assert {f"node_modules/@rollup/rollup-linux-x64-{c}" for c in ("musl", "gnu")} <= set(entries)
    wanted = json.loads(read(f"{FRONTEND}/package.json"))
    for kind in ("dependencies", "devDependencies"):
        assert wanted[kind] == packages[""][kind]


def test_the_served_image_has_no_node() -> None:
    """From the builder it takes the built pages, and nothing else."""
    copies = [text for text in texts(FRONTEND, "production", "COPY") if "--from" in text]
    assert copies == ["COPY --from=builder /app/build /usr/share/nginx/html"]


def test_nginx_needs_no_folder_of_root() -> None:
    """Every path that it writes to is open to a plain user."""
    conf = read(f"{FRONTEND}/nginx.conf")
    written = re.findall(r"^\s*(?:pid|error_log|access_log|\w+_temp_path) (\S+?)[ ;]", conf, re.M)
    assert len(written) == 9
    assert {path for path in written if path != "off"} <= {
        *("/tmp/nginx.pid", "/dev/stderr", "/dev/stdout"),
        *(f"/tmp/{name}" for name in ("client", "proxy", "fastcgi", "uwsgi", "scgi")),
    }


# -- model -----------------------------------------------------------------------------------


def make_model(*paths: Path) -> subprocess.CompletedProcess[str]:
    script = SAFETY / "yolov8-model" / "tools" / "make_model.py"
    words = [sys.executable, str(script), *map(str, paths)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_synthetic_model_is_the_one_that_images_toml_names(tmp_path: Path) -> None:
    """Its bytes are always the same, and large enough for the Dockerfile."""
    target = tmp_path / "standin" / "best.pt"
    assert make_model(target).returncode == 0
    local = TOML["profiles"]["local"]["images"]["yolov8-model"]
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    assert digest == local["require"][0]["sha256"] == local["args"]["MODEL_SHA256"]
    assert os.listdir(target.parent) == ["best.pt"]
    [least] = [a for a in texts(MODEL, "model-prep", "ARG") if "MODEL_MIN_BYTES" in a]
    assert target.stat().st_size > int(least.split("=")[1])


def test_synthetic_model_owns_up_to_what_it_is(tmp_path: Path) -> None:
    """It is a zip file as PyTorch writes them, and says that it has no network."""
    make_model(tmp_path / "best.pt")
    with zipfile.ZipFile(tmp_path / "best.pt") as archive:
        told = json.loads(archive.read("standin.json"))
    assert "stand-in" in told["about"]
    assert {"helmet", "vest"} <= {each["label"] for each in told["classes"]}


def test_synthetic_model_needs_a_path() -> None:
    """Without one it says how it is used, exit 2."""
    answer = make_model()
    assert (answer.returncode, "make_model.py PATH" in answer.stderr) == (2, True)


CHECK = texts(MODEL, "model-prep", "RUN")[0].removeprefix("RUN ")
CONTENT = b"a model" * 1000


def prepare(folder: Path, content: bytes, **args: str) -> subprocess.CompletedProcess[str]:
    """Run the Dockerfile's own check on a file."""
    (folder / "best.pt").write_bytes(content)
    env = {**os.environ, "MODEL_MIN_BYTES": "5000", "MODEL_SHA256": "", **args}
    return subprocess.run(
        ["sh", "-c", CHECK], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("content", "args", "words"),
    [
        (b"cut", {}, "best.pt has 3 bytes, and a model at least 5000: was it cut off?"),
        (CONTENT, {"MODEL_SHA256": "0" * 64}, f"another file: expected SHA-256 {'0' * 64}"),
    ],
)
def test_a_wrong_model_ends_the_build(
    content: bytes, args: dict[str, str], words: str, tmp_path: Path
) -> None:
    """Too small, or another file than the one that is meant."""
    answer = prepare(tmp_path, content, **args)
    assert answer.returncode == 1
    assert words in answer.stderr


@pytest.mark.parametrize("sha256", ["", hashlib.sha256(CONTENT).hexdigest()])
def test_a_right_model_passes_and_its_checksum_is_kept(sha256: str, tmp_path: Path) -> None:
    """With and without a checksum to compare."""
    assert prepare(tmp_path, CONTENT, MODEL_SHA256=sha256).returncode == 0
    kept = (tmp_path / "best.pt.sha256").read_text()
    assert kept == f"{hashlib.sha256(CONTENT).hexdigest()}  best.pt\n"


@contextlib.contextmanager
def copying(source: Path, target: Path) -> Any:
    """copy_model.sh at work."""
    env = {**os.environ, "MODEL_SOURCE": str(source), "MODEL_VOLUME": str(target)}
    script = SAFETY / "yolov8-model" / "copy_model.sh"
    process = subprocess.Popen(
        [str(script)], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def within(seconds: float, true: Callable[[], bool]) -> bool:
    """Whether something comes true in time."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def folders(tmp_path: Path, content: bytes | None) -> tuple[Path, Path]:
    source, target = tmp_path / "app", tmp_path / "models"
    source.mkdir()
    target.mkdir()
    if content is not None:
        prepare(source, content)
    return source, target


def test_the_model_is_copied_and_the_container_stays_until_it_is_stopped(tmp_path: Path) -> None:
    """Whole or not at all; SIGTERM ends it at once, status 0."""
    source, target = folders(tmp_path, CONTENT)
    with copying(source, target) as process:
        assert within(10, lambda: (target / "best.pt").exists())
        assert (target / "best.pt").read_bytes() == CONTENT
        assert os.listdir(target) == ["best.pt"]
        assert process.stdout.readline().startswith("copy_model: best.pt is in")
        time.sleep(0.2)
        assert process.poll() is None
        process.terminate()
        assert process.wait(5) == 0


@pytest.mark.parametrize("content", [None, CONTENT])
def test_a_missing_or_damaged_model_is_not_copied(content: bytes | None, tmp_path: Path) -> None:
    """The checksum of the build is looked at again."""
    source, target = folders(tmp_path, content)
    if content is not None:
        (source / "best.pt").write_bytes(CONTENT + b"!")
    with copying(source, target) as process:
        assert process.wait(10) == 1
    assert os.listdir(target) == []


# -- compose ---------------------------------------------------------------------------------


def test_compose_names_the_stages_and_tags_of_images_toml() -> None:
    """What compose would build is what doit builds."""
    text = read("safety/compose.yaml")
    for name in ("safety-backend", "safety-frontend", "yolov8-model"):
        table = TOML["images"][name]
        folder = os.path.relpath(table["context"], "images/safety")
        service = text.split(f"image: {table.get('tag', name)}\n")[1].split("\n\n")[0]
        assert f"context: ./{folder}\n" in service
        assert f"target: {table['target']}\n" in service
    assert text.count("condition: service_healthy") == 2
    assert text.endswith("volumes:\n  yolo_model:\n  backend_logs:\n  backend_frames:\n")
