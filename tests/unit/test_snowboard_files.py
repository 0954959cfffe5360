"""The snowboard stack's own files: pins, locks, ignore files, Dockerfiles, stand-ins, the model."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import dockerfile
import pytest

STACK = Path(__file__).parents[2] / "images" / "snowboard"
IMAGES = ("base-node", "base-python", "base-python-pose", "pose-service", "backend-api", "frontend")
SERVICES = {"pose-service": "5000", "backend-api": "3001", "frontend": "5173"}
NODE_SERVICES = ("backend-api", "frontend")
LOCKS = (
    ("base-python-pose/requirements-torch.txt", "base-python-pose/requirements-torch.lock"),
    ("base-python-pose/requirements.txt", "base-python-pose/requirements.lock"),
    ("pose-service/requirements.txt", "pose-service/requirements.lock"),
)
MANDATORY = (
    *("node_modules", "__pycache__", ".git", ".gitignore", ".env", "*.log", "data", "*.pkl"),
    *(".venv", "venv", "dist", "build"),
)
SMPL_SHA256 = "898836485b246ef198a4a3f67fca49bbd31651eed70ac87a41218b95bfc0801a"
SMPL_NAME = "basicmodel_m_lbs_10_207_0_v1.1.0.pkl"
TO_TORCH = ("system", "python", "fetch", "torch")
PREREQUISITES = (
    ("pytorch3d", "torch"),
    ("detectron2", "torch"),
    ("phalp", "joblib"),
    ("hmr2", "phalp"),
)


def read(path: str) -> str:
    return (STACK / path).read_text(encoding="utf-8")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(path: str) -> dict[str, str]:
    """The ``name==version`` lines of a requirements file, as a dict."""
    found = {}
    for line in read(path).splitlines():
        match = re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)", line)
        if match:
            found[canonical(match[1])] = match[2]
    return found


def steps(image: str) -> list[tuple[str, str, str]]:
    """``(stage, command, text)`` for each instruction of an image's Dockerfile."""
    result, stage = [], ""
    for item in dockerfile.parse_file(str(STACK / image / "Dockerfile")):
        if item.cmd.upper() == "FROM":
            stage = item.value[2] if len(item.value) == 3 else ""
        result.append((stage, item.cmd.upper(), item.original))
    return result


def first(image: str, pattern: str) -> int:
    """Index of the first RUN whose text matches, or a failure that names the pattern."""
    for index, (_, command, text) in enumerate(steps(image)):
        if command == "RUN" and re.search(pattern, text):
            return index
    raise AssertionError(f"{image}: no RUN matches {pattern!r}")


@pytest.mark.parametrize(("wanted", "lock"), LOCKS)
def test_lock_hashes_every_package(wanted: str, lock: str) -> None:
    """Each package of a lock is pinned and followed by at least one SHA-256, and nothing else."""
    text = re.sub(r"\s*\\\n\s*", " ", read(lock))
    lines = [line for line in text.splitlines() if line.strip()]
    assert lines
    form = re.compile(r"[a-z0-9-]+==[^\s;]+( ; [^-]+)?( --hash=sha256:[0-9a-f]{64})+")
    assert [line for line in lines if not form.fullmatch(line.strip())] == []


@pytest.mark.parametrize(("wanted", "lock"), LOCKS)
def test_lock_is_installed_with_its_hashes_required(wanted: str, lock: str) -> None:
    """pip refuses an unhashed package, and takes nothing that the lock does not name."""
    image, name = lock.split("/")
    runs = [text for _, command, text in steps(image) if command == "RUN" and name in text]
    assert runs
    assert all("pip install --require-hashes --no-deps" in text for text in runs)


@pytest.mark.parametrize(("wanted", "lock"), LOCKS)
def test_lock_covers_what_is_wanted(wanted: str, lock: str) -> None:
    """Every requirement is an exact pin, and the lock holds the same version."""
    asked = [line for line in read(wanted).splitlines() if line and not line.startswith("#")]
    assert len(pins(wanted)) == len(asked) > 0
    assert pins(wanted).items() <= pins(lock).items()


