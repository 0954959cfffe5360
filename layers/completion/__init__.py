"""Completion: what a shell offers at TAB, as a table and as scripts of three shells."""
