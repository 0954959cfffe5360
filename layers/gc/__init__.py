"""Cleaning up: what may go from engine, registry and ``.layers``, and taking it away."""
