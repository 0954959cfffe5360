"""Reading ``images.toml``: profile merged in, then every rule that spans more than one value."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from typing import Any

from hashes.algorithm import DEFAULT
from hashes.errors import did_you_mean
from layers.config.faults import Faults, SpecError
from layers.config.outside import (
    context_faults,
    contexts_of,
    leads_out,
    stacks,
    tag_faults,
    upstreams,
)
from layers.config.packaging import compression_of, inherited, late_args, late_fault, level_fault
from layers.config.profiles import Part, overlays, said
from layers.config.profiles import check as check_profiles
from layers.config.project_table import (
    check_homes,
    create_of,
    platform_of,
    registry_of,
    repository_of,
)
from layers.config.sandbox import sandbox_of
from layers.config.schema import FILE, STALLS, VERSION
from layers.config.spec import Image, Require, Secret, Spec
from layers.config.toml import Path, TomlError, read
from layers.config.values import args_of, builder_of, command, rootfs_of, shell, table_of
from layers.config.variants import check as check_variants
from layers.config.variants import place, places, spread, variants
from layers.runtime.units import parse_size, parsed


class Reader:
    """One reading of one text; ``exists`` is its only look at the disk."""

    def __init__(
        self, text: str, file: str, profile: str | None, exists: Callable[[str], bool]
    ) -> None:
        self.text = text
        self.file = file
        self.profile = profile or None
        self.exists = exists
        self.faults = Faults(text, file)
        self.raw: dict[str, Any] = {}
        self.families: dict[str, str] = {}
        """Images that are variants → the table that has them."""
        self.over: tuple[Part, ...] = ()
        """The chosen profile and what it extends."""
        self._missing: dict[str, Faults] = {}
        """By image, what is not on the disk."""

    def spec(self, registry: str | None, platform: str, builder: str | None = None) -> Spec:
        """The whole file as a value.  Raises SpecError."""
        self.raw = raw = self._raw()
        data = FILE.check(raw, (), self.faults)
        check_variants(table_of(raw.get("images")), self.faults)
        check_profiles(raw, self.profile, self.faults)
        self.over = over = overlays(data.get("profiles", {}), self.profile)
        tables = spread(data.get("images", {}), [each.table.get("images", {}) for each in over])
        self.families = {image: table for image, table, _ in variants(data.get("images", {}))}
        secrets = {name: Secret(**table) for name, table in data.get("secrets", {}).items()}
        project = data.get("project", {})
        parts = (Part(("project",), project), *over)
        common = said(parts, "builder")
        stalls = {
            key: project[key]
            for key in (*STALLS, "source_date_epoch", "assemble")
            if key in project
        }
        images = {
            name: self._image(
                name,
                {**stalls, **table, **inherited(project, table)},
                builder_of(table, common.table["builder"] if common else "", builder),
            )
            for name, table in tables.items()
        }
        for name, image in images.items():
            if message := level_fault(image.compression):
                self._fault(name, ("compression_level",), message)
            for arg, value in image.late.items():
                if message := late_fault(arg, value):
                    self._fault(name, ("args", arg), message)
        for name, message, hint in tag_faults(images):
            self._fault(name, ("tag",), message, hint)
        repository = repository_of(parts)
        algorithm = project.get("hash", DEFAULT)
        check_homes(project.get("name", ""), images, repository, self._home, algorithm, self.faults)
        for name, image in images.items():
            self._check_secrets(name, image, table_of(raw.get("secrets")))
        for name, table in tables.items():
            for context, message, hint in context_faults(table.get("contexts", {}), images):
                self._fault(name, ("contexts", context), message, hint)
        spec = Spec(
            project=project.get("name", ""),
            registry=registry_of(parts, registry, self.faults),
            platform=platform_of(
                project.get("platform"), platform, ("project", "platform"), self.faults
            ),
            profile=self.profile,
            overlays=self._overlays(),
            images=images,
            upstream=upstreams((Part((), data), *over), images, self.faults),
            secrets=secrets,
            path=self.file,
            text=self.text,
            hash=algorithm,
            stacks=stacks((Part((), data), *over), self.faults, self.exists),
            repository=repository[1],
            create_repository=create_of(project, self.faults),
            machine=platform,
        )
        self.faults.raise_as(SpecError)
        return spec

    def _raw(self) -> dict[str, Any]:
        try:
            raw = read(self.text, self.file)
        except TomlError as error:
            raise SpecError([error]) from None
        version = raw.get("version", VERSION)
        if type(version) is int and version != VERSION:
            hint = "a newer doit-layers may know it: update, or write version = 1"
            self.faults.add(("version",), f"unknown version {version}", hint)
            self.faults.raise_as(SpecError)
        return raw

    # -- images ------------------------------------------------------------------------------

    def _image(self, name: str, table: dict[str, Any], builder: str) -> Image:
        context = dockerfile = ""
        if "context" in table:
            context = self._folder(name, table["context"], "context")
            dockerfile = self._dockerfile(name, context, table.get("dockerfile", "Dockerfile"))
        rootfs = table.get("rootfs")
        packages = table.get("packages")
        late = late_args(table.get("args", {}))
        contexts = contexts_of(table.get("contexts", {}))
        image = Image(
            name=name,
            stack=table.get("stack", ""),
            tag=table.get("tag", name),
            context=context,
            dockerfile=dockerfile,
            target=table["target"].lower() if "target" in table else None,
            platform=platform_of(
                table.get("platform"), "", self._place(name, ("platform",)), self.faults
            ),
            args={name: value for name, value in args_of(table).items() if name not in late},
            late=late,
            push=table.get("push", False),
            assemble=table.get("assemble"),
            push_stages=tuple(stage.lower() for stage in table.get("push_stages", ())),
            secrets=tuple(table.get("secrets", ())),
            network=table.get("network", "default"),
            sandbox=sandbox_of(table),
            compression=compression_of(table),
            labels=table["labels"],
            annotations=table["annotations"],
            ssh=tuple(table.get("ssh", ())),
            contexts={
                key: self._folder(name, at, "contexts", key) for key, at in contexts.folders.items()
            },
            called=contexts.images,
            git=contexts.git,
            max_size=parse_size(table["max_size"]) if "max_size" in table else None,
            refresh=table.get("refresh", "probe" in table),
            probe=command(table.get("probe", "")),
            smoke=tuple(shell(each) for each in table.get("smoke", ())),
            packages=None if packages is None else self._folder(name, packages, "packages"),
            require=tuple(
                self._require(name, number, each)
                for number, each in enumerate(table.get("require", ()))
            ),
            rootfs=rootfs_of(rootfs) if rootfs is not None else None,
            builder=builder,
            stall_timeout=parsed(table.get("stall_timeout", "10m")),
            stall_end=table.get("stall_end", False),
            repository=table.get("repository", ""),
            variant_of=self.families.get(name, ""),
        )
        missing = self._missing.pop(name, None)
        return image._replace(fault=missing.as_error(SpecError)) if missing else image

    def _folder(self, image: str, written: str, *keys: str) -> str:
        path = posixpath.normpath(written)
        if leads_out(path):
            self._fault(image, keys, f"{written!r} leads out of the folder of {self.file}")
        elif not self.exists(path):
            self._lack(image, keys, f"there is no folder {path!r}")
        return path

    def _dockerfile(self, image: str, context: str, written: str) -> str:
        path = posixpath.normpath(posixpath.join(context, written))
        if leads_out(path):
            if not leads_out(context):
                self._fault(image, ("dockerfile",), f"{written!r} leads out of the project")
        elif self.exists(context) and not self.exists(path):
            self._lack(
                image,
                ("dockerfile",),
                f"there is no Dockerfile {path!r}",
                "dockerfile is relative to the context; it may lie outside (../Dockerfile)",
            )
        return path

    def _require(self, image: str, number: int, table: Mapping[str, Any]) -> Require:
        path = posixpath.normpath(table.get("path", "x"))
        if leads_out(path) or path == ".":
            message = f"{table.get('path')!r} is no file inside the context"
            self._fault(image, ("require", number, "path"), message)
        return Require(
            path, table.get("sha256"), table.get("message", ""), tuple(table.get("make", ()))
        )

    def _check_secrets(self, name: str, image: Image, secrets: Mapping[str, Any]) -> None:
        for secret in image.secrets:
            if secret not in secrets:
                guess = did_you_mean(secret, secrets)
                hint = f"say where it comes from in [secrets.{secret}]"
                self._fault(name, ("secrets",), f"unknown secret {secret!r}{guess}", hint)

    def _fault(self, image: str, keys: Path, message: str, hint: str = "") -> None:
        """A fault of an image, told where the value stands: profile, variant or image."""
        self.faults.add(self._place(image, keys), message, hint)

    def _place(self, image: str, keys: Path) -> Path:
        tables = places(image, self.families.get(image, ""), self._overlays())
        return (*place(self.raw, tables, keys), *keys)

    def _overlays(self) -> tuple[Path, ...]:
        return tuple(each.path for each in self.over)

    def _home(self, image: str) -> Path:
        return self._place(image, ("repository",))

    def _lack(self, image: str, keys: Path, message: str, hint: str = "") -> None:
        """Something that is not on the disk: a fault of its image alone, not of the file."""
        missing = self._missing.setdefault(image, self.faults.apart())
        missing.add(self._place(image, keys), message, hint)


def load(
    text: str,
    *,
    path: str = "images.toml",
    profile: str | None,
    registry: str | None,
    platform: str,
    exists: Callable[[str], bool],
    builder: str | None = None,
) -> Spec:
    """Read ``images.toml``; raises one SpecError that tells every fault of the file.

    ``registry`` overrides the file's (None: it does not, empty: no registry), and so does
    ``builder`` for all images; ``platform`` is what the file does not say; ``exists`` is asked
    about paths relative to the file.
    """

    return Reader(text, path, profile, exists).spec(registry, platform, builder)
