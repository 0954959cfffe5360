"""Pictures: from bytes, from picture files, and from videos through ffmpeg."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator

import cv2
import numpy as np

STILL = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
MOVING = (".mp4", ".mov", ".mkv", ".avi", ".webm")


class PictureError(ValueError):
    """A file that is neither a picture nor a video."""


def decode(body: bytes) -> np.ndarray:
    """The picture in JPEG, PNG, WebP or BMP as height x width x 3, RGB; raises PictureError."""
    picture = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR) if body else None
    if picture is None:
        raise PictureError("expected a JPEG, PNG, WebP or BMP picture")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def files(path: str) -> list[str]:
    """The file itself, or all pictures and videos below a folder, in the order of their names."""
    if os.path.isfile(path):
        return [path]
    found = []
    for folder, folders, names in os.walk(path):
        folders.sort()
        found += [os.path.join(folder, n) for n in names if n.lower().endswith((*STILL, *MOVING))]
    return sorted(found)


def pictures(path: str, rate: float) -> Iterator[tuple[float | None, np.ndarray]]:
    """``(seconds, picture)`` of a file: ``rate`` a second of a video, or the one with None."""
    if not path.lower().endswith(MOVING):
        with open(path, "rb") as file:
            yield None, decode(file.read())
        return
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", path, "-vf", f"fps={rate}"]
    command += ["-f", "image2pipe", "-c:v", "ppm", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as ffmpeg:
        number = 0
        try:
            while (picture := _ppm(ffmpeg.stdout)) is not None:
                yield number / rate, picture
                number += 1
        finally:
            ffmpeg.kill()
        reason = ffmpeg.stderr.read().decode(errors="replace").strip()
    if number == 0:
        raise PictureError(f"{path}: no video in it: {reason.splitlines()[-1] if reason else ''}")


def _ppm(stream) -> np.ndarray | None:
    """The next binary PPM of a stream, as ffmpeg writes it: three lines and the bytes."""
    if stream.readline() != b"P6\n":
        return None
    width, height = map(int, stream.readline().split())
    stream.readline()
    body = stream.read(width * height * 3)
    if len(body) < width * height * 3:
        return None
    return np.frombuffer(body, np.uint8).reshape(height, width, 3)
