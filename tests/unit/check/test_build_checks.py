"""BuildKit's own checks: what it is asked, and what is told of its answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hashes.dockerfile.frontend import Frontend
from hashes.errors import LayersError
from layers.check.build_checks import RULE, argv, read, single, unable
from layers.check.catalogue import RULES
from layers.check.run import conclude, offline
from tests.unit.checks import ONE, subject_of

OLD, NEW = Frontend((1, 7)), Frontend((1, 8))


def answer(*rows: tuple[str, str, int, int], error: str = "") -> str:
    """What buildx prints: rule, detail, first and last line."""
    warnings: list[dict[str, Any]] = [
        {
            "ruleName": rule,
            "detail": detail,
            "url": f"https://docs.docker.com/go/dockerfile/rule/{rule}/",
            "location": {"ranges": [{"start": {"line": first}, "end": {"line": last}}]},
        }
        for rule, detail, first, last in rows
    ]
    found: dict[str, Any] = {"warnings": warnings, "sources": []}
    return json.dumps(found | ({"buildError": {"message": error}} if error else {}))


def test_a_finding_has_buildkits_name_and_line(tmp_path: Path) -> None:
    """And the address of the page that explains it."""
    subject = subject_of(tmp_path, "FROM debian:12 AS Base\nRUN a \\\n && b\n")
    (found,) = read(subject, answer(("StageNameCasing", "Stage name 'Base' …", 1, 1)), "")
    assert (found.rule, found.severity, found.line) == (RULE, "warning", 1)
    assert found.message == "StageNameCasing: Stage name 'Base' …"
    assert found.hint == "https://docs.docker.com/go/dockerfile/rule/StageNameCasing/"
    assert (found.file, found.images) == ("Dockerfile", ("app",))


def test_what_buildkit_would_not_build_is_an_error(tmp_path: Path) -> None:
    """As with `# check=error=true`."""
    subject = subject_of(tmp_path, "# check=error=true\nFROM debian:12 AS Base\n")
    told = answer(("StageNameCasing", "x", 2, 2), error="lint violation found for rules: x")
    assert [each.severity for each in read(subject, told, "")] == ["warning", "error"]


@pytest.mark.parametrize(
    ("dockerfile", "told"),
    [
        ("FROM scratch\nCOPY $LOST /x\n", True),
        ("FROM debian:12\nCOPY $LOST /x\n", False),
        ("FROM scratch AS a\nFROM a\nCOPY $LOST /x\n", True),
        ("FROM debian:12 AS a\nFROM a\nCOPY $LOST /x\n", False),
    ],
)
def test_a_variable_that_a_base_may_have_is_not_called_undefined(
    tmp_path: Path, dockerfile: str, told: bool
) -> None:
    """BuildKit was given an empty base: nothing of it is known unless it is empty in truth."""
    subject = subject_of(tmp_path, dockerfile)
    last = dockerfile.count("\n")
    said = answer(("UndefinedVar", "Usage of undefined variable '$LOST'", last, last))
    assert bool(read(subject, said, "")) == told


def test_the_variables_of_a_base_of_ours_are_known(tmp_path: Path) -> None:
    """Through as many images as it takes."""
    toml = f"{ONE}[images.base]\ncontext = 'base'\n"
    files = {"base/Dockerfile": "FROM scratch\nENV KNOWN=1\n"}
    subject = subject_of(tmp_path, "FROM base\nENV A=$KNOWN B=$LOST\n", files, toml)
    said = [
        ("UndefinedVar", f"Usage of undefined variable '${x}'", 2, 2) for x in ("KNOWN", "LOST")
    ]
    assert ["$LOST" in each.message for each in read(subject, answer(*said), "")] == [True]


@pytest.mark.parametrize(
    ("complaint", "words"),
    [
        ("ERROR: unknown flag: --call", "`docker buildx` 0.15 or newer is needed"),
        ("#1 x\nERROR: failed to solve: no route\n", "ERROR: failed to solve: no route"),
        ("", "buildx said nothing"),
    ],
)
def test_what_is_no_answer_is_told_in_a_sentence(
    tmp_path: Path, complaint: str, words: str
) -> None:
    """Whatever a client prints in its place."""
    with pytest.raises(LayersError) as caught:
        read(subject_of(tmp_path, "FROM scratch\n"), "", complaint)
    assert caught.value.message == words


def test_nothing_outside_is_asked_for(tmp_path: Path) -> None:
    """Each base is an empty folder, and no stage that is not needed is looked at."""
    toml = f"{ONE}target = 'one'\nargs = {{ A = '1' }}\n"
    text = "FROM debian:12 AS one\nCOPY --from=alpine:3 /a /a\nFROM far:1 AS two\n"
    words = argv(subject_of(tmp_path, text, toml=toml), "/p", "/empty")
    assert "--target=one" in words
    assert "--build-arg=A=1" in words
    assert [each for each in words if each.startswith("--build-context")] == [
        "--build-context=alpine:3=/empty",
        "--build-context=debian:12=/empty",
    ]
    assert "--target=0" in argv(subject_of(tmp_path, "FROM scratch\n"), "/p", "/empty")


@pytest.mark.parametrize(
    ("dockerfile", "built_in", "able"),
    [
        ("FROM scratch\n", NEW, True),
        ("FROM scratch\n", OLD, False),
        ("FROM scratch\n", None, True),
        ("# syntax=docker/dockerfile:1.7\nFROM scratch\n", NEW, False),
        ("# syntax=docker/dockerfile:1.9\nFROM scratch\n", OLD, True),
    ],
)
def test_a_frontend_without_checks_is_not_asked(
    tmp_path: Path, dockerfile: str, built_in: Frontend | None, able: bool
) -> None:
    """Buildx would fetch another one from Docker Hub without a word."""
    assert (unable(subject_of(tmp_path, dockerfile), built_in) == "") == able


def test_the_same_matter_is_told_once(tmp_path: Path) -> None:
    """In our words, which say what to do; in BuildKit's where our rule is not asked for."""
    text = "FROM scratch\nENV API_TOKEN=Zt7Kq2Vn9Xb4Lm1RsW\n"
    subject = subject_of(tmp_path, text)
    theirs = read(subject, answer(("SecretsUsedInArgOrEnv", "x", 2, 2), ("Other", "y", 2, 2)), "")
    found = [*offline([subject]), *theirs]
    assert [each.message for each in single(found, RULES) if each.rule == RULE] == ["Other: y"]
    assert [each.rule for each in single(found, RULES)].count("secret-in-env") == 1
    assert len([each for each in single(found, {RULE}) if each.rule == RULE]) == 2


def test_our_own_comment_silences_them(tmp_path: Path) -> None:
    """At the instruction, with a reason, wherever in it the comment stands."""
    text = "FROM scratch\n# doit-check: ignore=build-checks it is like that\nRUN a \\\n && b\n"
    subject = subject_of(tmp_path, text)
    found = read(subject, answer(("JSONArgsRecommended", "x", 3, 4)), "")
    result = conclude(found, [subject], str(tmp_path), {RULE}, set())
    assert result.findings == ()
    assert [each.reason for each in result.silenced] == ["it is like that"]
