"""Stacks: services of a compose file, run from the images that doit made."""
