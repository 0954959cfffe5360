"""What GitHub workflows build."""

from __future__ import annotations

from pathlib import Path

from layers.adopt.sources.reading import Build, Reading
from layers.adopt.sources.workflows import Workflows
from tests.unit.adopt.repositories import write

PATH = ".github/workflows/images.yml"


def read(tmp_path: Path, text: str, **more: str) -> Reading:
    files = {PATH: text, **{f".github/workflows/{name}.yml": each for name, each in more.items()}}
    return Workflows(str(write(tmp_path, files)), sorted(files)).read()


def only(reading: Reading) -> Build:
    (build,) = reading.builds
    return build


def test_a_step_is_a_build_with_all_that_it_says(tmp_path: Path) -> None:
    """Context, file, target, args and tags of docker/build-push-action."""
    build = only(
        read(
            tmp_path,
            """\
env:
  REGISTRY: ghcr.io
jobs:
  images:
    steps:
      - uses: actions/checkout@v4
      - uses: docker/build-push-action@v6
        with:
          context: services/api
          file: services/api/prod.Dockerfile
          target: runtime
          tags: |
            ${{ env.REGISTRY }}/shop/api:1
            ${{ env.REGISTRY }}/shop/api:${{ github.sha }}
          build-args: |
            PYTHON=3.12
            # a comment
            REVISION=${{ github.sha }}
          platforms: linux/arm64
          build-contexts: |
            assets=./assets
""",
        )
    )
    assert (build.line, build.context, build.dockerfile) == (
        7,
        "services/api",
        "services/api/prod.Dockerfile",
    )
    assert (build.target, build.args) == ("runtime", {"PYTHON": "3.12"})
    assert (build.tags, build.repositories) == (("ghcr.io/shop/api:1",), ("ghcr.io/shop/api",))
    assert build.contexts == {"assets": "assets"}
    assert build.options.platform == "linux/arm64"
    assert build.notes == ("arg REVISION is ${{ github.sha }}",)


def test_a_step_that_says_nothing_builds_the_root(tmp_path: Path) -> None:
    """The action's own defaults, and its name for the root."""
    for context in ("", "\n        with: {context: '{{defaultContext}}'}"):
        text = f"jobs:\n  a:\n    steps:\n      - uses: docker/build-push-action@v6{context}\n"
        build = only(read(tmp_path / f"r{len(context)}", text))
        assert (build.context, build.dockerfile) == (".", "Dockerfile")


def test_a_matrix_is_an_image_for_each_of_its_jobs(tmp_path: Path) -> None:
    """As far as what the step says depends on it."""
    reading = read(
        tmp_path,
        """\
jobs:
  a:
    strategy:
      matrix:
        image: [api, web]
        platform: [linux/amd64, linux/arm64]
    steps:
      - uses: docker/build-push-action@v6
        with:
          context: ${{ matrix.image }}
          platforms: ${{ matrix.platform }}
""",
    )
    assert [(each.context, each.variant) for each in reading.builds] == [
        ("api", "api"),
        ("web", "web"),
    ]


def test_what_only_a_run_knows_is_told(tmp_path: Path) -> None:
    """A matrix that a job makes: the step is left out with the words of the expression."""
    reading = read(
        tmp_path,
        """\
jobs:
  a:
    strategy:
      matrix: ${{ fromJson(needs.b.outputs.c) }}
    steps:
      - uses: docker/build-push-action@v6
        with:
          context: ${{ matrix.image }}
""",
    )
    assert reading.builds == ()
    (left,) = reading.left_out
    assert left.what == f"{PATH}:6 (job a)"
    assert "${{ matrix.image }}" in left.why


def test_an_argument_that_a_step_before_makes_is_told_in_its_own_words(tmp_path: Path) -> None:
    """Its value, its name, or the whole of it."""
    reading = read(
        tmp_path,
        """\
jobs:
  a:
    steps:
      - uses: docker/build-push-action@v6
        with:
          build-args: |
            ${{ steps.x.outputs.all }}
            SHA=${{ github.sha }}
            ${{ steps.x.outputs.name }}=1
""",
    )
    (build,) = reading.builds
    assert build.notes == (
        "an arg is ${{ steps.x.outputs.all }}",
        "arg SHA is ${{ github.sha }}",
        "an arg is ${{ steps.x.outputs.name }}=1",
    )


