"""Pictures of the graph: text, SVG, Mermaid, DOT."""
