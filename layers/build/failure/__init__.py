"""Failure: what is behind a step that failed, where its last words leave no doubt."""
