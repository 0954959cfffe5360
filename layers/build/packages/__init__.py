"""Python packages served to a build on this machine."""
