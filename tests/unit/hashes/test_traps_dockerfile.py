"""The rows of TRAPS.md that a Dockerfile's meaning decides; each test names its row."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from hashes import DockerfileError, External, Request, layers, parse, references
from hashes.dockerfile.frontend import Frontend
from tests.unit.memory import FILES, Memory, key, last, stages


def kinds(layer: Any, *wanted: str) -> list[str]:
    return [entry.name for entry in layer.manifest.entries if entry.kind in wanted]


def test_row_04_parents_and_exclude_are_in_the_key() -> None:
    """Their text counts, and so does what they bring in."""
    top = "# syntax=docker/dockerfile:1\nFROM a\nCOPY "
    spellings = ["dir/d.txt /x", "--parents dir/d.txt /x", "--exclude=q dir/d.txt /x"]
    keys = {key(f"{top}{words}\n") for words in (*spellings, "--parents ./dir/./d.txt /x")}
    assert len(keys) == 4


def test_row_07_ownership_flags_count_after_expansion() -> None:
    """``--chown=$U`` with another U is another image."""
    text = "FROM a\nARG U=1\nCOPY --chown=$U a.txt /x\n"
    assert key(text) == key(text.replace("=$U", "=1"))
    assert key(text) != key(text, {"U": "2"})


def test_row_13_stage_names_have_no_case() -> None:
    """Paths do."""
    text = "FROM a AS One\nRUN x\nFROM b\nCOPY --from=%s /x /y\n"
    assert key(text % "one") == key(text % "ONE")
    assert key("FROM a\nCOPY a.txt /x\n") != key(
        "FROM a\nCOPY A.txt /x\n", files=FILES | {"A.txt": "1"}
    )


def test_row_14_heredoc_bodies_keep_their_carriage_returns() -> None:
    """The rest of the file does not."""
    plain, body = "FROM a\nCOPY a.txt /x\nRUN y\n", "FROM a\nRUN <<E\nx\nE\n"
    assert key(plain) == key(plain.replace("\n", "\r\n"))
    assert key(body) != key(body.replace("\n", "\r\n"))


ARGS = "ARG G=g\nFROM a AS p\nRUN before\nARG V=1\nRUN after\nCOPY a.txt /x\n"


def test_row_15_an_argument_counts_for_every_later_run() -> None:
    """Used or not; not for a RUN before, and not for COPY."""
    assert key(ARGS) != key(ARGS, {"V": "2"})
    assert key(ARGS) == key(ARGS, {"V": "1"})
    assert key(ARGS.replace("RUN after\n", "")) == key(ARGS.replace("RUN after\n", ""), {"V": "2"})


def test_row_15_a_global_argument_is_seen_by_from_only() -> None:
    """Until a stage declares it without a value."""
    assert key(ARGS) == key(ARGS, {"G": "h"})
    declared = ARGS.replace("ARG V=1", "ARG G")
    assert key(declared) != key(declared, {"G": "h"})
    assert key(declared) != key(declared.replace("G=g", "G=h"))


def test_row_15_env_hides_an_argument() -> None:
    """From the ENV line on; an ARG after it counts again (docker 26.1.5, tried)."""
    hidden = "FROM a\nARG V=1\nENV V=9\nRUN x\n"
    assert key(hidden) == key(hidden, {"V": "2"})
    between = "FROM a\nARG V=1\nRUN y\nENV V=9\nRUN x\n"
    assert key(between) != key(between, {"V": "2"})
    after = "FROM a\nENV V=9\nARG V=1\nRUN x\n"
    assert key(after) != key(after, {"V": "2"})


def test_row_15_an_empty_argument_is_not_an_unset_one() -> None:
    """``--build-arg B=`` sets it."""
    text = "FROM a\nARG B\nRUN x\n"
    assert key(text) != key(text, {"B": ""})
    assert key(text) == key(text, {"UNDECLARED": "1"})


def test_row_15_an_argument_chooses_files() -> None:
    """In a source it decides what is read."""
    text = "FROM a\nARG D=dir\nCOPY $D /x\n"
    assert kinds(last(text), "file") == ["dir/d.txt"]
    assert kinds(last(text, {"D": "sub"}), "file") == ["sub/b.txt"]


def test_row_16_proxies_never_count_unless_declared() -> None:
    """In either case of letters."""
    text = "FROM a\nRUN x\n"
    for name in ("HTTP_PROXY", "no_proxy", "ALL_PROXY"):
        assert key(text) == key(text, {name: "http://p"})
        declared = f"FROM a\nARG {name}\nRUN x\n"
        assert key(declared) != key(declared, {name: "http://p"})


def test_row_16_platform_arguments_count_where_declared() -> None:
    """BUILDPLATFORM makes a key depend on the builder only there."""
    text = "FROM a\nRUN x\n"
    assert key(text, build_platform="linux/arm64") == key(text)
    declared = "FROM a\nARG BUILDPLATFORM\nRUN x\n"
    assert key(declared, build_platform="linux/arm64") != key(declared)
    arch = "FROM a\nARG TARGETARCH\nCOPY $TARGETARCH /x\n"
    files = {"amd64": "1", "arm64": "2", "x": "3"}
    assert kinds(last(arch, files=files), "file") == ["amd64"]
    assert kinds(last(arch, files=files, platform="linux/arm64"), "file") == ["arm64"]
    own = arch.replace("TARGETARCH\n", "TARGETARCH=x\n", 1)
    assert kinds(last(own, files=files), "file") == ["x"]


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("BUILDKIT_SANDBOX_HOSTNAME", True),
        ("BUILDKIT_SYNTAX", True),
        ("SOURCE_DATE_EPOCH", True),
        ("BUILDKIT_INLINE_CACHE", False),
        ("BUILDKIT_MULTI_PLATFORM", False),
        ("BUILDKIT_CACHE_MOUNT_NS", False),
        ("BUILDKIT_CONTEXT_KEEP_GIT_DIR", False),
    ],
)
def test_row_16_arguments_of_buildkit_itself(name: str, counts: bool) -> None:
    """Those that change what is built, and those that only change how it is packed."""
    assert (key("FROM a\nRUN x\n") != key("FROM a\nRUN x\n", {name: "1"})) is counts


def test_row_16_the_git_argument_counts_for_git_sources() -> None:
    """It decides whether ``.git`` is there."""
    text = "FROM a\nADD https://host/x.git#%s /x\n" % ("a" * 40)
    assert key(text) != key(text, {"BUILDKIT_CONTEXT_KEEP_GIT_DIR": "1"})


def test_row_17_unused_stages_do_not_count() -> None:
    """Nor do their arguments and their sources."""
    text = "FROM a AS one\nFROM b AS two\nARG Q\nRUN x\nFROM one\nRUN y\n"
    assert key(text) == key("FROM a AS one\nFROM one\nRUN y\n")
    assert key(text) == key(text, {"Q": "1"})
    assert set(stages(text)) == {"one", 2}


def test_row_17_a_stage_shadows_an_image() -> None:
    """Only for what comes after it, and a named context goes before both."""
    text = "FROM node AS alpine\nFROM alpine\n"
    asked: list[str] = []

    def resolve(name: str, platform: str) -> External:
        asked.append(name)
        return External(f"digest {name}")

    last(text, resolve=resolve)
    assert set(asked) == {"node"}
    one = key(text, contexts={"alpine": External("digest sha256:1")})
    assert one != key(text, contexts={"alpine": External("digest sha256:2")})


def test_row_18_a_from_with_a_platform_asks_for_that_platform() -> None:
    """Both platforms of one name are two images."""
    text = "FROM --platform=$BUILDPLATFORM go AS t\nFROM go\nCOPY --from=t /x /y\n"
    asked: list[tuple[str, str]] = []

    def resolve(name: str, platform: str) -> External:
        asked.append((name, platform))
        return External("digest sha256:1")

    last(text, resolve=resolve, platform="linux/arm64", build_platform="linux/amd64")
    assert sorted(set(asked)) == [("go", "linux/amd64"), ("go", "linux/arm64")]


def test_row_18_scratch_is_no_image() -> None:
    """Nobody is asked for it."""

    def resolve(name: str, platform: str) -> External:
        raise AssertionError(name)

    assert key("FROM scratch\nCOPY a.txt /\n", resolve=resolve).startswith("xxh3-")


@pytest.mark.parametrize("line", ["COPY --from=tool /x /y", "RUN --mount=from=tool,target=/t x"])
def test_row_19_an_image_that_is_copied_from_counts(line: str) -> None:
    """As much as one under FROM."""
    text = f"FROM scratch\n{line}\n"
    one = last(text, resolve=lambda *_: External("digest sha256:1"))
    two = last(text, resolve=lambda *_: External("digest sha256:2"))
    assert one.key != two.key
    assert last(text).manifest.unpinned == ("tool",)


def test_row_19_a_variable_in_from_is_refused() -> None:
    """With the way around it."""
    with pytest.raises(DockerfileError, match="stage of its own"):
        key("ARG T=tool\nFROM a\nCOPY --from=$T /x /y\n")


@pytest.mark.parametrize(
    ("mount", "paths"),
    [
        ("target=/t", ["a.txt", "dir/d.txt", "sub/b.txt"]),
        ("type=bind,source=.,target=/t", ["a.txt", "dir/d.txt", "sub/b.txt"]),
        ("source=dir,target=/t", ["dir/d.txt"]),
        ("type=bind,src=/a.txt,dst=/t", ["a.txt"]),
        ("source=$D,target=/t", ["sub/b.txt"]),
        ("type=cache,target=/t", []),
        ("type=tmpfs,target=/t", []),
        ("type=secret,id=s", []),
        ("type=ssh", []),
    ],
)
def test_row_20_mounts_bring_files_in(mount: str, paths: list[str]) -> None:
    """The default type is bind, the default source the whole context."""
    layer = last(f"FROM a\nARG D=sub\nRUN --mount={mount} x\n")
    assert kinds(layer, "file") == paths


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("type=cache,target=/c,id=a", "type=cache,target=/c,id=b", True),
        ("type=cache,target=/c", "type=cache,target=/c,sharing=private", True),
        ("type=cache,target=/c", "type=cache,target=/c,from=tool", False),
        ("type=cache,target=/c", "type=cache,target=/c,uid=1", False),
        ("type=secret,id=a", "type=secret,id=b", False),
        ("type=secret,id=a", "type=secret,id=a,target=/t", False),
        ("type=secret,id=a", "type=secret,id=a,mode=0444", False),
        ("type=secret,id=a", "type=secret,id=a,required=true", False),
        ("type=tmpfs,target=/a", "type=tmpfs,target=/b", False),
        ("type=tmpfs,target=/a", "type=tmpfs,target=/a,size=1g", False),
        ("target=/a", "target=/a,rw", False),
        ("target=/a", "target=/a,readonly=true", True),
        ("type=ssh", "type=ssh,id=other", False),
    ],
)
def test_row_20_what_of_a_mount_counts(one: str, two: str, same: bool) -> None:
    """A cache's id and sharing do not."""
    text = "FROM a\nRUN --mount=%s x\n"
    assert (key(text % one) == key(text % two)) is same


