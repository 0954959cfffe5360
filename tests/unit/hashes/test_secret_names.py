"""Secret names: one rule says which variables' values nobody may read, in keys and in logs."""

from __future__ import annotations

from pathlib import Path

import pytest

from hashes.dockerfile.arguments import looks_secret
from layers.build.buildx import BuildCall, argv, shown
from layers.project.project import Project

SECRET = [
    *("SIGNING_KEY", "SSH_KEY", "NPM_AUTH", "DB_PWORD", "auth", "KEY_1"),
    *("NPM_TOKEN", "BUILDTOKEN", "PASSWD", "DBPASSWORD", "ClientSecret", "PRIVATEKEY", "APIKEY"),
    *("AWS_CREDENTIALS", "PUBLIC_TOKEN"),
]
OPEN = ["SSH_PUBLIC_KEY", "TOKENIZERS_PARALLELISM", "VERSION", "AUTHOR", "KEYBOARD", "MONKEY"]


@pytest.mark.parametrize("name", SECRET)
def test_a_name_that_says_secret_hides_its_value_from_key_and_log(name: str) -> None:
    """Both ask the same question, so that no name is hidden in one and told in the other."""
    call = BuildCall("app", ".", "Dockerfile", None, "linux/amd64", args={name: "hunter2é"})
    assert looks_secret(name)
    assert f"--build-arg={name}=…" in shown(argv(call, "m"))
    assert "hunter2é" not in " ".join(shown(argv(call, "m")))


@pytest.mark.parametrize("name", OPEN)
def test_other_names_show_their_value(name: str) -> None:
    """A log without any values would help nobody."""
    call = BuildCall("app", ".", "Dockerfile", None, "linux/amd64", args={name: "plain"})
    assert not looks_secret(name)
    assert f"--build-arg={name}=plain" in shown(argv(call, "m"))


def test_a_secret_inside_another_argument_is_hidden_too() -> None:
    """So is a login in an address, whoever gave it; the rest of the address stays."""
    args = {
        "TOKEN": "s3cret",
        "INDEX": "https://x.test/s3cret/simple",
        "MIRROR": "https://me:pass@m.test/d",
    }
    call = BuildCall("app", ".", "Dockerfile", None, "linux/amd64", args=args)
    words = shown(argv(call, "m"))
    assert "--build-arg=INDEX=https://x.test/…/simple" in words
    assert "--build-arg=MIRROR=https://…@m.test/d" in words


def test_a_system_bases_secret_variable_is_hidden_in_its_key(tmp_path: Path) -> None:
    """It still decides about the key."""
    toml = """
version = 1
[project]
name = "p"
[images.one]
rootfs = { suite = "bookworm", env = { NPM_AUTH = "hunter-one" } }
[images.two]
rootfs = { suite = "bookworm", env = { NPM_AUTH = "hunter-two" } }
"""
    (tmp_path / "images.toml").write_text(toml)
    inputs = Project(str(tmp_path)).inputs
    one, two = inputs.image("one").own, inputs.image("two").own
    assert one.key() != two.key()
    assert "hunter" not in one.text() + one.to_json()
