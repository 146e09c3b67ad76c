"""The alien experiment's learners, written out on arrays: log-probability of each trial, given hidden choices."""

import numpy as np


def log_softmax(values):
    values = np.asarray(values, float)
    return values - values.max() - np.log(np.exp(values - values.max()).sum())


def walk(kind, p, trials, hidden=None, initial=1.2, carried=False, frozen=False, published=False):
    """``kind`` is "flat", "sets" or "Bayes"; of hidden and observed choice together. One participant."""
    column = {name: c.values for name, c in trials.columns.items()}
    low0 = 1 / 3 if kind == "Bayes" else initial
    low = np.full((6 if kind == "flat" else 3, 8, 3), low0)
    high, scores, known = np.full((6, 3), low0), [], None
    for t in range(trials.n_trials):
        x, s, asked = column["context"][t], column["cue"][t], column["asked"][t]
        options = column["option_context"][t], column["option_cue"][t]
        if trials.reset[t]:
            if known is None:
                known = low[:3].mean(0) if kind == "flat" else high[:3].max(0)
            (low if kind == "flat" else high)[x] = known if carried else low0
        score, novel = 0.0, x == 4
        z = x
        if kind != "flat":
            z = hidden[t]
            score += log_softmax(p["beta_high"] * (high[:3].max(0) if novel else high[x]))[z]
        if asked == 1:
            worth = [low[c, :4].max(1).mean() if kind == "flat" else high[c].max() for c in options[0]]
            logits = p["beta_high"] * np.array(worth)
        elif asked == 2:
            logits = p["beta_test"] * np.array([low[z, alien].max() for alien in options[1]])
        elif novel:
            logits = p["beta_test"] * (low[:3, s].mean(0) if kind == "flat" else low[z, s])
        else:
            logits = p["beta"] * low[z, s]
        a, r = trials.choice[t], trials.outcome["outcome"][t]
        scores.append(score + log_softmax(logits)[a])
        if not (frozen and (asked or novel)):
            low += p["forget"] * (low0 - low)
            if kind != "flat":
                high += p["forget_high"] * (low0 - high)
        if np.isnan(r):
            continue
        if kind == "Bayes":
            right = float(r > 1.5)
            low[z, s, a] += p["alpha"] * (right - low[z, s, a])
            high[x] *= low[:, s, a] if published or right else 1 - low[:, s, a]
            high[x] /= high[x].sum()
            continue
        low[z, s, a] += p["alpha"] * (r - low[z, s, a])
        if kind == "sets":
            high[x, z] += p["alpha_high"] * (r - high[x, z])
    return np.array(scores)
