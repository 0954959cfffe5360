"""Secrets, rights and contexts: what should not be in an image is told before it is built."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.check.finding import merged
from layers.check.rules.claims import Claim
from layers.check.rules.secrets import generated, secrets_in
from layers.check.run import offline
from tests.unit.checks import HEAD, MADE, SECRETS, built_of, findings, survey

TOKEN = "ghp_" + "a1B2c3D4e5F6" * 3
KEY = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 4 + "\n"
FIXED = "debian:12"


def told(
    root: Path, body: str, *rules: str, files: dict[str, str] | None = None, toml: str = ""
) -> list[str]:
    """``rule:severity:line`` of what is found."""
    found = findings(root, f"FROM {FIXED}\n{body}\n", files, rules=rules, **_toml(toml))
    return [f"{f.rule}:{f.severity}:{f.line}" for f in found]


def _toml(toml: str) -> dict[str, str]:
    return {"toml": toml} if toml else {}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("CMD x", ["root-user:warning:2"]),
        ("USER app\nCMD x", []),
        ("USER 10001:10001\nEXPOSE 80", []),
        ("USER root\nCMD x", ["root-user:warning:3"]),
        ("USER 0:0\nENTRYPOINT x", ["root-user:warning:3"]),
        ("USER app\nUSER root\nRUN x\nUSER app\nCMD x", []),
        ("RUN x", []),
        ("CMD bash", []),
        ('CMD ["python3"]', []),
        ("EXPOSE 80\nCMD bash", ["root-user:warning:2"]),
        ('CMD ["python3", "app.py"]', ["root-user:warning:2"]),
        ("RUN apt-get install -y gosu\nCMD x", []),
        ('ENTRYPOINT ["start.sh"]\nCMD ["node"]', []),
        ('ENTRYPOINT ["/init"]', []),
    ],
)
def test_a_service_that_runs_as_root_is_told(
    tmp_path: Path, body: str, expected: list[str]
) -> None:
    """A base without CMD or EXPOSE is no service."""
    assert told(tmp_path, body, "root-user") == expected


def test_an_entrypoint_that_goes_on_as_another_user_is_no_root(tmp_path: Path) -> None:
    """Its script is read out of the context."""
    text = 'FROM debian:12\nCOPY start.sh /usr/local/bin/\nENTRYPOINT ["start.sh"]\nCMD x\n'
    down = {"start.sh": '#!/bin/sh\nexec su-exec app "$@"\n'}
    assert findings(tmp_path, text, down, rules=["root-user"]) == []
    stay = {"start.sh": '#!/bin/sh\nexec "$@"\n'}
    assert len(findings(tmp_path, text, stay, rules=["root-user"])) == 1


def test_an_upstream_that_may_set_a_user_of_its_own_is_not_doubted(tmp_path: Path) -> None:
    """Its configuration is not known here."""
    text = "FROM nginxinc/nginx-unprivileged:1.27\nCMD x\n"
    assert findings(tmp_path, text, rules=["root-user"]) == []


def test_the_user_of_a_parent_of_ours_counts(tmp_path: Path) -> None:
    """USER is inherited."""
    toml = f"{HEAD}[images.base]\ncontext = 'base'\n[images.app]\ncontext = '.'\n"
    base = {"base/Dockerfile": "FROM debian:12\nUSER app\n"}
    found = findings(tmp_path, "FROM base\nCMD x\n", base, rules=["root-user"], toml=toml)
    assert found == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("ENV API_TOKEN=s3cr3tvalue", ["secret-in-env:warning:2"]),
        ("ENV DB_PASSWORD s3cr3tvalue", ["secret-in-env:warning:2"]),
        (f"ENV API_TOKEN={MADE}", ["secret-in-env:error:2"]),
        (f"ENV API_TOKEN={TOKEN}", ["secret-in-env:error:2"]),
        ("ENV SECRET_KEY=local-development-only", ["secret-in-env:warning:2"]),
        (f"FROM a AS b\nENV API_TOKEN={MADE}\nFROM a\nCOPY --from=b /x /x",
         ["secret-in-env:warning:3"]),
        (f"FROM a AS b\nENV API_TOKEN={MADE}\nFROM b", ["secret-in-env:error:3"]),
        (f"FROM a AS b\nRUN x {TOKEN}\nFROM a\nCOPY --from=b /x /x",
         ["secret-in-env:warning:3"]),
        ("ARG NPM_TOKEN", ["secret-in-env:warning:2"]),
        ("ARG NPM_TOKEN=s3cr3tvalue", ["secret-in-env:warning:2"]),
        (f"ARG NPM_TOKEN={MADE}", ["secret-in-env:error:2"]),
        ("ENV DB_PASSWORD=", []),
        ("ENV DB_PASSWORD=changeme", []),
        ("ENV DB_PASSWORD_FILE=/run/secrets/db", []),
        ("ENV PUBLIC_KEY=abcdef GPG_KEY=0123456789ABCDEF", []),
        ("ENV KEYBOARD=de MONKEY=x TOKENIZERS_PARALLELISM=false", []),
        ("ENV TOKEN_EXPIRY=12h SORT_KEY=name AUTH_TYPE=basic EOS_TOKEN=</s> MAX_TOKEN=512", []),
        (f"RUN curl -H 'Authorization: {TOKEN}' https://x", ["secret-in-env:error:2"]),
        (f"LABEL t={TOKEN}", ["secret-in-env:error:2"]),
        ("RUN --mount=type=secret,id=token x", []),
    ],
)  # fmt: skip
def test_a_secret_in_words_is_told(tmp_path: Path, body: str, expected: list[str]) -> None:
    """An error where an image surely has it: its form is known, or a generator made it."""
    assert told(tmp_path, body, "secret-in-env") == expected


def test_no_finding_shows_the_secret(tmp_path: Path) -> None:
    """Logs of checks are read by many."""
    body = f"ENV API_TOKEN=s3cr3tvalue\nRUN echo {TOKEN}\nCOPY . /\n"
    for found in findings(tmp_path, f"FROM debian:12\n{body}", {".env": "A_TOKEN=s3cr3tvalue\n"}):
        assert "s3cr3tvalue" not in found.message + found.hint
        assert TOKEN not in found.message + found.hint


def test_a_secret_among_the_build_args_of_images_toml_is_told(tmp_path: Path) -> None:
    """``docker history`` shows build args."""
    toml = f"{HEAD}[images.app]\ncontext = '.'\nargs = {{ NPM_TOKEN = '{MADE}' }}\n"
    found = told(tmp_path, "ARG NPM_TOKEN", "secret-in-env", toml=toml)
    assert found == ["secret-in-env:error:2", "secret-in-env:warning:2"]
    found = told(tmp_path, "ARG NPM_TOKEN", "secret-in-env", toml=toml.replace(MADE, "abcdefgh"))
    assert found == ["secret-in-env:warning:2", "secret-in-env:warning:2"]


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("id_rsa", KEY, ["secret-in-file:error:2"]),
        ("certs/server.key", KEY, ["secret-in-file:error:2"]),
        ("certs/ca.pem", "-----BEGIN CERTIFICATE-----\n", []),
        (".npmrc", "//r.example.com/:_authToken=abcdefgh1234\n", ["secret-in-file:error:2"]),
        (".npmrc", "//r.example.com/:_authToken=${NPM_TOKEN}\n", []),
        (".env", "DB_PASSWORD=hunter22\n", ["secret-in-file:warning:2"]),
        (".env", f"DB_PASSWORD={MADE}\n", ["secret-in-file:error:2"]),
        (".env", f"API_TOKEN='{TOKEN}'\n", ["secret-in-file:error:2"] * 2),
        (".env", "DB_PASSWORD=shop_password\n", []),
        (".env", "PORT=80\n", []),
        (".env", "API_TOKEN=\nPORT=8080\n", []),
        (".env", "DB_PASSWORD=postgres\nSECRET_KEY=ChangeMeChangeMe\n", []),
        (".env.example", "DB_PASSWORD=hunter22\n", []),
        ("pip.conf", "[global]\nindex-url = https://me:pass1@x.org/simple\n",
         ["secret-in-file:error:2"]),
        ("app.py", "password = input()\n", []),
    ],
)  # fmt: skip
def test_a_secret_in_a_copied_file_is_told(
    tmp_path: Path, path: str, text: str, expected: list[str]
) -> None:
    """By name and by content, so that an empty or public one is not."""
    assert told(tmp_path, "COPY . /app", "secret-in-file", files={path: text}) == expected


def test_an_ignored_file_is_not_copied_and_one_that_lies_about_is_a_warning(
    tmp_path: Path,
) -> None:
    """What no stage copies today the next COPY takes along."""
    files = {".env": "PORT=80\n", "a": "1"}
    assert told(tmp_path, "COPY a /", "secret-in-file", files=files) == []
    files = {".env": "DB_PASSWORD=hunter22\n", "a": "1"}
    assert told(tmp_path, "COPY a /", "secret-in-file", files=files) == ["secret-in-file:warning:0"]
    files[".dockerignore"] = "**/.env\n"
    assert told(tmp_path, "COPY . /", "secret-in-file", files=files) == []


COPIED = {"key.pem": KEY, "src/key.pem": KEY, "src/a": "1"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('COPY ["src/a", "key.pem", "/"]', ["error:2"]),
        ('COPY ["/src/", "/src/"]', ["error:2"]),
        ("COPY src/a /", []),
        ("COPY --exclude=key.pem . /", ["error:2"]),
        ("COPY --exclude=**/*.pem . /", []),
        ("FROM a AS b\nCOPY . /s\nFROM a\nCOPY --from=b /s/out /", ["warning:3", "warning:3"]),
        ("FROM a AS b\nCOPY . /s\nFROM a\nCOPY --from=b /s/src /", ["warning:3", "error:3"]),
        ("FROM a AS b\nCOPY . /s\nFROM a\nCOPY --from=1 / /", ["error:3", "error:3"]),
        ("FROM a AS b\nCOPY key.pem /k\nFROM a\nCOPY --from=B /k /", ["error:3"]),
        ("FROM a AS b\nCOPY key.pem /k\nFROM b", ["error:3"]),
    ],
)
def test_a_secret_in_a_file_is_an_error_only_where_an_image_has_it(
    tmp_path: Path, body: str, expected: list[str]
) -> None:
    """Not in a stage that is only copied from, and not where --exclude leaves it out."""
    head = "# syntax=docker/dockerfile:1.20\n"
    files = {**COPIED, ".dockerignore": "Dockerfile\n"}
    found = findings(tmp_path, f"{head}FROM a\n{body}\n", files, rules=["secret-in-file"])
    assert [f"{f.severity}:{f.line - 1}" for f in found] == expected


@pytest.mark.parametrize("claim", SECRETS)
def test_a_secret_is_an_error_where_it_was_found_in_the_image(tmp_path: Path, claim: Claim) -> None:
    """The same files as tests/e2e/test_check_real.py builds."""
    files = {".env": f"A_TOKEN={MADE}\n", "f": "f"}
    found = findings(tmp_path, built_of(claim), files, rules=[claim.rule])
    at_step = {each.severity for each in found if each.line}
    assert at_step == {"error" if claim.outcome == "in the image" else "warning"}


def test_what_a_kept_stage_holds_an_image_holds(tmp_path: Path) -> None:
    """It goes to the registry, too."""
    toml = f"{HEAD}[images.app]\ncontext = '.'\npush_stages = ['b']\n"
    body = "FROM a AS b\nCOPY key.pem /k\nFROM a\nCOPY --from=b /x /"
    assert told(tmp_path, body, "secret-in-file", files=COPIED, toml=toml) == [
        "secret-in-file:error:3"
    ]


def test_triggers_that_nobody_has_seen_are_no_finding(tmp_path: Path) -> None:
    """A base by digest may have any, and a key assumes the worst; a rule does not."""
    files = {".env": f"DB_PASSWORD={MADE}\n", **COPIED}
    base = f"debian@sha256:{'a' * 64}"
    found = findings(
        tmp_path, f"FROM {base} AS b\nCOPY src/a /\nFROM b\nCOPY --from=b /x /\n", files
    )
    assert [
        (f.rule, f.file) for f in found if f.rule in ("secret-in-file", "dockerignore-incomplete")
    ] == [("secret-in-file", ".env")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (MADE, True),
        ("9f86d081884c7d659a2feaa0c55ad015", True),
        (TOKEN, True),
        ("my-secret-Ab1Cd2Ef3Gh4", False),
        ("docker.io/library/nginx-1.25", False),
        ("local-development-only", False),
        ("2024-01-01T00:00:00", False),
        ("https://user:Ab1Cd2Ef3@example.org", False),
        ("Zt7Kq2", False),
        ("${DB_PASSWORD}", False),
    ],
)
def test_what_a_generator_made(value: str, expected: bool) -> None:
    """Letters and digits by turns, and long."""
    assert generated(value) is expected


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a", KEY, ["a private key"]),
        ("a", KEY.replace("\n", "\\n"), ["a private key"]),
        ("a", "-----BEGIN PRIVATE KEY-----\n", []),
        ("a", "-----BEGIN PUBLIC KEY-----\nMIIB\n", []),
        ("a", f"x {TOKEN} y", ["a GitHub token"]),
        ("a", f"x {TOKEN}0 y", []),
        ("a", "AKIA" + "ABCDEFGHIJKLMNOP", ["an AWS access key"]),
        ("a", "AKIAIOSFODNN7EXAMPLE", []),
        ("a", "npm_" + "a" * 36, ["an npm token"]),
        ("a", "glpat-" + "a" * 20, ["a GitLab token"]),
        ("root/.netrc", "machine x login y password zzzz\n", ["passwords of hosts"]),
        ("root/.docker/config.json", '{"auths": {"x": {"auth": "dXNlcjpwYXNz"}}}',
         ["a login of a registry"]),
        ("usr/lib/python3/dist-packages/x/test.pem", KEY, []),
        ("app/node_modules/x/key.pem", KEY, []),
        ("etc/ssl/private/ssl-cert-snakeoil.key", KEY, []),
        ("root/.ssh/id_ed25519", KEY, ["an SSH private key"]),
    ],
)  # fmt: skip
def test_what_looks_like_a_secret(path: str, text: str, expected: list[str]) -> None:
    """The value itself counts; examples of packages do not."""
    assert secrets_in(path, text.encode()) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("RUN apt-get install -y g++ git\nCMD x", ["compiler-at-runtime:warning:2"]),
        ("RUN apk add --no-cache build-base\nCMD x", ["compiler-at-runtime:warning:2"]),
        ("RUN apt-get install -y gcc && make && apt-get purge -y gcc\nCMD x", []),
        ("RUN apk add gcc && make && apk del gcc\nCMD x", []),
        ("RUN apt-get install -y libgomp1 libglib2.0-0\nCMD x", []),
        ("RUN apt-get install -y g++", []),
        ("FROM debian:12 AS b\nRUN apt-get install -y g++\nFROM debian:12\nCOPY --from=b /x /x\n"
         "CMD x", []),
        ("FROM debian:12 AS b\nRUN apt-get install -y g++\nFROM b\nCMD x",
         ["compiler-at-runtime:warning:3"]),
    ],
)  # fmt: skip
def test_a_compiler_in_a_service_is_told(tmp_path: Path, body: str, expected: list[str]) -> None:
    """In the target's own chain, not in stages that it copies from."""
    assert told(tmp_path, body, "compiler-at-runtime") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("RUN chmod 777 /x", 1),
        ("RUN chmod -R a+rwX /x", 1),
        ("RUN chmod o+w /x", 1),
        ("RUN mkdir -m 0777 /x", 1),
        ("COPY --chmod=666 a /", 1),
        ("RUN chmod 1777 /tmp", 0),
        ("RUN chmod 755 /x && chmod +x /y && chmod u+w /z && chmod g+w /z", 0),
        ("COPY --chmod=644 a /", 0),
        ("RUN chmod 7 /x", 0),
    ],
)
def test_what_everybody_may_change_is_told(tmp_path: Path, body: str, expected: int) -> None:
    """But /tmp is as it should be."""
    assert len(told(tmp_path, body, "world-writable", files={"a": ""})) == expected


