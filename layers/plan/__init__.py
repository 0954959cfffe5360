"""The plan: the rebuild rule, where layers are, and a run."""
