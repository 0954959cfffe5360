"""git: how its failures end."""

from __future__ import annotations

from layers.build.failure.cause import Rule

RULES = (
    Rule(
        "git-unreachable",
        r"^fatal: unable to access '(?P<url>[^']+)': (?P<why>(?:Could not resolve|Failed to connect"
        r"|Couldn't connect|Connection|Recv failure|Operation timed).*)$",
        "git could not reach {url}: {why}",
        "see whether it answers from this machine; a proxy is given to builds by HTTPS_PROXY",
    ),
    Rule(
        "git-certificate",
        r"^fatal: unable to access '(?P<url>[^']+)': (?P<why>.*(?:certificate|SSL).*)$",
        "git does not trust {url}: {why}",
        "apt-get install -y ca-certificates before it; behind a proxy that signs anew, the base"
        " needs its certificate",
    ),
    Rule(
        "git-login",
        r"^fatal: could not read (?:Username|Password) for '(?P<url>[^']+)'",
        "{url} wants a login, or has no such repository",
        "check the address; for a private one mount a secret with a token, or use ssh"
        " (`doit help manual`, SSH)",
    ),
    Rule(
        "git-no-repository",
        r"^fatal: repository '(?P<url>[^']+)' not found$",
        "there is no repository {url}, or it is private",
        "check the address; for a private one mount a secret with a token, or use ssh",
    ),
    Rule(
        "git-no-branch",
        r"^fatal: Remote branch (?P<name>\S+) not found in upstream",
        "the repository has no branch or tag {name}",
        "`git ls-remote ADDRESS` lists them; --branch takes no commit: fetch and check it out",
    ),
    Rule(
        "git-no-commit",
        r"^error: pathspec '(?P<name>[^']+)' did not match any file\(s\) known to git$",
        "the clone has no branch, tag or commit {name}",
        "check its name; with --depth or --single-branch fetch it first",
    ),
    Rule(
        "git-folder",
        r"^fatal: destination path '(?P<folder>[^']+)' already exists and is not an empty",
        "{folder} is there already, so git does not clone into it",
        "clone into another folder, or before the COPY that fills this one",
    ),
    Rule(
        "git-none",
        r"^fatal: not a git repository",
        "there is no .git here",
        "it is not in the context, or not copied: hand versions in by a build arg",
    ),
    Rule(
        "git-owner",
        r"^fatal: detected dubious ownership in repository at '(?P<folder>[^']+)'",
        "{folder} belongs to another user, and git does not trust it",
        "COPY --chown, or RUN git config --global --add safe.directory {folder}",
        depth=5,
        rest=r"\s*git config ",
    ),
    Rule(
        "git-ssh",
        r"^(?P<why>ssh: connect to host .*|Host key verification failed\."
        r"|.*Permission denied \(.*\)\.)"
        r"\nfatal: Could not read from remote repository\.$",
        "git could not log in: {why}",
        "RUN --mount=type=ssh with `ssh` in images.toml; the server's key comes from ssh-keyscan",
        depth=2,
    ),
)
