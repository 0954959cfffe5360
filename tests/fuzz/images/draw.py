"""Drawing: a case by its number, of one kind or of two at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from random import Random

from tests.fuzz.images import files, names, settings
from tests.fuzz.images.draft import Draft
from tests.fuzz.images.project import UNIQUE, Case, Edit, Image, Project

KINDS: Mapping[str, tuple[int, Callable[[Draft], None]]] = {
    "plain": (2, files.plain),
    "stage-like-its-base": (3, names.stage_like_its_base),
    "stage-like-another-image": (3, names.stage_like_another_image),
    "stage-after-use": (1, names.stage_after_use),
    "stage-twice": (2, names.stage_twice),
    "stage-like-a-tag": (2, names.stage_like_a_tag),
    "stage-letters": (2, names.stage_letters),
    "kept-stages": (3, names.kept_stages),
    "image-like-its-upstream": (3, names.image_like_its_upstream),
    "spelling": (2, names.spelling),
    "args-in-from": (3, names.args_in_from),
    "variants": (2, names.variants),
    "named-contexts": (3, names.named_contexts),
    "copy-from": (3, names.copy_from),
    "targets": (2, names.targets),
    "tags": (2, names.tags),
    "refused": (2, names.refused),
    "settings": (4, settings.settings),
    "run-settings": (2, settings.run_settings),
    "onbuild-ours": (3, settings.onbuild_ours),
    "onbuild-upstream": (3, settings.onbuild_upstream),
    "platform-from": (3, settings.platform_from),
    "platform-args": (2, settings.platform_args),
    "platform-project": (2, settings.platform_project),
    "caller": (3, settings.caller),
    "root-context": (3, files.root_context),
    "nested-contexts": (2, files.nested_contexts),
    "files": (4, files.files),
    "removals": (1, files.removals),
    "ignores": (2, files.ignores),
    "heredocs": (2, files.heredocs),
    "copies": (3, files.copies),
    "text-forms": (2, files.text_forms),
    "checkout": (1, files.checkout),
}
"""Kind → how often against the others, and what draws it."""


def draw(seed: int, index: int, only: Sequence[str] = ()) -> Case:
    """The case of that number; ``only``: of these kinds, one a case."""
    rng = Random(f"images:{seed}:{index}")
    if only:
        kinds = [only[index % len(only)]]
    else:
        often = [weight for weight, _ in KINDS.values()]
        kinds = list(dict.fromkeys(rng.choices(list(KINDS), often, k=rng.choice((1, 1, 2)))))
    project = drawn(rng, kinds)
    fresh = rng.random() < 0.25
    return Case(project, draw_edit(rng, project), tuple(kinds), f"s{seed}-{index}", fresh)


def drawn(rng: Random, kinds: Sequence[str]) -> Project:
    """A project of these kinds."""
    draft = Draft(rng, locked=rng.random() < 0.4)
    for kind in sorted(kinds, key=lambda each: each in ("platform-project", "platform-args")):
        KINDS[kind][1](draft)
    return draft.done()


def draw_edit(rng: Random, project: Project) -> Edit:
    """Something that somebody changes."""
    quiet = rng.random() < 0.25
    files = [path for path, item in project.files.items() if item.kind == "file"]
    image = rng.choice(project.images)
    lot = rng.random()
    if lot < 0.3 and files:
        path = rng.choice(files)
        text = project.files[path].text
        new = text[::-1] if quiet else f"{text}edited {UNIQUE}\n"
        return Edit("text", path, new=new, quiet=quiet)
    if lot < 0.38 and files:
        return Edit("mode", rng.choice(files), new=rng.choice(("755", "600", "4755")), quiet=quiet)
    if lot < 0.46:
        return Edit("add", f"{image.folder}/added.txt".removeprefix("./"), new=f"new {UNIQUE}\n")
    if lot < 0.5 and files:
        return Edit("remove", rng.choice(files))
    if lot < 0.54 and files:
        path = rng.choice(files)
        return Edit("rename", path, new=f"{path}.moved")
    if lot < 0.58 and files:
        return Edit("turn", rng.choice(files), new="Dockerfile", quiet=quiet)
    if lot < 0.66 and image.args:
        return Edit("arg", image.name, rng.choice(list(image.args)), "changed")
    return line_edit(rng, image)


def line_edit(rng: Random, image: Image) -> Edit:
    """An instruction that changes, or one that comes at the end."""
    old = rng.choice(image.lines)
    word, _, rest = old.partition(" ")
    if word in ("ENV", "LABEL") and "=" in rest and "\n" not in old:
        return Edit("line", image.name, old, f"{old} edited=yes")
    if word == "RUN" and not rest.startswith(("<", "-")) and "\n" not in old:
        return Edit("line", image.name, old, f"{old} && true")
    last = image.lines[-1]
    return Edit("line", image.name, last, f"{last}\nENV edited=yes")
