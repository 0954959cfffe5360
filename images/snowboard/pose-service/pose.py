"""Poses a body: SMPL's shape and linear blend skinning, in numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from smpl import JOINTS, NO_PARENT, Model


class PoseError(ValueError):
    """The request's numbers are not a shape and a pose."""


@dataclass(frozen=True)
class Body:
    """A posed body; metres, y upwards."""

    vertices: np.ndarray  # V x 3
    joints: np.ndarray  # 24 x 3


def numbers(value: object, name: str, most: int) -> np.ndarray:
    """Up to ``most`` finite numbers from JSON, zeros after them; raises PoseError."""
    if not isinstance(value, list) or len(value) > most:
        raise PoseError(f"{name}: expected a list of at most {most} numbers")
    if any(isinstance(item, bool) or not isinstance(item, (int, float)) for item in value):
        raise PoseError(f"{name}: expected numbers only")
    result = np.zeros(most)
    try:
        result[: len(value)] = value
    except OverflowError:
        raise PoseError(f"{name}: a number is too large") from None
    if not (np.abs(result) <= 1e3).all():  # also refuses NaN
        raise PoseError(f"{name}: numbers must lie between -1000 and 1000")
    return result


def rotations(vectors: np.ndarray) -> np.ndarray:
    """Rotation vectors (N x 3, radians) as matrices (N x 3 x 3), by Rodrigues' formula."""
    angles = np.linalg.norm(vectors, axis=1)
    axes = vectors / np.where(angles > 0, angles, 1)[:, None]
    x, y, z = axes.T
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
    sine, cosine = np.sin(angles)[:, None, None], np.cos(angles)[:, None, None]
    return np.eye(3) + sine * cross + (1 - cosine) * (cross @ cross)


def take(model: Model, betas: np.ndarray, vectors: np.ndarray) -> Body:
    """The body of shape ``betas`` (B) in the pose ``vectors`` (24 x 3 rotation vectors)."""
    shaped = model.template + model.shape[:, :, : len(betas)] @ betas
    rest = model.regressor @ shaped
    turns = rotations(vectors)
    bent = shaped + model.pose @ (turns[1:] - np.eye(3)).ravel()

    chain = np.zeros((JOINTS, 4, 4))
    for joint, parent in enumerate(model.parents):
        step = np.eye(4)
        step[:3, :3] = turns[joint]
        step[:3, 3] = rest[joint] - (rest[parent] if parent != NO_PARENT else 0)
        chain[joint] = chain[parent] @ step if parent != NO_PARENT else step
    joints = chain[:, :3, 3].copy()
    chain[:, :3, 3] -= np.einsum("jab,jb->ja", chain[:, :3, :3], rest)  # from rest, not the origin

    blended = np.einsum("vj,jab->vab", model.weights, chain)
    vertices = np.einsum("vab,vb->va", blended[:, :3, :3], bent) + blended[:, :3, 3]
    return Body(vertices=vertices, joints=joints)
