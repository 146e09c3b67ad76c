"""The hybrid model of Daw et al. (2011) on complete trials: log-probabilities of both choices."""

import numpy as np


def hybrid(p, first, states, second, reward):
    """Log-probabilities, ``(trials, 2)``; second-stage states are 0 and 1."""
    first_values, second_values, previous, scores = np.zeros(2), np.zeros((2, 2)), None, []
    transitions = np.array([[0.7, 0.3], [0.3, 0.7]])
    for a, s, b, r in zip(first, states, second, reward, strict=True):
        net = p["omega"] * transitions @ second_values.max(1) + (1 - p["omega"]) * first_values
        logits = p["beta"] * net + p["perseveration"] * (np.arange(2) == previous)
        second_logits = p["beta_second"] * second_values[s]
        scores.append([logits[a] - np.logaddexp(*logits), second_logits[b] - np.logaddexp(*second_logits)])
        first_error, error = second_values[s, b] - first_values[a], r - second_values[s, b]
        first_values[a] += p["alpha"] * first_error + p["alpha"] * p["trace"] * error
        second_values[s, b] += p["alpha_second"] * error
        previous = a
    return np.array(scores)
