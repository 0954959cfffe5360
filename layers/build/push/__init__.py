"""Pushing under a key that is never overwritten."""