PINS = ("unpinned-source",)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("RUN git clone https://github.com/a/b", 1),
        ("RUN git clone -b main https://github.com/a/b", 1),
        ("RUN git clone -b v1.2.3 --depth 1 https://github.com/a/b", 0),
        ("RUN git clone https://github.com/a/b && cd b && git checkout 0d6dcb43451dc0d59c", 0),
        ("ARG REF=main\nRUN git clone https://github.com/a/b && git -C b checkout $REF", 1),
        ("RUN git clone https://github.com/a/b && git -C b checkout $REF", 0),
        ("RUN pip install git+https://github.com/a/b", 1),
        ("RUN pip install git+https://github.com/a/b@main", 1),
        ("RUN pip install git+https://github.com/a/b@v1.0.2", 0),
        ("RUN pip install git+https://git@github.com/a/b@e0ec4e189d438848521a", 0),
        ("RUN curl -sSL https://example.com/install.sh | sh", 1),
        ("RUN wget -qO- https://example.com/install | bash -s -- -y", 1),
        ("RUN curl -fsSL https://example.com/releases/latest/x.tgz -o x.tgz", 1),
        ("RUN curl -fsSL https://example.com/v1/x.tgz -o x && echo '00 x' | sha256sum -c", 0),
        ("RUN curl -fsSL https://example.com/releases/v1.2/x.tgz | tar xz", 0),
        ("ADD https://example.com/x.tgz /", 1),
        ("ADD https://example.com/v1.4.2/x.tgz /", 0),
        ("ADD https://api.github.com/repos/a/b/git/refs/heads/main /v.json", 0),
        ("RUN git clone https://github.com/a/b\nWORKDIR /b\nRUN git checkout v1.2.3", 0),
        ("ADD https://example.com/latest/x-1.4.tgz /", 1),
        ("ADD --checksum=sha256:" + "0" * 64 + " https://example.com/x.tgz /", 0),
        ("ADD https://github.com/a/b.git /b", 1),
        ("ADD https://example.com/a https://example.com/b /b/", 2),
    ],
)
def test_a_download_that_may_change_is_told(tmp_path: Path, body: str, expected: int) -> None:
    """Branches, latest releases, and scripts that are run as they come."""
    assert len(told(tmp_path, body, *PINS)) == expected


