"""Nouns of the OCI specifications: digests, references, platforms, artifacts."""
