"""``doit check``: what is known to go wrong, told before a build starts."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

from hashes.errors import LayersError, did_you_mean
from layers.commands.exit_status import MISTAKE
from layers.commands.parsing import ProjectCommand, option
from layers.config.spec import no_image
from layers.plan.session import Session
from layers.project.open import open_project
from layers.project.project import Project

if TYPE_CHECKING:
    from layers.check.finding import Finding


FORMATS = ("text", "json", "sarif", "github")


class CheckCommand(ProjectCommand):
    """Looks at images and builds nothing."""

    name = "check"
    doc_purpose = "tell what will go wrong in a build, before it starts"
    doc_usage = "[IMAGE ...]"
    doc_description = (
        "Reads Dockerfiles and contexts; nothing is asked over a network without --online.  Status"
        " 1 when there is an error."
    )
    cmd_options = (
        option("online", "look packages up: apt and apk in the base image, pip at its index"),
        option("built", "look into the built images, too: secrets in any layer, and max_size"),
        option("hadolint", "run hadolint as well: pip install 'doit-layers[hadolint]'"),
        option("build_checks", "ask BuildKit for its own checks as well"),
        option("strict", "status 1 for warnings, too"),
        option("rule", "only this rule; may be given several times", [], value="NAME"),
        option(
            "format",
            "how findings are printed: text, json, sarif for code scanners, github for annotations",
            "text",
            choices=[(name, "") for name in FORMATS],
        ),
        option("as_json", "the same as --format json", long="json"),
    )

    def act(self, root: str, options: Any, names: list[str]) -> int:
        """Print; status 1 for an error that was found, and for the user's own mistakes."""
        return _check(root, options, names)


def _check(root: str, options: Any, asked: list[str]) -> int:
    from importlib.metadata import version

    from layers.check.catalogue import BUILD_CHECKS, BUILT_RULES, HADOLINT, ONLINE_RULES, RULES
    from layers.check.render import as_annotations, as_json, as_text
    from layers.check.rules.pins import UNPINNED_UPSTREAM
    from layers.check.run import conclude, offline
    from layers.check.survey import Survey

    began = time.monotonic()
    for name in options["rule"]:
        if name not in RULES:
            guess = did_you_mean(name, RULES)
            hint = "`doit help rules` lists them"
            raise LayersError(f"there is no rule {name!r}{guess}", hint=hint)
    rules = set(options["rule"] or RULES)
    project = open_project(root)
    run = Session.begin(project, start=False)
    names = _names(project, asked)
    survey = Survey(project)
    subjects = survey.subjects(names)
    notes: list[str] = list(survey.notes)
    found: list[Finding] = [*offline(subjects), *survey.refused]
    asked_for = (*ONLINE_RULES, *BUILT_RULES, HADOLINT, BUILD_CHECKS)
    ran = set(RULES) - {each.name for each in asked_for}
    if options["online"]:
        from layers.check.online.look_up import look_up

        known = len(notes)
        found += look_up(run, subjects, notes, rules)
        ran |= {each.name for each in ONLINE_RULES} if len(notes) == known else set()
    if options["built"]:
        from layers.check.built.inspect import look_into

        found += look_into(run, names, notes)
    if options["hadolint"]:
        from layers.check.hadolint import lint

        found += lint(project.root, subjects)
    if options["build_checks"]:
        from layers.check.build_checks import build_checks, single

        found = single([*found, *build_checks(run, subjects, notes)], rules)
    project.cache.save()
    # under a profile, or for some images alone, a silence may have nothing to do
    useful = ran & rules if project.profile is None and not asked else set()
    if not all(each.locked for each in subjects):  # told once, and not at each FROM
        useful -= {UNPINNED_UPSTREAM.name}
    result = conclude(found, subjects, root, rules, useful, notes)
    for note in result.notes:
        sys.stderr.write(f"{note}\n")
    seconds = time.monotonic() - began
    form = "json" if options["as_json"] else options["format"]
    if form == "json":
        text = as_json(result, names)
    elif form == "sarif":
        from layers.check.sarif import as_sarif

        text = as_sarif(result, RULES, version("doit-layers"), project.spec.path)
    elif form == "github":
        text = as_annotations(result, project.spec.path)
    else:
        text = as_text(result, len(names), seconds, color=_color())
    sys.stdout.write(text)
    return MISTAKE if result.errors or (options["strict"] and result.warnings) else 0


def _color() -> bool:
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def _names(project: Project, asked: list[str]) -> list[str]:
    known = project.inputs.graph.order
    asked = project.spec.named(asked)
    for name in asked:
        if name not in known:
            raise no_image(name, known)
    return list(dict.fromkeys(asked)) or [layer.image for layer in project.goals()]
