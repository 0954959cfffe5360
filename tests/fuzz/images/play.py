"""Playing a case: built by both, in every way, and compared."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from tests.fuzz.images import crosstalk, plain
from tests.fuzz.images.content import Content, differences
from tests.fuzz.images.engines import Lab
from tests.fuzz.images.lay import lay
from tests.fuzz.images.ours import Doit, Ran
from tests.fuzz.images.project import Case, Names, Project, filled

COLD, EDITED, REGISTRY, PUBLISHED = "cold", "edited", "registry", "published"
PHASES = (COLD, EDITED, REGISTRY, PUBLISHED)

SAME, REFUSED, BOTH_REFUSE = "same", "refused", "both refuse"
NO_PLAIN = "no plain build"
"""The engine of plain builds asks a registry for an image that it has; nothing to compare with."""
DIFFERS = "differs"
"""Another image with status 0."""
FAILS = "fails"
"""``doit`` does not end with 0 where plain builds do, and it is no refusal either."""
UNLOCATED = "refused without file and line"
TAKES = "takes what plain builds refuse"
CRASHES = "crashes"
BROKEN = "not played"
"""An engine or the harness itself failed; twice, as such a case is played again."""
FAULTS = (DIFFERS, FAILS, UNLOCATED, TAKES, CRASHES, BROKEN)
"""Verdicts that must not be."""


@dataclass(frozen=True)
class Verdict:
    """What came of a case."""

    case: Case
    phase: str
    """Where it ended."""
    kind: str
    told: tuple[str, ...] = ()
    """What differs, or the words of whoever refused."""
    crosstalk: bool = False
    """Whether plain builds gave the same only once stages of one file were kept apart."""

    @property
    def fault(self) -> bool:
        """Whether it is one that must not be."""
        return self.kind in FAULTS

    @property
    def signature(self) -> str:
        """Phase and kind with what is affected: equal for what is most likely the same fault."""
        first = self.told[0] if self.told else ""
        if self.kind == DIFFERS:
            words = first.split(": ", 1)[1].split(" ")
            first = " ".join(words[:2]).rstrip(":") if words[0] == "setting" else words[0]
        else:
            first = reason(first)
        return f"{self.phase}: {self.kind}: {first}"


def reason(text: str) -> str:
    """A refusal without its names, so that those for one reason are one."""
    text = re.sub(r"\S*u[0-9a-f]{7}\S*", "…", text)
    text = re.sub(r"'[^']*'|\"[^\"]*\"", "…", text)
    text = re.sub(r"(?:sha256|xxh3)[:-][0-9a-f]+|/\S+|127\.0\.0\.1\S*", "…", text)
    return re.sub(r"\d+", "N", text).strip()[:160]


class Ended(Exception):
    """The case has its verdict."""

    def __init__(self, kind: str, told: list[str] | None = None) -> None:
        super().__init__(kind)
        self.kind = kind
        self.told = tuple(told or ())


class Playing:
    """One case on its way through the phases; `first` and the others in their order."""

    def __init__(self, lab: Lab, case: Case, doit: Doit) -> None:
        self.case = case
        self.verdict: Verdict | None = None
        self._lab = lab
        unique = f"u{uuid.uuid4().hex[:7]}"
        names = Names(unique, lab.registry, lab.digests)
        self._before = filled(case.project, names)
        self._after = filled(case.after, names)
        self._folder = tempfile.mkdtemp(prefix="fuzz-images-")
        self._root = os.path.join(self._folder, "ours", self._before.folder)
        self._rounds = 0
        self._expected: Mapping[str, Content] = {}
        self._crosstalk = False
        self._doit = replace(doit, environ=self._before.environ)

    def close(self) -> None:
        """Take everything back."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def first(self) -> None:
        """Cold, and after the edit."""
        self._phase(COLD, self._cold)
        if self.verdict is None:
            self._phase(EDITED, self._edited)

    def from_registry(self) -> None:
        """With the engine emptied; whoever has a verdict goes no further."""
        self._phase(REGISTRY, self._registry)
        if self.verdict is None and not self.case.fresh_publish:
            self.last()

    def last(self) -> None:
        """With the engine emptied once more: publish what has to be built first."""
        self._phase(PUBLISHED, self._publish)
        self.verdict = self.verdict or Verdict(
            self.case, PUBLISHED, SAME, crosstalk=self._crosstalk
        )

    def _phase(self, name: str, work: Callable[[], None]) -> None:
        try:
            work()
        except Ended as ended:
            self.verdict = Verdict(self.case, name, ended.kind, ended.told)

    def _cold(self) -> None:
        lay(self._before, self._root)
        if self._before.locked:
            ran = self._doit.run(self._root, "lock")
            if ran.status == 3:
                raise Ended(CRASHES, _words(ran))
        self._build(self._before, {})

    def _edited(self) -> None:
        lay(self._after, self._root, quiet=self.case.edit.quiet)
        still = plain.unmoved(self._before, self._after)
        known = {name: each for name, each in self._expected.items() if name in still}
        self._build(self._after, known)

    def _registry(self) -> None:
        self._clone("clone")
        self._compare(self._ran(self._after, self._doit.run(self._root), None), self._after)

    def _publish(self) -> None:
        if self.case.fresh_publish:
            self._clone("publisher")
        doit = replace(self._doit, registry=f"{self._lab.registry}/pub")
        ran = self._ran(self._after, doit.run(self._root, "publish", "--json"), None)
        told: list[str] = []
        found = doit.published(ran)
        for image in self._after.members():
            if image.push:
                if image.name not in found:
                    told.append(f"{image.name}: not published")
                    continue
                content = self._lab.published(*found[image.name])
                told += _told(image.plain, self._expected[image.plain], content)
        if told:
            raise Ended(DIFFERS, told)

    def _clone(self, name: str) -> None:
        """A second checkout: the same files, nothing of ours but the lock."""
        root = os.path.join(self._folder, name, self._after.folder)
        lay(self._after, root)
        lock = os.path.join(self._root, "images.lock")
        if os.path.exists(lock):
            shutil.copy2(lock, root)
        self._root = root

    def _build(self, project: Project, known: Mapping[str, Content]) -> None:
        """Both sides, compared."""
        refusal = None
        self._rounds += 1
        root = os.path.join(self._folder, f"plain{self._rounds}", project.folder)
        lay(project, root)
        lock = os.path.join(self._root, "images.lock")
        if os.path.exists(lock):
            shutil.copy2(lock, root)
        try:
            self._expected = plain.build_all(self._lab.plain, project, root, known)
        except plain.Refused as error:
            refusal = str(error)
        ran = self._ran(project, self._doit.run(self._root), refusal)
        try:
            self._compare(ran, project)
        except Ended as ended:
            if not any(image.push_stages for image in project.images):
                raise
            if not crosstalk.only_shared(ended.told):
                raise
            self._expected = plain.build_all(self._lab.plain, project, root, {}, f"{root}-apart")
            self._compare(ran, project)
            self._crosstalk = True
        finally:
            shutil.rmtree(root)

    def _ran(self, project: Project, ran: Ran, refusal: str | None) -> Ran:
        """Judge how a command ended.  Raises Ended unless both sides built."""
        if ran.status not in (0, 1):
            raise Ended(CRASHES, _words(ran))
        if refusal is not None:
            if ran.status == 0 and plain.lost(refusal, project):
                raise Ended(NO_PLAIN, refusal.strip().splitlines()[::-1])
            if ran.status == 0:
                raise Ended(TAKES, refusal.strip().splitlines()[::-1])  # buildx's error is its last
            raise Ended(BOTH_REFUSE, _words(ran))
        if ran.status == 1:
            if not ran.refused or not self._doit.refuses(self._root):
                raise Ended(FAILS, _words(ran))
            self._compare(ran, project, others=True)
            raise Ended(REFUSED if ran.located else UNLOCATED, _words(ran))
        return ran

    def _compare(self, ran: Ran, project: Project, *, others: bool = False) -> None:
        """Raise Ended where something differs; ``others``: than an image that was refused."""
        told: list[str] = []
        for name, expected in self._expected.items():
            content = self._lab.ours.content(name)
            if content is not None:
                found = _told(name, expected, content)
                told += [] if found and self._earlier(name, project) else found
            elif not others and name in {image.plain for image in project.members()}:
                told.append(f"{name}: missing, with status 0")
        if told:
            raise Ended(DIFFERS, told)

    def _earlier(self, name: str, project: Project) -> bool:
        """Whether a name is that of a kept stage as it was before the edit.

        What was wanted does not need the new one, as with a label of a stage that is copied from.
        """
        for image in project.members():
            for stage in image.push_stages:
                if image.stage_name(stage) == name:
                    now = self._doit.keys(self._root)[image.name, stage.lower()]
                    return self._lab.ours.key(name) != now
        return False


def _told(name: str, expected: Content, found: Content) -> list[str]:
    return [f"{name}: {each}" for each in differences(expected, found)]


def _words(ran: Ran) -> list[str]:
    """What it said, the line that matters first."""
    lines = [line.strip() for line in ran.text.splitlines() if line.strip()]
    marks = ("error", "refus", "failed", "Error")
    lines = [line for line in lines if not line.startswith(("[", ".", "--"))] or lines
    first = next((line for line in lines if any(mark in line for mark in marks)), None)
    return [*([first] if first else []), *(line for line in lines if line != first)][:40]
