"""Origins: what a tail takes from elsewhere, and so which tails a layer can have.

- `ways`: of one layer, by what is in the registry.
- `whole`: of a project, for those who leave trunks and listings, and who clean up.
"""
