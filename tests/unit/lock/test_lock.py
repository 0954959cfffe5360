"""The lock's text and its value are exact inverses, and its faults have lines and remedies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hashes.key import Key
from layers.lock.epochs import Base, Epoch
from layers.lock.lock import Lock, LockError
from layers.lock.pin import Pin
from layers.oci.digest import Digest
from layers.oci.reference import Reference

D = "sha256:" + "3d" * 32
E = "sha256:" + "4e" * 32

TEXT = f"""\
# Which upstream images builds use, by digest, and what of their configuration enters keys.
# `doit lock` and `doit refresh` write this file; commit it.
version = 1

[upstream."node:18-alpine"."linux/amd64"]
digest = "{D}"
locked = "2024-05-01T12:00:00Z"
source = "mirror.example.com/node:18-alpine"
onbuild = [
    "COPY . /app",
    "RUN echo \\"x\\" \\\\",
]

[upstream."node:18-alpine"."linux/amd64".env]
NODE_VERSION = "18.20.4"
PATH = "/usr/bin"

[upstream."node:18-alpine"."linux/arm64"]
digest = "{E}"

[upstream."nvidia/cuda:12.1.1-runtime-ubuntu22.04"."linux/amd64"]
digest = "{D}"
"""


def test_the_file_reads_as_pins() -> None:
    """Name, platform, digest, and what enters keys."""
    lock = Lock.parse(TEXT)
    assert lock.find("node:18-alpine", "linux/amd64") == Pin(
        Reference.parse("node:18-alpine"),
        "linux/amd64",
        Digest.parse(D),
        {"NODE_VERSION": "18.20.4", "PATH": "/usr/bin"},
        ("COPY . /app", 'RUN echo "x" \\'),
        "2024-05-01T12:00:00Z",
        "mirror.example.com/node:18-alpine",
    )
    assert lock.text() == TEXT


def test_a_pin_is_found_by_any_spelling_and_only_for_its_platform() -> None:
    """Dockerfiles may say docker.io/library or not."""
    lock = Lock.parse(TEXT)
    pin = lock.find("docker.io/library/node:18-alpine", "linux/arm64")
    assert pin is not None
    assert str(pin.digest) == E
    assert lock.find("node:18-alpine", "linux/riscv64") is None
    assert lock.find("node:20", "linux/amd64") is None
    assert lock.find(Reference.parse("node:18-alpine"), "linux/arm64") is pin


def test_a_build_is_handed_the_place_where_the_digest_was_found() -> None:
    """A mirror's digest may be unknown to the registry that it mirrors."""
    lock = Lock.parse(TEXT)
    found = [pin.reference for pin in lock.pins.values()]
    assert found == [
        f"mirror.example.com/node@{D}",
        f"docker.io/library/node@{E}",
        f"docker.io/nvidia/cuda@{D}",
    ]


def test_a_new_pin_takes_the_place_of_the_one_before() -> None:
    """What doit lock does; other pins stay, and the order is the file's."""
    lock = Lock.parse(TEXT)
    new = Pin(Reference.parse("node:18-alpine"), "linux/arm64", Digest.parse(D))
    first = Pin(Reference.parse("alpine:3"), "linux/amd64", Digest.parse(E))
    changed = lock.with_pins([new, first])
    assert changed.find("node:18-alpine", "linux/arm64") == new
    assert len(changed.pins) == len(lock.pins) + 1
    assert next(iter(changed.pins.values())) == first
    assert lock == Lock.parse(TEXT)


_text = st.text(st.characters(codec="utf-8"), max_size=12)
_pins = st.builds(
    Pin,
    st.sampled_from(
        ["node", "node:18", f"node@{D}", f"a/b:1@{D}", "h:5000/x", "docker.io/a.b/c", "Up/x"]
    ).map(Reference.parse),
    st.sampled_from(["linux/amd64", "linux/arm64", "linux/arm/v7"]),
    st.sampled_from([D, E]).map(Digest.parse),
    st.dictionaries(_text, _text, max_size=3),
    st.lists(_text, max_size=3).map(tuple),
    st.sampled_from(["", "2024-05-01T12:00:00Z"]),
    st.sampled_from(["", "mirror.example.com/node:18", f"h:1/x@{D}"]),
)


@given(st.lists(_pins, max_size=4))
def test_any_lock_reads_back_as_it_was(pins: list[Pin]) -> None:
    """Control characters, quotes, backslashes and empty texts included."""
    lock = Lock.of(pins)
    text = lock.text()
    assert Lock.parse(text) == lock
    assert Lock.parse(text).text() == text


