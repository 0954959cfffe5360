"""Running a refresh: base after base, group after group; the lock is written where all holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hashes.errors import LayersError
from layers.graph.graph import upstreams
from layers.lock.epochs import NEXT
from layers.lock.file import LockFile
from layers.lock.git import GitPin
from layers.lock.lock import Lock
from layers.lock.mirror import copy_pins
from layers.lock.pin import Pin, Upstream
from layers.plan.session import Session
from layers.refresh.accept import check_keys, delivered
from layers.refresh.bases import bases
from layers.refresh.candidate import left, tried, with_new_pins
from layers.refresh.due import due, groups, moved
from layers.refresh.night import (
    BaseResult,
    ask_git,
    ask_upstreams,
    call,
    gone,
    here,
    night,
)
from layers.refresh.report import RefreshReport
from layers.refresh.summary import base_report
from layers.refresh.trial import Tools, ask, attempt, free_number

_Work = Callable[[str, Sequence[str], Lock], Lock]
_Ahead = Callable[[Sequence[str], Mapping[str, frozenset[str]]], None]


def refresh(
    run: Session,
    tools: Tools,
    asked: Sequence[str] = (),
    *,
    dry_run: bool = False,
    ahead: _Ahead = lambda _due, _below: None,
) -> RefreshReport:
    """Look at all bases or those ``asked`` for, build those due, write the lock.

    ``ahead`` hears before the first build which are due, parents first, and the bases below each.
    What fails is in the report, and lock and tags of it are as they were.  Raises LayersError
    where nothing can be done at all, as for a name that is no base.
    """
    with run.project.state.lock("refresh"):
        return _Run(run, tools, asked, dry_run=dry_run).run(ahead)


class _Run:
    """One run; ``session`` is always under the lock that was written last."""

    def __init__(self, run: Session, tools: Tools, asked: Sequence[str], *, dry_run: bool) -> None:
        self.session = run
        self.tools = tools
        self.dry_run = dry_run
        self.everything = not asked
        self.before = run
        self.file = LockFile(run.project.root, run.project.lock)
        self.bases = bases(run.project.spec, run.project.inputs.graph, asked)
        self.results = {name: BaseResult() for name in self.bases.order}
        faults = run.project.inputs.graph.faults if self.everything else {}
        self.failures = list(
            dict.fromkeys(str(each) for name, each in faults.items() if name not in self.results)
        )

    def run(self, ahead: _Ahead) -> RefreshReport:
        begin, moment = time.monotonic(), self.tools.clock()
        run, found = self.session, self.bases
        self.upstreams = ask_upstreams(run, self._wanted())
        self.git = ask_git(run, found, everything=self.everything)
        for name in found.order:
            self._look(name)
        self._rest()
        concerned = {
            name: result
            for name, result in self.results.items()
            if result.reasons or result.failure
        }
        ups = {name: frozenset(moved(self.results[name].night)) for name in found.order}
        together = groups(found.order, concerned, found.ancestors, ups)
        if not self.dry_run:
            ahead(self._likely(together), found.ancestors)
        for group in together:
            if self.dry_run:
                for name, reasons in self._foretold(group).items():
                    self._learned(name, reasons=reasons)
            else:
                self._group(group)
        missing = gone(self.before, self.upstreams)
        if not self.dry_run:
            self._learn()
            self._copy(self.session, self._wanted())
        before = self.before.project.lock
        return RefreshReport(
            moment,
            (*self.upstreams.moved(before), *self.git.moved(before)),
            missing,
            tuple(
                base_report(self.before, self.session, name, self.results[name], self.dry_run)
                for name in found.order
            ),
            tuple(self.failures),
            time.monotonic() - begin,
        )

    def _wanted(self) -> set[Upstream]:
        own = {each for name in self.bases.order for each in self.bases.upstreams[name]}
        if self.everything:
            project = self.session.project
            own |= set(upstreams(project.inputs.graph, project.spec.platform))
        return own

    def _look(self, name: str) -> None:
        try:
            wanted = self.bases.upstreams[name]
            seen = night(self.session, name, wanted, self.upstreams, self.git)
            result = self._learned(name, night=seen, reasons=due(seen))
            if not result.reasons and self.session.project.spec.images[name].probe:
                said = ask(self.session, self.tools, name)
                seen = seen._replace(probe=said, present=bool(said))
                self._learned(name, night=seen, reasons=due(seen))
        except LayersError as error:
            self._learned(name, failure=str(error))

    def _learned(self, name: str, **news: Any) -> BaseResult:
        """What is known of a base from now on; ``news`` are fields of `BaseResult`."""
        self.results[name] = result = replace(self.results[name], **news)
        return result

    def _rest(self) -> None:
        """Pin what no base is made from; nothing has to be proved for that."""
        ours = {each for name in self.bases.order for each in self.bases.upstreams[name]}
        others = {each: error for each, error in self.upstreams.failed.items() if each not in ours}
        refs = self.git.of(self.bases.order)
        unread = {each: error for each, error in self.git.failed.items() if each not in refs}
        self.failures += map(str, [*others.values(), *unread.values()])
        pins = [pin for each, pin in self.upstreams.pins.items() if each not in ours]
        commits = [pin for each, pin in self.git.pins.items() if each not in refs]
        if not self.dry_run:
            self._write(self._with_moved(self.session.project.lock, pins, commits))

    def _with_moved(self, lock: Lock, pins: Iterable[Pin], commits: Iterable[GitPin]) -> Lock:
        return with_new_pins(lock, pins, commits, self.git.refs)

    def _foretold(self, group: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Why each base of a group has to be built anew, if those below it come out anew."""
        reasons: dict[str, tuple[str, ...]] = {}
        for name in group:
            if not self.results[name].failure:
                below = [each for each in group if each in self.bases.ancestors[name]]
                parents = [each for each in below if reasons.get(each)]
                reasons[name] = due(self.results[name].night, parents)
        return reasons

    def _likely(self, together: Iterable[Sequence[str]]) -> list[str]:
        """The bases that are built if all goes well, parents first."""
        sound = [g for g in together if not any(self.results[name].failure for name in g)]
        told = {name for group in sound for name, why in self._foretold(group).items() if why}
        return [name for name in self.bases.order if name in told]

    def _group(self, group: Sequence[str]) -> None:
        """Build what is due of a group and take it over, all or nothing."""
        if not any(self.results[name].failure for name in group):
            try:
                self._write(self._settled(group))
                return
            except LayersError as error:
                if not any(self.results[name].failure for name in group):
                    self._learned(group[0], failure=str(error))
        failed = " and ".join(name for name in group if self.results[name].failure)
        for name in group:
            result = self.results[name]
            if result.outcome == "refreshed" and result.trial is not None:
                result.trial.discard()
            if result.reasons and not result.failure:
                result = self._learned(name, failure=f"not taken over, since {failed} failed")
            self._learned(name, outcome="failed" if result.failure else "unchanged")

    def _settled(self, group: Sequence[str]) -> Lock:
        """The lock after a group; the registry then holds all that it names."""
        lock = self.session.project.lock
        own = {each for name in group for each in self.bases.upstreams[name]}
        pins = [pin for each, pin in self.upstreams.pins.items() if each in own]
        refs = self.git.of(group)
        commits = [pin for each, pin in self.git.pins.items() if each in refs]
        trying = self._with_moved(lock, pins, commits)
        self._copy(self.session.trial(trying), own)
        for name in group:
            trying = self._guarded(name, self._built, group, trying)
        if not any(self.results[name].outcome == "refreshed" for name in group):
            trying = lock
        for name in group:
            trying = self._guarded(name, self._taken, group, trying)
        check_keys(self.session.trial(trying), {name: self.results[name] for name in group})
        return trying

    def _copy(self, run: Session, wanted: Iterable[Upstream]) -> None:
        """See to it that our registry has what is pinned for some upstreams."""
        mirror = run.backends.mirror()
        if mirror is not None:
            copy_pins(run.backends.registry, mirror, run.project.lock.pins_of(wanted), run.tell)

    def _guarded(self, name: str, work: _Work, group: Sequence[str], lock: Lock) -> Lock:
        try:
            return work(name, group, lock)
        except LayersError as error:
            self._learned(name, failure=str(error))
            raise

    def _built(self, name: str, group: Sequence[str], lock: Lock) -> Lock:
        """Build one base if it is due, and judge it; the lock that the next ones start from."""
        below = self.bases.ancestors[name]
        parents = [e for e in group if e in below and self.results[e].outcome == "refreshed"]
        reasons = due(self.results[name].night, parents)
        if not self._learned(name, reasons=reasons).reasons:
            return lock
        place, run = here(self.session, name), self.session
        own = [each for each in self.bases.upstreams[name] if each in self.upstreams.pins]
        resolved = {*(call(run, each, name) for each in own), *self.git.of([name])}
        known = lock.base(name, place)
        begin = time.monotonic()
        try:
            number = free_number(
                run,
                name,
                known.last + 1 if known is not None else 1,
                lambda number: tried(lock, name, place, number, resolved),
            )
            self._learned(name, number=number)
            candidate = tried(lock, name, place, number, resolved)
            trial = attempt(run, self.tools, name, candidate)
            self._learned(name, trial=trial)
        finally:
            self._learned(name, seconds=time.monotonic() - begin)
        if trial.same and known is not None:
            trial.discard()
            self._learned(name, outcome="same content")
            return lock
        self._learned(name, outcome="refreshed")
        return candidate

    def _taken(self, name: str, group: Sequence[str], lock: Lock) -> Lock:  # noqa: ARG002  # as _built
        result = self.results[name]
        if result.outcome == "refreshed":
            wanted, refs = self.bases.upstreams[name], sorted(self.git.of([name]))
            return delivered(self.session, self.tools, name, result, wanted, refs, lock)
        if result.outcome == "same content" and result.trial is not None:
            said = result.night.probe or result.trial.probe
            return left(lock, name, here(self.session, name), result.night.found, said)
        return lock

    def _learn(self) -> None:
        """Write down what probes say that could not be asked at a rollback."""
        lock = self.session.project.lock
        for name, result in self.results.items():
            base = lock.base(name, here(self.session, name))
            if base is not None and base.now.probe == NEXT and result.night.probe:
                lock = left(lock, name, here(self.session, name), {}, result.night.probe)
        self._write(lock)

    def _write(self, lock: Lock) -> None:
        lock = self.before.project.lock.replaced_by(lock)
        self.file.write(lock)
        self.session = self.session.trial(lock)
