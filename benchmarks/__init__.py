"""Benchmarks of trialwise and other libraries, measured in one run."""
