"""Configurations: what each instruction does to an image's settings and its history.

As BuildKit does it (frontend/dockerfile/dockerfile2llb/convert.go).
"""

from __future__ import annotations

import copy
import json
import re
import signal
from collections.abc import Mapping, Sequence
from typing import Any

from hashes.dockerfile.instruction import Instruction
from hashes.dockerfile.state import DEFAULT_PATH, State
from layers.assemble.healthcheck import healthcheck
from layers.assemble.obstacle import Blocked

COMMENT = "buildkit.dockerfile.v0"
_OF_CONFIG = (
    *("User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels"),
    *("StopSignal", "ArgsEscaped", "Healthcheck", "OnBuild", "Shell"),
)
"""What BuildKit knows of a base's settings (docker-image-spec, image.go); it drops all else."""
_OF_IMAGE = ("author", "architecture", "os", "os.version", "os.features", "variant")
_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?(?:/(tcp|udp|sctp))?\Z")
_SHELL = ["/bin/sh", "-c"]


class Configuration:
    """The configuration of an image that grows instruction by instruction."""

    def __init__(self, base: Mapping[str, Any]) -> None:
        """``base`` is the configuration of the image that is begun from, as the registry has it."""
        whole = copy.deepcopy(dict(base))
        inner = whole.get("config") or {}
        self.image = {name: whole[name] for name in _OF_IMAGE if whole.get(name)}
        self.config: dict[str, Any] = {name: inner[name] for name in _OF_CONFIG if inner.get(name)}
        self.history: list[dict[str, Any]] = list(whole.get("history") or ())
        self.diff_ids: list[str] = list((whole.get("rootfs") or {}).get("diff_ids") or ())
        self._own_cmd = False

    @classmethod
    def scratch(cls, platform: str) -> Configuration:
        """That of an empty base for a platform, ``os/architecture[/variant]``."""
        system, architecture, *variant = platform.split("/")
        more = {"variant": variant[0]} if variant else {}
        inner = {"WorkingDir": "/", "Env": [f"PATH={DEFAULT_PATH}"]}
        return cls({"os": system, "architecture": architecture, **more, "config": inner})

    @property
    def workdir(self) -> str:
        """Where relative paths begin."""
        return str(self.config.get("WorkingDir") or "/")

    @property
    def user(self) -> str:
        return str(self.config.get("User") or "")

    def environment(self) -> dict[str, str]:
        """The variables of the image."""
        return dict(_variable(each) for each in self.config.get("Env") or ())

    def begin_stage(self) -> None:
        """A FROM: triggers are done with, and there is a PATH."""
        if "PATH" not in self.environment():
            self._environ("PATH", DEFAULT_PATH)
        self._own_cmd = False

    def resume_stage(self, own_cmd: bool) -> None:
        """Go on inside of a stage; ``own_cmd`` tells whether it had a CMD."""
        self._own_cmd = own_cmd

    def end_triggers(self) -> None:
        """The triggers of the base have run; the stage's own come after this."""
        self.config.pop("OnBuild", None)

    def take(self, item: Instruction, state: State) -> None:
        """Take in an instruction that is no COPY, ADD or RUN; ``state`` is that before it.

        Raises Blocked, and WordError for a word that cannot be expanded.
        """
        getattr(self, f"_{item.keyword.lower()}")(item, state)

    def done(self, item: Instruction, *, layer: bool) -> None:
        """Note in the history what an instruction did."""
        text = re.sub(r"\s+", " ", item.text.split("\n", 1)[0]).strip()
        entry: dict[str, Any] = {"created_by": f"{text} # assembled", "comment": COMMENT}
        self.history.append(entry if layer else {**entry, "empty_layer": True})

    def has(self, history: Sequence[Mapping[str, Any]], diff_ids: Sequence[str]) -> None:
        """Be that of these filesystem layers, whatever steps made them."""
        self.history = [dict(each) for each in history]
        self.diff_ids = list(diff_ids)

    def label(self, labels: Mapping[str, str]) -> None:
        """Add labels that stand in no Dockerfile."""
        self.config["Labels"] = {**(self.config.get("Labels") or {}), **labels}

    def to_bytes(self, created: str) -> bytes:
        """The configuration as a blob; ``created`` (RFC 3339) goes to all that has no time yet."""
        value = {
            **self.image,
            "created": created,
            "config": {name: each for name, each in self.config.items() if each},
            "rootfs": {"type": "layers", "diff_ids": self.diff_ids},
            "history": [{"created": created, **each} for each in self.history],
        }
        return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()

    def _environ(self, name: str, value: str) -> None:
        known = list(self.config.get("Env") or ())
        for at, each in enumerate(known):
            if _variable(each)[0] == name:
                known[at] = f"{name}={value}"
                break
        else:
            known.append(f"{name}={value}")
        self.config["Env"] = known

    def _env(self, item: Instruction, state: State) -> None:
        words = [known(state, word) for word in item.words]
        for name, value in zip(words[::2], words[1::2], strict=True):
            self._environ(name, value)

    def _label(self, item: Instruction, state: State) -> None:
        words = [known(state, word) for word in item.words]
        self.label(dict(zip(words[::2], words[1::2], strict=True)))

    def _arg(self, _item: Instruction, _state: State) -> None:
        pass

    def _workdir(self, item: Instruction, state: State) -> None:
        path = known(state, item.words[0])
        if not path.startswith("/"):
            path = f"{self.workdir}/{path}"
        elif path != _clean(path):
            raise Blocked(f"{path!r} is not a clean path, which BuildKit keeps as it is")
        self.config["WorkingDir"] = _clean(path)

    def _user(self, item: Instruction, state: State) -> None:
        self.config["User"] = known(state, item.words[0])

    def _shell(self, item: Instruction, _state: State) -> None:
        self.config["Shell"] = list(item.words)

    def _expose(self, item: Instruction, state: State) -> None:
        ports = dict(self.config.get("ExposedPorts") or {})
        for word in item.words:
            text = known(state, word)
            found = _PORTS.match(text.lower())
            first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
            if found is None or not first <= last <= 65535:
                raise Blocked(f"{text!r} is not clearly a port")
            ports.update((f"{port}/{found[3] or 'tcp'}", {}) for port in range(first, last + 1))
        self.config["ExposedPorts"] = ports

    def _volume(self, item: Instruction, state: State) -> None:
        paths = [known(state, word.strip()) for word in item.words]
        if not all(paths):
            raise Blocked("a volume without a path")
        self.config["Volumes"] = {
            **(self.config.get("Volumes") or {}),
            **{path: {} for path in paths},
        }

    def _stopsignal(self, item: Instruction, state: State) -> None:
        text = known(state, item.words[0])
        name = text.upper().removeprefix("SIG")
        number = text.isascii() and text.isdigit() and 0 < int(text) < 65
        if not number and f"SIG{name}" not in signal.Signals.__members__:
            raise Blocked(f"{text!r} is not clearly a signal")
        self.config["StopSignal"] = text

    def _maintainer(self, item: Instruction, _state: State) -> None:
        self.image["author"] = item.words[0]

    def _cmd(self, item: Instruction, _state: State) -> None:
        self.config["Cmd"] = self._started(item)
        self.config["ArgsEscaped"] = True
        self._own_cmd = True

    def _entrypoint(self, item: Instruction, _state: State) -> None:
        self.config["Entrypoint"] = self._started(item)
        if not self._own_cmd:  # one of another stage or image is dropped
            self.config.pop("Cmd", None)

    def _healthcheck(self, item: Instruction, _state: State) -> None:
        self.config["Healthcheck"] = healthcheck(item)

    def _onbuild(self, item: Instruction, _state: State) -> None:
        self.config["OnBuild"] = [*(self.config.get("OnBuild") or ()), item.words[0]]

    def _started(self, item: Instruction) -> list[str]:
        if item.heredocs:
            raise Blocked(f"{item.keyword} with a document")
        if item.json:
            return list(item.words)
        return [*(self.config.get("Shell") or _SHELL), " ".join(item.words)]


def known(state: State, text: str) -> str:
    """A word with its variables' values.  Raises Blocked where the base's are not known."""
    word = state.expand(text)
    if not word.known:
        raise Blocked(f"{text!r} depends on what the base brings")
    return word.text


def _variable(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _clean(path: str) -> str:
    import posixpath

    return posixpath.normpath("/" + path.lstrip("/"))
