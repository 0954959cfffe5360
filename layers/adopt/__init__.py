"""Adopt: what a repository says of how its images are built, as an ``images.toml``."""
