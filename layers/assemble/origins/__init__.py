"""Origins: files that a COPY takes from another stage or image, read out of filesystem layers.

- `taken`: the files that are wanted of one filesystem layer, as far as bounds allow.
- `rootfs`: what is in a stage or an image, and what a source of a COPY names in it.
"""
