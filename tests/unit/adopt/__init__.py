"""Tests of layers/adopt."""
