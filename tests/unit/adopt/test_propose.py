"""What is proposed for repositories of the usual shapes."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.config.toml import tomllib
from tests.unit.adopt.repositories import faults, images, left_out, proposed, write


def test_folders_with_a_dockerfile_are_images_and_their_names_are_edges(tmp_path: Path) -> None:
    """The smallest monorepo: a base, and a service on it."""
    found = proposed(
        write(
            tmp_path,
            {"base/Dockerfile": "FROM debian:12\n", "services/api/Dockerfile": "FROM base\n"},
        )
    )
    assert {name: each.parents for name, each in images(found).items()} == {
        "api": ("base",),
        "base": (),
    }
    assert all("guessed" in text for text in found.files["images.toml"].split("[images.")[:1])


@pytest.mark.parametrize(
    ("path", "dockerfile", "others", "context"),
    [
        ("api/Dockerfile", "COPY app.py /\n", ["api/app.py"], "api"),
        ("api/Dockerfile", "COPY api/app.py lib /\n", ["api/app.py", "lib/x"], "."),
        ("a/b/Dockerfile", "COPY b/app.py /\n", ["a/b/app.py"], "a"),
        ("docker/Dockerfile", "COPY . .\n", ["app.py"], "."),
        ("api/Dockerfile", "COPY . .\n", ["api/app.py"], "api"),
        ("docker/Dockerfile", "COPY *.py /\n", ["app.py"], "."),
        ("api/Dockerfile", "RUN --mount=source=api/app.py,target=/a true\n", ["api/app.py"], "."),
        ("api/Dockerfile", "RUN true\n", [], "api"),
    ],
)
def test_the_context_is_where_the_sources_are(
    tmp_path: Path, path: str, dockerfile: str, others: list[str], context: str
) -> None:
    """The nearest folder at or above a Dockerfile that has what it copies."""
    files = {path: f"FROM debian:12\n{dockerfile}", **dict.fromkeys(others, "")}
    (image,) = images(proposed(write(tmp_path, files))).values()
    assert (image.context, image.dockerfile) == (context, path)


def test_an_upstream_name_is_no_image_of_ours(tmp_path: Path) -> None:
    """``FROM nginx`` in the Dockerfile of nginx is not itself, nor what others mean by it."""
    found = proposed(
        write(
            tmp_path / "shop",
            {
                "nginx/Dockerfile": "FROM nginx\n",
                "redis/Dockerfile": "FROM redis:7\n",
                "web/Dockerfile": "FROM redis AS r\nFROM nginx\nCOPY --from=r /a /a\n",
            },
        )
    )
    assert {name: each.parents for name, each in images(found).items()} == {
        "shop-nginx": (),
        "shop-redis": (),
        "web": (),
    }


def test_an_upstream_that_is_nearly_called_like_an_image_gets_its_tag(tmp_path: Path) -> None:
    """``FROM ubuntu`` beside an image ``ubuntu2`` would be taken for a slip."""
    found = proposed(write(tmp_path, {"ubuntu2/Dockerfile": "FROM ubuntu\n"}))
    assert [(each.name, each.instead) for each in found.proposal.upstream] == [
        ("ubuntu", "ubuntu:latest")
    ]
    assert list(images(found)) == ["ubuntu2"]


def test_a_name_below_an_account_is_guessed_and_says_so(tmp_path: Path) -> None:
    """Images that a Makefile tags: ``FROM acme/tools-base:1`` stands on base/."""
    found = proposed(
        write(
            tmp_path / "docker-tools",
            {
                "base/Dockerfile": "FROM debian:12\n",
                "worker/Dockerfile": "FROM acme/tools-base:1\n",
                "other/Dockerfile": "FROM acme/somebody:1\n",
            },
        )
    )
    assert images(found)["worker"].parents == ("base",)
    assert images(found)["other"].parents == ()
    assert '"acme/tools-base:1" = "base"  # guessed' in found.files["images.toml"]


def test_a_base_by_digest_is_no_image_of_ours(tmp_path: Path) -> None:
    """Somebody pinned what was published; that takes the name from nobody else."""
    pinned = f"acme/tools-base:1@sha256:{'0' * 64}"
    found = proposed(
        write(
            tmp_path / "tools",
            {
                "base/Dockerfile": "FROM debian:12\n",
                "binder/Dockerfile": f"FROM {pinned}\n",
                "worker/Dockerfile": "FROM acme/tools-base\n",
            },
        )
    )
    assert {name: each.parents for name, each in images(found).items()} == {
        "base": (),
        "binder": (),
        "worker": ("base",),
    }


def test_a_row_of_names_with_one_head_is_guessed(tmp_path: Path) -> None:
    """``acme/dev-base`` and ``acme/dev-clang`` for Dockerfile_base and Dockerfile_clang."""
    found = proposed(
        write(
            tmp_path / "boxes",
            {
                "Dockerfile_base": "FROM debian:12\n",
                "Dockerfile_clang": "FROM acme/dev-base:1\n",
                "Dockerfile_sim": "FROM acme/dev-clang:1\n",
            },
        )
    )
    assert images(found)["boxes-sim"].parents == ("boxes-clang",)
    assert images(found)["boxes-clang"].parents == ("boxes-base",)


def test_guesses_make_no_cycle(tmp_path: Path) -> None:
    """Two names that would stand on each other are both left to the upstream."""
    found = proposed(
        write(
            tmp_path / "x",
            {"a/Dockerfile": "FROM acme/b\n", "b/Dockerfile": "FROM acme/a\n"},
        )
    )
    assert len(images(found)) == 2
    assert any("is not taken for" in why for why in left_out(found).values())


def test_several_of_one_name_are_called_by_their_folders(tmp_path: Path) -> None:
    """Samples have ``backend`` in each folder; no name depends on the order of files."""
    files = {f"{each}/backend/Dockerfile": "FROM debian:12\n" for each in ("flask", "go")}
    assert list(images(proposed(write(tmp_path, files)))) == ["flask-backend", "go-backend"]


@pytest.mark.parametrize("name", ["List", "run", "clean"])
def test_no_image_is_called_like_a_command(tmp_path: Path, name: str) -> None:
    """``doit run`` is a command."""
    found = proposed(write(tmp_path / "shop", {f"{name}/Dockerfile": "FROM debian:12\n"}))
    assert list(images(found)) == [f"shop-{name.lower()}"]


@pytest.mark.parametrize("name", ["Ünder_Score", "a b", "x__y--z", "-a-", "...", "日本", "a$(b)"])
def test_folders_that_are_no_names_get_one(tmp_path: Path, name: str) -> None:
    """Whatever a folder is called, the proposal loads."""
    found = proposed(write(tmp_path / "shop", {f"{name}/Dockerfile": "FROM debian:12\n"}))
    assert len(images(found)) == 1
    assert left_out(found) == {}


def test_a_stage_that_installs_is_pushed(tmp_path: Path) -> None:
    """Not one that copies the whole tree, which changes with each edit; nor the target."""
    dockerfile = """\
