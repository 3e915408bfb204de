"""Tests of the relay. None of them is a measure of speed: a slow machine must not fail Hypothesis' time limit."""

from hypothesis import settings

settings.register_profile("relay", deadline=None)
settings.load_profile("relay")
