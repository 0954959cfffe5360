"""Steps that would wait for an answer are told before the build, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.checks import findings

RULES = ("apt-asks", "install-asks", "command-asks")


def told(root: Path, run: str, base: str = "ubuntu:20.04", env: str = "") -> list[str]:
    """``rule:severity`` of what is found in one RUN."""
    text = f"FROM {base}\n{env}\nRUN {run}\n"
    return [f"{f.rule}:{f.severity}" for f in findings(root, text, rules=RULES)]


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ("apt-get install -y git", ["apt-asks:error"]),
        ("apt-get update && apt-get -y upgrade", ["apt-asks:error"]),
        ("DEBIAN_FRONTEND=noninteractive apt-get install -y git", []),
        ("export DEBIAN_FRONTEND=noninteractive; apt-get install -y git", []),
        ("env DEBIAN_FRONTEND=noninteractive apt-get install -y git", []),
        ("sudo DEBIAN_FRONTEND=noninteractive apt-get install -y git", []),
        ("if x; then export DEBIAN_FRONTEND=noninteractive; fi; apt-get install -y git",
         ["apt-asks:error"]),
        ("DEBIAN_FRONTEND=noninteractive apt-get update && apt-get install -y git",
         ["apt-asks:error"]),
        ("DEBIAN_FRONTEND=noninteractive apt-get install git", ["install-asks:error"]),
        ("DEBIAN_FRONTEND=noninteractive apt-get -qq install git", []),
        ("DEBIAN_FRONTEND=noninteractive apt-get install --assume-yes git", []),
        ("DEBIAN_FRONTEND=noninteractive apt-get -o APT::Get::Assume-Yes=true install git", []),
        ("DEBIAN_FRONTEND=noninteractive apt-get install $OPTIONS git", []),
        ("DEBIAN_FRONTEND=noninteractive apt-get install -yq git", []),
        ("yes | DEBIAN_FRONTEND=noninteractive apt-get install git", []),
        ("apt-get update", []),
        ("apt-cache policy git", []),
        ("apt-get install -s git", []),
        ("echo apt-get install git", []),
        ("f() { apt-get install git; }; f", []),
        ("apt-get purge -y git", []),
        ("yum install git", ["install-asks:error"]),
        ("dnf -y install git", []),
        ("microdnf install -y git", []),
        ("conda install numpy", ["install-asks:error"]),
        ("conda install --yes numpy", []),
        ("zypper -n install git", []),
        ("pacman -S git", ["install-asks:error"]),
        ("pacman -S --noconfirm git", []),
        ("add-apt-repository ppa:deadsnakes/ppa", ["install-asks:error"]),
        ("add-apt-repository -y ppa:deadsnakes/ppa", []),
        ("read answer", ["command-asks:error"]),
        ("cat f | while read line; do echo $line; done", []),
        ("while read line; do echo $line; done < f", []),
        ("adduser app", ["command-asks:error"]),
        ("adduser --disabled-password --gecos '' app", []),
        ("adduser --system app", []),
        ("adduser app video", []),
        ("passwd root", ["command-asks:error"]),
        ("passwd -l root", []),
        ("echo 'root:x' | chpasswd", []),
        ("dpkg-reconfigure tzdata", ["command-asks:error"]),
        ("dpkg-reconfigure -f noninteractive tzdata", []),
        ("ssh-keygen -t ed25519", ["command-asks:error"]),
        ("ssh-keygen -q -t ed25519 -N '' -f /k", []),
        ("openssl req -new -x509 -out c", ["command-asks:error"]),
        ("openssl req -new -x509 -subj /CN=x -out c", []),
        ("npm init", ["command-asks:error"]),
        ("npm init -y", []),
        ("npm ci", []),
        ("yes | sdkmanager --licenses", []),
        ("sdkmanager --licenses", ["command-asks:error"]),
        ("vim /etc/hosts", ["command-asks:error"]),
    ],
)  # fmt: skip
def test_a_step_that_asks_is_told(tmp_path: Path, run: str, expected: list[str]) -> None:
    """By what the shell would really run, with the environment that it would have."""
    assert told(tmp_path, run) == expected


@pytest.mark.parametrize(
    ("base", "run", "expected"),
    [
        ("ubuntu:20.04", "apt-get install -y git", ["apt-asks:error"]),
        ("nvidia/cuda:12.1.1-runtime-ubuntu22.04", "apt-get install -y git", ["apt-asks:error"]),
        ("python:3.10-slim", "apt-get install -y git", ["apt-asks:warning"]),
        ("python:3.10-slim", "apt-get install -y tzdata", ["apt-asks:error"]),
        ("python:3.10-slim", "apt-get install -y postfix=3.7", ["apt-asks:error"]),
        ("alpine:3.19", "adduser app", ["command-asks:error"]),
        ("alpine:3.19", "adduser -SDH -u 1000 app", []),
        ("registry.example.com/os:1", "adduser app", []),
    ],
)
def test_how_bad_it_is_depends_on_the_system(
    tmp_path: Path, base: str, run: str, expected: list[str]
) -> None:
    """Ubuntu's packages bring tzdata, which asks; Debian's images have it already."""
    assert told(tmp_path, run, base) == expected


@pytest.mark.parametrize("keyword", ["ENV", "ARG"])
def test_a_variable_of_the_stage_holds_for_its_runs(tmp_path: Path, keyword: str) -> None:
    """Set once, by ENV or ARG."""
    env = f"{keyword} DEBIAN_FRONTEND=noninteractive"
    assert told(tmp_path, "apt-get install -y git", env=env) == []


def test_env_reaches_the_stages_below_and_arg_does_not_reach_other_files(tmp_path: Path) -> None:
    """As BuildKit hands them down: an image keeps ENV alone."""
    toml = (
        "version = 1\n[project]\nname = 'p'\n[images.base]\ncontext = 'base'\n"
        "[images.app]\ncontext = '.'\n"
    )
    base = {"base/Dockerfile": "FROM ubuntu:22.04\nENV DEBIAN_FRONTEND=noninteractive\n"}
    text = "FROM base AS one\nFROM one\nRUN apt-get install -y git\n"
    assert findings(tmp_path, text, base, rules=RULES, toml=toml) == []
    other = {"base/Dockerfile": "FROM ubuntu:22.04\nARG DEBIAN_FRONTEND=noninteractive\n"}
    assert len(findings(tmp_path, text, other, rules=RULES, toml=toml)) == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("FROM ubuntu:20.04\nRUN true && \\\n    # why\n\n    apt-get install -y git\n", 5),
        ("FROM ubuntu:20.04\nRUN --mount=type=tmpfs,target=/x \\\n  apt-get install -y git\n", 3),
        ("FROM ubuntu:20.04\nRUN <<EOF\nset -e\napt-get install -y git\nEOF\n", 4),
        ("FROM ubuntu:20.04\nRUN <<-EOF\n\tset -e\n\tapt-get install -y git\nEOF\n", 4),
        ("# escape=`\nFROM ubuntu:20.04\nRUN true && `\n  apt-get install -y git\n", 4),
        ('FROM ubuntu:20.04\nRUN ["apt-get", "install", "-y", "git"]\n', 2),
        ("FROM ubuntu:20.04\nRUN <<EOF\n#!/bin/bash\napt-get install -y git\nEOF\n", 4),
    ],
)
def test_the_line_is_that_of_the_command(tmp_path: Path, text: str, line: int) -> None:
    """Inside continuation lines and documents too."""
    assert [f.line for f in findings(tmp_path, text, rules=RULES)] == [line]


def test_a_document_for_another_interpreter_is_not_read_as_shell(tmp_path: Path) -> None:
    """Python's own ``read`` waits for nobody."""
    text = "FROM ubuntu:20.04\nRUN <<EOF\n#!/usr/bin/env python3\nread = 1\nEOF\n"
    assert findings(tmp_path, text, rules=RULES) == []
