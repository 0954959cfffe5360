"""The engine behind its socket: images, containers, streams."""