@pytest.mark.parametrize(
    ("lines", "env", "files"),
    [
        ("ENV D=a.txt\nARG D=dir\nFROM one\nCOPY $D /x\n", {}, ["a.txt"]),
        ("ENV D=a.txt\nARG D=dir\nFROM one\nARG D=dir\nCOPY $D /x\n", {}, ["dir/d.txt"]),
        ("ARG D=dir\nFROM one\nCOPY $D /x\n", {"D": "a.txt"}, ["a.txt"]),
        ("ARG D=dir\nFROM one\nCOPY $D /x\n", {}, ["dir/d.txt"]),
        ("ARG D=dir\nFROM one\nCOPY $D /x\n", None, sorted(FILES)),
        ("ENV D=$U\nARG D=dir\nFROM one\nCOPY $D /x\n", None, sorted(FILES)),
        ("ENV D=a.txt\nARG D=$U\nFROM one\nCOPY $D /x\n", None, ["a.txt"]),
    ],
)
def test_a_variable_of_an_image_comes_back_in_the_next_stage(
    lines: str, env: dict[str, str] | None, files: list[str]
) -> None:
    """An ARG stands in front of it to the end of its stage (tried on docker 26.1.5 and 28.5.2).

    Where the base's are not known, any file may be the one.
    """
    found = last(f"FROM a AS one\n{lines}", resolve=lambda *_: External("digest x", env))
    assert kinds(found, "file") == files


