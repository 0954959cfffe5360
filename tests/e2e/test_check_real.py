"""``doit check`` against real package indexes, a real pip and images that are really there."""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from layers.check.online.look_up import run_pip
from layers.check.online.pip_resolve import Target, resolve
from layers.check.rules.claims import Claim
from layers.check.shell.pip_calls import requests
from tests.e2e.lab import Lab, Workspace
from tests.e2e.nights import apt_base
from tests.unit.checks import KNOWN, MADE, SECRETS, built_of, subject_of

pytestmark = pytest.mark.e2e

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\n" + "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUA" * 4 + "\n"
TOKEN = "ghp_" + "a1B2c3D4e5F6" * 3


def check(workspace: Workspace, *words: str, status: int) -> Any:
    """What ``doit check --json`` tells."""
    return json.loads(workspace.doit("check", "--json", *words, status=status).out)


def told(found: Any) -> list[tuple[str, int | None, str]]:
    return [(each["rule"], each["line"], each["message"]) for each in found["findings"]]


def test_a_name_that_the_bases_index_does_not_have_is_told_with_the_nearest(
    lab: Lab, workspace: Workspace
) -> None:
    """The second failure of the seeds: libwebp of another release."""
    base = apt_base(lab)
    workspace.write(
        {
            "images.toml": f"version = 1\n[project]\nname = '{workspace.name}'\n"
            f"[images.base]\ncontext = 'base'\ntag = '{workspace.name}-base'\nnetwork = 'host'\n",
            "base/Dockerfile": f"FROM {base}\n"
            "ENV DEBIAN_FRONTEND=noninteractive\n"
            "RUN apt-get update && apt-get install -y \\\n"
            "    libglib2.0-0 libwebp6 \\\n"
            " && rm -rf /var/lib/apt/lists/*\n"
            "RUN apt-get update && apt-get install -y libwebp7\n"
            "RUN apt-get update && apt-get install -y pyhton3\n",
        }
    )
    found = check(workspace, "--online", "--rule", "unknown-package", status=1)
    assert told(found) == [
        ("unknown-package", 3, "apt cannot install it: libwebp6 is not in debian bookworm"),
        ("unknown-package", 7, "apt cannot install it: pyhton3 is not in debian bookworm"),
    ]
    hints = [each["hint"] for each in found["findings"]]
    assert hints == ["did you mean libwebp7?", "did you mean python3?"]
    assert found["notes"] == []


def test_a_failed_step_ends_with_what_the_base_has_in_place_of_a_package(
    lab: Lab, workspace: Workspace
) -> None:
    """Once the base was asked, it is known: the second failure tells it without a container."""
    workspace.write(
        {
            "images.toml": f"version = 1\n[project]\nname = '{workspace.name}'\n"
            f"[images.base]\ncontext = 'base'\ntag = '{workspace.name}-base'\nnetwork = 'host'\n",
            "base/Dockerfile": f"FROM {apt_base(lab)}\n"
            "RUN apt-get update && apt-get install -y libwebp6\n",
        }
    )
    told = "libwebp6 is in no list of Debian 12 that this base fetches; libwebp7 is"
    assert told in workspace.doit("base", status=1).text
    (names,) = (workspace.root / ".layers" / "package-names").iterdir()
    names.write_text(names.read_text().replace("libwebp7", "libwebp5"))
    assert told.replace("libwebp7", "libwebp5") in workspace.doit("base", status=1).text


def test_a_planted_secret_is_found_in_the_layer_that_has_it_and_never_shown(
    workspace: Workspace,
) -> None:
    """Removing a file in a later layer hides it from nobody."""
    workspace.write(
        {
            "base/id_ed25519": KEY,
            "base/settings.txt": f"token = {TOKEN}\n",
            "base/public.txt": "-----BEGIN PUBLIC KEY-----\n",
        }
    )
    text = workspace.read("base/Dockerfile")
    copied = "COPY id_ed25519 /root/.ssh/\nCOPY settings.txt public.txt /\nRUN rm -r /root/.ssh\n"
    workspace.write({"base/Dockerfile": text + copied})
    workspace.doit("base")
    run = workspace.doit("check", "base", "--built", "--rule", "secret-in-layer", status=1)
    assert "b3BlbnNz" not in run.text
    assert TOKEN not in run.text
    assert "/root/.ssh/id_ed25519 in layer" in run.out
    assert "is or holds an SSH private key" in run.out
    assert "/settings.txt in layer" in run.out
    assert "a GitHub token" in run.out
    assert "public.txt" not in run.out


@pytest.mark.parametrize("claim", SECRETS)
def test_what_is_claimed_of_secrets_is_so(lab: Lab, tmp_path: Path, claim: Claim) -> None:
    """Plain builds: the image, its settings and its history have the secret, or have not."""
    (tmp_path / "Dockerfile").write_text(built_of(claim))
    (tmp_path / ".env").write_text(f"A_TOKEN={MADE}\n")
    (tmp_path / "f").write_text("f\n")
    name = f"claim-{uuid.uuid4().hex[:8]}"
    lab.docker("buildx", "build", "--tag", name, str(tmp_path))
    container = lab.docker("create", name, "x")
    lab.docker("cp", f"{container}:/", str(tmp_path / "files"))
    lab.docker("rm", container)
    has = (tmp_path / "files" / ".env").exists()
    told = lab.docker("image", "inspect", name) + lab.docker("history", "--no-trunc", name)
    assert (has or MADE in told or KNOWN in told) == (claim.outcome == "in the image")


