"""Build needs: packages that import others while they are built, and do not say so.

Each row has its source: the project's setup.py, or a report of the failure.
"""

from __future__ import annotations

from typing import NamedTuple


class Need(NamedTuple):
    """What has to be in an environment before a package is installed into it."""

    imports: str
    """The distribution that has to be there."""
    source: str
    below: str = ""
    """The requirement of the package that imports it; empty: the package itself."""
    cloned: bool = False
    """True: only of what comes from a repository; an index has wheels, or another package."""
    later: bool = False
    """True: it is imported when the package is, so that only ``--no-deps`` leaves it out."""


def _github(path: str) -> str:
    return f"https://github.com/{path}"


_NEEDS: dict[str, Need] = {
    "pytorch3d": Need("torch", _github("facebookresearch/pytorch3d/issues/1892")),
    "detectron2": Need("torch", _github("facebookresearch/detectron2/blob/main/setup.py")),
    "chumpy": Need("pip", _github("mattloper/chumpy/issues/50")),
    "flash-attn": Need("torch", _github("Dao-AILab/flash-attention/blob/main/setup.py")),
    "apex": Need("torch", _github("NVIDIA/apex/blob/master/setup.py"), cloned=True),
    "mmcv": Need("torch", _github("open-mmlab/mmcv/blob/main/setup.py")),
    "mmcv-full": Need("torch", _github("open-mmlab/mmcv/blob/1.x/setup.py")),
    "torch-scatter": Need("torch", _github("rusty1s/pytorch_scatter/blob/master/setup.py")),
    "torch-sparse": Need("torch", _github("rusty1s/pytorch_sparse/blob/master/setup.py")),
    "torch-cluster": Need("torch", _github("rusty1s/pytorch_cluster/blob/master/setup.py")),
    "torch-spline-conv": Need("torch", _github("rusty1s/pytorch_spline_conv/blob/master/setup.py")),
    "nvdiffrast": Need("torch", _github("NVlabs/nvdiffrast/blob/main/setup.py"), cloned=True),
    "causal-conv1d": Need("torch", _github("Dao-AILab/causal-conv1d/blob/main/setup.py")),
    "mamba-ssm": Need("torch", _github("state-spaces/mamba/blob/main/setup.py")),
    "diff-gaussian-rasterization": Need(
        "torch", _github("graphdeco-inria/diff-gaussian-rasterization/issues/92"), cloned=True
    ),
    "simple-knn": Need(
        "torch", _github("graphdeco-inria/diff-gaussian-rasterization/issues/92"), cloned=True
    ),
    "neural-renderer-pytorch": Need(
        "torch", _github("daniilidis-group/neural_renderer"), cloned=True
    ),
}
"""Packages whose own setup.py imports something."""

_PHALP = _github("brjathu/PHALP/blob/master/setup.py")
NEEDS: dict[str, tuple[Need, ...]] = {
    **{name: (need,) for name, need in _NEEDS.items()},
    "phalp": (Need("torch", _PHALP, "detectron2"), Need("joblib", _PHALP, later=True)),
}
"""By normalised name."""
ALIASES = {"nmr": "neural-renderer-pytorch"}
"""Repositories that are called otherwise than the package in them."""

BRING: dict[str, frozenset[str]] = {
    "torch": frozenset(
        (
            *("torchvision", "torchaudio", "timm", "ultralytics", "lightning", "fastai", "kornia"),
            *("pytorch-lightning", "accelerate", "sentence-transformers", "torchmetrics", "peft"),
            *("openai-whisper", "xformers", "torchtext", "bitsandbytes", "trl", "deepspeed"),
            *("facexlib", "basicsr", "realesrgan", "easyocr", "vllm", "stable-baselines3", "smplx"),
            *("segment-anything", "torchdata", "open-clip-torch", "monai", "pyro-ppl", "gpytorch"),
            *("super-gradients", "torch-fidelity", "lpips", "effdet", "doctr", "python-doctr"),
        )
    ),
    "joblib": frozenset(
        ("scikit-learn", "librosa", "imbalanced-learn", "mlxtend", "nltk", "phalp", "umap-learn")
    ),
    "pip": frozenset(),
}
"""Packages whose own requirements bring another."""