def test_row_21_link_is_in_the_key() -> None:
    """A linked copy does not follow links at its destination."""
    assert key("FROM a\nCOPY --link a.txt /x\n") != key("FROM a\nCOPY a.txt /x\n")
    assert key("FROM a\nCOPY --link a.txt /x\n") == key("FROM a\nCOPY --link=true a.txt /x\n")


@pytest.mark.parametrize(
    ("source", "unpinned"),
    [
        ("https://host/x.tgz", True),
        ("--checksum=sha256:aa https://host/x.tgz", False),
        ("https://host/x.git", True),
        ("https://host/x.git#main", True),
        ("https://host/x.git#" + "a" * 40, False),
        ("git@host:x/y.git#" + "a" * 40 + ":sub", False),
        ("https://host/x.git?ref=main", True),
        ("https://host/x.git?ref=" + "a" * 40, False),
        ("https://host/x.git?branch=b&commit=" + "a" * 40, False),
        ("https://host/x.git?tag=v1&checksum=" + "a" * 40 + "&subdir=s", False),
        ("git@host:x/y.git?commit=" + "a" * 40, False),
        ("--checksum=" + "a" * 40 + " https://host/x.git?tag=v1", False),
        ("HTTPS://host/x.git#main", True),
        ("a.txt", False),
    ],
)
def test_row_22_add_from_elsewhere_is_pinned_or_said_not_to_be(source: str, unpinned: bool) -> None:
    """By a checksum or a commit."""
    layer = last(f"FROM scratch\nADD {source} /x/\n")
    assert bool(layer.manifest.unpinned) is unpinned


