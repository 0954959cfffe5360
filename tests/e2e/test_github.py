"""A run as a workflow of GitHub Actions sees it: folds, errors at their lines, a summary a run."""

from __future__ import annotations

import re

import pytest

from tests.e2e.lab import Workspace
from tests.runner import Runner

pytestmark = pytest.mark.e2e


def test_a_workflow_sees_folds_the_line_that_failed_and_one_summary_a_run(
    workspace: Workspace,
) -> None:
    """What a build prints is shown and not carried out; a kept stage says its name."""
    name, summary = workspace.name, workspace.root / "summary.md"
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_WORKSPACE": str(workspace.root.parent),
    }
    whole = workspace.read("app/Dockerfile")
    # to one stream: BuildKit tells two in any order
    broken = "RUN (echo '::error::stolen'; echo '##[add-mask]x') >&2 && nosuchtool /installed"
    workspace.edit("app/Dockerfile", "RUN cp /requirements.txt /installed", broken)
    run = workspace.doit("-c", "app", "other", status=1, **environ)
    runner = Runner().read(run.out)
    errors = [(properties, data) for kind, properties, data in runner.commands if kind == "error"]
    assert errors == [
        (
            "file=repo/app/Dockerfile,line=4,"
            "title=app%3Adeps%3A the build of the stage deps of app failed",
            f"2/2 {broken}%0Athe image has no command nosuchtool"
            "%0Ainstall it in a step before, or see to PATH",
        )
    ]
    folds = [data for kind, _, data in runner.commands if kind == "group"]
    assert sorted(data.split(":")[0] for data in folds) == ["app", "base", "base", "other"]
    shown = [line for fold, line in runner.shown if fold.startswith("app:deps: build")]
    assert "    | ::error::stolen" in shown
    assert "    | ##[add-mask]x" in shown
    told = run.err.replace("\u200b", "")
    assert f"{workspace.root}/app/Dockerfile:4\n" in told
    assert re.search(
        r"  log     \S+build\.log\n  cause   the image has no command nosuchtool\n", told
    )
    assert Runner().read(run.err).commands == []

    workspace.write({"app/Dockerfile": whole})
    workspace.doit("publish", "app", status=0, **environ)
    workspace.doit("app", "base", status=0, **environ)
    text = summary.read_text()
    assert re.findall(r"^# (.*)$", text, re.M) == [
        "doit app other: 1 failed, 2 built, 1 pushed",
        "doit publish app: 2 built, 2 pushed",
        "doit app base: nothing had to be done",
    ]
    assert (
        "- `app:deps`: the build of the stage deps of app failed, `repo/app/Dockerfile:4`" in text
    )
    assert f"/{name}/app@sha256:" in text
    assert "Up to date: `app`, `base`" in text
