"""Short ways to check one Dockerfile in a folder of a test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from layers.check.catalogue import RULES
from layers.check.finding import Finding, Result
from layers.check.run import conclude, offline
from layers.check.subject import Subject
from layers.check.survey import Survey
from layers.project.project import Project

HEAD = "version = 1\n[project]\nname = 'p'\n"
ONE = f"{HEAD}[images.app]\ncontext = '.'\n"


def survey(
    root: Path, files: Mapping[str, str], toml: str = ONE, profile: str | None = None
) -> Survey:
    """A project of these files."""
    for path, text in {"images.toml": toml, **files}.items():
        at = root / path
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(text)
    return Survey(Project(str(root), profile=profile))


def subject_of(
    root: Path, dockerfile: str, files: Mapping[str, str] | None = None, toml: str = ONE
) -> Subject:
    """The image ``app``, whose context is the root."""
    found = survey(root, {"Dockerfile": dockerfile, **(files or {})}, toml).subject("app")
    assert found is not None
    return found


def findings(
    root: Path,
    dockerfile: str,
    files: Mapping[str, str] | None = None,
    *,
    rules: Iterable[str] = (),
    toml: str = ONE,
) -> list[Finding]:
    """What the files alone tell, before silences; only these rules if there are any."""
    found = offline([subject_of(root, dockerfile, files, toml)])
    return [each for each in found if not rules or each.rule in rules]


def result(root: Path, dockerfile: str, files: Mapping[str, str] | None = None) -> Result:
    """What a run of the checks concludes, silences applied."""
    subject = subject_of(root, dockerfile, files)
    return conclude(offline([subject]), [subject], str(root), set(RULES), set(RULES))
