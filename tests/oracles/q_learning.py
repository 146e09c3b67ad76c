"""Flat Q-learning with forgetting, stickiness and lapse, from the equations, for one participant."""

import numpy as np


def log_likelihood(
    context, cue, choice, outcome, reset, scored, *, contexts, cues, actions,
    alpha, beta, forget, initial, stickiness=0.0, lapse=0.0,
):  # fmt: skip
    """Sum of log p(choice); a choice of -1 is missed, an outcome of NaN is absent, a choice that is not scored was forced."""
    q = np.full((contexts, cues, actions), float(initial))
    previous, total = None, 0.0
    for t in range(len(choice)):
        if reset[t] and t:
            q[:], previous = initial, None
        if choice[t] >= 0:
            logits = beta * q[context[t], cue[t]]
            if previous is not None:
                logits = logits + stickiness * (np.arange(actions) == previous)
            p = np.exp(logits - logits.max())
            p = (1 - lapse) * p / p.sum() + lapse / actions
            if scored[t]:
                total += np.log(p[choice[t]])
            previous = choice[t]
        q = (1 - forget) * q + forget * initial
        if choice[t] >= 0 and not np.isnan(outcome[t]):
            cell = context[t], cue[t], choice[t]
            q[cell] = (1 - alpha) * q[cell] + alpha * outcome[t]
    return total
