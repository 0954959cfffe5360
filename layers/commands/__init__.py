"""Commands that we add to doit."""
