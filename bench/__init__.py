"""Benchmarks: how long we take beside other tools, as ratios of medians of one run."""
