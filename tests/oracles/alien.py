"""The alien experiment's learners on NumPy arrays: log-probability of each trial, given hidden choices."""

import numpy as np


def log_softmax(values):
    values = np.asarray(values, float)
    return values - values.max() - np.log(np.exp(values - values.max()).sum())


def trial_log_probabilities(kind, p, trials, hidden=None, initial=1.2, carried=False, frozen=False, published=False):
    """Joint log-probabilities of hidden and observed choices of one participant; ``kind`` is "flat", "sets" or "Bayes"."""
    column = {name: c.values for name, c in trials.columns.items()}
    initial_low = 1 / 3 if kind == "Bayes" else initial
    low = np.full((6 if kind == "flat" else 3, 8, 3), initial_low)
    high, scores, mean_value = np.full((6, 3), initial_low), [], None
    for t in range(trials.n_trials):
        x, s, asked = column["context"][t], column["cue"][t], column["asked"][t]
        options = column["option_context"][t], column["option_cue"][t]
        if trials.reset[t]:
            if mean_value is None:
                mean_value = low[:3].mean(0) if kind == "flat" else high[:3].max(0)
            (low if kind == "flat" else high)[x] = mean_value if carried else initial_low
        score, novel = 0.0, x == 4
        z = x
        if kind != "flat":
            z = hidden[t]
            score += log_softmax(p["beta_high"] * (high[:3].max(0) if novel else high[x]))[z]
        if asked == 1:
            values = [low[c, :4].max(1).mean() if kind == "flat" else high[c].max() for c in options[0]]
            logits = p["beta_high"] * np.array(values)
        elif asked == 2:
            logits = p["beta_test"] * np.array([low[z, alien].max() for alien in options[1]])
        elif novel:
            logits = p["beta_test"] * (low[:3, s].mean(0) if kind == "flat" else low[z, s])
        else:
            logits = p["beta"] * low[z, s]
        a, r = trials.choice[t], trials.outcome["outcome"][t]
        scores.append(score + log_softmax(logits)[a])
        if not (frozen and (asked or novel)):
            low += p["forget"] * (initial_low - low)
            if kind != "flat":
                high += p["forget_high"] * (initial_low - high)
        if np.isnan(r):
            continue
        if kind == "Bayes":
            correct = float(r > 1.5)
            low[z, s, a] += p["alpha"] * (correct - low[z, s, a])
            high[x] *= low[:, s, a] if published or correct else 1 - low[:, s, a]
            high[x] /= high[x].sum()
            continue
        low[z, s, a] += p["alpha"] * (r - low[z, s, a])
        if kind == "sets":
            high[x, z] += p["alpha_high"] * (r - high[x, z])
    return np.array(scores)
