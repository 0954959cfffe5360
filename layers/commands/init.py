"""``doit init``: a repository with Dockerfiles becomes one with an ``images.toml``."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Any

from layers.commands.exit_status import MISTAKE
from layers.commands.parsing import ProjectCommand, option
from layers.config.spec import SPEC_FILE
from layers.oci.platform import machine_platform
from layers.setup.private.paths import Places

if TYPE_CHECKING:
    from layers.adopt.adopt import Adoption


class InitCommand(ProjectCommand):
    """Reads what is there and writes what is missing; nothing is built, no engine is asked."""

    name = "init"
    doc_purpose = "propose images.toml and dodo.py for what is built here"
    doc_usage = ""
    doc_description = (
        "Reads Dockerfiles, compose files, docker-bake files and GitHub workflows.  No file that is"
        " there is overwritten.  Where there is an images.toml, tells what has come since."
    )
    cmd_options = (
        option("dry_run", "show what would be written, and write nothing", short="n"),
        option("add", "append what has come since to images.toml; the rest stays byte for byte"),
        option(
            "source",
            "read this compose file, bake file, workflow or Dockerfile alone",
            "",
            long="from",
            value="FILE",
        ),
        option(
            "as_json",
            "print one JSON object with images, stacks, what was left out, and the files",
            long="json",
        ),
    )

    def act(self, root: str, options: Any, names: list[str]) -> int:
        """Propose and write; status 1 where there is nothing to propose."""
        return _init(root, options, names)


def _init(root: str, options: Any, asked: list[str]) -> int:
    from hashes.errors import LayersError
    from layers.adopt.adopt import adopt
    from layers.adopt.report import as_json, as_tree
    from layers.adopt.sources.programs import find_programs

    if asked:
        raise LayersError(
            f"doit init takes no names, and got {asked[0]!r}", hint="--from FILE reads one file"
        )
    began = time.monotonic()
    source = os.path.abspath(options["source"]) if options["source"] else None
    programs = find_programs(Places.of(root).packages)
    adoption = adopt(root, programs, machine_platform(), source)
    append = adoption.new or options["add"]
    written = [] if options["dry_run"] else adoption.write(append=append)
    seconds = time.monotonic() - began
    if options["as_json"]:
        sys.stdout.write(as_json(adoption.proposal, adoption.files, written, seconds))
    else:
        sys.stdout.write(as_tree(adoption.proposal, new=adoption.new))
        sys.stdout.write(_end(adoption, options, written, seconds))
    return MISTAKE if adoption.new and not adoption.files else 0


def _end(adoption: Adoption, options: Any, written: list[str], seconds: float) -> str:
    left = {name: text for name, text in adoption.files.items() if name not in written}
    lines = ["", *adoption.notes]
    lines += [f"{name}:\n\n{text.strip()}\n" for name, text in left.items()]
    said = []
    if adoption.new and not adoption.files:
        said.append("no image can be proposed, and nothing was written")
    elif SPEC_FILE not in adoption.files:
        said.append("images.toml has it all")
    if written:
        said.append(f"written: {', '.join(written)}")
    if left:
        said.append("nothing was written" if options["dry_run"] else "`doit init --add` appends it")
    count = adoption.proposal.files
    said.append(f"{count} file{'' if count == 1 else 's'} read in {seconds:.1f} s")
    lines.append("; ".join(said))
    if written and not left:
        first = "give what images.toml lacks; " if adoption.proposal.lacking else ""
        told = "`doit list` tells what would be built, `doit check` what would fail"
        lines.append(f"next: {first}{told}")
    return "\n".join(lines) + "\n"
