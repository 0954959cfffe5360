"""Images that are built: sizes, secrets."""