def test_an_image_near_its_budget_is_told_with_what_grew(workspace: Workspace) -> None:
    """A warning at nine tenths, an error above; which folder and layer grew since the last key."""
    limit = "[images.base]\nmax_size = '1 kB'\n"
    workspace.edit("images.toml", "[images.base]\n", limit)
    workspace.doit("base")
    workspace.doit("check", "base", "--built", "--rule", "size-budget", status=1)
    workspace.write({"base/more/big.bin": "x" * 300_000})
    text = workspace.read("base/Dockerfile")
    workspace.write({"base/Dockerfile": text + "COPY more /more\n"})
    workspace.doit("base")
    found = check(workspace, "base", "--built", "--rule", "size-budget", status=1)
    (finding,) = found["findings"]
    assert finding["file"] == "images.toml"
    assert "/more +0.3 MB, layer" in finding["hint"]


def test_an_image_that_is_not_there_is_a_note_and_no_error(workspace: Workspace) -> None:
    """Nothing is built to be looked into."""
    found = check(workspace, "base", "--built", "--rule", "secret-in-layer", status=0)
    assert found["findings"] == []
    assert "not built yet" in found["notes"][0]


def test_pins_are_judged_by_a_real_index(tmp_path: Path) -> None:
    """No such version, another Python, a conflict; a package that is source alone is no fault."""
    wanted = "idna==3.999\nnumpy==2.3.0\nchumpy==0.70\nsix==1.16.0\n"
    subject = subject_of(
        tmp_path,
        "FROM python:3.10-slim\nWORKDIR /app\nCOPY r.txt .\nRUN pip install -r r.txt\n",
        {"r.txt": wanted},
    )
    (request,) = requests(subject.steps(0)[-1])
    notes: list[str] = []
    found = list(resolve(request, Target("3.10", "linux/amd64"), run_pip, notes))
    assert notes == []
    assert [each.message for each in found] == [
        "there is no idna==3.999 (r.txt:1)",
        "numpy==2.3.0 (r.txt:2) does not take Python 3.10",
    ]


def test_a_conflict_is_told_by_the_real_resolver(tmp_path: Path) -> None:
    """Both exist; they do not go together."""
    subject = subject_of(
        tmp_path,
        "FROM python:3.10-slim\nRUN pip install idna==2.0 requests==2.32.3\n",
    )
    (request,) = requests(subject.steps(0)[-1])
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    notes: list[str] = []
    (found,) = resolve(request, Target(here, "linux/amd64"), run_pip, notes)
    assert notes == []
    assert "requests 2.32.3 wants idna<4 and >=2.5" in found.message


CHECKED = """\
FROM UPSTREAM AS Base
ENV FOO bar
ENV API_TOKEN=Zt7Kq2Vn9Xb4Lm1RsW
# doit-check: ignore=build-checks the base's folder
WORKDIR rel
CMD echo $HOME

FROM far.invalid/never:1 AS unneeded
"""


def checked(workspace: Workspace, upstream: str) -> Any:
    """What BuildKit's own checks say of an image, and ours of the same lines."""
    text = CHECKED.replace("UPSTREAM", upstream)
    workspace.write({"app/Dockerfile": text})
    spec = workspace.read("images.toml").replace("[images.app]", "[images.app]\ntarget = 'base'")
    workspace.write({"images.toml": spec.replace('push_stages = ["deps"]\n', "")})
    rules = [word for rule in ("build-checks", "secret-in-env") for word in ("--rule", rule)]
    return check(workspace, "app", "--build-checks", *rules, status=1)


def test_buildkits_own_checks_are_among_ours(lab: Lab, workspace: Workspace, upstream: str) -> None:
    """By name and line, each matter once, silenced as ours are; nothing far away is asked for."""
    if checks_need_a_newer(lab):
        pytest.skip("its frontend has no checks")
    found = checked(workspace, upstream)
    assert [(rule, line, message.partition(":")[0]) for rule, line, message in told(found)] == [
        ("build-checks", 1, "StageNameCasing"),
        ("build-checks", 2, "LegacyKeyValueFormat"),
        ("secret-in-env", 3, "ENV API_TOKEN has a value"),
        ("build-checks", 6, "JSONArgsRecommended"),
    ]
    assert [each["line"] for each in found["silenced"]] == [5]
    assert found["notes"] == []


def test_an_engine_without_checks_is_told_of(lab: Lab, workspace: Workspace, upstream: str) -> None:
    """In one sentence; the other rules and the exit status are as without."""
    if not checks_need_a_newer(lab):
        pytest.skip("its frontend has checks")
    found = checked(workspace, upstream)
    assert [rule for rule, _, _ in told(found)] == ["secret-in-env"]
    assert [note for note in found["notes"] if "1.8 is the first with checks" in note]
    assert len(found["notes"]) == 1


def checks_need_a_newer(lab: Lab) -> bool:
    """Whether the engine is older than Docker 27."""
    return int(lab.docker("version", "--format", "{{.Server.Version}}").partition(".")[0]) < 27
