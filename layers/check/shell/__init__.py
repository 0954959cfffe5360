"""Shell as it stands in RUN lines: words, calls, lines."""
