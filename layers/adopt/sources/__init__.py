"""Sources: the files that say how images are built, each read by its own program or library."""
