"""Hashes: what a layer is, computed from its inputs alone; no network, no subprocess, no doit."""

from __future__ import annotations

from hashes.change import Change
from hashes.changes import changes
from hashes.dockerfile import Dockerfile, Stage, parse
from hashes.errors import ContextError, DockerfileError, IgnoreError, LayersError
from hashes.grammar import Instruction
from hashes.key import BadKey, Hasher, Key
from hashes.layer import External, Layer, Request, layers, stage_manifests
from hashes.manifest import BadManifest, Entry, Manifest
from hashes.reach import Reference, references

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
