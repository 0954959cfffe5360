"""curl, wget and what unpacks their files: how their failures end."""

from __future__ import annotations

from layers.build.failure.cause import Rule

_ANSWERS = "see whether it answers from this machine; a proxy is given to builds by HTTPS_PROXY"
_CERTIFICATE = (
    "apt-get install -y ca-certificates before it; behind a proxy that signs anew, the base needs"
    " its certificate"
)

RULES = (
    Rule(
        "curl-no-host",
        r"^curl: \(6\) Could not resolve host: (?P<host>\S+)$",
        "nobody knows a host {host}",
        "check the address; " + _ANSWERS,
        status=6,
    ),
    Rule(
        "curl-refused",
        r"^curl: \(7\) Failed to connect to (?P<host>\S+) port (?P<port>\d+)",
        "{host}:{port} takes no connection",
        _ANSWERS,
        status=7,
    ),
    Rule(
        "curl-error",
        r"^curl: \(22\) The requested URL returned error: (?P<code>\d+)",
        "the server answered {code}",
        "404: the file was moved or removed, see its project's releases; 401 and 403: it wants a"
        " login; 429 and above 500: try again later",
        status=22,
    ),
    Rule(
        "curl-time",
        r"^curl: \(28\) (?P<what>.*timed? ?out.*)$",
        "the server did not answer in time: {what}",
        _ANSWERS + "; --retry 3 bears a slow moment",
        status=28,
    ),
    Rule(
        "curl-certificate",
        r"^curl: \((?:35|60|77)\) (?P<what>.*(?:certificate|SSL|TLS).*)$",
        "curl does not trust the server: {what}",
        _CERTIFICATE,
    ),
    Rule(
        "curl-write",
        r"^curl: \(23\) .*(?:[Ff]ailure writing|Failed writing)",
        "curl could not write the file",
        "its folder must exist (--create-dirs), and have room; behind a pipe, what reads it failed"
        " first",
        status=23,
    ),
    Rule(
        "curl-address",
        r"^curl: \(3\) (?P<what>.*)$",
        "curl cannot read the address: {what}",
        "a variable may be empty: is its ARG declared in this stage? Quote what has a blank or &",
        status=3,
    ),
    Rule(
        "wget-no-host",
        r"^wget: unable to resolve host address [‘'\"](?P<host>[^’'\"]+)[’'\"]",
        "nobody knows a host {host}",
        "check the address; " + _ANSWERS,
    ),
    Rule(
        "wget-error",
        r"^\S+ \S+ ERROR (?P<code>\d{3}): (?P<what>.*)$",
        "the server answered {code} {what}",
        "404: the file was moved or removed, see its project's releases; 401 and 403: it wants a"
        " login",
    ),
    Rule(
        "wget-refused",
        r"^Connecting to (?P<host>[^\n]+?)\.\.\. failed: (?P<why>[^\n]+)$",
        "{host} takes no connection: {why}",
        _ANSWERS,
    ),
    Rule(
        "wget-certificate",
        r"^ERROR: The certificate of [‘'](?P<host>[^’']+)[’'] (?:is not trusted|doesn't have)",
        "wget does not trust {host}",
        _CERTIFICATE,
        depth=3,
        rest=r"ERROR: |The certificate's owner",
    ),
    Rule(
        "not-an-archive",
        r"^gzip: stdin: not in gzip format\ntar: Child returned status 1$",
        "what tar was given is no archive",
        "a server's page in place of the file, as a rule: curl -f fails at an error instead",
        depth=3,
    ),
    Rule(
        "checksum",
        r"^(?P<file>[^\n]+): FAILED\n\S+sum: WARNING: \d+ computed checksums? did NOT match$",
        "{file} has another checksum than the Dockerfile says",
        "if the file was released anew, write its new one; if not, find out who changed it",
        depth=2,
    ),
)
