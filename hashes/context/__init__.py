"""Build contexts: trees, ignore patterns, what a COPY names, hashes of files."""
