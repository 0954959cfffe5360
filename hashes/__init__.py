"""Hashes: what a layer is, computed from its inputs alone; no network, no subprocess, no doit."""

from __future__ import annotations

from hashes.change import Change
from hashes.diff import changes
from hashes.dockerfile.instruction import Instruction
from hashes.dockerfile.parser import Dockerfile, Stage, parse
from hashes.dockerfile.reachable import Reference, references
from hashes.errors import ContextError, DockerfileError, IgnoreError, LayersError
from hashes.key import BadKey, Hasher, Key
from hashes.manifest import BadManifest, Entry, Manifest
from hashes.stage import External, Layer, Request, layers, stage_manifests

__all__ = [
    "BadKey",
    "BadManifest",
    "Change",
    "ContextError",
    "Dockerfile",
    "DockerfileError",
    "Entry",
    "External",
    "Hasher",
    "IgnoreError",
    "Instruction",
    "Key",
    "Layer",
    "LayersError",
    "Manifest",
    "Reference",
    "Request",
    "Stage",
    "changes",
    "layers",
    "parse",
    "references",
    "stage_manifests",
]
