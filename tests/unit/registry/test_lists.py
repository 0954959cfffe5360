"""Tags, referrers and deletions, as registries of every kind answer."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from layers.registry.registry import RegistryError, RegistryRefused
from tests.httpscript import Asked, Said, serving
from tests.ocidocs import OCI_INDEX, digest_of
from tests.registryscript import refused
from tests.unit.registry.test_uploads import client

DIGEST = digest_of(b"subject")
ALL = [f"t{n:04}" for n in range(2500)]


def page(tags: Any, link: str = "") -> Said:
    """One page of tags."""
    return Said(200, json.dumps({"name": "a", "tags": tags}).encode(), {"Link": link})


def asked_for(asked: Asked) -> dict[str, str]:
    """A request's query."""
    return {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}


@pytest.mark.parametrize("base", ["", "http://another.example"], ids=["relative", "absolute"])
def test_tags_follow_links(base: str) -> None:
    """At the host that was asked, whatever the Link calls it."""

    def script(asked: Asked) -> Said:
        last = asked_for(asked).get("last", "")
        rest = [tag for tag in ALL if tag > last][:7]
        after = f'<{base}/v2/a/tags/list?last={rest[-1]}&n=7>; rel="next"'
        return page(rest, after if rest[-1] != ALL[29] and rest[-1] < ALL[29] else "")

    with serving(script) as server:
        assert client().tags(f"{server.host}/a") == tuple(ALL[:35])
    assert len(server.asked) == 5


def test_tags_without_links_go_on_from_the_last() -> None:
    """As long as pages are full."""

    def script(asked: Asked) -> Said:
        query = asked_for(asked)
        return page([tag for tag in ALL if tag > query.get("last", "")][: int(query["n"])])

    with serving(script) as server:
        assert client().tags(f"{server.host}/a") == tuple(ALL)
    assert len(server.asked) == 3


@pytest.mark.parametrize("number", [999, 1000, 2500])
def test_a_registry_that_knows_no_pages_is_not_asked_for_ever(number: int) -> None:
    """registry 2.8 answers all tags, whatever ``n`` and ``last`` say."""
    with serving(lambda asked: page(ALL[:number])) as server:
        assert client().tags(f"{server.host}/a") == tuple(ALL[:number])
    assert len(server.asked) <= 2


def test_links_in_a_circle_end() -> None:
    """A page without news is the last."""
    said = page(["a", "b"], '</v2/a/tags/list?last=b>; rel="next"')
    with serving(lambda asked: said) as server:
        assert client().tags(f"{server.host}/a") == ("a", "b")


@pytest.mark.parametrize(
    "answer",
    [page(None), page([]), refused(404, "NAME_UNKNOWN")],
    ids=["null", "empty", "unknown"],
)
def test_no_tags(answer: Said) -> None:
    """An empty repository, and one that is not there."""
    with serving(lambda asked: answer) as server:
        assert client().tags(f"{server.host}/a") == ()


@pytest.mark.parametrize(
    "answer", [Said(404, b"<html>"), Said(200, b"<html>"), Said(200, b"[]")], ids=str
)
def test_a_web_server_has_no_tags(answer: Said) -> None:
    """That is an error: never "not there"."""
    with serving(lambda asked: answer) as server, pytest.raises(RegistryError):
        client().tags(f"{server.host}/a")


def entry(name: str) -> dict[str, Any]:
    """A descriptor of an artifact."""
    return {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": digest_of(name.encode()).text,
        "size": 1,
        "artifactType": "application/vnd.doit-layers.inputs.v1+json",
        "annotations": {"name": name},
    }


def listed(names: str, link: str = "") -> Said:
    """One page of referrers."""
    body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry(one) for one in names]}
    return Said(200, json.dumps(body).encode(), {"Content-Type": OCI_INDEX, "Link": link})


def test_referrers_come_from_all_pages() -> None:
    """With what they say about themselves."""

    def script(asked: Asked) -> Said:
        if "page" in asked_for(asked):
            return listed("c")
        return listed("ab", f'</v2/a/referrers/{DIGEST}?page=2>; rel="next"')

    with serving(script) as server:
        found = client().referrers(f"{server.host}/a", DIGEST)
    assert found == tuple(entry(one) for one in "abc")
    assert server.asked[0].path == f"/v2/a/referrers/{DIGEST}"
    assert server.asked[0].headers["Accept"] == OCI_INDEX


def test_none_refers() -> None:
    """An API that is there and lists nothing is not one that lacks."""
    with serving(lambda asked: listed("")) as server:
        assert client().referrers(f"{server.host}/a", DIGEST) == ()


@pytest.mark.parametrize(
    "answer",
    [
        Said(404, b"404 page not found\n"),
        refused(404, "NOT_FOUND"),
        refused(405, "UNSUPPORTED"),
        Said(501),
        Said(200, b"<html>welcome</html>"),
        Said(200, b'{"tags": []}'),
    ],
    ids=["404", "json-404", "405", "501", "html", "other"],
)
def test_a_registry_without_the_referrers_api(answer: Said) -> None:
    """None: the fallback tag is to be read."""
    with serving(lambda asked: answer) as server:
        assert client().referrers(f"{server.host}/a", DIGEST) is None


def test_trouble_is_not_a_lack_of_referrers() -> None:
    """Nor is a refusal."""
    with serving(lambda asked: Said(503)) as server, pytest.raises(RegistryError, match="503"):
        client().referrers(f"{server.host}/a", DIGEST)
    with serving(lambda asked: Said(403)) as server, pytest.raises(RegistryRefused):
        client().referrers(f"{server.host}/a", DIGEST)


@pytest.mark.parametrize(
    ("answer", "done"),
    [
        (Said(202), True),
        (Said(200), True),
        (Said(204), True),
        (refused(404, "MANIFEST_UNKNOWN"), True),
        (refused(404, "NAME_UNKNOWN"), True),
        (refused(405, "UNSUPPORTED"), False),
        (Said(405), False),
        (Said(501), False),
        (refused(400, "UNSUPPORTED"), False),
    ],
    ids=["202", "200", "204", "gone", "no-repository", "405", "bare-405", "501", "400"],
)
def test_a_deletion_is_done_or_not_allowed(answer: Said, done: bool) -> None:
    """By digest."""
    with serving(lambda asked: answer) as server:
        assert client().delete(f"{server.host}/a", DIGEST) is done
    assert [(one.method, one.path) for one in server.asked] == [
        ("DELETE", f"/v2/a/manifests/{DIGEST}")
    ]


@pytest.mark.parametrize("answer", [Said(404, b"<html>"), Said(403), Said(500)], ids=str)
def test_any_other_answer_to_a_deletion_is_an_error(answer: Said) -> None:
    """A login that may not delete is not a registry that cannot."""
    with serving(lambda asked: answer) as server, pytest.raises(RegistryError):
        client().delete(f"{server.host}/a", DIGEST)
