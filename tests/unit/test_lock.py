"""The lock's text and its value are exact inverses, and its faults have lines and remedies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.digest import Digest
from layers.lock import Lock, LockError, Pin
from layers.reference import Reference

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
"NODE_VERSION" = "18.20.4"
"PATH" = "/usr/bin"

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


def test_an_empty_lock_has_a_text_too() -> None:
    """What the first doit lock of a project without upstream images writes."""
    assert Lock.parse(Lock().text()) == Lock()
