"""Sizes: what an image's bytes are, by layer, by package and by file."""
