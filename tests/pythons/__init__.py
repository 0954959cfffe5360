"""``./run pythons``: a whole small project from the wheel, on each Python that is supported."""
