"""What was meant: names near those that a failed step asked of apt in vain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hashes.errors import LayersError
from layers.build.buildx import BuildFailed
from layers.build.failure.apt import RELEASES
from layers.check.online.bases import Bases
from layers.check.online.index_cache import IndexCache
from layers.check.online.nearness import near
from layers.check.online.package_names import Answer, Ask, asks
from layers.check.survey import Survey
from layers.engine.containers import Containers
from layers.graph.graph import Layer
from layers.plan.session import Session
from layers.runtime.events import Warned

PATIENCE = 20.0
"""Seconds for a pull of a base, which its build has fetched already, and for its index."""


def tell_meant(run: Session, containers: Containers | None = None) -> None:
    """Tell what bases have in place of packages that steps of this run asked for in vain.

    Each base is asked once a week, in a container that is thrown away.  Nothing is told, and
    nothing fails, where it cannot be asked within `PATIENCE`.
    """
    for error in run.failures:
        known = error.failure if isinstance(error, BuildFailed) else None
        if known is None or known.cause is None or not known.cause.packages:
            continue
        try:
            answer = _asked(run, Layer.parse(known.layer), known.cause.packages, containers)
        except (LayersError, OSError):
            continue
        for text in meant(known.cause.packages, answer):
            run.tell(Warned(text, known.layer))


def meant(packages: Sequence[str], answer: Answer) -> Iterator[str]:
    """A sentence for each package that an index lacks while it has something near."""
    kind, _, suite = answer.system.partition(" ")
    system = RELEASES.get(suite, f"{kind} {suite}".strip() or "the base")
    for package in packages:
        name = package.partition(":")[0]
        found = () if name in answer.names else near(name, answer.names)
        if found:
            there = ", ".join(found[:-1]) + (" and " if found[1:] else "") + found[-1]
            verb = "are" if found[1:] else "is"
            # components of the release may be switched off
            yield f"{name} is in no list of {system} that this base fetches; {there} {verb}"


def _asked(
    run: Session, layer: Layer, packages: Sequence[str], containers: Containers | None
) -> Answer:
    """What the base of a layer has, as far as it is known or can be asked."""
    ask = _ask(run, layer, packages)
    if ask is None:
        return Answer()
    subject = ask.step.subject
    root = subject.root(ask.step.stage)
    bases = Bases(run, containers, [], patience=PATIENCE, pull_patience=PATIENCE)
    name = bases.named(root, subject.image)
    if name is None:
        return Answer()
    cache = IndexCache(run.project.state.path("package-names"))
    answer = cache.find(name)
    if answer is None:
        answer = bases.answer(root, subject, [ask]) or Answer()
        if answer.names:
            cache.keep(name, answer)
    return answer


def _ask(run: Session, layer: Layer, packages: Sequence[str]) -> Ask | None:
    """The call that asked; None where its names are not in the Dockerfile, or where an earlier
    step adds sources, since the base knows nothing of those."""
    subject = Survey(run.project).subject(layer.image)
    for ask in asks(subject) if subject is not None else ():
        if not ask.own_sources and any(package in ask.names for package in packages):
            return ask
    return None
