"""Pages: the documentation that is installed along."""
