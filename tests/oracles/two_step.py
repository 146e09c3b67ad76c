"""The hybrid of Daw et al. (2011) on whole trials, written out: log-probabilities of both choices."""

import numpy as np


def hybrid(p, first, place, second, reward):
    """``(trials, 2)``; places 0 and 1."""
    top, bottom, last, scores = np.zeros(2), np.zeros((2, 2)), None, []
    reach = np.array([[0.7, 0.3], [0.3, 0.7]])
    for a, s, b, r in zip(first, place, second, reward, strict=True):
        net = p["omega"] * reach @ bottom.max(1) + (1 - p["omega"]) * top
        logits = p["beta"] * net + p["perseveration"] * (np.arange(2) == last)
        then = p["beta_second"] * bottom[s]
        scores.append([logits[a] - np.logaddexp(*logits), then[b] - np.logaddexp(*then)])
        ahead, error = bottom[s, b] - top[a], r - bottom[s, b]
        top[a] += p["alpha"] * ahead + p["alpha"] * p["trace"] * error
        bottom[s, b] += p["alpha_second"] * error
        last = a
    return np.array(scores)
