"""Instructions: what a history says made a layer, as near to the Dockerfile as can be told."""

from __future__ import annotations

import json

import pytest

from layers.sizes.instructions import instruction, instructions


@pytest.mark.parametrize(
    ("created_by", "told"),
    [
        ("COPY . /app # buildkit", "COPY . /app"),
        ("RUN /bin/sh -c apt-get update # buildkit", "RUN apt-get update"),
        ("RUN |2 A=1 B=x y /bin/sh -c make all # buildkit", "RUN make all"),
        (
            "RUN |1 TOKEN=s3cr3t /bin/bash -o pipefail -c set -e; make # buildkit",
            "RUN set -e; make",
        ),
        ("RUN |1 TOKEN=s3cr3t make # buildkit", "RUN"),
        ("RUN /bin/bash -euo pipefail -c make # buildkit", "RUN make"),
        ("/bin/sh -c #(nop) ADD file:1a2b in / ", "ADD file:1a2b in /"),
        ('/bin/sh -c #(nop)  CMD ["bash"]', 'CMD ["bash"]'),
        ("/bin/sh -c apt-get install -y curl", "RUN apt-get install -y curl"),
        ("RUN /bin/sh -c a \\\n  && b # buildkit", "RUN a \\ && b"),
        ("RUN |2 A=1 B=x y /bin/sh -c set -e;\n  b # buildkit", "RUN set -e; b"),
        ("WORKDIR /srv", "WORKDIR /srv"),
        ("# debian.sh --arch 'amd64' out/", "# debian.sh --arch 'amd64' out/"),
        ("", ""),
    ],
)
def test_an_instruction_is_told_without_values_of_build_args(created_by: str, told: str) -> None:
    """Values that may be secrets are in no Dockerfile."""
    assert instruction(created_by) == told
    assert "s3cr3t" not in told


def test_a_history_has_one_for_each_layer() -> None:
    """Settings have no layer; an image may have no history, or a damaged one."""
    history = [
        {"created_by": "COPY a /"},
        {"created_by": "ENV A=1", "empty_layer": True},
        {"comment": "imported"},
    ]
    assert instructions(json.dumps({"history": history}).encode()) == ["COPY a /", "imported"]
    assert instructions(b"") == instructions(b"{") == []
