"""Frames: a stream of pictures, some of them looked at."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter

import cv2
import numpy as np

from detector import Detector, Found
from settings import Settings

GREEN = (0, 255, 0)


class FrameError(ValueError):
    """Bytes that are no picture."""


def decode(body: bytes) -> np.ndarray:
    """The picture in a JPEG or PNG, height x width x 3, BGR; raises FrameError."""
    picture = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR) if body else None
    if picture is None:
        raise FrameError("expected a JPEG or PNG picture")
    return picture


class Frames:
    """The stream; one picture at a time, whoever sends them."""

    def __init__(self, detector: Detector, settings: Settings) -> None:
        self.detector = detector
        self.settings = settings
        self.seen = self.looked = 0
        self.found: list[Found] = []
        self.last: bytes | None = None
        self.totals: Counter[str] = Counter()
        self.milliseconds = 0.0
        self._one = threading.Lock()

    def add(self, body: bytes) -> tuple[bool, list[Found]]:
        """Take the next frame: whether it was looked at, and what is known to be in it."""
        picture = decode(body)
        with self._one:
            look = self.seen % self.settings.every == 0
            self.seen += 1
            if look:
                begin = time.perf_counter()
                self.found = self._find(picture)
                self.milliseconds = round((time.perf_counter() - begin) * 1000, 1)
                self.looked += 1
                self.totals.update(one.label for one in self.found)
            self._keep(picture)
            return look, self.found

    def _find(self, picture: np.ndarray) -> list[Found]:
        """What is in a picture that is scaled down first; boxes are of the picture itself."""
        height, width = picture.shape[:2]
        scale = min(1.0, self.settings.size / max(height, width))
        small = cv2.resize(picture, None, fx=scale, fy=scale) if scale < 1 else picture
        found = self.detector.find(small)
        return [
            Found(one.label, one.confidence, tuple(round(edge / scale) for edge in one.box))
            for one in found
        ]

    def _keep(self, picture: np.ndarray) -> None:
        marked = picture.copy()
        for one in self.found:
            left, top, right, bottom = one.box
            cv2.rectangle(marked, (left, top), (right, bottom), GREEN, 2)
            cv2.putText(marked, one.label, (left, max(12, top - 4)),
                        cv2.FONT_HERSHEY_SIMPLEX, 0.5, GREEN, 1)  # fmt: skip
        quality = [cv2.IMWRITE_JPEG_QUALITY, self.settings.quality]
        self.last = cv2.imencode(".jpg", marked, quality)[1].tobytes()
        path = os.path.join(self.settings.frames, "last.jpg")
        with open(path + ".new", "wb") as file:
            file.write(self.last)
        os.replace(path + ".new", path)
