"""The README's example is carried out as a reader would: its files, its commands, its output."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from layers.plan.facts import unix_time
from tests.e2e.lab import Lab, Workspace
from tests.terminal import on_a_terminal
from tests.unit.test_docs import README, blocks

pytestmark = pytest.mark.e2e

DOCKERFILES = {
    "docker/base/Dockerfile": "FROM UPSTREAM\nRUN echo of the shop > /system\n",
    "services/api/Dockerfile": """\
FROM base AS deps
COPY requirements.txt /requirements.txt
RUN cp /requirements.txt /installed

FROM base
COPY --from=deps /installed /installed
COPY app.py /app.py
CMD ["cat", "/app.py"]
""",
    "services/api/requirements.txt": "flask==3.0\n",
    "services/api/app.py": "print(1)\n",
}
"""What the reader's repository has already."""


def forget(lab: Lab) -> None:
    """Remove the images that the example names; another session may have left them."""
    for name in ("base", "api"):
        for image in dict.fromkeys(lab.docker("images", "--quiet", name).split()):
            lab.docker("image", "rm", "--force", image)


@pytest.fixture
def shop(lab: Lab, upstream: str, tmp_path: Path) -> Iterator[Workspace]:
    """A repository with two Dockerfiles, and the README's two files added."""
    forget(lab)
    found = Workspace(lab, tmp_path / "shop", "shop", {"LAYERS_REGISTRY": ""})
    found.write({path: text.replace("UPSTREAM", upstream) for path, text in DOCKERFILES.items()})
    found.write({block.name: block.text for block in blocks(README) if block.name})
    yield found
    forget(lab)


def listed(shop: Workspace) -> str:
    """What ``doit list`` writes to a terminal, without colours."""
    env = shop.environ(NO_COLOR="1", TERM="xterm", COLUMNS="100", PYTHONIOENCODING="utf-8")
    return on_a_terminal(shop.command("list"), shop.root, env)


def counted(text: str) -> str:
    """A table with all sizes, ages and durations as one, since no two runs have the same."""
    text = re.sub(r"\d+(?:[.]\d+)? (?:[kM]?B|s|min)(?![a-z])", "N", text)
    return "\n".join(" ".join(line.split()) for line in text.splitlines())


def shown() -> list[str]:
    """What the README says that ``doit list`` prints, in its order."""
    found = [block.text for block in blocks(README) if block.language == "console"]
    return [text.removeprefix("$ doit list\n") for text in found]


def test_the_readmes_two_files_are_enough(shop: Workspace, lab: Lab) -> None:
    """An existing repository, an images.toml and a two-line dodo.py: all as documented."""
    before, after = shown()
    assert listed(shop) == before
    shop.doit()
    assert set(shop.states().values()) == {"fresh"}
    assert lab.docker("run", "--rm", "api:latest") == "print(1)"
    shop.edit("services/api/app.py", "1", "2")
    assert counted(listed(shop)) == counted(after)
    (base, api) = json.loads(shop.doit("list", "--json").out)["layers"]
    held = json.loads(lab.docker("image", "inspect", "base:latest"))[0]
    assert (base["size"], base["expected"]) == (held["Size"], None)
    assert base["created"] == unix_time(held["Created"])
    assert (api["size"], api["created"], api["parents"]) == (None, None, ["api:deps", "base"])
    assert 0 < api["expected"] < 300
    shop.doit()
    assert list(shop.ran()) == ["api"]
    assert lab.docker("run", "--rm", "api:latest") == "print(2)"


def test_the_readmes_dodo_is_two_lines() -> None:
    """As the README promises."""
    (dodo,) = [block for block in blocks(README) if block.name == "dodo.py"]
    assert len(dodo.text.splitlines()) == 2