@given(st.lists(_pins, max_size=4, unique_by=lambda pin: (pin.name, pin.platform)))
def test_equal_locks_have_the_same_text(pins: list[Pin]) -> None:
    """Whatever order their pins came in, so that diffs show changes and nothing else."""
    assert Lock.of(pins).text() == Lock.of(reversed(pins)).text()


def test_a_changed_digest_is_one_changed_line() -> None:
    """Reviewers see the digest that moved."""
    lock = Lock.parse(TEXT)
    new = lock.with_pins([Pin(Reference.parse("node:18-alpine"), "linux/arm64", Digest.parse(D))])
    differing = [
        pair
        for pair in zip(TEXT.split("\n"), new.text().split("\n"), strict=True)
        if len({*pair}) > 1
    ]
    assert differing == [(f'digest = "{E}"', f'digest = "{D}"')]


NODE = '[upstream."node:18"."linux/amd64"]\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version = 2\n", "images.lock:1: version: unknown version 2\n  write it anew"),
        ("", "images.lock:1: version: 'version' is missing\n  write it anew"),
        ("version = 1\n\nx", "images.lock:3: not TOML"),
        ("version = 1\nupstram = {}\n", "images.lock:2: upstram: unknown table (did you mean"),
        (f'version = 1\n{NODE}digest = "sha256:1"\n', "images.lock:3: upstream."),
        (f"version = 1\n{NODE}", "'digest' is missing"),
        (f'version = 1\n{NODE}digest = "{D}"\nenv = {{ A = 1 }}\n', "images.lock:4: upstream."),
        (f'version = 1\n{NODE}digest = "{D}"\nsource = "A B"\n', "images.lock:4: upstream."),
        (f'version = 1\n{NODE}digest = "{D}"\nlocked = "today"\n', "found 'today'"),
        (f'version = 1\n[upstream.Node."linux/amd64"]\ndigest = "{D}"\n', "must be in lower case"),
        (f'version = 1\n[upstream.node.linux]\ndigest = "{D}"\n', "a platform such as"),
        (
            f'version = 1\n{NODE}digest = "{D}"\n'
            f'[upstream."library/node:18"."linux/amd64"]\ndigest = "{D}"\n',
            'images.lock:4: upstream."library/node:18"."linux/amd64": \'node:18\' is here under',
        ),
    ],
)
def test_a_fault_of_the_lock_says_where_and_what_to_do(text: str, expected: str) -> None:
    """Merge conflicts and hands get into lock files."""
    with pytest.raises(LockError) as caught:
        Lock.parse(text)
    assert expected in str(caught.value)


def test_all_faults_of_the_lock_come_at_once() -> None:
    """One error with a line for each."""
    with pytest.raises(LockError) as caught:
        Lock.parse(f'version = 1\n{NODE}digest = "x"\nlocked = "y"\nother = 1\n')
    assert [fault.line for fault in caught.value.faults] == [3, 4, 5]


BASE = f"""\
version = 1

[upstream."node:18"."linux/amd64"]
digest = "{D}"

[base.base-node."linux/amd64"]
epoch = 2
refreshed = "2024-05-02T02:00:00Z"
key = "xxh3-{"0" * 32}"
digest = "{D}"
size = 1000
probe = "{E}"

[base.base-node."linux/amd64".upstream]
"node:18" = "{D}"

[base.base-node."linux/amd64".seen]
"node:18" = "{D}"

[base.base-node."linux/amd64".pins]
"node:18" = "{E}"

[[base.base-node."linux/amd64".earlier]]
epoch = 1
refreshed = "2024-05-01T02:00:00Z"
key = "xxh3-{"1" * 32}"
digest = "{E}"

[base.base-node."linux/amd64".earlier.upstream]
"node:18" = "{E}"

[past."node:18"."linux/amd64"."{E}"]
locked = "2024-05-01T02:00:00Z"
onbuild = [
    "RUN x",
]

[past."node:18"."linux/amd64"."{E}".env]
A = "b"
"""


def test_a_base_reads_as_its_epochs() -> None:
    """The present one in the base's own table, the others below it, newest first."""
    lock = Lock.parse(BASE)
    base = lock.base("base-node", "linux/amd64")
    assert base is not None
    now = Epoch(
        2, f"xxh3-{'0' * 32}", Digest(D), "2024-05-02T02:00:00Z", 1000, E, {"node:18": Digest(D)}
    )
    assert base.now == now
    assert [(each.number, each.digest) for each in base.earlier] == [(1, Digest(E))]
    assert (base.seen, base.pins) == ({"node:18": Digest(D)}, {"node:18": Digest(E)})
    assert lock.text() == TEXT.split("version")[0] + BASE


