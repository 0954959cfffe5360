"""The report: one page about a project's images."""
