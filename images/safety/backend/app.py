"""The safety backend: frames come in, helmets and vests are found in them."""

from __future__ import annotations

import logging
import os
import sys
from contextlib import asynccontextmanager
from dataclasses import asdict
from importlib import metadata

import uvicorn
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from starlette.concurrency import run_in_threadpool

import detector
import settings
from frames import FrameError, Frames

MOST_BYTES = 8 << 20
PACKAGES = ("torch", "torchvision", "ultralytics", "opencv-python", "numpy")
log = logging.getLogger("safety")


def make_app(frames: Frames) -> FastAPI:
    """The ASGI application around one stream of frames."""

    @asynccontextmanager
    async def life(_app: FastAPI):
        log.info("up: %s", ", ".join(frames.detector.labels))
        yield
        log.info("down after %d frames", frames.seen)

    app = FastAPI(title="safety-backend", lifespan=life)
    # the pages come from another port than the API
    app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_methods=["*"])
    packages = {name: metadata.version(name) for name in PACKAGES}

    @app.get("/stats")
    def stats():
        chosen = frames.settings
        return {
            "status": "ok",
            "service": "safety-backend",
            "model": {
                "path": chosen.model,
                "sha256": frames.detector.sha256,
                "synthetic": frames.detector.synthetic,
                "labels": frames.detector.labels,
            },
            "settings": {
                "process_every_n_frames": chosen.every,
                "inference_size": chosen.size,
                "jpeg_quality": chosen.quality,
            },
            "frames": {"seen": frames.seen, "processed": frames.looked},
            "milliseconds": frames.milliseconds,
            "found": dict(frames.totals),
            "packages": packages,
        }

    @app.post("/frames")
    async def add(request: Request):
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                raise HTTPException(413, f"a frame has at most {MOST_BYTES} bytes")
        try:
            looked, found = await run_in_threadpool(frames.add, bytes(body))
        except FrameError as error:
            raise HTTPException(400, str(error)) from None
        return {"processed": looked, "found": [asdict(one) for one in found]}

    @app.get("/frames/last.jpg")
    def last():
        if frames.last is None:
            raise HTTPException(404, "no frame came yet")
        return Response(frames.last, media_type="image/jpeg", headers={"cache-control": "no-store"})

    return app


def main() -> int:
    """Load the model, then serve until SIGTERM or SIGINT; 1 where nothing can be served."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        chosen = settings.read()
        model = detector.load(chosen.model)
        log.addHandler(logging.FileHandler(os.path.join(chosen.logs, "backend.log")))
    except FileNotFoundError as error:
        print(f"safety-backend: no {error.filename}: yolov8-model puts the model into the volume",
              file=sys.stderr)  # fmt: skip
        return 1
    except (OSError, settings.SettingsError, detector.ModelError) as error:
        print(f"safety-backend: {error}", file=sys.stderr)
        return 1
    # uvicorn ends by itself on SIGTERM, which Python as process 1 would ignore
    uvicorn.run(make_app(Frames(model, chosen)), host="0.0.0.0", port=chosen.port,
                log_level="warning", timeout_graceful_shutdown=5)  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
