"""Checks: what is known to go wrong in a build, told before it starts."""