@pytest.mark.parametrize("address", ["https://host/x", "https://host/x.git", "git@host:x.git"])
def test_row_22_copy_takes_no_address(address: str) -> None:
    """BuildKit refuses it, and so do we."""
    with pytest.raises(DockerfileError, match="expected a path"):
        key(f"FROM a\nCOPY {address} /x\n")


@pytest.mark.parametrize(
    ("query", "words"),
    [("foo=1", "expected one of ref"), ("ref=", "expected a value"), ("ref=a&ref=b", "twice")],
)
def test_row_22_a_git_address_with_a_wrong_query_is_refused(query: str, words: str) -> None:
    """By frontends that read it, 1.18 on; before, git is asked for it as it stands."""
    text = f"FROM scratch\nADD https://host/x.git?{query} /x\n"
    with pytest.raises(DockerfileError, match=words):
        key(text)
    assert key(text, frontend=Frontend((1, 17))).startswith("xxh3-")
    assert key("FROM scratch\nADD https://host/x.git?submodules&keep-git-dir=1 /x\n")


def test_row_22_what_reads_like_a_repository_and_is_a_path() -> None:
    """``github.com/x`` is one in a Dockerfile, and so is an address in capital letters."""
    files = {"github.com/y": "1", "HTTP:/host/y": "2"}
    for path in ("github.com/y", "HTTP://host/y"):
        layer = last(f"FROM scratch\nADD {path} /x\n", files=files)
        assert kinds(layer, "file") == [path.replace("//", "/")]
        assert layer.manifest.unpinned == ()


def test_row_23_heredocs_are_content_and_no_paths() -> None:
    """With expansion unless the name is quoted."""
    text = "FROM a\nARG V=1\nCOPY <<%s /x\nv=$V\nE\n"
    assert kinds(last(text % "E"), "file", "source") == []
    assert key(text % "E") != key(text % "E", {"V": "2"})
    assert key(text % "'E'") == key(text % "'E'", {"V": "2"})


def test_row_23_a_run_heredoc_is_byte_exact() -> None:
    """Blanks at the end of a line count."""
    assert key("FROM a\nRUN <<E\nx\nE\n") != key("FROM a\nRUN <<E\nx \nE\n")


def test_row_24_onbuild_of_a_base_reads_the_context() -> None:
    """The triggers come from the image's configuration."""
    text = "FROM base\nRUN x\n"
    base = lambda *_: External("digest sha256:1", {}, ("COPY dir /x", "ENV A=1"))  # noqa: E731
    layer = last(text, resolve=base)
    assert kinds(layer, "file") == ["dir/d.txt"]
    assert layer.env is not None
    assert layer.env["A"] == "1"
    assert layer.onbuild == ()
    assert key(text, resolve=base) != key(text, resolve=base, files=FILES | {"dir/d.txt": "9"})


def test_row_24_onbuild_of_a_stage_runs_in_its_child_only() -> None:
    """Not in the stage, and not in a grandchild."""
    text = "FROM a AS p\nONBUILD COPY a.txt /x\nFROM p AS c\nFROM c AS g\n"
    found = stages(text)
    assert [kinds(found[name], "file") for name in "pcg"] == [[], ["a.txt"], []]
    assert found["p"].onbuild == ("COPY a.txt /x",)
    assert found["c"].onbuild == ()


