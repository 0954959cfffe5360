"""The ground: events, files, processes, signals and threads."""
