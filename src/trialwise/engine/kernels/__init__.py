"""Compiled kernels, and the cache of their machine code."""

from trialwise.engine.kernels import cache as cache
