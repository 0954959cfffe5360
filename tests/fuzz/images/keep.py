"""Keeping: a case as a folder with its files before and after, and how to play it again."""

from __future__ import annotations

import os
import shutil

from tests.fuzz.images.lay import lay
from tests.fuzz.images.play import Verdict
from tests.fuzz.images.project import Names, filled, to_json


def keep(folder: str, verdict: Verdict) -> str:
    """Write a case; the answer is its folder."""
    case = verdict.case
    at = os.path.join(folder, case.name)
    shutil.rmtree(at, ignore_errors=True)
    os.makedirs(at)
    names = Names("u", "127.0.0.1:5000", {})
    for title, project in (("before", case.project), ("after", case.after)):
        lay(filled(project, names), os.path.join(at, title))
    with open(os.path.join(at, "case.json"), "w", encoding="utf-8") as file:
        file.write(to_json(case))
    with open(os.path.join(at, "README"), "w", encoding="utf-8") as file:
        file.write(
            f"{verdict.signature}\n\nkinds: {', '.join(case.kinds)}\nedit: {case.edit}\n"
            f"environment: {dict(case.project.environ)}\n\n"
            + "".join(f"{line}\n" for line in verdict.told)
            + f"\n./run fuzz --images --replay {at}\n"
        )
    return at
