"""What compose says of a service's build, as an image of ours."""

from __future__ import annotations

from pathlib import Path

from layers.adopt.sources.services import UNSET, read_service
from layers.runtime.yaml import read_yaml


def test_labels_of_a_build_are_labels_of_images_toml(tmp_path: Path) -> None:
    """A dollar is doubled by compose, a brace by us; a variable that is not set is told."""
    (tmp_path / "compose.yaml").write_text("services:\n  api:\n    build: .\n")
    values = {"compose.yaml": read_yaml(str(tmp_path / "compose.yaml"), "compose.yaml")}
    labels = {"org.example.name": "a{b}", "org.example.price": "$$1", "org.example.commit": UNSET}
    told = {"build": {"context": str(tmp_path), "labels": labels}}
    reading = read_service(str(tmp_path), ["compose.yaml"], values, "api", told, {})
    (build,) = reading.builds
    assert build.options.labels == {"org.example.name": "a{{b}}", "org.example.price": "$1"}
    assert build.notes == ("label org.example.commit is a variable which is not set",)
