"""What to do about layers: spec, graph, plan, and the effects that carry a plan out."""