def test_an_upstream_that_the_lock_does_not_have_is_told(tmp_path: Path) -> None:
    """A digest in the Dockerfile is a pin, too; our own images and stages need none."""
    text = (
        "FROM node:18 AS one\nFROM debian@sha256:" + "0" * 64 + " AS two\n"
        "COPY --from=one /x /x\nCOPY --from=busybox:1 /y /y\n"
    )
    lock = f'version = 1\n[upstream."debian:12"."linux/amd64"]\ndigest = "sha256:{"ab" * 32}"\n'
    found = findings(tmp_path, text, {"images.lock": lock}, rules=["unpinned-upstream"])
    assert [(f.line, f.message.split()[0]) for f in found] == [(1, "node:18"), (4, "busybox:1")]


def test_a_project_that_locks_nothing_is_told_so_once(tmp_path: Path) -> None:
    """One line for all its images and upstreams, at images.toml."""
    toml = f"{HEAD}[images.one]\ncontext = '.'\n[images.app]\ncontext = 'b'\n"
    files = {"Dockerfile": "FROM node:18\n", "b/Dockerfile": "FROM node:20\nFROM debian:12\n"}
    subjects = survey(tmp_path, files, toml).subjects(["one", "app"])
    found = [f for f in merged(offline(subjects)) if f.rule == "unpinned-upstream"]
    assert [(f.file, f.images) for f in found] == [("images.toml", ("one", "app"))]


