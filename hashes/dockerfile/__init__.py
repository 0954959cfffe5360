"""Dockerfiles: parsed, expanded, and the state that each step sees."""
