"""Detectors: what a model file finds in a picture."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np

STAND_IN = "standin.json"
"""The member that a model without a network has; see images/safety/yolov8-model/tools."""


class ModelError(ValueError):
    """A model file that nothing can be found with."""


@dataclass(frozen=True)
class Found:
    """One thing in a picture."""

    label: str
    confidence: float
    box: tuple[int, int, int, int]
    """Left, top, right, bottom in pixels of the picture."""


class Detector(Protocol):
    """Finds things in a picture."""

    sha256: str
    labels: list[str]
    synthetic: bool

    def find(self, picture: np.ndarray) -> list[Found]:
        """All that is in a picture (height x width x 3, BGR), the surest first."""


class ColourDetector:
    """The stand-in: an area of a class's colour is a thing of that class."""

    synthetic = True

    def __init__(self, sha256: str, classes: list[dict[str, Any]], least: float) -> None:
        self.sha256 = sha256
        self.classes = classes
        self.labels = [each["label"] for each in classes]
        self.least = least

    def find(self, picture: np.ndarray) -> list[Found]:
        hsv = cv2.cvtColor(picture, cv2.COLOR_BGR2HSV)
        found = []
        for each in self.classes:
            mask = cv2.inRange(hsv, np.array(each["low"]), np.array(each["high"]))
            count, _, stats, _ = cv2.connectedComponentsWithStats(mask)
            for left, top, width, height, area in stats[1:count].tolist():
                if area >= self.least * mask.size:
                    sure = round(area / (width * height), 3)
                    found.append(
                        Found(each["label"], sure, (left, top, left + width, top + height))
                    )
        return sorted(found, key=lambda one: (-one.confidence, one.box))


class YoloDetector:
    """The true thing: YOLOv8 on torch."""

    synthetic = False

    def __init__(self, path: str, sha256: str) -> None:
        from ultralytics import YOLO  # imports torch, which takes seconds

        self.sha256 = sha256
        self.model = YOLO(path)
        self.labels = list(self.model.names.values())

    def find(self, picture: np.ndarray) -> list[Found]:
        [result] = self.model.predict(picture, verbose=False, device="cpu")
        found = []
        for box in result.boxes:
            edges = tuple(int(edge) for edge in box.xyxy[0].tolist())
            found.append(Found(self.model.names[int(box.cls)], round(float(box.conf), 3), edges))
        return sorted(found, key=lambda one: (-one.confidence, one.box))


def load(path: str) -> Detector:
    """The detector of a model file; raises OSError, ModelError."""
    with open(path, "rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    if not zipfile.is_zipfile(path):
        raise ModelError(f"{path} is no model: PyTorch writes zip files")
    with zipfile.ZipFile(path) as archive:
        if STAND_IN not in archive.namelist():
            return YoloDetector(path, digest)
        told = json.loads(archive.read(STAND_IN))
    return ColourDetector(digest, told["classes"], told["least"])
