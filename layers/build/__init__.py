"""Carrying a plan out: build, pull, push, publish."""
