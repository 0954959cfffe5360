"""A terminal: what a command writes to one, rather than to a pipe."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def on_a_terminal(command: Sequence[str], root: Path, environment: Mapping[str, str]) -> str:
    """The output of a command that succeeds; ``COLUMNS`` of the environment is the width."""
    main, terminal = pty.openpty()
    with subprocess.Popen(
        command, cwd=root, env=environment, stdout=terminal, stderr=subprocess.PIPE
    ) as process:
        os.close(terminal)
        written = b""
        while True:
            try:
                chunk = os.read(main, 65536)
            except OSError:  # the other end is closed
                break
            written += chunk
        os.close(main)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return written.decode().replace("\r\n", "\n")