def test_locks_of_one_environment_agree() -> None:
    """A package in both locks of base-python-pose has one version: the second never replaces it."""
    torch, rest = pins(LOCKS[0][1]), pins(LOCKS[1][1])
    shared = torch.keys() & rest.keys()
    assert "numpy" in shared
    assert {name: torch[name] for name in shared} == {name: rest[name] for name in shared}


def test_lock_has_no_second_torch() -> None:
    """torch is the torch stage's alone, and opencv comes in its headless build only."""
    assert pins(LOCKS[1][1]).keys() & {"torch", "torchvision", "opencv-python"} == set()


@pytest.mark.parametrize("service", NODE_SERVICES)
def test_package_lock_pins_content_not_hosts(service: str) -> None:
    """Each entry has an integrity and no address, so that any registry may serve it."""
    packages = json.loads(read(f"{service}/package-lock.json"))["packages"]
    entries = {name: entry for name, entry in packages.items() if name}
    assert entries
    assert [name for name, entry in entries.items() if "resolved" in entry] == []
    weak = [n for n, e in entries.items() if not e.get("integrity", "").startswith("sha512-")]
    assert weak == []


@pytest.mark.parametrize("service", NODE_SERVICES)
def test_package_lock_covers_package_json(service: str) -> None:
    """package.json has exact versions, and the lock has the same ones."""
    wanted = json.loads(read(f"{service}/package.json"))
    locked = json.loads(read(f"{service}/package-lock.json"))["packages"]
    for kind in ("dependencies", "devDependencies"):
        assert wanted.get(kind, {}) == locked[""].get(kind, {})
        for name, version in wanted.get(kind, {}).items():
            assert locked[f"node_modules/{name}"]["version"] == version


def test_frontend_lock_serves_musl_and_glibc() -> None:
    """Rollup's compiled part is locked for Alpine and for Debian."""
    packages = json.loads(read("frontend/package-lock.json"))["packages"]
    for libc in ("musl", "gnu"):
        assert f"node_modules/@rollup/rollup-linux-x64-{libc}" in packages


def test_no_lock_names_a_host() -> None:
    """No lock, requirements file or package.json holds an address of an index."""
    files = [path for pair in LOCKS for path in pair]
    files += [f"{s}/{name}" for s in NODE_SERVICES for name in ("package.json",)]
    assert [
        path for path in files if re.search(r"https?://|--(extra-)?index-url", read(path))
    ] == []


@pytest.mark.parametrize("image", IMAGES)
@pytest.mark.parametrize("entry", MANDATORY)
def test_ignore_file_has_the_mandatory_entry(image: str, entry: str) -> None:
    """Each mandatory entry is there for any depth."""
    lines = [line.rstrip("/") for line in read(f"{image}/.dockerignore").splitlines()]
    assert f"**/{entry}" in lines


@pytest.mark.parametrize("image", IMAGES)
def test_ignore_file_lets_only_the_model_back_in(image: str) -> None:
    """Exceptions are the two places of the SMPL model, and only the pose service has them."""
    lines = read(f"{image}/.dockerignore").splitlines()
    back = [line for line in lines if line.startswith("!")]
    wanted = [f"!data/{SMPL_NAME}", f"!data/standin/{SMPL_NAME}"]
    assert back == (wanted if image == "pose-service" else [])


@pytest.mark.parametrize(("service", "port"), SERVICES.items())
def test_service_goes_through_three_stages(service: str, port: str) -> None:
    """deps, build and runtime in this order; the runtime is no child of the other two."""
    stages = [text.split() for _, command, text in steps(service) if command == "FROM"]
    stages = [words for words in stages if words[1] != "scratch"]  # the body model, beside them
    assert [words[3] for words in stages] == ["deps", "build", "runtime"]
    base = "base-python-pose" if service == "pose-service" else "base-node"
    assert [words[1] for words in stages] == [base, "deps", base]


