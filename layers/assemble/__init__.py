"""Images assembled without an engine: a trunk that is there already, and what stands on it.

A code edit is a COPY and some settings on top of a base that did not change.  BuildKit needs the
whole base for that; the registry needs one small filesystem layer, a configuration and a manifest.

- `trunk`: which steps of a stage need BuildKit, and which come after the last of them (the tail).
- `cut`: the trunk of an image that is there, from its history, over the layers that it has anyway.
- `walk`: the instructions one by one, each with what it sees; all of them, or those of the tail.
- `listing`, `tarballs`: what is at the destination of a COPY, as read from filesystem layers.
- `sources`: what a COPY brings from a build context, as values; bytes are checked when read.
- `copying`, `users`: what a COPY or WORKDIR does to a listing, by BuildKit's own rules.
- `layer`: the tar of one step.
- `configuration`, `healthcheck`: what the settings do to an image's configuration.
- `origins`: what a COPY takes from another stage or image, out of its filesystem layers.
- `recipe`, `image`: all of it together: configuration, manifest and new filesystem layers.

Where it cannot be right it is not done: an `Obstacle` says which line is in the way.
"""