def test_row_25_directives_stand_on_top_only() -> None:
    """After a comment they are comments."""
    assert parse(b"# hi\n# syntax=x\nFROM a\n", "f").syntax == ""
    assert parse(b"#syntax = x/y:1 \n# check=error=true\nFROM a\n", "f").syntax == "x/y:1"
    assert parse(b"# check=error=true\nFROM a\n", "f").check == "error=true"
    assert key("# check=error=true\nFROM a\n") == key("FROM a\n")
    assert key("# escape=`\nFROM a\nRUN x `\n y\n") == key("FROM a\nRUN x \\\n y\n")
    file = parse(b"# syntax=x/y:1\nFROM scratch\n", "f")
    assert [each.text for each in references(file, None, {}, "linux/amd64")] == ["x/y:1"]


@pytest.mark.parametrize("line", ["WORKDIR /w", "USER 1", 'SHELL ["/bin/x"]', "ENV A=1"])
def test_row_26_settings_count_for_a_later_run(line: str) -> None:
    """Before it they change what it does, after it only the configuration."""
    keys = {key(f"FROM a\n{text}\n") for text in ("RUN x", f"{line}\nRUN x", f"RUN x\n{line}")}
    assert len(keys) == 3


def test_row_26_a_relative_destination_follows_the_working_directory() -> None:
    """Which may be the base's own, unknown one."""
    text = "FROM a\nWORKDIR %s\nCOPY a.txt x\n"
    assert key(text % "/w") != key(text % "/v")
    assert key(text % "/w") != key(text % "w")


def test_row_27_comments_outside_do_not_count_and_texts_do() -> None:
    """The canonical instruction is hashed, and no line number."""
    text = "FROM a\nRUN x # y\n"
    assert key(text) == key("\n\n# one\nFROM a\n# two\nRUN x # y\n")
    assert key(text) != key("FROM a\nRUN x # z\n")


@pytest.mark.parametrize(
    "more",
    [
        {"network": "none"},
        {"network": "host"},
        {"add_hosts": ("a:1.2.3.4",)},
        {"shm_size": "128m"},
        {"ulimits": ("nofile=10:10",)},
        {"cgroup_parent": "x"},
        {"platform": "linux/arm64"},
    ],
)
def test_row_28_flags_of_the_build_that_change_what_runs(more: Any) -> None:
    """Each reran every RUN on docker 26.1.5; a stage without RUN stays, but for its platform."""
    assert key("FROM a\nRUN x\n") != key("FROM a\nRUN x\n", **more)
    copied = "FROM a\nCOPY a.txt /x\n"
    assert (key(copied) == key(copied, **more)) is ("platform" not in more)


def test_row_28_the_order_of_hosts_does_not_count() -> None:
    """It is a set."""
    one, two = ("a:1.2.3.4", "b:1.2.3.4"), ("b:1.2.3.4", "a:1.2.3.4")
    assert key("FROM a\nRUN x\n", add_hosts=one) == key("FROM a\nRUN x\n", add_hosts=two)


def test_row_30_neighbouring_fields_do_not_run_into_each_other() -> None:
    """A byte that moves from one argument to the next is a change."""
    files = {"a": "1", "ab": "1", "b": "1", "bb": "1"}
    assert key("FROM s\nCOPY a bb /x/\n", files=files) != key(
        "FROM s\nCOPY ab b /x/\n", files=files
    )
    assert key("FROM s\nENV A=1B=2\nRUN x\n") != key("FROM s\nENV A=1 B=2\nRUN x\n")


def test_row_35_keys_do_not_depend_on_the_process() -> None:
    """Not on the hash seed, not on the order in which arguments are given."""
    code = (
        "from tests.unit.memory import key;"
        "print(key('FROM a\\nARG A\\nARG B\\nLABEL x=1 y=2\\nRUN x\\n', {'A': '1', 'B': '2'}))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "LC_ALL": "C", "PYTHONPATH": "."},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
    one = Request(parse(b"FROM a\nARG A\nARG B\nRUN x\n", "f"), {"A": "1", "B": "2"})
    two = Request(one.dockerfile, {"B": "2", "A": "1"})
    keys = [layers(each, Memory({}), lambda *_: External("x"))[0].key for each in (one, two)]
    assert keys[0] == keys[1]
