"""Short ways to check one Dockerfile in a folder of a test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from layers.check.catalogue import RULES
from layers.check.finding import Finding, Result
from layers.check.rules.claims import CLAIMS, OTHER, Claim
from layers.check.run import conclude, offline
from layers.check.subject import Subject
from layers.check.survey import Survey
from layers.project.project import Project

HEAD = "version = 1\n[project]\nname = 'p'\n"
ONE = f"{HEAD}[images.app]\ncontext = '.'\n"


MADE = "Zt7Kq2Vn9Xb4Lm1RsW"
"""A value as a generator makes it."""
KNOWN = "ghp_" + "a1B2c3D4e5F6" * 3
"""One of a known form."""
SECRETS = [each for each in CLAIMS if each.rule.startswith("secret-")]


def built_of(claim: Claim) -> str:
    """The Dockerfile by which a claim about a secret is tried."""
    step = claim.step.replace("…", KNOWN if claim.step.startswith("LABEL") else MADE)
    if claim.base == OTHER:
        return f"FROM scratch AS b\n{step}\nCOPY f /f\nFROM scratch\nCOPY --from=b /f /f\n"
    return f"FROM scratch\n{step}\nCOPY f /f\n"


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
