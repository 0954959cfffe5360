"""``doit engine``: shows the engine and registry in use; starts and ends this checkout's own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from hashes.errors import LayersError, did_you_mean
from layers.commands.parsing import ProjectCommand, option
from layers.setup.private.paths import STORES, VERSIONS

if TYPE_CHECKING:
    from layers.runtime.events import Event


class EngineCommand(ProjectCommand):
    """Shows, starts and stops the engine."""

    name: ClassVar[str] = "engine"
    doc_purpose: ClassVar[str] = "show, start or stop the engine and registry in use"
    doc_usage: ClassVar[str] = "[start [--version=…] [--store=…] | stop | env]"
    doc_description: ClassVar[str] = (
        "Without a word: what is in use, and where its logs are. "
        "start: have an engine answer, this checkout's own if there is no other; "
        "--version and --store say which Docker that is, from then on. "
        "stop: end this checkout's own engine and registry; images and tags stay on disk, and "
        "they come back by themselves when needed. "
        'env: lines for the shell, eval "$(doit engine env)".'
    )
    cmd_options: ClassVar[tuple[Any, ...]] = (
        option("json", "print one JSON object"),
        option(
            "version",
            "with start: which Docker this checkout's own engine is",
            "",
            choices=[(each, f"Docker {each}") for each in VERSIONS],
        ),
        option(
            "store",
            "with start: how this checkout's own engine keeps images",
            "",
            choices=[(each, "") for each in STORES],
        ),
    )

    def act(self, root: str, options: Any, names: list[str]) -> int:
        """Carry out the word in ``names``; 1 when the engine cannot do it."""
        kind = {name: options[name] for name in ("version", "store") if options.get(name)}
        return _act(root, names, kind, as_json=bool(options.get("json")))


def _act(root: str, words: list[str], kind: Mapping[str, str], *, as_json: bool) -> int:
    actions: dict[str, Callable[[], int]] = {
        "": lambda: _show(root, as_json),
        "start": lambda: _start(root, as_json, kind),
        "stop": lambda: _stop(root, as_json),
        "env": lambda: _env(root, as_json),
    }
    word = words[0] if words else ""
    if word not in actions or len(words) > 1:
        unknown = " ".join(words)
        guess = did_you_mean(unknown, [each for each in actions if each])
        raise LayersError(f"engine: unknown {unknown!r}{guess}", hint="it takes start, stop or env")
    if kind and word != "start":
        raise LayersError("--version and --store go with `doit engine start`")
    return actions[word]()


def _show(root: str, as_json: bool) -> int:
    from layers.setup.status import status

    found = status(root)
    if as_json:
        import json

        print(json.dumps(found.as_json(), indent=2))
    else:
        print(
            "\n".join(f"{name + ':' if name else '':<10} {value}" for name, value in found.rows())
        )
    return 0


def _start(root: str, as_json: bool, kind: Mapping[str, str]) -> int:
    from layers.setup.choose import ensure

    ensure(root, _tell, kind)
    return _show(root, as_json)


def _stop(root: str, as_json: bool) -> int:
    from layers.setup.choose import stop

    was_up = stop(root)
    if as_json:
        print(f'{{"stopped": {str(was_up).lower()}}}')
    else:
        print("stopped" if was_up else "this checkout's own engine was not up")
    return 0


def _env(root: str, as_json: bool) -> int:
    import shlex

    from layers.setup.choose import ensure

    environment = ensure(root, _tell).environment
    if as_json:
        import json

        print(json.dumps(dict(environment), indent=2))
    else:
        print("\n".join(f"export {name}={shlex.quote(environment[name])}" for name in environment))
    return 0


def _tell(event: Event) -> None:
    """Progress as plain lines on stderr."""
    from layers.runtime.events import Output, Step, Warned

    if isinstance(event, Step):
        print(f"engine {event.number}/{event.total} {event.name}", file=sys.stderr, flush=True)
    elif isinstance(event, Output):
        print(f"engine: {event.line}", file=sys.stderr, flush=True)
    elif isinstance(event, Warned):
        print(f"warning: {event.message}", file=sys.stderr, flush=True)