FROM python:3.12 AS deps
COPY requirements.txt .
RUN pip install -r requirements.txt
FROM deps AS build
COPY . .
RUN pip install .
FROM debian:12 AS tools
RUN echo hello
FROM deps
COPY --from=build /x /x
COPY --from=tools /y /y
RUN apt-get update && apt-get install -y curl
"""
    found = proposed(write(tmp_path, {"Dockerfile": dockerfile, "requirements.txt": ""}))
    (image,) = images(found).values()
    assert image.push_stages == ("deps",)


def test_a_file_that_git_does_not_hold_is_required(tmp_path: Path) -> None:
    """A model that is fetched by hand, and a file that nobody committed."""
    dockerfile = "FROM debian:12\nCOPY model.pkl .env.production src /\nCOPY out /out\n"
    files = {"Dockerfile": dockerfile, ".gitignore": "*.pkl\n", "model.pkl": "x", "src/a": ""}
    found = proposed(write(tmp_path, files))
    (image,) = images(found).values()
    assert [(each.path, each.message) for each in image.require] == [
        ("model.pkl", "Dockerfile:2 needs it, and git ignores it: make it or fetch it."),
        (
            ".env.production",
            "Dockerfile:2 needs it, and it is not in the repository: make it or fetch it.",
        ),
    ]
    assert "Dockerfile:3 needs out, which is not there" in image.notes


def test_windows_images_are_left_out(tmp_path: Path) -> None:
    """No engine of ours builds them."""
    files = {
        "a/Dockerfile": "FROM debian:12\n",
        "b/Dockerfile": "FROM mcr.microsoft.com/windows/servercore:ltsc2022\n",
    }
    found = proposed(write(tmp_path, files))
    assert list(images(found)) == ["a"]
    assert left_out(found) == {"b/Dockerfile": "it stands on an image of Windows"}


def test_a_dockerfile_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    """Each fault with file and line; the rest is proposed."""
    files: dict[str, str | bytes] = {
        "a/Dockerfile": "FROM debian:12\n",
        "b/Dockerfile": "FROM debian:12\nCOPI x y\n",
        "c/Dockerfile": b"\x00\x01\x02FROM",
        "d/Dockerfile/README": "a folder\n",
        "e/Dockerfile": "FROM ${BASE}\n",
        "f/Dockerfile": "",
        "g/Dockerfile": "FROM %%BASE%%\n",
    }
    found = proposed(write(tmp_path, files))
    assert list(images(found)) == ["a"]
    told = faults(found)
    assert [each.partition(": ")[0] for each in told] == [
        "b/Dockerfile:2",
        "c/Dockerfile",
        "e/Dockerfile:1",
        "f/Dockerfile:1",
        "g/Dockerfile:1",
    ]
    assert "# not read: b/Dockerfile:2" in found.files["images.toml"]


@pytest.mark.parametrize(
    ("dockerfile", "names", "base"),
    [
        ("ARG FROM\nFROM ${FROM}\n", ("FROM",), "${FROM}"),
        ("ARG PY\nARG SLIM\nFROM python:${PY}${SLIM}\n", ("SLIM",), "python:${PY}${SLIM}"),
        ("ARG V\nARG BASE=debian:${V}\nFROM $BASE AS a\nFROM a\n", ("V",), "$BASE"),
        ("ARG A\nARG B\nFROM $A AS a\nFROM $B\n", ("A", "B"), "$A"),
        ("ARG HUB\nARG UNUSED\nFROM ${HUB}/tools/base:1\n", ("HUB",), "${HUB}/tools/base:1"),
    ],
)
def test_an_image_whose_base_somebody_has_to_name_is_a_comment(
    tmp_path: Path, dockerfile: str, names: tuple[str, ...], base: str
) -> None:
    """The sentence says where and what; with a value the table is as good as any."""
    files = {"api/Dockerfile": dockerfile, "web/Dockerfile": "FROM debian:12\n"}
    found = proposed(write(tmp_path, files))
    assert list(images(found)) == ["web"]
    (image,) = found.proposal.lacking
    assert image.lacking is not None
    assert (image.lacking.names, image.lacking.base) == (names, base)
    text = found.files["images.toml"]
    head, table = text.split('# Give it between the "", and take "# " away from the lines that')
    assert f"# left out: api/Dockerfile:{image.lacking.line}: FROM {base} is no image" in head
    rows = [row.removeprefix("# ") for row in table.splitlines()[1:] if row]
    whole = tomllib.loads("\n".join(rows))["images"]["api"]
    assert whole == {"context": "api", "push": True, "args": dict.fromkeys(names, "")}


def test_a_repository_of_one_image_without_a_base_is_a_project(tmp_path: Path) -> None:
    """There is a file to type the value into, and who asks again is not told again."""
    root = write(tmp_path, {"Dockerfile": "ARG FROM\nFROM ${FROM}\n"})
    found = proposed(root)
    assert faults(found) == []
    assert left_out(found) == {
        "Dockerfile:2": "FROM ${FROM} is no image, as no file gives the build argument FROM;"
        " give the value in images.toml, where it is a comment"
    }
    found.write(append=True)
    assert proposed(root).files == {}


def test_an_argument_that_some_file_gives_is_not_missing(tmp_path: Path) -> None:
    """One job of the workflow passes it on from who starts it, the other one says it."""
    workflow = """\
