"""The nightly refresh: bases built anew where something below them moved, with proof."""