def test_a_copied_context_needs_its_ignore_file(tmp_path: Path) -> None:
    """What is there, with how many such files; and what comes up beside what is there."""
    files = {"node_modules/a/b.js": "", "node_modules/c.js": "", ".dockerignore": "**/.git\n.env\n"}
    found = findings(
        tmp_path, "FROM debian:12\nCOPY . /\n", files, rules=["dockerignore-incomplete"]
    )
    (finding,) = found
    assert "node_modules/ (2 files now)" in finding.message
    assert "__pycache__/" not in finding.message
    assert ".git/" not in finding.message
    assert ".env" not in finding.message
    alone = {"compose.yml": "", ".dockerignore": ""}
    (tmp_path / "alone").mkdir()
    wide = findings(tmp_path / "alone", "FROM debian:12\nCOPY . /\n", alone)
    assert "dockerignore-incomplete" not in {each.rule for each in wide}
    files |= {"a.py": "", "package.json": "{}"}
    (finding,) = findings(
        tmp_path, "FROM debian:12\nCOPY . /\n", files, rules=["dockerignore-incomplete"]
    )
    assert "(2 files now), __pycache__/, *.log, .venv/, venv/" in finding.message
    text = "FROM debian:12\nCOPY node_modules /\n"
    assert findings(tmp_path, text, files, rules=["dockerignore-incomplete"]) == []


def test_a_large_file_that_no_stage_reads_is_told(tmp_path: Path) -> None:
    """Ten megabytes are large; one that is copied, or ignored, is not told."""
    for name in ("used.bin", "unused.bin", "ignored.bin"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(10_000_000)
    found = findings(
        tmp_path,
        "FROM debian:12\nCOPY used.bin /\n",
        {".dockerignore": "ignored.bin\n"},
        rules=["large-file-unused"],
    )
    assert [f.file for f in found] == ["unused.bin"]