jobs:
  a:
    steps:
      - uses: docker/build-push-action@v6
        with: {build-args: 'FROM=${{ inputs.base }}'}
      - uses: docker/build-push-action@v6
        with: {build-args: 'FROM=debian:12'}
"""
    files = {"Dockerfile": "ARG FROM\nFROM ${FROM}\n", ".github/workflows/a.yml": workflow}
    (image,) = images(proposed(write(tmp_path, files))).values()
    assert dict(image.args) == {"FROM": "debian:12"}


def test_what_has_no_reader_here_is_told(tmp_path: Path) -> None:
    """Without docker compose a compose file is not understood, and the Dockerfiles are."""
    files = {
        "Dockerfile": "FROM debian:12\n",
        "compose.yaml": "services: {a: {build: .}}\n",
        "docker-bake.hcl": 'target "a" {}\n',
    }
    found = proposed(write(tmp_path, files))
    assert len(images(found)) == 1
    told = faults(found)
    assert "compose.yaml: not read, as there is no docker compose here" in told[0]
    assert "docker-bake.hcl: not read, as there is no docker buildx here" in told[1]


def test_a_matrix_over_one_file_is_variants_of_one_table(tmp_path: Path) -> None:
    """They share context and Dockerfile, and differ in an argument."""
    workflow = """\
