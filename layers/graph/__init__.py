"""The graph: layers, their edges, their keys and what a key covers."""
