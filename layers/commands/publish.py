"""``doit publish``: brings images into the registry, and points moving tags at them."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from hashes.errors import LayersError
from layers.commands.parsing import ProjectCommand, option
from layers.graph.graph import Layer
from layers.plan.session import Session
from layers.project.open import open_project

if TYPE_CHECKING:
    from layers.build.publish import Published
    from layers.build.tags import Tagged
    from layers.report.summary import Summary

NONE = "none"


class PublishCommand(ProjectCommand):
    """Publishes a set of images; what the registry has is neither pulled nor built."""

    name = "publish"
    doc_purpose = "bring images to the registry, then move tags to them"
    doc_usage = "[IMAGE ...] [--tag TAG ...] [--verify[=N]]"
    doc_description = (
        "Without names every image with push = true.  The registry is asked first: what it holds"
        " whole is left alone, the rest is pushed, or made as `doit` makes it and pushed.  Tags"
        " are moved when all images are there, all of them or none."
    )
    cmd_options = (
        option(
            "tags",
            "a moving tag for each image, such as v1.2 or latest; may be given again",
            [],
            long="tag",
            short="t",
        ),
        option(
            "verify",
            "build one in N of the assembled images with BuildKit, too, before tags are moved, and"
            " fail where a file or a setting differs; without =N each of them; which ones follows"
            " from their keys",
            NONE,
            value="[N]",
        ),
        option(
            "as_json",
            'print {"images": [{"name", "key", "repository", "digest", "how", "seconds"}],'
            ' "tags": [{"image", "tag", "digest", "before", "moved"}]}',
            long="json",
        ),
    )

    def parse_execute(self, in_args: list[str]) -> Any:
        """As all commands do it; ``--verify`` alone is of every image."""
        words = ["--verify=1" if word == "--verify" else word for word in in_args]
        return super().parse_execute(words)

    def act(self, root: str, options: Any, names: list[str]) -> int:
        """Publish; status 1 when anything of the set is not in the registry in the end."""
        from layers.report.report import summarized

        with summarized(" ".join(["doit publish", *names])) as summary:
            return _publish(root, names, options, summary)


def _publish(root: str, names: Sequence[str], options: Any, summary: Summary | None) -> int:
    from layers.build.publish import chosen, publish
    from layers.build.stamp import facts, marked, marks
    from layers.build.tags import check_tag, move_tags
    from layers.plan.names import home
    from layers.report.report import heard, report_for

    tags: Sequence[str] = options["tags"]
    program, one_in = bool(options["as_json"]), verified(options["verify"])
    for tag in tags:
        check_tag(tag)
    project = open_project(root)
    prefixes = {home(project.spec, name).prefix for name in project.spec.images}
    for tag in tags:
        check_tag(tag, prefixes)
    shown = sys.stderr if program else sys.stdout
    report = heard(report_for(shown), summary)
    run = Session.begin(project, report)

    def ahead(making: Session, lacking: Collection[Layer]) -> None:
        from layers.plan.outlook import tell_long

        tell_long(making, shown, pushing=lacking)

    try:
        wanted = chosen(run, names)
        told = [project.spec.images[layer.image] for layer in wanted] if tags else []
        mark = marks(run, told, facts(project.root))
        images = publish(run, wanted, ahead)
        compared = _verified(run, images, one_in)
        moved = move_tags(run.backends.registry, marked(run.backends.registry, images, mark), tags)
    finally:
        report.close()
        project.cache.save()
    if summary is not None:
        summary.add("In the registry", as_text(images, moved))
    sys.stdout.write(as_json(images, moved) if program else as_text(images, moved))
    for each in compared:
        shown.write(f"{each}: as BuildKit builds it\n")
    return 0


def verified(text: str) -> int:
    """One in how many images ``--verify`` asks for; 0: in none.  Raises LayersError."""
    if text == NONE:
        return 0
    if text.isascii() and text.isdigit() and int(text):
        return int(text)
    hint = "`--verify=10` builds one assembled image in ten as well, `--verify` each of them"
    raise LayersError(f"--verify={text}: expected a number from 1 on", hint=hint)


def _verified(run: Session, images: Sequence[Published], one_in: int) -> list[Layer]:
    """Those that were built as well, and are the same."""
    if not one_in:
        return []
    from layers.verify.verify import verify

    return [each.image.layer for each in verify(run, images, one_in)]


def as_text(images: Sequence[Published], tags: Sequence[Tagged]) -> str:
    """A line an image, and a line a tag."""
    from layers.runtime.units import seconds

    wide = max(len(str(image.layer)) for image in images)
    lines = [
        f"{image.layer!s:<{wide}}  {image.repository}@{image.digest}"
        f"  {image.how}, {seconds(image.seconds)}"
        for image in images
    ]
    for each in tags:
        was = f", was {each.before}" if each.before is not None else ", new"
        lines.append(f"{each.name} -> {each.image.digest}{was if each.moved else ', as it was'}")
    return "".join(f"{line}\n" for line in lines)


def as_json(images: Sequence[Published], tags: Sequence[Tagged]) -> str:
    """One object for programs."""
    value = {
        "images": [
            {
                "name": str(image.layer),
                "key": image.key,
                "repository": image.repository,
                "digest": str(image.digest),
                "how": image.how,
                "seconds": round(image.seconds, 3),
            }
            for image in images
        ],
        "tags": [
            {
                "image": str(each.image.layer),
                "tag": each.tag,
                "digest": str(each.image.digest),
                "before": str(each.before) if each.before is not None else None,
                "moved": each.moved,
            }
            for each in tags
        ],
    }
    return json.dumps(value, indent=2) + "\n"
