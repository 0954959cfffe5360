"""Landmarks: where MediaPipe's BlazePose sees the 33 points of a body."""

from __future__ import annotations

import threading
from typing import Any

import mediapipe
import numpy as np

NAMES = [point.name.lower() for point in mediapipe.solutions.pose.PoseLandmark]


class BlazePose:
    """The model that comes in the package; one picture at a time, from any thread."""

    def __init__(self) -> None:
        # complexity 1: the one model that is in the wheel, the others would be downloaded
        self._pose = mediapipe.solutions.pose.Pose(static_image_mode=True, model_complexity=1)
        self._one = threading.Lock()

    def find(self, picture: np.ndarray) -> dict[str, Any] | None:
        """Points by name, x and y in pixels, and how sure each is; None where nobody is seen.

        ``picture`` is height x width x 3, RGB.
        """
        height, width = picture.shape[:2]
        with self._one:
            points = self._pose.process(picture).pose_landmarks
        if points is None:
            return None
        return {
            name: {
                "x": round(point.x * width, 1),
                "y": round(point.y * height, 1),
                "visibility": round(point.visibility, 3),
            }
            for name, point in zip(NAMES, points.landmark, strict=True)
        }