def test_a_base_can_have_pins_of_its_own() -> None:
    """With the environment and the triggers of then, which enter its keys; others see the rest."""
    lock = Lock.parse(BASE)
    own = lock.for_image("base-node", "linux/amd64").find("node:18", "linux/amd64")
    assert own is not None
    assert (str(own.digest), own.env, own.onbuild) == (E, {"A": "b"}, ("RUN x",))
    for other in (("app", "linux/amd64"), ("base-node", "linux/amd64 local")):
        shared = lock.for_image(*other).find("node:18", "linux/amd64")
        assert shared is not None
        assert str(shared.digest) == D


def test_the_lock_knows_which_digest_a_key_had() -> None:
    """Of every epoch that it remembers; a tag that shows another was moved."""
    lock = Lock.parse(BASE)
    assert lock.expected(Key("0" * 32)) == Digest(D)
    assert lock.expected(f"xxh3-{'1' * 32}") == Digest(E)
    assert lock.expected(f"xxh3-{'2' * 32}") is None


def test_a_pin_is_remembered_only_while_a_base_may_go_back_to_it() -> None:
    """What nothing refers to any more goes with the next write."""
    lock = Lock.parse(BASE)
    third = Pin(Reference.parse("node:18"), "linux/amd64", Digest("sha256:" + "5" * 64))
    moved = lock.replaced_by(lock.with_pins([third]))
    assert {str(pin.digest) for pin in moved.past.values()} == {D, E}
    base = lock.bases["base-node", "linux/amd64"]
    alone = base._replace(earlier=(), pins={})
    moved = lock.replaced_by(lock.with_pins([third]).with_bases([alone]))
    assert {str(pin.digest) for pin in moved.past.values()} == {D}


_digests = st.dictionaries(
    st.sampled_from(["node:18", "a/b:1", "h:5000/x:1 linux/arm64"]),
    st.sampled_from([D, E]).map(Digest),
    max_size=2,
)
_epochs = st.builds(
    Epoch,
    st.integers(1, 30),
    st.sampled_from(["xxh3-" + "0" * 32, "blake3-" + "a" * 64]),
    st.sampled_from([D, E]).map(Digest),
    st.just("2024-05-01T12:00:00Z"),
    st.integers(0, 10**12),
    st.sampled_from(["", "next", D]),
    _digests,
)
_bases = st.builds(
    Base,
    st.sampled_from(["base", "base-python.3"]),
    st.sampled_from(["linux/amd64", "linux/arm/v7", "linux/amd64 local"]),
    _epochs,
    _digests,
    _digests,
    st.lists(_epochs, max_size=3, unique_by=lambda epoch: epoch.number).map(
        lambda found: tuple(sorted(found, key=lambda epoch: -epoch.number))
    ),
)


@given(st.lists(_pins, max_size=3), st.lists(_bases, max_size=3), st.lists(_pins, max_size=3))
def test_any_lock_with_bases_reads_back_as_it_was(
    pins: list[Pin], bases: list[Base], past: list[Pin]
) -> None:
    """Profiles, other platforms, empty tables; and equal locks have one text."""
    lock = Lock.of(pins, bases=bases, past=past)
    text = lock.text()
    assert Lock.parse(text) == lock
    turned = [list(each.values())[::-1] for each in (lock.pins, lock.bases, lock.past)]
    again = Lock.of(turned[0], bases=turned[1], past=turned[2])  # type: ignore[arg-type]  # three kinds in one list
    assert again.text() == text


@pytest.mark.parametrize("mark", ["<<<<<<< HEAD", "=======", ">>>>>>> night", "||||||| base"])
def test_a_merge_that_left_both_sides_is_told_as_such(mark: str) -> None:
    """Rather than as bad TOML."""
    with pytest.raises(LockError) as caught:
        Lock.parse(f"version = 1\n{mark}\n")
    assert str(caught.value).startswith("images.lock:2: a merge left both sides here\n  take one")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("epoch = 2", "epoch = 0", "expected a whole number, 1 or more, found the integer 0"),
        ("epoch = 2\n", "", "'epoch' is missing"),
        ('key = "xxh3-0', 'key = "md5-0', "a key such as"),
        (f'"node:18" = "{D}"', f'"Node" = "{D}"', "must be in lower case"),
        ('."linux/amd64".seen]', '."linux/amd64".sen]', "unknown table (did you mean 'seen'?)"),
    ],
)
def test_a_fault_of_a_base_says_where(old: str, new: str, expected: str) -> None:
    """As for pins."""
    assert old in BASE
    with pytest.raises(LockError) as caught:
        Lock.parse(BASE.replace(old, new))
    assert expected in str(caught.value)


def test_an_empty_lock_has_a_text_too() -> None:
    """What the first doit lock of a project without upstream images writes."""
    assert Lock.parse(Lock().text()) == Lock()