jobs:
  a:
    strategy: {matrix: {python: ['3.11', '3.12']}}
    steps:
      - uses: docker/build-push-action@v6
        with:
          context: api
          build-args: |
            PYTHON=${{ matrix.python }}
            SAME=1
"""
    dockerfile = "ARG PYTHON\nFROM python:${PYTHON}\nARG SAME\n"
    files = {"api/Dockerfile": dockerfile, ".github/workflows/a.yml": workflow}
    found = proposed(write(tmp_path, files))
    assert {name: dict(each.args) for name, each in images(found).items()} == {
        "api-3.11": {"PYTHON": "3.11", "SAME": "1"},
        "api-3.12": {"PYTHON": "3.12", "SAME": "1"},
    }
    text = found.files["images.toml"]
    assert text.count("context =") == 1
    assert '[images.api.variants."3.11"]' in text
    assert 'args = { SAME = "1" }' in text


def test_a_published_name_with_an_unknown_tag_is_guessed(tmp_path: Path) -> None:
    """The workflow pushes ``acme/base`` under the commit; a FROM has a release of it."""
    workflow = """\
jobs:
  a:
    steps:
      - uses: docker/build-push-action@v6
        with: {context: first, tags: 'acme/base:${{ github.sha }}'}
"""
    files = {
        "first/Dockerfile": "FROM debian:12\n",
        "second/Dockerfile": "FROM acme/base:1.2\n",
        ".github/workflows/a.yml": workflow,
    }
    found = images(proposed(write(tmp_path, files)))
    assert found["second"].parents == ("base",)


def test_an_image_built_on_the_last_of_itself_is_no_cycle(tmp_path: Path) -> None:
    """``FROM acme/tool:latest`` in the Dockerfile that is pushed as acme/tool:latest."""
    workflow = """\
jobs:
  a:
    steps:
      - uses: docker/build-push-action@v6
        with: {context: tool, tags: 'acme/tool:latest'}
"""
    files = {"tool/Dockerfile": "FROM acme/tool:latest\n", ".github/workflows/a.yml": workflow}
    (image,) = images(proposed(write(tmp_path, files))).values()
    assert (image.tag, image.parents) == ("", ())
