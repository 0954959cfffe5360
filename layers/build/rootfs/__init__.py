"""System bases made from Debian packages."""
