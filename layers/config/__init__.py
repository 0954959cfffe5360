"""`images.toml`: read, checked, and as values."""