@pytest.mark.parametrize(("service", "port"), SERVICES.items())
def test_service_runs_as_nobody_special(service: str, port: str) -> None:
    """The runtime ends with a numeric user other than root, which Kubernetes can check."""
    users = [text.split()[1] for stage, command, text in steps(service) if command == "USER"]
    assert users
    assert all(re.fullmatch(r"[1-9]\d*:[1-9]\d*", user) for user in users)


@pytest.mark.parametrize(("service", "port"), SERVICES.items())
def test_service_tells_its_port_and_health(service: str, port: str) -> None:
    """The runtime exposes its port and checks /health with what the image has: no curl."""
    runtime = [(c, t) for stage, c, t in steps(service) if stage == "runtime"]
    assert ("EXPOSE", f"EXPOSE {port}") in runtime
    [check] = [text for command, text in runtime if command == "HEALTHCHECK"]
    assert "/health" in check
    assert "curl" not in check


@pytest.mark.parametrize("image", IMAGES)
def test_apt_never_asks(image: str) -> None:
    """Each apt-get install runs noninteractive, and its stage has set a time zone before."""
    zones = set()
    for stage, command, text in steps(image):
        if command == "ENV" and "TZ=" in text:
            zones.add(stage)
        for call in re.findall(r"[^;&]*apt-get install[^;&]*", text):
            assert "DEBIAN_FRONTEND=noninteractive apt-get install -y" in call
            assert zones, f"{image}: apt before the time zone"


def test_base_python_pose_installs_in_the_order_that_works() -> None:
    """torch, then the wheels that need it; joblib, then PHALP, then 4D-Humans."""
    image = "base-python-pose"
    torch = first(image, r"(?s)from=fetch.*pip install")
    assert first(image, r"\$TORCH\b") < torch
    pytorch3d, detectron2 = first(image, r'"\$PYTORCH3D"'), first(image, r'"\$DETECTRON2"')
    joblib = first(image, r"requirements\.lock")
    phalp, hmr2 = first(image, r'wheel-dir /wheels "\$PHALP"'), first(image, r'"\$HMR2"')
    assert torch < pytorch3d <= detectron2
    assert torch < joblib < phalp <= hmr2
    assert "joblib" in pins(LOCKS[1][1])
    text = steps(image)[hmr2][2]
    assert text.index('"$PHALP"') < text.index('"$HMR2"', text.index("--wheel-dir"))


def test_builds_from_source_see_what_is_installed() -> None:
    """Each build of a wheel is without isolation: with it, setup.py would find no torch."""
    builds = [
        text for _, c, text in steps("base-python-pose") if c == "RUN" and "pip wheel" in text
    ]
    assert len(builds) == 4
    for text in builds:
        assert text.count("pip wheel") == text.count("--no-build-isolation")


def test_base_python_pose_keeps_torch_from_other_pins() -> None:
    """The stages that lead to torch know no other package's pin and copy no other lock."""
    seen = [text for stage, _, text in steps("base-python-pose") if stage in TO_TORCH]
    assert any("TORCH=" in text for text in seen)
    for word in ("PHALP", "HMR2", "PYTORCH3D", "DETECTRON2", "requirements.lock"):
        assert not any(word in text for text in seen)


def test_base_python_pose_runtime_is_no_child_of_a_compiler() -> None:
    """No stage between runtime and its upstream installs a compiler, or has an ARG to lose."""
    above = {
        w[3]: w[1] for _, c, t in steps("base-python-pose") if c == "FROM" for w in [t.split()]
    }
    way, stage = [], "runtime"
    while stage in above:
        way.append(stage)
        stage = above[stage]
    assert way == ["runtime", "deps", "torch", "python", "system"]
    assert not any(c == "ARG" for stage, c, _ in steps("base-python-pose") if stage in way)
    installs = [t for s, _, t in steps("base-python-pose") if s in way and "apt-get install" in t]
    assert not any(re.search(r"g\+\+|gcc|build-essential|python3-dev|\bgit\b", t) for t in installs)


