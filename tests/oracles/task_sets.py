"""Task sets (`trialwise.learners.TaskSets`) in plain NumPy, with the hidden choices given: every sequence of sets can be enumerated."""

import itertools

import numpy as np
from scipy.special import log_softmax

NAMES = ("alpha", "beta", "forget", "alpha_high", "beta_high", "forget_high")


class Given:
    """One participant with one sequence of sets, at many points of parameters at once.

    ``point`` has an array ``(points,)`` for each of `NAMES`; ``data`` are cue, context, choice (-1 if missed) and outcome (NaN if none) by name,
    ``(trials,)``. Afterwards ``log_probability (points,)`` is that of responses and sets, and ``error``, ``error_high`` ``(points, trials)``
    are prediction errors, NaN where nothing is learnt.
    """

    def __init__(self, point, data, course, sets, initial=1.2):
        count, trials = len(point["alpha"]), len(course)
        actions, cues, contexts = (max(int(data[name].max()) + 1, 3) for name in ("choice", "cue", "context"))
        low, high = np.full((count, sets, cues, actions), initial), np.full((count, contexts, sets), initial)
        self.log_probability = np.zeros(count)
        self.error, self.error_high = np.full((2, count, trials), np.nan)
        columns = (data[name] for name in ("cue", "context", "choice", "outcome"))
        for t, (k, cue, context, choice, outcome) in enumerate(zip(course, *columns, strict=True)):
            if choice >= 0:
                self.log_probability += log_softmax(point["beta_high"][:, None] * high[:, context], 1)[:, k]
                self.log_probability += log_softmax(point["beta"][:, None] * low[:, k, cue], 1)[:, choice]
            low += point["forget"][:, None, None, None] * (initial - low)
            high += point["forget_high"][:, None, None] * (initial - high)
            if choice >= 0 and np.isfinite(outcome):
                self.error[:, t] = outcome - low[:, k, cue, choice]
                self.error_high[:, t] = outcome - high[:, context, k]
                low[:, k, cue, choice] += point["alpha"] * self.error[:, t]
                high[:, context, k] += point["alpha_high"] * self.error_high[:, t]


def courses(data, sets):
    """Every sequence of sets; 0 on trials without a choice, where none is made."""
    made = np.flatnonzero(data["choice"] >= 0)
    for chosen in itertools.product(range(sets), repeat=len(made)):
        course = np.zeros(len(data["choice"]), int)
        course[made] = chosen
        yield course


def settled_on(course, made, contexts):
    """The set used most often in each context, the one of first use in a tie, as sets are numbered by first use."""
    order, found = list(dict.fromkeys(course[made])), {}
    for context in set(contexts[made]):
        counts = [int((course[made & (contexts == context)] == k).sum()) for k in order]
        found[context] = order[int(np.argmax(counts))]
    return found


def kinds(data, course):
    """Of each trial: "current", "previous" or "other", see `trialwise.trial_values`; empty without a choice."""
    made, contexts = data["choice"] >= 0, data["context"]
    best, result, before = settled_on(course, made, contexts), [], None
    for t, k in enumerate(course):
        if t and contexts[t] != contexts[t - 1]:
            before = contexts[t - 1]
        if not made[t]:
            result.append("")
        elif k == best.get(contexts[t]):
            result.append("current")
        else:
            result.append("previous" if before is not None and k == best.get(before) else "other")
    return result


def expectations(point, data, sets=3):
    """What responses say of hidden choices at each point: ``log_likelihood (points,)`` and expectations by name, ``(points, trials)`` or, for
    ``same``, ``(points, trials, trials)``; NaN where nothing is defined."""
    trials, count, found = len(data["choice"]), len(point["alpha"]), []
    for course in courses(data, sets):
        found.append((course, Given(point, data, course, sets)))
    logs = np.stack([given.log_probability for _, given in found])
    top = logs.max(0)
    weight = np.exp(logs - top)
    log_likelihood = top + np.log(weight.sum(0))
    weight /= weight.sum(0)
    made = data["choice"] >= 0
    names = ("current", "previous", "other")
    total = {f"hidden_{name}": np.zeros((count, trials)) for name in names}
    total |= {name: np.zeros((count, trials)) for name in ("error", "error_high")}
    total["same"] = np.zeros((count, trials, trials))
    for (course, given), w in zip(found, weight, strict=True):
        kind = np.array(kinds(data, course))
        for name in names:
            total[f"hidden_{name}"] += w[:, None] * (kind == name)
        total["error"] += w[:, None] * given.error
        total["error_high"] += w[:, None] * given.error_high
        total["same"] += w[:, None, None] * (course[:, None] == course)
    for name in names:
        total[f"hidden_{name}"][:, ~made] = np.nan
    total["same"][:, ~made] = np.nan
    total["same"][:, :, ~made] = np.nan
    return log_likelihood, total
