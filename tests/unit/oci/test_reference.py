"""References are read by the field's own grammar, and their texts are exact inverses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers.oci.reference import BadReference, Reference, is_registry

D = "sha256:" + "3d" * 32
ID = "1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a"


@pytest.mark.parametrize(
    ("text", "parts", "familiar"),
    [
        ("node", ("docker.io", "library/node", "latest", ""), "node:latest"),
        ("node:18-alpine", ("docker.io", "library/node", "18-alpine", ""), "node:18-alpine"),
        ("docker.io/node", ("docker.io", "library/node", "latest", ""), "node:latest"),
        ("index.docker.io/a/b:1", ("docker.io", "a/b", "1", ""), "a/b:1"),
        ("library/foo/bar:1", ("docker.io", "library/foo/bar", "1", ""), "library/foo/bar:1"),
        ("localhost/x", ("localhost", "x", "latest", ""), "localhost/x:latest"),
        ("localhost:5000", ("docker.io", "library/localhost", "5000", ""), "localhost:5000"),
        ("127.0.0.1:5000/p/i:k", ("127.0.0.1:5000", "p/i", "k", ""), "127.0.0.1:5000/p/i:k"),
        ("test-com:8080/foo", ("test-com:8080", "foo", "latest", ""), "test-com:8080/foo:latest"),
        ("test_com/foo", ("docker.io", "test_com/foo", "latest", ""), "test_com/foo:latest"),
        ("[fc00::1]:5000/d", ("[fc00::1]:5000", "d", "latest", ""), "[fc00::1]:5000/d:latest"),
        ("Foo/bar", ("Foo", "bar", "latest", ""), "Foo/bar:latest"),
        ("192.168.0.1:80", ("docker.io", "library/192.168.0.1", "80", ""), "192.168.0.1:80"),
        ("a---b__c.d", ("docker.io", "library/a---b__c.d", "latest", ""), "a---b__c.d:latest"),
        (f"node@{D}", ("docker.io", "library/node", "", D), f"node@{D}"),
        (f"node:18@{D}", ("docker.io", "library/node", "18", D), f"node:18@{D}"),
        ("docker.io/a.b/c", ("docker.io", "a.b/c", "latest", ""), "docker.io/a.b/c:latest"),
        (f"docker.io/{ID}", ("docker.io", f"library/{ID}", "latest", ""), f"{ID}:latest"),
    ],
)
def test_a_reference_is_read_as_docker_reads_it(
    text: str, parts: tuple[str, str, str, str], familiar: str
) -> None:
    """The rows are Docker's own cases and the corners of its defaults."""
    reference = Reference.parse(text)
    assert (
        reference.registry,
        reference.repository,
        reference.tag,
        reference.digest,
    ) == parts
    assert reference.familiar() == familiar


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "expected lower-case letters"),
        ("docker/Docker", "name 'docker/Docker' must be in lower case"),
        ("Node", "name 'Node' must be in lower case"),
        ("-docker", "name '-docker': expected lower-case letters"),
        ("docker-/docker", "expected lower-case letters"),
        ("a..b", "expected lower-case letters"),
        ("a___b", "expected lower-case letters"),
        ("docker///docker", "expected lower-case letters"),
        ("docker/", "expected lower-case letters"),
        ("https://example.com/a", "'https:' is no host"),
        ("-docker.io/docker/docker", "'-docker.io' is no host"),
        ("fc00::1:5000/debian", "'fc00::1:5000' is no host"),
        ("[fe80::1%eth0]:5000/debian", "is no host"),
        ("node:", "tag ''"),
        ("node:-1", "tag '-1'"),
        ("node:" + "x" * 129, "up to 128"),
        ("node@sha256:12", "64 hex digits"),
        ("node@", "64 hex digits"),
        (f"node@{D.upper()}", "64 hex digits"),
        ("node:18\n", "tag '18\\n'"),
        (ID, "an image id is no name"),
        ("a" * 256, "255 are the most"),
    ],
)
def test_a_bad_reference_is_an_error_that_says_what_was_expected(text: str, expected: str) -> None:
    """Nothing that Docker refuses is let through."""
    with pytest.raises(BadReference, match=r"^reference ") as caught:
        Reference.parse(text)
    assert expected in str(caught.value)
    assert repr(text) in str(caught.value)


_word = st.from_regex(r"[a-z0-9]{1,6}(?:(?:\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}", fullmatch=True)
_host = st.sampled_from(["docker.io", "localhost", "example.com", "h:5000", "[::1]:80", "Up"])
_references = st.builds(
    lambda host, path, tag, digest: f"{host}/{'/'.join(path)}{tag}{digest}",
    _host,
    st.lists(_word | st.just("library"), min_size=1, max_size=3),
    st.just("") | st.from_regex(r":[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}", fullmatch=True),
    st.just("") | st.just(f"@{D}"),
)


@given(_references)
def test_both_texts_of_a_reference_read_back_as_the_same_reference(text: str) -> None:
    """str and familiar are inverses of parse."""
    reference = Reference.parse(text)
    assert Reference.parse(str(reference)) == reference
    assert Reference.parse(reference.familiar()) == reference


@given(st.text(alphabet="aB1.:/@-_[]", max_size=12))
def test_any_text_is_a_reference_or_a_plain_error(text: str) -> None:
    """No other exception, and whatever is accepted reads back."""
    try:
        reference = Reference.parse(text)
    except BadReference:
        return
    assert Reference.parse(reference.familiar()) == reference


@pytest.mark.parametrize(
    "text", ["base-node", "base-node:latest", "library/base-node", "docker.io/library/base-node"]
)
def test_a_plain_name_has_many_spellings(text: str) -> None:
    """BuildKit matches named contexts by the normal form."""
    assert Reference.parse(text).matches("base-node")
    assert not Reference.parse(text).matches("base-node:1")
    assert not Reference.parse(f"example.com/{text.split('/')[-1]}").matches("base-node")


def test_a_pinned_reference_loses_the_tag_that_may_move() -> None:
    """What is handed to the build is repository and digest."""
    assert str(Reference.parse("node:18").with_digest(D)) == f"docker.io/library/node@{D}"


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("localhost:5000", True),
        ("ghcr.io/team/cache", True),
        ("localhost", True),
        ("127.0.0.1:5000/a", True),
        ("team/cache", False),
        ("https://ghcr.io", False),
        ("ghcr.io/", False),
        ("ghcr.io/Team", False),
        ("docker.io", True),
        ("index.docker.io", False),
        ("", False),
    ],
)
def test_a_registry_is_a_host_that_cannot_be_taken_for_a_path(text: str, good: bool) -> None:
    """A first part without dot or port would silently mean Docker Hub."""
    assert is_registry(text) is good
