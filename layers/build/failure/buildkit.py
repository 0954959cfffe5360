"""BuildKit itself: how its failures end."""

from __future__ import annotations

from layers.build.failure.cause import Rule

RULES = (
    Rule(
        "no-shell",
        r'exec: "(?P<name>/bin/\w*sh)": stat \S+: no such file or directory$',
        "the image has no {name}, so RUN cannot run a command line",
        'RUN ["/program", "argument"] needs none; or do it in a stage that has one, then COPY it',
    ),
    Rule(
        "no-program",
        r'exec: "(?P<name>[^"]+)": executable file not found in \$PATH$',
        "the image has no program {name}",
        "install it in a step before, or see to PATH",
    ),
    Rule(
        "no-such-user",
        r"did not complete successfully: unable to find user (?P<name>\S+): no matching entries",
        "the image knows no user {name}, whom USER names",
        "RUN useradd --system NAME before USER",
        error=True,
    ),
    Rule(
        "copy-missing",
        r'failed to calculate checksum of ref \S+: "(?P<file>[^"]+)": not found$',
        "{file} is not in the build context, or not in the stage that is copied from",
        "its path counts from the context; see what .dockerignore leaves out",
        error=True,
    ),
    Rule(
        "copy-from-missing",
        r"^lstat \S+/buildkit-mount\d+(?P<file>/\S*): no such file or directory$",
        "the stage or image that COPY --from names has no {file}",
        "see what that stage leaves there, and under which path",
        error=True,
    ),
    Rule(
        "image-missing",
        r"^(?P<name>\S+): not found$",
        "there is no image {name}",
        "check its name and tag; it may have been deleted",
        error=True,
    ),
    Rule(
        "image-denied",
        r"pull access denied, repository does not exist or may require authorization"
        r"|: (?:authorization failed|401 Unauthorized|403 Forbidden)",
        "the registry gives the image to nobody who is not logged in, or has none of that name",
        "check its name, then `docker login` at its registry",
        error=True,
    ),
    Rule(
        "registry-unreachable",
        r'^failed to do request: Head "https?://(?P<host>[^/"]+)/[^"]*": (?P<why>.*'
        r"(?:no such host|connection refused|i/o timeout|network is unreachable))$",
        "the engine could not reach {host}: {why}",
        "see whether the registry answers; the engine has its own proxy settings",
        error=True,
    ),
    Rule(
        "secret-missing",
        r"^secret (?P<name>\S+): not found$",
        "nobody gave the build the secret {name}, which it cannot do without",
        "name it in the image's `secrets`, and see that it is set on this machine",
        error=True,
    ),
    Rule(
        "ssh-missing",
        r"^unset ssh forward key (?P<name>\S+)$",
        "nobody gave the build an SSH key, which it cannot do without",
        "name it in the image's `ssh`, and see that an agent has it",
        error=True,
    ),
    Rule(
        "add-error",
        r"^invalid response status (?P<code>\d+)$",
        "the server answered {code} to ADD",
        "404: the file was moved or removed; 401 and 403: fetch it in a RUN, with a secret",
        error=True,
    ),
    Rule(
        "add-refused",
        r'^Get "(?P<url>[^"]+)": dial tcp (?P<why>.*)$',
        "ADD could not reach {url}: {why}",
        "see whether it answers; the engine fetches it, with its own proxy settings",
        error=True,
    ),
    Rule(
        "add-checksum",
        r"^digest mismatch (?P<is>sha256:\w+): (?P<wanted>sha256:\w+)$",
        "the file is {is}, and ADD --checksum says {wanted}",
        "if it was released anew, write its new one; if not, find out who changed it",
        error=True,
    ),
)
