"""What a clean-up knows of branches, names, files and the engine's own words."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hashes.errors import LayersError
from layers.config.load import load
from layers.config.spec import Spec
from layers.engine.client import Client
from layers.engine.store import DockerStore
from layers.gc.claim_times import ClaimTimes
from layers.gc.git_history import history
from layers.gc.item import Found
from layers.gc.local_files import Leftover, leftovers, remove
from layers.gc.ownership import Owner, owned
from layers.gc.remove import Removal
from layers.gc.report import Done, as_json, as_text, ending
from layers.gc.scan import CleanUp, Scope
from layers.gc.sweep import Going, Staying, Sweep
from layers.oci.digest import Digest
from tests.unit.engine.answers import answer, answering

KEYS = [f"xxh3-{number:032x}" for number in range(9)]
NOW = 1_700_000_000.0


def git(folder: Path, *words: str) -> str:
    """Run git, as somebody with a name."""
    who = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, check=True)
    return done.stdout.decode().strip()


def commit(folder: Path, text: str | None) -> None:
    """One more commit, in which ``images.lock`` has this text."""
    if text is not None:
        (folder / "images.lock").write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "m")


# -- git ---------------------------------------------------------------------------------------


def test_every_branch_tag_and_stash_is_read(tmp_path: Path) -> None:
    """Each different content once, in a folder of the repository, too."""
    root = tmp_path / "deep"
    root.mkdir()
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, None)
    git(tmp_path, "branch", "without")
    commit(root, "one\n")
    git(tmp_path, "tag", "--annotate", "v1", "--message", "m")
    git(tmp_path, "checkout", "--quiet", "-b", "topic")
    commit(root, "two\n")
    (root / "images.lock").write_text("put aside\n")
    git(tmp_path, "stash")
    git(tmp_path, "checkout", "--quiet", "main")
    found = history(str(root))
    assert found is not None
    assert not found.shallow
    assert sorted(each.text for each in found.versions("images.lock")) == [
        "one\n",
        "put aside\n",
        "two\n",
    ]
    assert found.versions("no.such") == ()


def test_a_detached_commit_counts_while_it_is_checked_out(tmp_path: Path) -> None:
    """No branch has it."""
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, "one\n")
    git(tmp_path, "checkout", "--quiet", "--detach")
    commit(tmp_path, "two\n")
    found = history(str(tmp_path))
    assert found is not None
    assert [(each.ref, each.text) for each in found.versions("images.lock")] == [
        ("HEAD", "two\n"),
        ("main", "one\n"),
    ]


def test_a_folder_outside_of_git_is_told_from_a_broken_repository(tmp_path: Path) -> None:
    """Where git fails, nobody knows what is needed."""
    assert history(str(tmp_path)) is None
    git(tmp_path, "init", "--quiet")
    found = history(str(tmp_path))
    assert found is not None
    assert found.versions("images.lock") == ()
    (tmp_path / ".git" / "config").write_text("[core\n")
    with pytest.raises(LayersError, match="git cannot tell"):
        history(str(tmp_path))


# -- names -------------------------------------------------------------------------------------


def spec(text: str) -> Spec:
    """A spec."""
    return load(
        f'version = 1\n[project]\nname = "shop"\n{text}',
        profile=None,
        registry=None,
        platform="linux/amd64",
        exists=lambda _: True,
    )


def test_names_of_other_branches_are_ours_too() -> None:
    """As far as their files can be read."""
    now = spec('[images.web]\ncontext = "web"\ntag = "shop-web:dev"\n')
    before = (
        '[project]\nname = "shop"\n[images.api]\ncontext = "a"\ntag = "shop-api"\n'
        '[profiles.gpu.images.cuda]\ncontext = "c"\n'
    )
    strange = '[project]\nname = "other"\n[images.mine]\ncontext = "a"\n'
    lock = '[upstream."node:18"."linux/amd64"]\ndigest = "x"\n'
    found = owned([now], [before, strange, "<<<<<<<"], [lock, "====="], "reg:5000")
    assert found.images == {"web", "api", "cuda"}
    assert found.remote == {
        "reg:5000/shop/web": {"": Owner("web")},
        "reg:5000/shop/api": {"": Owner("api")},
        "reg:5000/shop/cuda": {"": Owner("cuda")},
        "reg:5000/shop/upstream/library/node": {"": Owner("upstream", mirror=True)},
    }
    told = [
        "shop-web:latest",
        "docker.io/library/shop-api:1",
        "reg:5000/shop/web@sha256:" + 64 * "a",
    ]
    assert all(found.owns(name) for name in told)
    assert not any(found.owns(name) for name in ["mine:1", "shop:1", "x/shop-web:1", "N:O"])


def test_without_a_registry_nothing_there_is_ours() -> None:
    """Nobody is asked."""
    found = owned([spec('[images.web]\ncontext = "web"\n')], [], [], None)
    assert found.remote == {}


# -- files -------------------------------------------------------------------------------------


def put(folder: Path, path: str, text: str = "12345", age: float = 0) -> None:
    """A file of so many seconds' age."""
    at = folder / path
    at.parent.mkdir(parents=True, exist_ok=True)
    at.write_text(text)
    os.utime(at, (NOW - age, NOW - age))


