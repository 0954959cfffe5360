"""The engine and the registry of this checkout's own."""
