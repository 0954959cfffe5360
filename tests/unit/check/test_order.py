"""Source builds that cannot work, and orders that cost time, are told before the build."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.checks import HEAD, findings

GIT = "git+https://github.com/facebookresearch"
BUILDS = ("build-needs", "build-isolation")


def told(root: Path, body: str, files: dict[str, str] | None = None, base: str = "") -> list[str]:
    """``rule:line`` of what is found."""
    text = f"FROM {base or 'python:3.10-slim'}\n{body}"
    return [f"{f.rule}:{f.line}" for f in findings(root, text, files, rules=BUILDS)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f"RUN pip install {GIT}/pytorch3d", ["build-isolation:2", "build-needs:2"]),
        (f"RUN pip install --no-build-isolation {GIT}/pytorch3d@v0.7.0", ["build-needs:2"]),
        (f"RUN pip install torch\nRUN pip install {GIT}/pytorch3d", ["build-isolation:3"]),
        (f"RUN pip install torch\nRUN pip install --no-build-isolation {GIT}/pytorch3d", []),
        (f"RUN pip install torch && pip install --no-build-isolation {GIT}/pytorch3d", []),
        (f"RUN pip install --no-build-isolation torch {GIT}/pytorch3d", ["build-needs:2"]),
        (f"RUN pip install torchvision\nRUN pip install --no-build-isolation {GIT}/pytorch3d", []),
        (f"RUN python3 -m pip install {GIT}/detectron2", ["build-isolation:2", "build-needs:2"]),
        (f"RUN uv pip install {GIT}/detectron2", ["build-isolation:2", "build-needs:2"]),
        ("RUN pip install 'detectron2 @ git+https://x.org/y@z'",
         ["build-isolation:2", "build-needs:2"]),
        ("ARG P='pytorch3d @ git+https://x.org/y@z'\nRUN pip wheel \"$P\"",
         ["build-isolation:3", "build-needs:3"]),
        ("RUN pip install chumpy==0.70", ["build-isolation:2"]),
        ("RUN pip install --no-build-isolation chumpy==0.70", []),
        ("ENV PIP_NO_BUILD_ISOLATION=0\nRUN pip install chumpy==0.70", []),
        ("RUN pip install --no-index /wheels/pytorch3d.whl", []),
        ("RUN pip install torch-scatter -f https://data.pyg.org/whl/x.html", []),
        ("RUN pip install ${FLAGS:-} chumpy", []),
        (f"RUN pip install $FLAGS {GIT}/pytorch3d", ["build-needs:2"]),
        ("RUN git clone https://github.com/facebookresearch/pytorch3d && cd pytorch3d"
         " && pip install .", ["build-isolation:2", "build-needs:2"]),
        ("RUN git clone https://github.com/facebookresearch/pytorch3d /tmp/pytorch3d"
         " && pip install /tmp/pytorch3d", ["build-isolation:2", "build-needs:2"]),
        ("WORKDIR /x\nRUN git clone https://github.com/facebookresearch/detectron2 repo\n"
         "RUN pip install -e repo", ["build-isolation:4", "build-needs:4"]),
        ("WORKDIR /x\nRUN git clone https://github.com/facebookresearch/detectron2 repo\n"
         "RUN pip install -e other", []),
        ("COPY . /pytorch3d\nRUN pip install /pytorch3d", []),
        ("RUN pip install phalp", ["build-isolation:2", "build-needs:2"]),
        ("RUN pip install --no-deps phalp", ["build-needs:2"]),
        ("RUN pip install joblib\nRUN pip install --no-deps phalp", []),
        ("RUN pip install requests apex", []),
        ("RUN pip install git+https://github.com/NVIDIA/apex", ["build-isolation:2",
         "build-needs:2"]),
        (f"COPY --from=other /opt/venv /opt/venv\nRUN pip install --no-build-isolation"
         f" {GIT}/pytorch3d", []),
        (f"RUN conda install -y pytorch\nRUN pip install --no-build-isolation {GIT}/pytorch3d", []),
        (f"RUN f() {{ x; }}\nRUN pip install --no-build-isolation {GIT}/pytorch3d", []),
    ],
)  # fmt: skip
def test_a_build_that_cannot_see_what_it_imports_is_told(
    tmp_path: Path, body: str, expected: list[str]
) -> None:
    """And where it may see it after all, nothing is said."""
    text = body if "--from=other" not in body else body.replace("other", "debian:12")
    assert told(tmp_path, text + "\n") == expected


@pytest.mark.parametrize(
    ("base", "before", "severity"),
    [
        ("python:3.12-slim", "", "error"),
        ("python:3.10-slim", "", "warning"),
        ("python:3.10-slim", "RUN pip install --upgrade pip\n", "error"),
        ("python:3.10-slim", "RUN pip install -U pip==23.0\n", "warning"),
        ("ubuntu:20.04", "RUN pip install --upgrade pip\n", "warning"),
    ],
)
def test_an_old_pip_may_build_where_torch_is(
    tmp_path: Path, base: str, before: str, severity: str
) -> None:
    """Then the missing flag is a warning."""
    text = f"FROM {base}\n{before}RUN pip install chumpy==0.70\n"
    (found,) = findings(tmp_path, text, rules=["build-isolation"])
    assert found.severity == severity


@pytest.mark.parametrize("before", ["RUN pip install wheel", "RUN python3 get-pip.py"])
def test_an_old_pip_with_wheel_builds_beside_what_is_there(tmp_path: Path, before: str) -> None:
    """Such a step works, and nothing is said."""
    text = f"FROM python:3.8-slim\n{before}\nRUN pip install chumpy==0.70\n"
    assert findings(tmp_path, text, rules=["build-isolation"]) == []


@pytest.mark.parametrize("base", ["pytorch/pytorch:2.0.1", "registry.example.com/ml:1"])
def test_a_base_that_may_have_torch_is_believed(tmp_path: Path, base: str) -> None:
    """Only bases that surely have none are doubted."""
    body = f"RUN pip install --no-build-isolation {GIT}/pytorch3d\n"
    assert told(tmp_path, body, base=base) == []


@pytest.mark.parametrize(
    ("copy", "argument"),
    [
        ("COPY requirements.txt .", "requirements.txt"),
        ("COPY requirements.txt /tmp/", "/tmp/requirements.txt"),
        ("COPY requirements.txt /r.txt", "/r.txt"),
        ("COPY . .", "requirements.txt"),
        ("COPY deps /d/", "/d/sub/requirements.txt"),
        ("WORKDIR /x\nCOPY requirements.txt ./", "./requirements.txt"),
    ],
)
def test_a_requirements_file_is_followed_into_the_context(
    tmp_path: Path, copy: str, argument: str
) -> None:
    """Through the COPY that put it there."""
    files = {
        "requirements.txt": f"# pins\nnumpy==1.0\n{GIT}/detectron2\n",
        "deps/sub/requirements.txt": f"{GIT}/detectron2\n",
    }
    body = f"WORKDIR /app\n{copy}\nRUN pip install -r {argument}\n"
    assert [each.split(":")[0] for each in told(tmp_path, body, files)] == [*BUILDS[::-1]]


def test_files_that_a_requirements_file_includes_are_followed(tmp_path: Path) -> None:
    """Beside the file that names them, in circles too, constraints as constraints."""
    files = {
        "deps/all.txt": "-r base.txt\n-c limits.txt\n",
        "deps/base.txt": f"-r all.txt\n{GIT}/detectron2\nsix==1.15.0\n",
        "deps/limits.txt": "six==1.16.0\nunused==1\nunused==2\n",
    }
    body = "FROM python:3.10-slim\nCOPY deps /d/\nRUN pip install -r /d/all.txt\n"
    found = findings(tmp_path, body, files, rules=[*BUILDS, "contradicting-pins"])
    assert [each.rule for each in found] == ["build-isolation", "build-needs", "contradicting-pins"]
    assert "six is pinned to 1.15.0 (deps/base.txt:3) and to 1.16.0 (deps/limits.txt:1)" in [
        each.message for each in found
    ]


def test_torch_in_an_included_file_counts_and_one_that_is_not_known_may_hold_it(
    tmp_path: Path,
) -> None:
    """So that nobody is told of a package that is there."""
    rest = f"RUN pip install --no-build-isolation {GIT}/pytorch3d\n"
    copied = "COPY r.txt t.txt /\nRUN pip install -r /r.txt\n" + rest
    assert told(tmp_path, copied, {"r.txt": "-r t.txt\n", "t.txt": "torch\n"}) == []
    assert told(tmp_path, copied, {"r.txt": "-r gone.txt\n", "t.txt": ""}) == []
    assert len(told(tmp_path, copied, {"r.txt": "-r t.txt\n", "t.txt": ""})) == 1


def test_wheels_that_a_requirements_file_points_at_are_no_source_builds(tmp_path: Path) -> None:
    """As on the command line."""
    files = {"r.txt": "--find-links https://data.example.com/x.html\ntorch-scatter\n"}
    assert told(tmp_path, "COPY r.txt /\nRUN pip install -r /r.txt\n", files) == []


def test_a_source_build_that_may_fail_is_a_warning(tmp_path: Path) -> None:
    """The step goes on without it."""
    text = f"FROM debian:13\nRUN pip install {GIT}/pytorch3d || true\n"
    found = findings(tmp_path, text, rules=BUILDS)
    assert {each.severity for each in found} == {"warning"}


def test_a_requirements_file_on_a_bind_mount_is_followed_too(tmp_path: Path) -> None:
    """``RUN --mount`` reads the context without a COPY."""
    body = (
        "WORKDIR /app\nRUN --mount=type=bind,source=r.txt,target=/tmp/r.txt"
        " pip install -r /tmp/r.txt\n"
    )
    assert told(tmp_path, body, {"r.txt": "chumpy==0.70\n"}) == ["build-isolation:3"]


def test_torch_in_a_requirements_file_before_counts(tmp_path: Path) -> None:
    """And a file that cannot be read may hold anything."""
    rest = f"RUN pip install --no-build-isolation {GIT}/pytorch3d\n"
    files = {"r.txt": "torch==2.0.1 \\\n  --hash=sha256:00\n"}
    assert told(tmp_path, f"COPY r.txt /\nRUN pip install -r /r.txt\n{rest}", files) == []
    assert told(tmp_path, f"RUN pip install -r /made-elsewhere.txt\n{rest}") == []


@pytest.mark.parametrize(
    ("body", "files", "count"),
    [
        ("RUN pip install a==1 a==2", {}, 1),
        ("RUN pip install a==1.0 A==1", {}, 0),
        ("RUN pip install a==1.0.0rc1 a==1.0rc1", {}, 0),
        ("RUN pip install a==1.0rc1 a==1.0", {}, 1),
        ("RUN pip install a==2.0.1 a==2.0.1+cu118", {}, 0),
        ("RUN pip install a==2.0.1 a==2.0.1+cu118 a==2.0.1+cpu", {}, 1),
        ("RUN pip install 'a[x] (==1)' 'a>=1,<2' a==1.*", {}, 0),
        ("ARG V\nRUN pip install a==$V a==1", {}, 0),
        ("COPY r.txt c.txt /\nRUN pip install -r /r.txt -c /c.txt", {"r.txt": "a==1\n",
         "c.txt": "a==2\n"}, 1),
        ("COPY r.txt c.txt /\nRUN pip install -r /r.txt -c /c.txt", {"r.txt": "b==1\n",
         "c.txt": "a==2\na==3\n"}, 0),
        ("RUN pip install \"a==1; python_version<'3'\" \"a==2; python_version>='3'\"", {}, 0),
        ("RUN pip install a==1\nRUN pip install a==2", {}, 0),
    ],
)  # fmt: skip
def test_two_pins_of_one_package_contradict_each_other(
    tmp_path: Path, body: str, files: dict[str, str], count: int
) -> None:
    """In one call; a later call may change its mind."""
    text = f"FROM python:3.10-slim\n{body}\n"
    assert len(findings(tmp_path, text, files, rules=["contradicting-pins"])) == count


CACHE = ("sources-first", "apt-update-alone")
CODE = {"app.py": "", "src/a.js": "", "requirements.txt": "", "package.json": "{}", "req/x.txt": ""}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("COPY . .\nRUN pip install -r requirements.txt", ["sources-first:2"]),
        ("COPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .", []),
        ("COPY src ./src\nRUN npm ci", ["sources-first:2"]),
        ("COPY package.json ./\nRUN npm ci\nCOPY src ./src", []),
        ("COPY app.py .\nRUN apt-get update && apt-get install -y git", ["sources-first:2"]),
        ("COPY req /req\nRUN pip install -r /req/x.txt", []),
        ("COPY . .\nRUN pip install .", []),
        ("COPY . .\nRUN pip install -e . -r requirements.txt", []),
        ("COPY . .\nRUN npm install -g serve", []),
        ("COPY . .\nRUN npm run build", []),
        ("FROM debian:12\nCOPY . .\nFROM debian:12\nRUN npm ci", []),
        ("RUN apt-get update\nRUN apt-get install -y git", ["apt-update-alone:2"]),
        ("RUN apt-get update && apt-get install -y git", []),
        ("RUN apt-get update && apt-cache policy git", []),
        ("RUN --mount=type=cache,target=/var/lib/apt apt-get update", []),
    ],
)
def test_an_order_that_costs_time_is_told(tmp_path: Path, body: str, expected: list[str]) -> None:
    """Where dependencies could be installed first."""
    found = findings(tmp_path, f"FROM debian:12\n{body}\n", CODE, rules=CACHE)
    assert [f"{f.rule}:{f.line}" for f in found] == expected


ASSEMBLING = f"{HEAD}assemble = true\n[images.app]\ncontext = '.'\npush = true\n"
LATE = "comes after COPY of app.py in line 2: everything from there needs the base"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("COPY app.py .\nRUN python -m compileall .", [f"3: RUN {LATE}, as it runs a command"]),
        ("COPY app.py .\nENV A=1\nRUN x\nRUN y\nCOPY src /s", [f"4: RUN {LATE}, as it runs"]),
        ("COPY app.py .\nADD https://e.org/x /x", [f"3: ADD {LATE}, as it fetches"]),
        ("COPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY app.py .", []),
        ("COPY app.py .\nFROM debian:12\nCOPY --from=0 /app.py .", []),
        ("COPY app.py .\nFROM debian:12\nRUN x\nCOPY app.py .", []),
    ],
)
def test_a_step_that_keeps_edits_from_being_assembled_is_told(
    tmp_path: Path, body: str, expected: list[str]
) -> None:
    """Once an image; and only where that is wanted."""
    text, rules = f"FROM debian:12\n{body}\n", ["run-after-copy"]
    found = findings(tmp_path, text, CODE, rules=rules, toml=ASSEMBLING)
    told = [f"{each.line}: {each.message}" for each in found]
    assert [one[: len(two)] for one, two in zip(told, expected, strict=True)] == expected
    plain = ASSEMBLING.replace("assemble = true\n", "")
    assert findings(tmp_path, text, CODE, rules=rules, toml=plain) == []


@pytest.mark.parametrize(
    ("body", "kept", "expected"),
    [
        ("RUN x\nCOPY app.py .\nFROM debian:12\nCOPY --from=build /a /a", False, 5),
        ("RUN x\nCOPY app.py .\nFROM debian:12\nCOPY --from=build /a /a", True, None),
        ("RUN x\nFROM debian:12\nCOPY app.py .\nCOPY --from=build /a /a", False, 5),
        ("RUN x\nFROM debian:12\nCOPY --from=build /a /a", False, None),
        ("RUN x\nFROM debian:12\nCOPY --from=build /a /a\nCOPY app.py .", False, None),
        ("COPY app.py .\nFROM debian:12\nCOPY --from=build /a /a", False, None),
        ("COPY app.py .\nRUN x\nFROM debian:12\nCOPY --from=build /a /a", False, None),
        ("RUN x\nCOPY app.py .\nFROM debian:12\nCOPY --from=build /a /a\nRUN y", False, None),
        ("RUN x\nFROM build AS b\nCOPY app.py .\nFROM debian:12\nCOPY --from=b /a /a", True, None),
    ],
)
def test_a_stage_that_keeps_edits_from_being_assembled_is_told(
    tmp_path: Path, body: str, kept: bool, expected: int | None
) -> None:
    """Where it runs things and is in no registry, and where keeping it would help."""
    more = 'push_stages = ["build"]\n' if kept else ""
    text, rules = f"FROM debian:12 AS build\n{body}\n", ["stage-not-kept"]
    found = findings(tmp_path, text, CODE, rules=rules, toml=ASSEMBLING + more)
    assert [each.line for each in found] == ([] if expected is None else [expected])
    if found:
        assert "RUN in line 2) and goes to no registry" in found[0].message
        assert found[0].hint == 'push_stages = ["build"] for app'


UPON = f"{HEAD}assemble = true\n[images.base]\ncontext = 'base'\n"
APP = "[images.app]\ncontext = '.'\npush = true\n"


@pytest.mark.parametrize(
    ("pushed", "expected"),
    [("", ["1: base, on which it stands, goes to no registry"]), ("push = true\n", [])],
)
def test_a_base_that_keeps_edits_from_being_assembled_is_told(
    tmp_path: Path, pushed: str, expected: list[str]
) -> None:
    files = {**CODE, "base/Dockerfile": "FROM debian:12\n"}
    text, rules = "FROM base\nRUN x\nCOPY app.py .\n", ["base-not-pushed"]
    found = findings(tmp_path, text, files, rules=rules, toml=UPON + pushed + APP)
    told = [f"{each.line}: {each.message}" for each in found if each.images == ("app",)]
    assert [one[: len(two)] for one, two in zip(told, expected, strict=True)] == expected