def paths(folder: Path, keys: set[str] | None = None) -> list[str]:
    """What may go."""
    return [each.path for each in leftovers(str(folder), {"web"}, keys, NOW)]


def test_records_go_with_the_last_image_of_a_key(tmp_path: Path) -> None:
    """But for those that explain a record which stays: a parent's."""
    put(tmp_path, f"manifests/{KEYS[1]}.json", f'{{"parent": "{KEYS[2]}"}}')
    put(tmp_path, f"manifests/{KEYS[2]}.json", f"{KEYS[3]}")
    put(tmp_path, f"manifests/{KEYS[3]}.json")
    put(tmp_path, f"manifests/{KEYS[4]}.json")
    put(tmp_path, f"unpushed/web@{KEYS[4]}", "")
    put(tmp_path, f"unpushed/web@{KEYS[1]}", "")
    assert paths(tmp_path, {KEYS[1]}) == [f"manifests/{KEYS[4]}.json", f"unpushed/web@{KEYS[4]}"]
    assert paths(tmp_path, None) == []


@pytest.mark.parametrize(
    ("path", "age", "goes"),
    [
        ("logs/web/build.log", 0, ""),
        ("logs/web.deps/build.log", 0, ""),
        ("logs/webby/build.log", 0, "logs/webby"),
        ("logs/bug-1.log", 31 * 86400, "logs/bug-1.log"),
        ("logs/bug-1.log", 29 * 86400, ""),
        ("sent/web/0/.rows", 9e9, ""),
        ("sent/gone/0/.rows", 0, "sent/gone"),
        ("tmp/1-build/secret", 0, ""),
        ("tmp/999999999-build/secret", 0, "tmp/999999999-build"),
        ("stat.7.aa.part", 7200, "stat.7.aa.part"),
        ("stat.7.aa.part", 60, ""),
        ("history.jsonl", 9e9, ""),
        ("registry/docker/x.part", 9e9, ""),
    ],
)
def test_a_file_goes_when_it_is_of_no_use(tmp_path: Path, path: str, age: float, goes: str) -> None:
    """Nothing of a build that runs, of an image of the project, or of the engine."""
    put(tmp_path, path, age=age)
    found = leftovers(str(tmp_path), {"web"}, set(), NOW)
    assert [(each.path, each.size) for each in found] == ([(goes, 5)] if goes else [])
    for each in found:
        remove(str(tmp_path), each)
        remove(str(tmp_path), each)
    assert (tmp_path / path).exists() == (not goes)


def test_what_was_seen_survives_a_damaged_file(tmp_path: Path) -> None:
    """Then it begins afresh; a clock that went back does, too."""
    path = tmp_path / "claims.json"
    claim = Digest("sha256:" + 64 * "a")
    for text in ("", "[]", '{"a": 1}', '{"a": ["x"]}'):
        path.write_text(text)
        assert ClaimTimes.load(str(path)).since("a", claim, NOW) == NOW
    seen = ClaimTimes.load(str(path))
    seen.since("a", claim, NOW)
    seen.save()
    assert ClaimTimes.load(str(path)).since("a", claim, NOW + 9) == NOW
    assert ClaimTimes.load(str(path)).since("a", claim, NOW - 9) == NOW - 9


# -- the engine --------------------------------------------------------------------------------

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64


@contextmanager
def store(tmp_path: Path, say: Callable[[str], bytes]) -> Iterator[tuple[DockerStore, list[str]]]:
    """The store of an engine that says ``say(request)``, requests without the API's version."""

    def versioned(request: str) -> bytes:
        if request == "GET /version":
            return answer({"ApiVersion": "1.52"})
        return say(request.replace("/v1.52", ""))

    asked: list[str] = []
    with answering(tmp_path, versioned) as (host, heard):
        yield DockerStore(Client(host, {})), asked
        asked += [each.replace("/v1.52", "") for each in heard if each != "GET /version"]


def test_the_engines_list_is_read(tmp_path: Path) -> None:
    """A digest is a name of its own only in a repository without a tag."""
    rows = [
        {
            "Id": A,
            "RepoTags": ["web:1", f"reg:5000/shop/web@{A}", "<none>:<none>"],
            "RepoDigests": [f"web@{A}", f"reg:5000/shop/web@{A}", f"reg:5000/other@{B}"],
            "Labels": {"x": "y"},
            "Created": 7,
            "Size": 9,
        },
        {"Id": B, "RepoTags": None, "RepoDigests": ["<none>@<none>"], "Labels": None},
    ]
    with store(tmp_path, lambda _: answer(rows)) as (ours, _):
        first, second = ours.images()
    assert first.names == ("web:1", f"reg:5000/shop/web@{A}", f"reg:5000/other@{B}")
    assert (first.digests, first.created, first.size) == ((Digest(A), Digest(B)), 7.0, 9)
    assert (second.names, second.digests, dict(second.labels)) == ((), (), {})


