"""Reads an SMPL model without running what its pickle names.

A pickle may name any function to call. This loader knows a short list: numpy's arrays as they are,
and in place of scipy's sparse matrices and chumpy's arrays (the published models hold both) small
classes of its own that only keep the numbers. Any other name is refused.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from dataclasses import dataclass

import numpy as np

JOINTS = 24
NO_PARENT = -1


class ModelError(Exception):
    """The file is no SMPL model, or names something that is not on the list."""


class SparseColumns:
    """Stands in for ``scipy.sparse.csc_matrix``: keeps its state, gives a dense array."""

    def __setstate__(self, state: dict) -> None:
        self.state = state

    def dense(self) -> np.ndarray:
        state = self.state
        rows, columns = state.get("_shape") or state["shape"]
        result = np.zeros((rows, columns))
        for column in range(columns):
            start, end = state["indptr"][column], state["indptr"][column + 1]
            np.add.at(result[:, column], state["indices"][start:end], state["data"][start:end])
        return result


class Chumpy:
    """Stands in for ``chumpy``'s arrays: keeps their state, gives the plain array within."""

    def __setstate__(self, state: dict) -> None:
        self.state = state

    def dense(self) -> np.ndarray:
        if "x" in self.state:  # chumpy.ch.Ch: a plain array
            return as_array(self.state["x"])
        if {"a", "idxs"} <= set(self.state):  # chumpy.reordering.Select: elements of another array
            chosen = as_array(self.state["a"]).ravel()[as_array(self.state["idxs"]).astype(int)]
            shape = self.state.get("preferred_shape")
            return chosen.reshape(shape) if shape is not None else chosen
        raise ModelError(f"a chumpy array with only {sorted(self.state)} cannot be read")


def _reconstruct_object(cls: type, base: type, state: object) -> object:
    """``copyreg._reconstructor`` for the two classes above, and for nothing else."""
    if cls not in (SparseColumns, Chumpy) or base is not object or state is not None:
        raise ModelError(f"the model asks to construct a {cls!r}")
    return cls.__new__(cls)


def _numpy_reconstruct(cls: type, shape: tuple, kind: bytes) -> np.ndarray:
    """``numpy.core.multiarray._reconstruct``: an empty array that its state then fills."""
    if cls is not np.ndarray:
        raise ModelError(f"the model asks for an array of class {cls!r}")
    return np.ndarray.__new__(np.ndarray, shape, kind)


def _numpy_scalar(dtype: np.dtype, data: bytes | str) -> object:
    """``numpy.core.multiarray.scalar``: one number from its bytes."""
    raw = data.encode("latin1") if isinstance(data, str) else data
    return np.frombuffer(raw, dtype)[0]


def _encode(text: str, encoding: str) -> bytes:
    """``_codecs.encode``: how Python 3 writes bytes in the protocol of Python 2."""
    if encoding != "latin1":
        raise ModelError(f"the model asks for the encoding {encoding!r}")
    return text.encode("latin1")


ALLOWED = {
    ("__builtin__", "object"): object,
    ("__builtin__", "set"): set,
    ("_codecs", "encode"): _encode,
    ("builtins", "object"): object,
    ("builtins", "set"): set,
    ("copy_reg", "_reconstructor"): _reconstruct_object,
    ("copyreg", "_reconstructor"): _reconstruct_object,
    ("numpy", "dtype"): np.dtype,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy.core.multiarray", "_reconstruct"): _numpy_reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _numpy_reconstruct,
    ("numpy.core.multiarray", "scalar"): _numpy_scalar,
    ("numpy._core.multiarray", "scalar"): _numpy_scalar,
    ("scipy.sparse.csc", "csc_matrix"): SparseColumns,
    ("scipy.sparse._csc", "csc_matrix"): SparseColumns,
    ("chumpy.ch", "Ch"): Chumpy,
    ("chumpy.reordering", "Select"): Chumpy,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> object:
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise ModelError(f"the model names {module}.{name}, which is not on the list") from None


def as_array(value: object) -> np.ndarray:
    """Any of the kinds of numbers that a model may hold, as a plain array of floats."""
    if isinstance(value, (SparseColumns, Chumpy)):
        return value.dense()
    return np.asarray(value, dtype=float)


@dataclass(frozen=True)
class Model:
    """What posing needs of an SMPL model; lengths in metres, V vertices, B betas, 24 joints."""

    sha256: str
    template: np.ndarray  # V x 3
    shape: np.ndarray  # V x 3 x B
    pose: np.ndarray  # V x 3 x 207
    regressor: np.ndarray  # 24 x V
    weights: np.ndarray  # V x 24
    parents: tuple[int, ...]  # NO_PARENT for the root, otherwise always a smaller joint
    synthetic: bool


def load(path: str) -> Model:
    """Read the model at ``path``; raises ModelError, or OSError where there is no such file."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        # the published models were written by Python 2: their strings are bytes
        raw = _Unpickler(io.BytesIO(data), encoding="latin1").load()
        if not isinstance(raw, dict):
            raise ModelError(f"{path}: holds a {type(raw).__name__}, not a dict")
        tree = as_array(raw["kintree_table"])[0]
        parents = (NO_PARENT, *(int(parent) for parent in tree[1:]))
        model = Model(
            sha256=hashlib.sha256(data).hexdigest(),
            template=as_array(raw["v_template"]),
            shape=as_array(raw["shapedirs"]),
            pose=as_array(raw["posedirs"]),
            regressor=as_array(raw["J_regressor"]),
            weights=as_array(raw["weights"]),
            parents=parents,
            synthetic="synthetic" in raw,
        )
    except (pickle.UnpicklingError, EOFError, KeyError, ValueError, TypeError, IndexError,
            AttributeError, ImportError) as error:  # fmt: skip
        raise ModelError(f"{path}: not an SMPL model: {error}") from error
    _check(path, model)
    return model


def _check(path: str, model: Model) -> None:
    """The arrays must fit each other; raises ModelError."""
    vertices = len(model.template)
    faults = [
        name
        for name, array, wanted in (
            ("v_template", model.template, (vertices, 3)),
            ("shapedirs", model.shape[:, :, :1], (vertices, 3, 1)),
            ("posedirs", model.pose, (vertices, 3, 9 * (JOINTS - 1))),
            ("J_regressor", model.regressor, (JOINTS, vertices)),
            ("weights", model.weights, (vertices, JOINTS)),
        )
        if array.shape != wanted or not np.isfinite(array).all()
    ]
    if len(model.parents) != JOINTS or any(
        not 0 <= parent < joint for joint, parent in enumerate(model.parents) if joint
    ):
        faults.append("kintree_table")
    if faults:
        raise ModelError(f"{path}: unfit for {JOINTS} joints: {', '.join(faults)}")
