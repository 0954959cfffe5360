"""Tags: the references that builds give to their images."""

from __future__ import annotations

from layers.oci.reference import BadReference, Reference


def parse(text: str) -> Reference | None:
    """The reference that a text is; None: it is none."""
    try:
        return Reference.parse(text)
    except BadReference:
        return None


def valid(text: str) -> bool:
    """Whether an image can be called so."""
    found = parse(text)
    return found is not None and not found.digest


def last_part(text: str) -> str:
    """The last part of a reference's repository, such as ``api`` of ``ghcr.io/shop/api:2``."""
    found = parse(text)
    return found.repository.rpartition("/")[2] if found else ""
