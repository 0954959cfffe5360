"""The rules of `doit check`, by kind."""
