"""Run by the stage build: the imports, the model and the arithmetic must work."""

from __future__ import annotations

import importlib
import sys

import numpy as np

import app
import pose
import smpl

for name in ("joblib", "torch", "torchvision", "pytorch3d", "detectron2", "phalp", "hmr2"):
    importlib.import_module(name)

model = smpl.load(sys.argv[1])
still = pose.take(model, np.zeros(1), np.zeros((smpl.JOINTS, 3)))
assert np.allclose(still.vertices, model.template), "the zero pose must be the template"
vectors = np.zeros((smpl.JOINTS, 3))
vectors[0, 1] = np.pi / 2
side = pose.take(model, np.zeros(1), vectors).vertices - still.joints[0]
assert np.allclose(side[:, 0], (still.vertices - still.joints[0])[:, 2]), "a quarter turn about y"

answer = app.make_app(model).test_client().post("/pose", json={"betas": [1.0]})
assert answer.status_code == 200, answer.text
print(f"checked: {len(model.template)} vertices, height {answer.json['height']} m")
