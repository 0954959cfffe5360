"""A process of ours that runs to its end, or ends with us."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Mapping, Sequence

from layers.runtime import signals


@contextlib.contextmanager
def started(
    words: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.STDOUT,
) -> Iterator[subprocess.Popen[str]]:
    """A process that has ended when the block is left: by itself, or by force with an exception.

    It reads nothing from us and leads a group of its own: Ctrl-C reaches us alone, and we end it
    with its children. ``env`` is its whole environment, None: ours. Raises OSError.
    """
    child = signals.start(words, env=env, cwd=cwd, stdout=stdout, stderr=stderr)
    try:
        yield child
        child.wait()
    except BaseException:
        signals.end(child)
        raise
    finally:
        signals.release(child.pid)
        if child.stdout is not None:
            child.stdout.close()


def run(
    words: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    apart: bool = False,
    timeout: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a process to its end and keep what it says; never raises for its exit status.

    ``apart``: its errors stay out of its output. Raises OSError, and subprocess.TimeoutExpired
    when it was ended after ``timeout`` seconds.
    """
    stderr = subprocess.PIPE if apart else subprocess.STDOUT
    with started(words, env=env, cwd=cwd, stderr=stderr) as child:
        output, errors = child.communicate(timeout=timeout)
    return subprocess.CompletedProcess(words, child.returncode, output, errors or "")
