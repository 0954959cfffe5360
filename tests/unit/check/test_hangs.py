"""Steps that would wait for an answer are told before the build, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.check.rules.claims import CLAIMS, Claim
from tests.unit.checks import findings

RULES = ("apt-asks", "install-asks", "command-asks")


def told(root: Path, run: str, base: str = "ubuntu:20.04", env: str = "") -> list[str]:
    """``rule:severity`` of what is found in one RUN."""
    text = f"FROM {base}\n{env}\nRUN {run}\n"
    return [f"{f.rule}:{f.severity}" for f in findings(root, text, rules=RULES)]


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ("apt-get install -y tzdata", ["apt-asks:error"]),
        ("apt-get install -y git", []),
        ("apt-get update && apt-get install -y git tzdata=2024a", ["apt-asks:error"]),
        ("apt-get update && apt-get -y upgrade", []),
        ("DEBIAN_FRONTEND=noninteractive apt-get install -y tzdata", []),
        ("export DEBIAN_FRONTEND=noninteractive; apt-get install -y tzdata", []),
        ("env DEBIAN_FRONTEND=noninteractive apt-get install -y tzdata", []),
        ("sudo DEBIAN_FRONTEND=noninteractive apt-get install -y tzdata", []),
        ("if x; then export DEBIAN_FRONTEND=noninteractive; fi; apt-get install -y tzdata",
         ["apt-asks:warning"]),
        ("DEBIAN_FRONTEND=noninteractive apt-get update && apt-get install -y tzdata",
         ["apt-asks:error"]),
        ("if [ -n \"$X\" ]; then apt-get install -y tzdata; fi", ["apt-asks:warning"]),
        ("apt-get install -y curl && apt-get install -y tzdata", ["apt-asks:warning"]),
        ("TZ=Etc/UTC apt-get install -y tzdata", ["apt-asks:warning"]),
        ("ln -fs /usr/share/zoneinfo/Etc/UTC /etc/localtime && apt-get install -y tzdata", []),
        ("echo a b | debconf-set-selections && apt-get install -y tzdata", []),
        ("apt-get install -y php", ["apt-asks:warning"]),
        ("apt-get install git", ["install-asks:error"]),
        ("apt-get update && apt-get install --no-install-recommends git", ["install-asks:error"]),
        ("apt-get install git || true", ["install-asks:warning"]),
        ("apt-get install git; true", ["install-asks:warning"]),
        ("set -e; apt-get install git; true", ["install-asks:error"]),
        ("apt-get install -y curl && apt-get install git", ["install-asks:warning"]),
        ("apt-get install no-such-name", ["install-asks:warning"]),
        ("apt-get -qq install git", []),
        ("apt-get install --assume-yes git", []),
        ("apt-get -o APT::Get::Assume-Yes=true install git", []),
        ("apt-get install $OPTIONS git", []),
        ("apt-get install -yq git", []),
        ("yes | apt-get install git", []),
        ("apt-get update", []),
        ("apt-cache policy git", []),
        ("apt-get install -s git", []),
        ("echo apt-get install git", []),
        ("f() { apt-get install git; }; f", []),
        ("apt-get purge -y git", []),
        ("apt-get autoremove", ["install-asks:warning"]),
        ("yum install git", ["install-asks:warning"]),
        ("dnf -y install git", []),
        ("microdnf install -y git", []),
        ("conda install numpy", []),
        ("conda clean --all", []),
        ("zypper in git", ["install-asks:warning"]),
        ("zypper -n install git", []),
        ("pacman -S git", ["install-asks:warning"]),
        ("pacman -S --noconfirm git", []),
        ("add-apt-repository ppa:deadsnakes/ppa", []),
        ("read answer", ["command-asks:error"]),
        ("read answer; true", ["command-asks:warning"]),
        ("cat f | while read line; do echo $line; done", []),
        ("while read line; do echo $line; done < f", []),
        ("adduser app", []),
        ("passwd root", ["command-asks:error"]),
        ("passwd -l root", []),
        ("echo 'root:x' | chpasswd", []),
        ("dpkg-reconfigure tzdata", ["command-asks:warning"]),
        ("dpkg-reconfigure -f noninteractive tzdata", []),
        ("ssh-keygen -t ed25519", ["command-asks:error"]),
        ("ssh-keygen -t ed25519 -f /k", []),
        ("openssl req -new -x509 -out c", ["command-asks:error"]),
        ("openssl req -new -x509 -subj /CN=x -out c", []),
        ("gpg --gen-key", ["command-asks:error"]),
        ("docker login", ["command-asks:error"]),
        ("npm init", ["command-asks:warning"]),
        ("npm init -y", []),
        ("npm ci", []),
        ("poetry init", []),
        ("yes | sdkmanager --licenses", []),
        ("sdkmanager --licenses", ["command-asks:warning"]),
        ("vim /etc/hosts", ["command-asks:error"]),
        ("less /etc/hosts", []),
    ],
)  # fmt: skip
def test_a_step_that_asks_is_told(tmp_path: Path, run: str, expected: list[str]) -> None:
    """An error where it surely stops the build, a warning where it may, and nothing elsewhere."""
    assert told(tmp_path, run) == expected


@pytest.mark.parametrize(
    ("base", "run", "expected"),
    [
        ("ubuntu:16.04", "apt-get install -y tzdata", []),
        ("ubuntu:jammy", "apt-get install -y tzdata", ["apt-asks:error"]),
        ("ubuntu:24.04", "apt-get install -y tzdata", ["apt-asks:warning"]),
        ("nvidia/cuda:11.8.0-runtime-ubuntu20.04", "apt-get install -y tzdata", ["apt-asks:error"]),
        ("nvidia/cuda:12.1.1-runtime-ubuntu22.04", "apt-get install -y git", []),
        ("nvidia/cuda:12.1.1-runtime-ubuntu22.04", "apt-get install git", ["install-asks:warning"]),
        ("example.com/java:17-jammy", "apt-get install -y php tzdata", []),
        ("python:3.10-slim", "apt-get install -y git", []),
        ("python:3.10-slim", "apt-get install -y tzdata", []),
        ("python:3.10-slim", "apt-get install -y postfix=3.7", []),
        ("python:3.10-slim", "apt-get install git", ["install-asks:warning"]),
        ("debian:bookworm-slim", "apt-get install git", ["install-asks:error"]),
        ("debian:12.5", "apt-get install -y console-setup", ["apt-asks:error"]),
        ("debian:trixie", "apt-get install -y console-setup", []),
        ("debian:12", "adduser --disabled-password app", []),
        ("debian:12", "dpkg-reconfigure tzdata", []),
        ("alpine:3.19", "adduser app", ["command-asks:warning"]),
        ("alpine:3.19", "adduser -SDH -u 1000 app", []),
        ("alpine:3.19", "vi /etc/hosts", ["command-asks:warning"]),
        ("registry.example.com/os:1", "adduser app", []),
    ],
)
def test_how_bad_it_is_depends_on_the_system(
    tmp_path: Path, base: str, run: str, expected: list[str]
) -> None:
    """Only what was tried on a base is called an error there."""
    assert told(tmp_path, run, base) == expected


@pytest.mark.parametrize("claim", [each for each in CLAIMS if each.rule in RULES])
def test_what_was_tried_is_what_is_told(tmp_path: Path, claim: Claim) -> None:
    """A step that goes on is never an error, and each that fails or hangs is one somewhere."""
    bases = {"any": "debian:trixie", "debian": "debian:trixie", "debian bookworm": "debian:12"}
    bases |= {"debian trixie": "debian:13", "ubuntu": "ubuntu:22.04"}
    bases |= {"debian bullseye": "debian:bullseye-slim"}
    base = bases.get(claim.base, claim.base.replace(" ", ":"))
    found = told(tmp_path, claim.step.replace("…", "http://x y z"), base)
    if claim.outcome == "goes on":
        assert f"{claim.rule}:error" not in found
    elif "wget" not in claim.step:  # libpsl5, which it brings, is in some images
        assert found == [f"{claim.rule}:error"]


@pytest.mark.parametrize("claim", CLAIMS)
def test_what_was_tried_stands_on_the_rules_page(claim: Claim) -> None:
    """With where it was seen, so that anybody can try again."""
    page = (Path(__file__).resolve().parents[3] / "docs/rules" / f"{claim.rule}.md").read_text()
    assert f"| `{claim.step}` | {claim.base} | {claim.outcome} | {claim.seen} |" in page


@pytest.mark.parametrize("keyword", ["ENV", "ARG"])
def test_a_variable_of_the_stage_holds_for_its_runs(tmp_path: Path, keyword: str) -> None:
    """Set once, by ENV or ARG."""
    env = f"{keyword} DEBIAN_FRONTEND=noninteractive"
    assert told(tmp_path, "apt-get install -y tzdata", env=env) == []


def test_env_reaches_the_stages_below_and_arg_does_not_reach_other_files(tmp_path: Path) -> None:
    """As BuildKit hands them down: an image keeps ENV alone."""
    toml = (
        "version = 1\n[project]\nname = 'p'\n[images.base]\ncontext = 'base'\n"
        "[images.app]\ncontext = '.'\n"
    )
    base = {"base/Dockerfile": "FROM ubuntu:22.04\nENV DEBIAN_FRONTEND=noninteractive\n"}
    text = "FROM base AS one\nFROM one\nRUN apt-get install -y tzdata\n"
    assert findings(tmp_path, text, base, rules=RULES, toml=toml) == []
    middle = {**base, "mid/Dockerfile": "FROM base\nRUN true\n"}
    chain = f"{toml}[images.mid]\ncontext = 'mid'\n"
    above = text.replace("FROM base", "FROM mid")
    assert findings(tmp_path, above, middle, rules=RULES, toml=chain) == []
    other = {"base/Dockerfile": "FROM ubuntu:22.04\nARG DEBIAN_FRONTEND=noninteractive\n"}
    assert len(findings(tmp_path, text, other, rules=RULES, toml=toml)) == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("FROM ubuntu:20.04\nRUN true && \\\n    # why\n\n    apt-get install -y tzdata\n", 5),
        (
            "FROM ubuntu:20.04\nRUN --mount=type=tmpfs,target=/x \\\n  apt-get install -y tzdata\n",
            3,
        ),
        ("FROM ubuntu:20.04\nRUN <<EOF\nset -e\napt-get install -y tzdata\nEOF\n", 4),
        ("FROM ubuntu:20.04\nRUN <<-EOF\n\tset -e\n\tapt-get install -y tzdata\nEOF\n", 4),
        ("# escape=`\nFROM ubuntu:20.04\nRUN true && `\n  apt-get install -y tzdata\n", 4),
        ('FROM ubuntu:20.04\nRUN ["apt-get", "install", "-y", "tzdata"]\n', 2),
        ("FROM ubuntu:20.04\nRUN <<EOF\n#!/bin/bash\napt-get install -y tzdata\nEOF\n", 4),
    ],
)
def test_the_line_is_that_of_the_command(tmp_path: Path, text: str, line: int) -> None:
    """Inside continuation lines and documents too."""
    assert [f.line for f in findings(tmp_path, text, rules=RULES)] == [line]


def test_a_document_for_another_interpreter_is_not_read_as_shell(tmp_path: Path) -> None:
    """Python's own ``read`` waits for nobody."""
    text = "FROM ubuntu:20.04\nRUN <<EOF\n#!/usr/bin/env python3\nread = 1\nEOF\n"
    assert findings(tmp_path, text, rules=RULES) == []