def test_images_share_the_beginning_of_their_histories(tmp_path: Path) -> None:
    """What the engine keeps packed beside is spread over the steps."""
    base = {"Created": 1, "CreatedBy": "COPY base", "Size": 100}
    ones = [{"Created": 3, "CreatedBy": "CMD x", "Size": 0}, {"Created": 2, "Size": 50}, base]
    others = [{"Created": 2, "Size": 60}, base]

    def say(request: str) -> bytes:
        if request.endswith("json"):
            return answer({"Os": "linux", "Architecture": "amd64", "Size": 75})
        return answer(ones if A in request else others)

    with store(tmp_path, say) as (ours, _):
        found = ours.parts([Digest(A), Digest(B)])
    (platform, first), (_, second) = found[Digest(A)], found[Digest(B)]
    assert platform == "linux/amd64"
    assert sum(first.values()) == 225
    assert len(set(first) & set(second)) == 1


@pytest.mark.parametrize(("status", "expected"), [(200, True), (404, True), (409, False)])
def test_an_image_in_use_is_not_removed_by_force(
    tmp_path: Path, status: int, expected: bool
) -> None:
    """The engine's own refusal is an answer."""
    said = answer([] if status == 200 else {"message": "no"}, status)
    with store(tmp_path, lambda _: said) as (ours, asked):
        assert ours.remove("web:1") == expected
    assert asked == ["DELETE /images/web:1?force=False&noprune=False"]


CACHE = [
    {"Size": 5, "InUse": False, "Shared": False},
    {"Size": 7, "InUse": True, "Shared": False},
    {"Size": 9, "InUse": False, "Shared": True},
]


@pytest.mark.parametrize("told", [{"BuildCache": CACHE}, {"BuildCacheUsage": {"Items": CACHE}}])
def test_the_build_cache_is_counted_without_what_images_share(
    tmp_path: Path, told: dict[str, Any]
) -> None:
    """And emptied down to what is to stay; in the words of old engines and of new ones."""
    replies = [answer(told), answer({"SpaceReclaimed": 4})]
    with store(tmp_path, lambda _: replies.pop(0)) as (ours, asked):
        assert (ours.cache(), ours.prune(1)) == (5, 4)
    assert asked[1] == "POST /build/prune?all=1&keep-storage=1&reserved-space=1"


# -- what is told ------------------------------------------------------------------------------


def clearing(*notes: str) -> CleanUp:
    """A plan with something of everything."""
    old = Found(
        "engine", "shop-web", Digest(A), (KEYS[1],), layer="web", key=KEYS[1], created=NOW - 90000
    )
    attached = Found("registry", "reg/shop/web", Digest(B), (f"sha256-{64 * 'a'}",), layer="web")
    sweep = Sweep(
        (Going(old, "older than the newest 3", 1500), Going(attached, "its image goes", 200)),
        (Staying(old, "needed"), Staying(old, "needed"), Staying(attached, "needed")),
    )
    files = (Leftover("logs/gone", "no such image", 30),)
    return CleanUp(Scope(), sweep, files, 4000, notes)


def test_the_plan_is_a_table_and_a_line_for_each_reason() -> None:
    """Sizes stand below each other."""
    assert as_text(clearing("no git"), NOW).splitlines() == [
        "note: no git",
        "engine: 1 thing, 1.5 kB",
        f"  web  {KEYS[1]}  1 day ago  1.5 kB  older than the newest 3",
        "registry: 1 thing, 200 B",
        "  web  attached to sha256:aaaaaaaaaaaa    200 B  its image goes",
        ".layers: 1 thing, 30 B",
        "  logs/gone  30 B  no such image",
        "build cache: 4.0 kB beyond what is to stay",
        "stays",
        "  engine    2  needed",
        "  registry  1  needed",
    ]
    assert as_text(CleanUp(Scope(), Sweep()), NOW) == "nothing to remove\n"


def test_the_ending_says_what_was_done() -> None:
    """What is left is told by reason."""
    plan = clearing()
    assert ending(plan, None) == "dry run: nothing was removed; 5.7 kB would be\n"
    first, second = plan.sweep.goes
    done = Done((Removal(first), Removal(second, "in use")), 3000, 77, ("later",))
    assert ending(plan, done).splitlines() == [
        "note: later",
        "1 left: in use",
        "removed 2 things, 4.5 kB",
        "the registry freed 77 B on disk",
    ]


def test_programs_are_told_the_same() -> None:
    """Each thing with what became of it."""
    plan = clearing()
    first, second = plan.sweep.goes
    done = Done((Removal(first), Removal(second, "in use")))
    told = json.loads(json.dumps(as_json(plan, done)))
    assert [(each["key"], each["removed"], each["skipped"]) for each in told["goes"]] == [
        (KEYS[1], True, ""),
        ("", False, "in use"),
    ]
    assert told["bytes"] == {"engine": 1500, "registry": 200, "files": 30, "cache": 0}
    assert told["goes"][0]["created"] == "2023-11-13T21:13:20Z"
    dry = as_json(plan, None)
    assert dry["dry_run"]
    assert [each["removed"] for each in dry["goes"]] == [False, False]