def make_smpl(path: Path | None) -> subprocess.CompletedProcess[str]:
    script = STACK / "pose-service" / "tools" / "make_smpl.py"
    return subprocess.run(
        [sys.executable, str(script), *([str(path)] if path else [])],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_synthetic_model_is_always_the_same(tmp_path: Path) -> None:
    """Two runs give the bytes that images.toml names, with nothing left beside them."""
    for name in ("one", "two"):
        target = tmp_path / name / SMPL_NAME
        assert make_smpl(target).returncode == 0
        assert hashlib.sha256(target.read_bytes()).hexdigest() == SMPL_SHA256
        assert os.listdir(target.parent) == [SMPL_NAME]


def test_synthetic_model_needs_a_path() -> None:
    """Without a path it says how it is used, exit 2."""
    answer = make_smpl(None)
    assert answer.returncode == 2
    assert "make_smpl.py PATH" in answer.stderr


def egg_info(package: str, tmp_path: Path, *modules: str) -> subprocess.CompletedProcess[str]:
    """Run a stand-in's setup.py with only ``modules`` importable beside setuptools."""
    source = tmp_path / package
    shutil.copytree(STACK / "stand-ins" / package, source)
    beside = tmp_path / "site"
    beside.mkdir()
    for module in modules:
        (beside / f"{module}.py").write_text('__version__ = "0"\n', encoding="utf-8")
    blocked = {need for _, need in PREREQUISITES} - set(modules)
    # None in sys.modules makes an import fail, whatever this Python has installed
    program = (
        "import sys, runpy\n"
        f"sys.path.insert(0, {str(beside)!r})\n"
        f"sys.modules.update(dict.fromkeys({sorted(blocked)!r}))\n"
        "sys.argv[:] = ['setup.py', '--quiet', 'egg_info']\n"
        "runpy.run_path('setup.py', run_name='__main__')\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program], cwd=source, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("package", "need"), PREREQUISITES)
def test_stand_in_refuses_to_build_without_its_prerequisite(
    package: str, need: str, tmp_path: Path
) -> None:
    """As with the true package, setup.py fails and names what must be installed first."""
    answer = egg_info(package, tmp_path)
    assert answer.returncode != 0
    assert f"{need} must be installed before {package} is built" in answer.stderr


@pytest.mark.parametrize(("package", "need"), PREREQUISITES)
def test_stand_in_builds_with_its_prerequisite(package: str, need: str, tmp_path: Path) -> None:
    """With it the same command succeeds, so nothing else is what failed above."""
    pytest.importorskip("setuptools")
    answer = egg_info(package, tmp_path, need)
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("path", sorted((STACK / "stand-ins").glob("*/pyproject.toml")))
def test_stand_in_can_never_come_from_pypi(path: Path) -> None:
    """Each version has a local part, which PyPI refuses, and the module owns up to what it is."""
    text = path.read_text(encoding="utf-8")
    version = re.search(r'^version = "(.+)"$', text, re.M)
    assert version
    assert "+" in version[1]
    module = path.parent / path.parent.name / "__init__.py"
    assert module.read_text(encoding="utf-8").startswith('"""A stand-in for ')
    assert f'"{version[1]}"' in module.read_text(encoding="utf-8")


def test_torch_stand_ins_answer_the_default_pins() -> None:
    """The pins of the CUDA stack itself are met by the stand-ins: no argument of ours hides it."""
    [pin] = [t for s, c, t in steps("base-python-pose") if c == "ARG" and "TORCH=" in t]
    for name in ("torch", "torchvision"):
        text = read(f"stand-ins/{name}/pyproject.toml")
        version = re.search(r'^version = "(.+)"$', text, re.M)
        assert version
        assert f"{name}=={version[1]}" in pin
