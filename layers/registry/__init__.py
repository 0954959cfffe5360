"""Registries over HTTP: manifests, blobs, tags, referrers."""
