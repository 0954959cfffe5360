"""A project: what its files say, and which engine and registry it uses."""
