"""Reports: events as lines, as a live terminal, as JSON."""
