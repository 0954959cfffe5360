"""``doit report``: what the images are, cost and stand on, as one page for people."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

from hashes.errors import LayersError
from layers.commands.parsing import ProjectCommand, option
from layers.htmlreport.gather import gather
from layers.htmlreport.measure import measured
from layers.plan.session import Session
from layers.project.open import open_project
from layers.report.report import report_for

FILE = "report.html"


class ReportCommand(ProjectCommand):
    """Writes a page of HTML that needs no network and no script."""

    name = "report"
    doc_purpose = "write a page: graph, sizes, times, cache hits, reasons"
    doc_usage = ""
    doc_description = (
        "One file of HTML, which fetches nothing and runs no script.  It tells what this checkout,"
        " its engine and images.lock know; nothing is built or started for it."
    )
    cmd_options = (
        option(
            "output",
            "where it goes; default .layers/report.html, - is standard output",
            "",
            value="FILE",
            short="o",
        ),
        option("measure", "read images whose packages are not known yet, as doit sizes does"),
    )

    def act(self, root: str, options: Any, names: list[str]) -> int:
        """Write it; status 1 for the user's mistakes."""
        if names:
            raise LayersError(
                f"report takes no {names[0]!r}", hint="doit help report shows its options"
            )
        project = open_project(root)
        report = report_for(sys.stderr)
        try:
            run = Session.begin(project, report, start=False)
            wrong: tuple[str, ...] = ()
            if options["measure"]:
                wrong = measured(run, project.goals(), _say)
            found = gather(run, time.time(), wrong)
        finally:
            report.close()
        project.cache.save()
        from layers.htmlreport.page import page

        text = page(found)
        if options["output"] == "-":
            sys.stdout.write(text)
            return 0
        file = options["output"] or project.state.path(FILE)
        try:
            if not options["output"]:
                os.makedirs(os.path.dirname(file), exist_ok=True)
            with open(file, "w", encoding="utf-8") as stream:
                stream.write(text)
        except OSError as error:
            raise LayersError(f"{file} cannot be written: {error.strerror}") from None
        sys.stdout.write(f"{os.path.relpath(file)}: {found.summary}\n")
        return 0


def _say(text: str) -> None:
    """On a terminal alone: a log has no use for it."""
    if sys.stderr.isatty():
        sys.stderr.write(f"{text}\n")
