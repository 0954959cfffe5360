"""A drawn person: what the API looks at first, and a picture for trying things out.

``python -m pose.figure FILE.png`` writes it.
"""

from __future__ import annotations

import sys

import cv2
import numpy as np

WIDTH, HEIGHT = 480, 640
SHOULDERS = {"left_shoulder": (298, 215), "right_shoulder": (182, 215)}
"""Where the shoulders are drawn, in pixels."""

SKIN, SHIRT, TROUSERS = (150, 180, 225), (170, 70, 40), (60, 50, 45)
HAIR, SHOE, WHITE, LIPS = (30, 40, 60), (20, 20, 20), (255, 255, 255), (90, 90, 190)
LIMBS = (
    *((215, 360, 210, 470, 44, TROUSERS), (210, 470, 208, 570, 34, TROUSERS)),
    *((265, 360, 270, 470, 44, TROUSERS), (270, 470, 272, 570, 34, TROUSERS)),
    *((205, 590, 190, 598, 22, SHOE), (275, 590, 290, 598, 22, SHOE)),
    *((185, 215, 155, 300, 34, SHIRT), (155, 300, 140, 375, 26, SKIN)),
    *((295, 215, 325, 300, 34, SHIRT), (325, 300, 340, 375, 26, SKIN)),
    (240, 170, 240, 200, 36, SKIN),
)
TRUNK = ((180, 200), (300, 200), (290, 300), (286, 370), (194, 370), (190, 300))


def draw() -> np.ndarray:
    """The picture, height x width x 3, RGB."""
    img = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    cv2.fillPoly(img, [np.array(TRUNK)], SHIRT, cv2.LINE_AA)
    for x1, y1, x2, y2, width, colour in LIMBS:
        cv2.line(img, (x1, y1), (x2, y2), colour, width, cv2.LINE_AA)
    for hand in ((138, 392), (342, 392)):
        cv2.circle(img, hand, 16, SKIN, -1)
    cv2.ellipse(img, (240, 125), (40, 52), 0, 0, 360, SKIN, -1, cv2.LINE_AA)
    cv2.ellipse(img, (240, 98), (44, 34), 0, 180, 360, HAIR, -1, cv2.LINE_AA)
    for x in (224, 256):
        cv2.ellipse(img, (x, 120), (8, 5), 0, 0, 360, WHITE, -1, cv2.LINE_AA)
        cv2.circle(img, (x, 120), 4, SHOE, -1, cv2.LINE_AA)
        cv2.ellipse(img, (x, 109), (10, 3), 0, 180, 360, HAIR, 2, cv2.LINE_AA)
    cv2.line(img, (240, 122), (236, 140), LIPS, 2, cv2.LINE_AA)
    cv2.ellipse(img, (240, 155), (14, 5), 0, 0, 180, LIPS, 3, cv2.LINE_AA)
    return cv2.cvtColor(cv2.GaussianBlur(img, (3, 3), 0), cv2.COLOR_BGR2RGB)


if __name__ == "__main__":
    if not cv2.imwrite(sys.argv[1], cv2.cvtColor(draw(), cv2.COLOR_RGB2BGR)):
        sys.exit(f"pose.figure: {sys.argv[1]} cannot be written")
