"""Poses of people in pictures and videos."""

__version__ = "1.0.0"
