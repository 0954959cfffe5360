"""A finding can be taken back with a reason, and with nothing less."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.checks import result

BASE = "FROM debian@sha256:" + "0" * 64 + "\n"


def told(root: Path, text: str, files: dict[str, str] | None = None) -> list[str]:
    """``rule:line`` of what stays."""
    return [f"{f.rule}:{f.line}" for f in result(root, text, files).findings]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{BASE}RUN chmod 777 /x\n", ["world-writable:2"]),
        (f"{BASE}# doit-check: ignore=world-writable a spool for all users\nRUN chmod 777 /x\n",
         []),
        (f"{BASE}# doit-check: ignore=world-writable\nRUN chmod 777 /x\n",
         ["bad-silence:2", "world-writable:3"]),
        (f"{BASE}# doit-check: ignore=world-writable   x\nRUN chmod 777 /x\n",
         ["bad-silence:2", "world-writable:3"]),
        (f"{BASE}# doit-check: world-writable why not\nRUN chmod 777 /x\n",
         ["bad-silence:2", "world-writable:3"]),
        (f"{BASE}# doit-check: ignore=world-writeable a spool for all\nRUN chmod 777 /x\n",
         ["bad-silence:2", "world-writable:3"]),
        (f"{BASE}# doit-check: ignore=world-writable a spool for all\n\n# more\nRUN chmod 777 /x\n",
         []),
        (f"{BASE}RUN true && \\\n  # doit-check: ignore=world-writable a spool for all\n"
         "  chmod 777 /x\n", []),
        (f"{BASE}# doit-check: ignore=world-writable a spool for all\nRUN true && \\\n"
         "  chmod 777 /x\n", []),
        (f"{BASE}# doit-check: ignore=world-writable a spool for all\nRUN true\n"
         "RUN chmod 777 /x\n", ["bad-silence:2", "world-writable:4"]),
        (f"# doit-check: ignore-file=world-writable a spool for all\n{BASE}RUN true\n"
         "RUN chmod 777 /x\n", []),
        (f"{BASE}# doit-check: ignore=world-writable,root-user it is a test\n"
         "RUN chmod 777 /x\n", ["bad-silence:2"]),
        (f"{BASE}# doit-check: ignore=root-user nothing is wrong here\nRUN true\n",
         ["bad-silence:2"]),
    ],
)  # fmt: skip
def test_a_comment_above_or_inside_an_instruction_silences_it(
    tmp_path: Path, text: str, expected: list[str]
) -> None:
    """A reason is asked for; a comment that does nothing is told."""
    assert told(tmp_path, text) == expected


def test_what_is_silenced_keeps_its_reason(tmp_path: Path) -> None:
    """JSON shows both."""
    text = f"{BASE}# doit-check: ignore=world-writable: a spool for all users\nRUN chmod 777 /x\n"
    (silenced,) = result(tmp_path, text).silenced
    assert silenced.reason == "a spool for all users"
    assert silenced.finding.rule == "world-writable"
