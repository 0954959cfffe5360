"""Images assembled without an engine against those that BuildKit builds, on random cases."""
