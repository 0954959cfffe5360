"""What containers must do: run against the fake and the engine alike."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from layers.engine.containers import TIMED_OUT, ContainerError, Containers
from layers.engine.engine import EngineDown
from layers.engine.errors import UnknownReference


@dataclass
class ContainersWorld:
    """Containers to test."""

    containers: Containers
    stopped: Containers
    """Those of an engine that does not answer."""
    image: str
    """Has busybox, ``/etc/one`` ("1\\n"), ``/etc/more/two`` ("2\\n"), ``/etc/link`` → ``one``; its
    entrypoint is ``false``; its last layer was made by ``COPY one /etc/one``."""


class ContainersContract:
    """Subclasses give a fixture ``world``."""

    def test_a_command_replaces_the_entrypoint(self, world: ContainersWorld) -> None:
        """Its output and its status come back."""
        ran = world.containers.run(world.image, ["echo", "a", "b  c"])
        assert (ran.status, ran.output, ran.errors) == (0, "a b  c\n", "")
        assert ran.seconds >= 0

    def test_a_command_may_fail(self, world: ContainersWorld) -> None:
        """That is an answer, not an error of ours."""
        assert world.containers.run(world.image, ["false"]).status == 1

    def test_errors_are_kept_apart(self, world: ContainersWorld) -> None:
        """Standard error is its own text."""
        ran = world.containers.run(world.image, ["ls", "/none"], network="none")
        assert (ran.status, ran.output) == (1, "")
        assert "/none" in ran.errors

    def test_environment_and_user_are_given(self, world: ContainersWorld) -> None:
        """As ``docker run --env --user`` gives them."""
        env = {"ONE": "1 = eins", "TWO": "2"}
        ran = world.containers.run(world.image, ["env"], env=env)
        assert {"ONE=1 = eins", "TWO=2"} <= set(ran.output.splitlines())
        assert world.containers.run(world.image, ["id", "-u"], user="1234").output == "1234\n"

    def test_a_command_that_takes_too_long_is_ended(self, world: ContainersWorld) -> None:
        """With the status of timeout(1), and a sentence."""
        ran = world.containers.run(world.image, ["sleep", "30"], timeout=0.5)
        assert ran.status == TIMED_OUT
        assert ran.errors == "ended after 0.5 s, its time limit\n"
        assert ran.seconds < 20

    def test_a_program_that_is_not_there_is_an_error(self, world: ContainersWorld) -> None:
        """It names the program and the image."""
        with pytest.raises(ContainerError, match=r"cannot start 'no-such' in .*") as caught:
            world.containers.run(world.image, ["no-such", "x"])
        assert world.image in str(caught.value)

    def test_an_image_that_is_not_there_is_an_error(self, world: ContainersWorld) -> None:
        """Nothing is pulled behind the caller's back."""
        name = f"{world.image}-none"
        with pytest.raises(UnknownReference):
            world.containers.run(name, ["echo"])
        with pytest.raises(UnknownReference):
            world.containers.files(name, ["/etc"], lambda path: True)
        with pytest.raises(UnknownReference):
            world.containers.history(name)

    def test_an_engine_that_does_not_answer_is_an_error(self, world: ContainersWorld) -> None:
        """Whatever is asked."""
        with pytest.raises(EngineDown):
            world.stopped.run(world.image, ["echo"])
        with pytest.raises(EngineDown):
            world.stopped.files(world.image, ["/etc"], lambda path: True)
        with pytest.raises(EngineDown):
            world.stopped.history(world.image)

    def test_files_are_read_by_path_and_below_folders(self, world: ContainersWorld) -> None:
        """Those wanted; what is not there is left out, and a link is no file."""
        asked = ["/etc/more", "/etc/one", "/etc/link", "/none"]
        found = world.containers.files(world.image, asked, lambda path: True)
        assert found == {"/etc/more/two": b"2\n", "/etc/one": b"1\n"}
        below = world.containers.files(world.image, ["/etc"], lambda path: path.endswith("/two"))
        assert below == {"/etc/more/two": b"2\n"}

    def test_the_history_begins_with_the_oldest(self, world: ContainersWorld) -> None:
        """With the bytes of each layer, and 0 for settings."""
        history = world.containers.history(world.image)
        made = [(text, size) for text, size in history if "COPY one /etc/one" in text]
        assert made
        assert made[0][1] > 0
        assert "ENTRYPOINT" in history[-1][0]
        assert history[-1][1] == 0
