"""Pages in a real browser: ``./run browser``."""
