"""Compiled kernels, and where their machine code is kept."""

from trialwise.engine.kernels import cache as cache
