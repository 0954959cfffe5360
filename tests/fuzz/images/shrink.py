"""Shrinking: drop whatever a fault does not need."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.fuzz.images.play import Verdict
from tests.fuzz.images.project import Case, Edit, Image, Project


def shrink(verdict: Verdict, play: Callable[[Case], Verdict], seconds: float = 120) -> Verdict:
    """The smallest case found within ``seconds`` that ends with the same signature."""
    until = time.monotonic() + seconds
    again = True
    while again and time.monotonic() < until:
        again = False
        for smaller in _smaller(verdict.case):
            if time.monotonic() >= until:
                break
            found = play(smaller)
            if found.fault and found.signature == verdict.signature:
                verdict, again = found, True
                break
    return verdict


def _smaller(case: Case) -> Iterator[Case]:
    if case.edit.kind != "none":
        yield replace(case, edit=Edit("none"))
    project = case.project
    for image in reversed(project.images):
        rest = tuple(each for each in project.images if each is not image)
        if rest:
            yield replace(case, project=replace(project, images=rest))
    if len(project.files) > 1:
        yield replace(case, project=replace(project, files={}))
    for one in _fewer_files(project):
        yield replace(case, project=one)
    for image in project.images:
        for small in _less(image):
            images = tuple(small if each is image else each for each in project.images)
            yield replace(case, project=replace(project, images=images))
    if project.locked:
        yield replace(case, project=replace(project, locked=False))
    for name in project.environ:
        rest_of = {key: value for key, value in project.environ.items() if key != name}
        yield replace(case, project=replace(project, environ=rest_of))
    for name in project.upstream:
        left = {key: value for key, value in project.upstream.items() if key != name}
        yield replace(case, project=replace(project, upstream=left))


def _fewer_files(project: Project) -> Iterator[Project]:
    for path in project.files:
        files = {key: item for key, item in project.files.items() if key != path}
        yield replace(project, files=files)


def _less(image: Image) -> Iterator[Image]:
    for at in range(len(image.lines) - 1, -1, -1):
        yield replace(image, lines=image.lines[:at] + image.lines[at + 1 :])
    if image.tag:
        yield replace(image, tag="")
    if image.target:
        yield replace(image, target="")
    if image.network:
        yield replace(image, network="")
    if image.push_stages:
        yield replace(image, push_stages=())
    if image.push:
        yield replace(image, push=False)
    if image.args:
        yield replace(image, args={})
    if image.contexts:
        yield replace(image, contexts={})
    if image.variants:
        yield replace(image, variants={})
