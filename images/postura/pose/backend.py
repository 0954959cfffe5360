"""The batch: poses of all pictures and videos of a folder, one JSON object a line."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys


class Stopped(Exception):
    """SIGTERM or SIGINT came."""


def stop(number: int, _frame: object) -> None:
    raise Stopped(number)


def main(words: list[str] | None = None) -> int:
    """0 all done, 1 some files could not be read, 2 nothing to do, 143 told to stop (130: ^C)."""
    parser = argparse.ArgumentParser(prog="pose.backend", description=__doc__)
    parser.add_argument("--input", default="/data/input", help="a file or folder (%(default)s)")
    parser.add_argument("--output", default="/data/output", help="a folder (%(default)s)")
    parser.add_argument("--rate", type=float, default=5.0, help="frames of a video's second")
    asked = parser.parse_args(words)
    # Python as process 1 ignores SIGTERM unless told
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        return run(asked.input, asked.output, asked.rate)
    except Stopped as signalled:
        print("pose.backend: stopped; the files that were done are in the output", file=sys.stderr)
        return 128 + int(signalled.args[0])


def run(source: str, target: str, rate: float) -> int:
    """Write ``poses.jsonl`` of each input file under its name; a file is there whole or not."""
    from pose import pictures
    from pose.landmarks import BlazePose

    todo = pictures.files(source)
    if not todo:
        print(f"pose.backend: nothing to do: no picture or video at {source}", file=sys.stderr)
        return 2
    os.makedirs(target, exist_ok=True)
    model, failed = BlazePose(), 0
    top = source if os.path.isdir(source) else os.path.dirname(source)
    for path in todo:
        name = os.path.relpath(path, top)
        end = os.path.join(target, name + ".jsonl")
        os.makedirs(os.path.dirname(end), exist_ok=True)
        count = 0
        try:
            with open(end + ".part", "w", encoding="utf-8") as file:
                for seconds, picture in pictures.pictures(path, rate):
                    row = {"file": name, "seconds": seconds, "pose": model.find(picture)}
                    file.write(json.dumps(row) + "\n")
                    count += 1
            os.replace(end + ".part", end)
            print(f"{name}: {count} pictures", flush=True)
        except (OSError, pictures.PictureError) as error:
            failed += 1
            print(f"pose.backend: {name}: {error}", file=sys.stderr)
        finally:
            if os.path.exists(end + ".part"):
                os.remove(end + ".part")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
