"""Watching: an image is made again when an input of its key changes."""
