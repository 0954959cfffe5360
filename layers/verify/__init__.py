"""Verifying: an image that was assembled, built by BuildKit as well and compared.

- `content`: what an image holds, and what differs between two.
- `read`: images read from the engine and from the registry.
- `verify`: which images are built, and what is told.
"""
