"""What a build reads that git has not brought."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.unit.checks import findings
from tests.unit.graph.test_checkout import POINTER


def test_check_tells_of_both_at_their_instructions(tmp_path: Path) -> None:
    """lfs-pointer as a warning, empty-submodule as an error; one finding for each instruction."""
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    (tmp_path / "lib").mkdir()
    found = findings(
        tmp_path,
        "FROM scratch\nCOPY m /m\nCOPY n /n\nCOPY lib /lib\n",
        {
            "m/a": POINTER,
            "m/b": POINTER.replace("12345", "12346"),
            "n": POINTER,
            ".gitmodules": '[submodule "l"]\npath = lib\nurl = x\n',
        },
        rules=("lfs-pointer", "empty-submodule"),
    )
    assert [(each.rule, each.severity, each.line, each.message, each.hint) for each in found] == [
        (
            "lfs-pointer",
            "warning",
            2,
            "m/a and 1 more are Git LFS pointers, not the files",
            "run `git lfs pull`",
        ),
        (
            "lfs-pointer",
            "warning",
            3,
            "n is a Git LFS pointer, not the file",
            'run `git lfs pull --include "n"`',
        ),
        (
            "empty-submodule",
            "error",
            4,
            "lib is a git submodule that is not checked out",
            "run `git submodule update --init --recursive lib`",
        ),
    ]
