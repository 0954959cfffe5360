"""What package indexes and pip answer."""
