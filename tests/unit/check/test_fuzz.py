"""Whatever Dockerfile people have, the checks say something about it or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from layers.check.catalogue import RULES
from layers.check.run import offline
from tests.unit.checks import survey

FILES = {"a.txt": "", "sub/b.txt": "", "r.txt": "-r other\n-e .\n@\n==\n a ; b\n\\\n"}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "RUN",
        "RUN []",
        'RUN ["sh", "-c", "apt-get install git"]',
        "RUN \\\n\n  # c\n  apt-get install git",
        "RUN <<A cat && <<B cat\n1\nA\n2\nB",
        "RUN <<EOF\nEOF",
        "COPY <<a <<b /x/\n1\na\n2\nb",
        "COPY *.txt sub/ /x/",
        "COPY --from=0 / /",
        "ADD https://example.com/a.tgz git@example.com:a/b.git /x/",
        "ARG A=${B:?no}\nENV C=$A$D ${D}=1\nRUN echo $C",
        "ENV A b c\nLABEL x",
        "ONBUILD RUN apt-get install git",
        'SHELL ["powershell"]\nRUN apt-get install git',
        "USER $U:$G\nCMD x",
        "WORKDIR $W\nCOPY r.txt .\nRUN pip install -r r.txt -r gone.txt -c r.txt",
        "COPY r.txt /\nRUN pip install -r /r.txt -r",
        "RUN pip install -- -x; pip; pip -r; python -m pip; python -m; uv pip; git clone; apt-get",
        "RUN chmod; chmod 0; chmod 00000; chmod -; install -m; mkdir -m= x; cd; export; env; sudo",
        "RUN --mount=type=bind,target=/x --mount=type=cache,target=/y apt-get update",
        "HEALTHCHECK NONE\nSTOPSIGNAL 9\nVOLUME /x\nEXPOSE 80/udp",
    ],
)
def test_odd_instructions_break_no_check(tmp_path: Path, body: str) -> None:
    """Empty, unfinished, with documents, with variables that nobody set."""
    text = f"FROM debian:12 AS first\nFROM debian:12\n{body}\n"
    found = survey(tmp_path, {"Dockerfile": text, **FILES})
    subject = found.subject("app")
    told = [] if subject is None else offline([subject])
    assert subject is not None or [each.rule for each in found.refused] == ["refused"]
    assert all(each.rule in RULES and each.line >= 0 for each in told)
