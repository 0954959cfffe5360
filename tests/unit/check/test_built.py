"""Built images: every layer of an archive is read, whatever packs it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
import zstandard

from layers.check.built.inspect import secrets
from layers.check.built.sizes import Sizes, budget
from layers.runtime.state import StateFolder

KEY = b"-----BEGIN PRIVATE KEY-----\n" + b"MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 4 + b"\n"


def archive(files: dict[str, bytes]) -> bytes:
    """A tar of these files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def image(*layers: dict[str, bytes], pack: str = "", env: str = "PATH=/bin") -> bytes:
    """What ``docker image save`` gives: an OCI layout with a manifest.json."""
    blobs: dict[str, bytes] = {}

    def blob(content: bytes) -> str:
        name = f"blobs/sha256/{hashlib.sha256(content).hexdigest()}"
        blobs[name] = content
        return name

    packed = []
    for files in layers:
        content = archive(files)
        if pack == "gzip":
            content = gzip.compress(content)
        elif pack == "zstd":
            content = zstandard.ZstdCompressor().compress(content)
        packed.append(blob(content))
    history = [{"created_by": f"COPY secret{n} / # buildkit"} for n, _ in enumerate(layers)]
    config = blob(json.dumps({"config": {"Env": [env]}, "history": history}).encode())
    listing = [{"Config": config, "RepoTags": None, "Layers": packed}]
    return archive({**blobs, "manifest.json": json.dumps(listing).encode()})


@pytest.mark.parametrize("pack", ["", "gzip", "zstd"])
def test_a_secret_is_found_in_whatever_layer_and_packing(pack: str) -> None:
    """Also when a layer above removes the file."""
    data = image({"root/k": KEY}, {"root/.wh.k": b""}, {"etc/x": b"y"}, pack=pack)
    (found,) = secrets(io.BytesIO(data), "app")
    assert found.message.startswith("/root/k in layer 1 of 3 (sha256:")
    assert found.message.endswith(", COPY) is or holds a private key")
    assert "MII" not in found.message + found.hint


def test_the_configuration_is_read_too() -> None:
    """ENV and history are part of the image."""
    token = "ghp_" + "a1B2c3D4e5F6" * 3
    (found,) = secrets(io.BytesIO(image({"a": b""}, env=f"T={token}")), "app")
    assert "a GitHub token stands in the image's configuration" in found.message
    assert token not in found.message


def test_an_image_without_secrets_is_clean() -> None:
    """Binary files, large files and certificates among them."""
    files = {
        "bin/x": b"\0" + KEY,
        "etc/ssl/cert.pem": b"-----BEGIN CERTIFICATE-----\nMIIB\n",
        "large": KEY + b"x" * 600_000,
    }
    assert secrets(io.BytesIO(image(files)), "app") == []


def test_a_budget_is_told_from_nine_tenths_on_with_what_grew(tmp_path: Path) -> None:
    """A warning, then an error; folder and layer that grew most since the key before."""
    state = StateFolder(str(tmp_path))
    now, before = Sizes(), Sizes()
    secrets(io.BytesIO(image({"a/x": b"1"}, {"b/y": b"2"})), "app", before)
    before.remember(state, "app", "k1")
    secrets(io.BytesIO(image({"a/x": b"1"}, {"b/y": b"2" * 2_000_000})), "app", now)
    earlier = now.remembered(state, "app", "k2")
    assert earlier is not None

    def told(size: int) -> list[tuple[str, str]]:
        found = budget("app", size, 1_000_000, now, earlier, "images.toml", 3)
        return [(each.severity, each.hint) for each in found]

    grown = "since the key before: /b +2.0 MB, layer 2 COPY +2.0 MB"
    assert told(899_999) == []
    assert told(900_000) == [("warning", grown)]
    assert told(1_000_001) == [("error", grown)]
    assert list(budget("app", 10, None, now, earlier, "images.toml", 3)) == []


def test_sizes_survive_a_damaged_file(tmp_path: Path) -> None:
    """State is a cache."""
    state = StateFolder(str(tmp_path))
    Sizes().remember(state, "app", "k1")
    Path(state.path("sizes", "app.json")).write_text("{")
    assert Sizes.remembered(state, "app", "k2") is None
