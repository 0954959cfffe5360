"""Build contexts on their way to BuildKit, proven byte by byte."""