def test_names_come_from_the_metadata_action(tmp_path: Path) -> None:
    """Tags that a step before makes: the images are named there."""
    build = only(
        read(
            tmp_path,
            """\
jobs:
  a:
    steps:
      - id: meta
        uses: docker/metadata-action@v5
        with:
          images: |
            ghcr.io/shop/api
            name=${{ github.repository_owner }}/mirror,enable=true
      - uses: docker/build-push-action@v6
        with: {tags: '${{ steps.meta.outputs.tags }}'}
""",
        )
    )
    assert (build.tags, build.repositories, build.hints) == (
        (),
        ("ghcr.io/shop/api",),
        ("mirror",),
    )


def test_a_workflow_that_others_call_gets_their_inputs(tmp_path: Path) -> None:
    """A reusable workflow builds what its callers say."""
    reading = read(
        tmp_path,
        """\
on:
  workflow_call:
    inputs:
      folder: {type: string}
      file: {type: string, default: Dockerfile}
jobs:
  a:
    steps:
      - uses: docker/build-push-action@v6
        with:
          context: ${{ inputs.folder }}
          file: ${{ inputs.folder }}/${{ inputs.file }}
""",
        caller="""\
jobs:
  one:
    uses: ./.github/workflows/images.yml
    with: {folder: api}
  two:
    strategy: {matrix: {dir: [web]}}
    uses: ./.github/workflows/images.yml
    with: {folder: '${{ matrix.dir }}', file: dev.Dockerfile}
""",
    )
    assert {each.dockerfile for each in reading.builds} == {"api/Dockerfile", "web/dev.Dockerfile"}


def test_an_action_of_the_repository_is_looked_into(tmp_path: Path) -> None:
    """Steps that many workflows share are in .github/actions."""
    write(
        tmp_path,
        {
            ".github/actions/build/action.yml": """\
inputs:
  name: {required: true}
runs:
  using: composite
  steps:
    - uses: docker/build-push-action@v6
      with: {context: 'images/${{ inputs.name }}'}
    - uses: ./.github/actions/build
      with: {name: '${{ inputs.name }}'}
"""
        },
    )
    build = only(
        read(
            tmp_path,
            "jobs:\n  a:\n    steps:\n      - uses: ./.github/actions/build\n"
            "        with: {name: api}\n",
        )
    )
    assert build.context == "images/api"


def test_the_same_image_in_two_steps_is_one(tmp_path: Path) -> None:
    """One step for pull requests, one that pushes."""
    step = "      - uses: docker/build-push-action@v6\n        with: {context: api, tags: '%s'}\n"
    text = "jobs:\n  a:\n    steps:\n" + step % "shop/api:pr" + step % "shop/api:1"
    assert only(read(tmp_path, text)).tags == ("shop/api:pr", "shop/api:1")


def test_a_remote_context_is_left_out(tmp_path: Path) -> None:
    """What is built from elsewhere is no image of this repository."""
    text = (
        "jobs:\n  a:\n    steps:\n      - uses: docker/build-push-action@v6\n"
        "        with: {context: 'https://github.com/a/b.git#main'}\n"
    )
    assert [each.why for each in read(tmp_path, text).left_out] == [
        "its context is https://github.com/a/b.git#main"
    ]


def test_a_damaged_workflow_hides_no_other(tmp_path: Path) -> None:
    """Its fault is told with its line; the rest is read."""
    good = "jobs:\n  a:\n    steps:\n      - uses: docker/build-push-action@v6\n"
    reading = read(tmp_path, good, bad="jobs:\n\t- x\n", odd="[1, 2]\n", none="")
    assert len(reading.builds) == 1
    assert [str(each).partition(": ")[0] for each in reading.faults] == [
        ".github/workflows/bad.yml:2"
    ]
