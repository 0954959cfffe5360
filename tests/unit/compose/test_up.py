"""A stack is brought up: what is started, what is waited for, and what a failure tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.compose.compose import Files
from layers.compose.containers import Container
from layers.compose.services import Service
from layers.compose.up import NotUp, advice, bring_up
from tests.fakes_compose import UNCHECKED, WELL, Course, MemoryClock, MemoryComposer

FILES = Files("shop", ("/p/compose.yaml",))
SERVICES = (
    Service("api", "api", None, ("db",)),
    Service("db", "db", None),
    Service("web", "web", None, ("api",)),
)


def composer(**courses: Course) -> MemoryComposer:
    services = {one.name: {"image": one.image} for one in SERVICES}
    return MemoryComposer(MemoryClock(), services, courses)


def up(
    found: MemoryComposer, timeout: float | None = 60, told: list[str] | None = None
) -> dict[str, str]:
    """Bring it up; service → state in the end."""

    def changed(one: Container) -> None:
        if told is not None:
            told.append(f"{one.service} {one.word}")

    containers = bring_up(
        found, FILES, SERVICES, timeout=timeout, clock=found.clock, changed=changed
    )
    return {one.service: one.word for one in containers}


def starts(found: MemoryComposer) -> list[str]:
    return [each for each in found.asked if each.startswith("start")]


def test_the_stack_is_up_when_every_health_check_is_content() -> None:
    """Each change of a state is told once."""
    found = composer(db=Course({0: ("running", "starting", 0), 9: ("running", "healthy", 0)}))
    told: list[str] = []
    assert up(found, told=told) == dict.fromkeys(("api", "db", "web"), "healthy")
    assert 9 <= found.clock.now < 10
    assert sorted(told) == sorted(
        f"{name} {word}" for name in ("api", "db", "web") for word in ("starting", "healthy")
    )
    assert starts(found) == ["start"]


def test_what_nothing_checks_must_go_on_for_a_second() -> None:
    """Many programs end right after their start."""
    found = composer(web=UNCHECKED, api=UNCHECKED, db=UNCHECKED)
    assert up(found)["web"] == "running"
    assert found.clock.now >= 2
    short = Course({0: ("running", "", 0), 1.4: ("exited", "", 1)})
    with pytest.raises(NotUp, match="web ended with 1"):
        up(composer(web=short, api=UNCHECKED, db=UNCHECKED))


def test_a_service_that_does_its_work_and_ends_is_well() -> None:
    """Such as one that fills a volume."""
    found = composer(db=Course({0: ("running", "", 0), 2: ("exited", "", 0)}))
    assert up(found)["db"] == "done"


def test_a_service_that_ends_with_an_error_is_told_with_its_last_lines() -> None:
    """At once, not after the timeout; nothing is taken down."""
    found = composer(api=Course({0: ("running", "starting", 0), 2: ("exited", "", 3)}))
    found.printed = {"api": [f"line {number}" for number in range(40)], "db": ["fine"]}
    with pytest.raises(NotUp) as caught:
        up(found)
    text = str(caught.value)
    assert text.startswith("api ended with 3\n  api printed last:\n    | line 20\n")
    assert text.count("    | ") == 20
    assert "fine" not in text
    assert text.endswith("\n  its containers are left as they are; `doit down` takes them away")
    assert found.clock.now < 5
    assert "down" not in found.asked


def test_compose_itself_gives_up_when_a_needed_service_is_unhealthy() -> None:
    """Its own sentence says less than the service's log."""
    found = composer(db=Course({0: ("running", "starting", 0), 0.9: ("running", "unhealthy", 0)}))
    found.complaint = "dependency failed to start: container shop-db-1 is unhealthy"
    found.printed = {"db": ["no disk"]}
    with pytest.raises(NotUp, match=r"^db is unhealthy\n  db printed last:\n    \| no disk"):
        up(found)


def test_what_docker_refuses_is_told_with_what_to_do() -> None:
    """No container has failed then."""
    found = composer()
    found.complaint = "Bind for 127.0.0.1:3001 failed: port is already allocated"
    with pytest.raises(NotUp) as caught:
        up(found)
    assert caught.value.message == found.complaint
    assert "something else has this port" in caught.value.hint


@pytest.mark.parametrize(
    ("complaint", "word"),
    [
        ('could not select device driver "nvidia" with capabilities: [[gpu]]', "GPU"),
        ("pull access denied for shop-ap, repository does not exist", "name"),
        ("listen tcp4 127.0.0.1:80: bind: address already in use", "port"),
        ("something new", ""),
    ],
)
def test_known_complaints_have_advice(complaint: str, word: str) -> None:
    """Others stand for themselves."""
    assert word in advice(complaint)
    assert bool(advice(complaint)) == bool(word)


def test_a_service_that_is_not_well_in_time_is_told() -> None:
    """With what it printed so far."""
    found = composer(web=Course({0: ("running", "starting", 0)}))
    found.printed = {"web": ["loading"]}
    with pytest.raises(NotUp) as caught:
        up(found, timeout=10)
    assert "not up after 10 s: web is starting\n  web printed last:\n    | loading" in str(
        caught.value
    )
    assert "--timeout" in caught.value.hint
    assert 10 < found.clock.now < 12


def test_compose_is_ended_when_it_takes_too_long() -> None:
    """It waits for what services need; a container that was never started printed nothing."""
    found = composer(
        db=Course({0: ("running", "starting", 0)}), web=Course({0: ("created", "", 0)})
    )
    found.takes = 1000
    with pytest.raises(NotUp, match="not up after 10 s: db is starting; web is created\n  db pri"):
        up(found, timeout=10)
    assert found.asked[-1] == "stop"


def test_without_a_timeout_nobody_waits_for_services() -> None:
    """Compose is waited for, as it starts them one after another."""
    found = composer()
    assert up(found, timeout=None) == dict.fromkeys(("api", "db", "web"), "starting")
    assert found.clock.now == 1


def test_a_second_time_nothing_is_made_anew() -> None:
    """And nothing is told, since nothing changed."""
    found = composer()
    up(found)
    ids = {one.service: one.id for one in found.containers("shop")}
    told: list[str] = []
    up(found, told=told)
    assert {one.service: one.id for one in found.containers("shop")} == ids
    assert told == []
    assert starts(found) == ["start", "start"]


def test_one_that_changed_is_asked_for_alone() -> None:
    """Compose would make anew what needs it, too."""
    found = composer()
    up(found)
    found.versions["db"] = "2"
    up(found)
    assert starts(found) == ["start", "start db"]


def test_a_failure_of_the_first_call_keeps_the_second_from_being_made() -> None:
    """Web and db change around api, which does not: two calls."""
    found = composer()
    up(found)
    found.versions.update(db="2", web="2")
    found.complaint = "no"
    with pytest.raises(NotUp):
        up(found)
    assert starts(found) == ["start", "start db"]
    found.complaint = ""
    up(found)
    assert starts(found)[-1] == "start web"


def test_the_fake_fares_as_its_course_says(tmp_path: Path) -> None:
    """The tests above rest on it."""
    found = composer()
    found.start(FILES, ())
    assert {one.word for one in found.containers("shop")} == {"starting"}
    found.clock.sleep(3)
    assert {one.word for one in found.containers("shop")} == {"healthy"}
    assert WELL.state(2.9)[1] == "starting"
    path = tmp_path / "over.json"
    path.write_text('{"services": {"web": {"image": "other"}}}')
    files = Files("shop", (str(path),))
    assert found.config(files)["services"]["web"] == {"image": "other"}
    assert found.hashes(files)["web"] != found.hashes(FILES)["web"]
