"""Security: secrets that stay in an image."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hashes.dockerfile import arguments
from hashes.dockerfile.arguments import looks_secret
from layers.check.finding import Finding, Rule
from layers.check.rules.secrets import LONGEST, PATTERNS, secrets_in
from layers.check.subject import Step, Subject

SECRET_IN_ENV = Rule("secret-in-env", "error", "a secret in ARG, ENV or a command")
SECRET_IN_FILE = Rule("secret-in-file", "error", "a secret in a file that is copied")
RULES = (SECRET_IN_ENV, SECRET_IN_FILE)

_ENDS = re.compile(
    r"(?:^|_)(?:(?:API|SECRET|ACCESS|PRIVATE|SIGNING|ENCRYPTION|MASTER)_?KEY|TOKEN|SECRET|PASSWORD"
    r"|PASSWD|PWORD|CREDENTIALS?|AUTH)$"
)
"""How names end whose values are the secret itself: TOKEN_EXPIRY and KEY_FILE are not."""
_PLACEHOLDER = re.compile(
    r"^(?:|change_?me|none|null|false|true|xxx+|dummy|placeholder|\*+|<.*>|/.*|\d{1,4})$", re.I
)


def check(subject: Subject) -> Iterator[Finding]:
    """Everything that the finished image, or its history, should not hold."""
    yield from _build_args(subject)
    for step in subject.all_steps():
        yield from _words(step)
        if step.item.keyword in ("COPY", "ADD") and not step.item.flag("from"):
            yield from _files(step)
    yield from _context(subject)


def _build_args(subject: Subject) -> Iterator[Finding]:
    declared: dict[str, Step] = {}
    for step in subject.all_steps():
        if step.item.keyword == "ARG":
            for name, _ in arguments.pairs(step.item):
                declared.setdefault(name, step)
    for name, step in declared.items():
        value = subject.image.args.get(name)
        if secret_name(name) and value is not None and not _PLACEHOLDER.match(value):
            yield step.finding(
                SECRET_IN_ENV.name,
                "error",
                f"build arg {name} has a value in images.toml: `docker history` shows it to all",
                "RUN --mount=type=secret,id=…, and `secrets` in images.toml",
            )


def secret_name(name: str) -> bool:
    """Whether a variable of this name holds a secret, and not only the way to one."""
    if "public" in name.lower():  # NEXT_PUBLIC_API_KEY is sent to every browser
        return False
    return looks_secret(name) and bool(_ENDS.search(name.upper()))


def _words(step: Step) -> Iterator[Finding]:
    item = step.item
    pairs: list[tuple[str, str | None]] = []
    if item.keyword == "ENV":
        pairs = [
            (n, step.env.get(n, v)) for n, v in zip(item.words[::2], item.words[1::2], strict=True)
        ]
    elif item.keyword == "ARG":
        pairs = list(arguments.pairs(item))
    for name, value in pairs:
        if not secret_name(name):
            continue
        if value is None:
            yield step.finding(
                SECRET_IN_ENV.name,
                "warning",
                f"ARG {name}: whatever it is given, `docker history` shows it to all",
                "RUN --mount=type=secret,id=…",
            )
        elif not _PLACEHOLDER.match(value.strip("\"'")):
            yield step.finding(
                SECRET_IN_ENV.name,
                "error",
                f"{item.keyword} {name} has a value: everybody who has the image can read it",
                "give it at run time, or RUN --mount=type=secret,id=… while building",
            )
    if item.keyword in ("ENV", "ARG", "RUN", "LABEL", "CMD", "ENTRYPOINT"):
        text = "\n".join((item.text, *(each.content for each in item.heredocs)))
        raw = text.encode("utf-8", "surrogatepass")
        for what, pattern in PATTERNS:
            if pattern.search(raw):
                yield step.finding(
                    SECRET_IN_ENV.name,
                    "error",
                    f"{what} stands in this {item.keyword}",
                    "revoke it; then RUN --mount=type=secret,id=…",
                )


def _files(step: Step) -> Iterator[Finding]:
    context = step.subject.context
    for source in step.sources:
        for file in context.matches(source):
            if file.size > LONGEST or not _suspicious(file.path):
                continue
            text = context.read(file.path)
            for what in secrets_in(file.path, (text or "").encode()):
                yield step.finding(
                    SECRET_IN_FILE.name,
                    "error",
                    f"{context.shown}{file.path} is {what}, and is copied into the image"
                    if what.startswith(("an SSH", "an env"))
                    else f"{context.shown}{file.path} holds {what}, and is copied into the image",
                    f"name it in {context.ignore_file}; what was ever pushed has to be revoked",
                )


_NAMES = re.compile(
    r"(?:^|/)(?:\.env(?:\..+)?|\.npmrc|\.netrc|\.pypirc|pip\.conf|\.git-credentials|id_\w+"
    r"|credentials(?:\.json)?|secrets?\.\w+|service-account.*\.json|config\.json|\.yarnrc(?:\.yml)?)$"
    r"|\.(?:pem|key|p12|env|ppk|kubeconfig)$"
)


def _suspicious(path: str) -> bool:
    """Whether a file's name is worth reading it."""
    return bool(_NAMES.search(path))


def _context(subject: Subject) -> Iterator[Finding]:
    context = subject.context
    for file in context.files:
        if re.search(r"(?:^|/)\.env$", file.path) and file.path not in subject.copied:
            text = context.read(file.path) or ""
            if not secrets_in(file.path, text.encode()):
                continue
            yield Finding(
                SECRET_IN_FILE.name,
                "warning",
                f"{context.shown}{file.path}",
                0,
                "an environment file with secrets is in the build context; the next COPY . takes it"
                " along",
                f"add **/.env to {context.ignore_file}",
                (subject.image.name,),
            )
