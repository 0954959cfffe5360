"""Assembling: brings a layer into the registry without the engine, upon what is there.

- `base`: where the trunk of a layer is, its configuration and its listing.
- `origins`: what it takes from other stages and images, read from the registry.
- `image`: the layer, put together upon that and sent.
- `trunk`: what whoever builds an image leaves for those that come after: its trunk.
"""
