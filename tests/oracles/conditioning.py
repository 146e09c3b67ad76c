"""Rescorla-Wagner and hybrid Pearce-Hall with a Normal response, from the equations, for one participant."""

import numpy as np
from scipy.stats import norm


def rescorla_wagner(cue, response, outcome, reset, scored, *, cues, alpha, intercept, slope, noise, initial):
    """Sum of log-densities; a response of NaN is missing, an outcome of NaN is absent, a response that is not scored counts not."""
    value, total = np.full(cues, float(initial)), 0.0
    for s, y, r, restart, own, t in zip(cue, response, outcome, reset, scored, range(len(cue)), strict=True):
        if restart and t:
            value[:] = initial
        if own and not np.isnan(y):
            total += norm.logpdf(y, intercept + slope * value[s], noise)
        if not np.isnan(r):
            value[s] = (1 - alpha) * value[s] + alpha * r
    return total


def pearce_hall(
    cue, response, outcome, reset, scored, *, cues, kappa, eta, intercept, slope, noise, initial, initial_associability
):
    """As :func:`rescorla_wagner`; the value is updated with the associability from before the trial."""
    value, associability, total = np.full(cues, float(initial)), np.full(cues, float(initial_associability)), 0.0
    for s, y, r, restart, own, t in zip(cue, response, outcome, reset, scored, range(len(cue)), strict=True):
        if restart and t:
            value[:], associability[:] = initial, initial_associability
        if own and not np.isnan(y):
            total += norm.logpdf(y, intercept + slope * value[s], noise)
        if not np.isnan(r):
            surprise = r - value[s]
            value[s] += kappa * associability[s] * surprise
            associability[s] = eta * np.abs(surprise) + (1 - eta) * associability[s]
    return total
