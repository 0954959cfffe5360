"""The pose service: GET /health tells what is loaded, POST /pose poses the body."""

from __future__ import annotations

import os
import signal
import sys
from importlib import metadata

from flask import Flask, jsonify, request

import pose
import smpl

PACKAGES = ("torch", "torchvision", "pytorch3d", "detectron2", "phalp", "hmr2", "joblib", "numpy")
MODEL = "/app/data/basicmodel_m_lbs_10_207_0_v1.1.0.pkl"
MOST_BETAS = 10


def make_app(model: smpl.Model) -> Flask:
    """The WSGI application around one loaded model."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 64 * 1024
    packages = {name: metadata.version(name) for name in PACKAGES}

    @app.get("/health")
    def health():
        return jsonify(
            status="ok",
            service="pose-service",
            model={
                "sha256": model.sha256,
                "synthetic": model.synthetic,
                "vertices": len(model.template),
                "joints": smpl.JOINTS,
                "betas": model.shape.shape[2],
            },
            packages=packages,
        )

    @app.post("/pose")
    def take_pose():
        asked = request.get_json(silent=True)
        if not isinstance(asked, dict):
            return jsonify(error="expected a JSON object with 'betas' and 'pose'"), 400
        try:
            betas = pose.numbers(asked.get("betas", []), "betas",
                                 min(MOST_BETAS, model.shape.shape[2]))  # fmt: skip
            vectors = pose.numbers(asked.get("pose", []), "pose", 3 * smpl.JOINTS)
        except pose.PoseError as error:
            return jsonify(error=str(error)), 400
        body = pose.take(model, betas, vectors.reshape(smpl.JOINTS, 3))
        low, high = body.vertices.min(axis=0), body.vertices.max(axis=0)
        return jsonify(
            joints=body.joints.round(6).tolist(),
            parents=list(model.parents),
            box=[low.round(6).tolist(), high.round(6).tolist()],
            height=round(float(high[1] - low[1]), 6),
        )

    return app


def main() -> int:
    """Load the model, then serve until SIGTERM or SIGINT."""
    from waitress import serve

    # Python as process 1 ignores SIGTERM unless told: "docker stop" would wait 10 s
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        model = smpl.load(os.environ.get("SMPL_MODEL_PATH", MODEL))
    except (OSError, smpl.ModelError) as error:
        print(f"pose-service: {error}", file=sys.stderr)
        return 1
    port = int(os.environ.get("PORT", "5000"))
    print(f"pose-service listens on {port}, {len(model.template)} vertices", flush=True)
    serve(make_app(model), host="0.0.0.0", port=port, threads=4)
    return 0


if __name__ == "__main__":
    sys.exit(main())
