#!/usr/bin/env python3
"""Makes a synthetic best.pt: make_model.py PATH

A zip file, as PyTorch writes them, without a network in it: standin.json tells the backend which
colours mean a helmet or a vest. Filled up to the size of a small model; the same bytes every time.
"""

import json
import os
import sys
import tempfile
import zipfile

BYTES = 6 << 20  # yolov8n.pt has 6 MB
TIME = (1980, 1, 1, 0, 0, 0)
MODEL = {
    "about": "a stand-in for a YOLOv8 model: colours, no network",
    "least": 0.002,
    # hue 0-179, saturation and value 0-255, as OpenCV counts them
    "classes": [
        {"label": "helmet", "low": [20, 120, 120], "high": [35, 255, 255]},
        {"label": "vest", "low": [5, 150, 150], "high": [15, 255, 255]},
        {"label": "no-helmet", "low": [110, 120, 80], "high": [130, 255, 255]},
    ],
}


def noise(count):
    """``count`` bytes that no compression makes smaller: a linear congruential generator."""
    state, words = 20231, bytearray()
    while len(words) < count:
        state = (6364136223846793005 * state + 1442695040888963407) % 2**64
        words += (state >> 32).to_bytes(4, "big")
    return bytes(words[:count])


def write(file):
    """The archive; stored without compression, so that no zlib decides its bytes."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, data in (
            ("standin.json", json.dumps(MODEL, sort_keys=True).encode()),
            ("filling", noise(BYTES)),
        ):
            info = zipfile.ZipInfo(name, TIME)
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)


def main(arguments):
    """Write the model to the one path given, all of it or nothing; exit 2 for anything else."""
    if len(arguments) != 1:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    path = arguments[0]
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "wb") as file:
        write(file)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
