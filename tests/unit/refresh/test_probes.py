"""Probes and smoke tests: what is run, and what counts as an answer."""

from __future__ import annotations

import pytest

from layers.config.spec import Image
from layers.engine.containers import Ran
from layers.refresh.probes import PATIENCE, ProbeFailed, SmokeFailed, ask, smoke
from tests.fakes_containers import MemoryContainers, MemoryImage, said

IMAGE = Image("base", "", "base", probe="apt")


def engine(ran: Ran, program: str = "sh") -> MemoryContainers:
    """One image in which every command gives ``ran``."""
    return MemoryContainers({"base:1": MemoryImage(programs={program: lambda _: ran})})


def test_an_answer_is_known_by_its_hash() -> None:
    """Trailing white space does not count; anything else does."""
    first = ask(engine(said("a\nb\n")), IMAGE, "base:1", {})
    assert first == ask(engine(said("a  \nb")), IMAGE, "base:1", {})
    assert first != ask(engine(said("b\na\n")), IMAGE, "base:1", {})
    assert first.startswith("sha256:")
    assert len(first) == 71


@pytest.mark.parametrize(
    ("probe", "user", "part"),
    [
        ("apt", "0", "dist-upgrade"),
        ("apk", "0", "list --upgradable"),
        ("pip", "", "list --outdated"),
    ],
)
def test_package_managers_are_asked_for_upgrades(probe: str, user: str, part: str) -> None:
    """As root where an index has to be fetched; errors of the network must show as a status."""
    containers = engine(said())
    ask(containers, IMAGE._replace(probe=probe, network="host"), "base:1", {"http_proxy": "p"})
    (call,) = containers.calls
    assert part in call.argv[2]
    assert call.argv[2].startswith("set -e\n")
    assert (call.user, call.network, call.timeout) == (user, "host", PATIENCE)
    assert call.env == {"http_proxy": "p"}


def test_a_command_of_ones_own_runs_as_the_images_user() -> None:
    """Word for word."""
    containers = engine(said(), "check")
    ask(containers, IMAGE._replace(probe=("check", "--all")), "base:1", {})
    (call,) = containers.calls
    assert (call.argv, call.user, call.network) == (("check", "--all"), "", "")


@pytest.mark.parametrize(
    ("probe", "ran", "expected"),
    [
        ("apt", said(errors="E: no index\n", status=100), "'apt' ended with status 100\n  | E: no"),
        ("apk", Ran(124, "", "", 600.0), "'apk' took more than 600 s and was ended"),
        (
            "pip",
            said("[]", "WARNING: Retrying (Retry(total=1"),
            "'pip' ended with status 0\n  | []",
        ),
    ],
)
def test_a_probe_that_cannot_tell_is_a_failure(probe: str, ran: Ran, expected: str) -> None:
    """Also pip's, which ends with 0 when no index answers."""
    with pytest.raises(ProbeFailed) as caught:
        ask(engine(ran), IMAGE._replace(probe=probe), "base:1", {})
    assert str(caught.value).startswith(f"base: its probe {expected}")


def test_smoke_tests_run_in_order_until_one_fails() -> None:
    """The error has the command and the end of what it said."""
    containers = MemoryContainers(
        {
            "base:1": MemoryImage(
                programs={
                    "good": lambda _: said(),
                    "sh": lambda _: said("\n".join(map(str, range(99))), status=3),
                }
            )
        }
    )
    image = IMAGE._replace(smoke=(("good", "x"), ("sh", "-c", "python3 x"), ("never",)))
    with pytest.raises(SmokeFailed) as caught:
        smoke(containers, image, "base:1", {})
    lines = str(caught.value).splitlines()
    assert lines[0] == "base: smoke test 'python3 x' ended with status 3"
    assert (len(lines), lines[-1]) == (21, "  | 98")
    assert [call.argv[0] for call in containers.calls] == ["good", "sh"]


def test_an_image_without_network_is_tested_without_it() -> None:
    """As it is built."""
    containers = engine(said(), "x")
    smoke(containers, IMAGE._replace(smoke=(("x",),), network="none"), "base:1", {})
    assert containers.calls[0].network == "none"
