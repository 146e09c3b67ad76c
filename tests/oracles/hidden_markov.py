"""Hidden Markov models in NumPy: the forward algorithm, and everything by listing all sequences of hidden states.

Written from the equations, without the package. Probabilities are complex if parameters are, so that a complex step gives derivatives.
"""

import itertools

import numpy as np


def forward(first, transition, chances):
    """Log-likelihood of ``chances (trials, states)``, probabilities of the responses; missed trials are left out."""
    belief, total = first, 0.0
    for t, chance in enumerate(chances):
        joint = (belief if t == 0 else belief @ transition) * chance
        total = total + np.log(joint.sum())
        belief = joint / joint.sum()
    return total


def staying(stay):
    """Stationary distribution and transition matrix of a chain that leaves each state to all others alike."""
    leave = 1.0 - stay
    states = len(stay)
    transition = np.repeat(leave[:, None] / (states - 1), states, 1)
    transition[np.diag_indices(states)] = stay
    return (1.0 / leave) / (1.0 / leave).sum(), transition


def glm_hmm(choices, stimuli, *, sensitivity, bias, side, stay_engaged, stay_biased, stay_lapsing):
    """Log-likelihood of choices 0 and 1, and -1 where missed."""
    chances = []
    for choice, stimulus in zip(choices, stimuli, strict=True):
        if choice >= 0:
            logits = np.array([bias + sensitivity * stimulus, side, 0.0 * side])
            chances.append(1.0 / (1.0 + np.exp(-logits if choice else logits)))
    return forward(*staying(np.array([stay_engaged, stay_biased, stay_lapsing])), chances)


def engaged_q_learning(choices, rewards, actions, *, alpha, beta, stay_engaged, stay_random, initial=0.0):
    """Log-likelihood of choices, -1 where missed, with rewards, NaN where there were none."""
    q, chances = np.full(actions, initial, dtype=np.result_type(alpha, float)), []
    for choice, reward in zip(choices, rewards, strict=True):
        if choice < 0:
            continue
        weights = np.exp(beta * q)
        chances.append([weights[choice] / weights.sum(), 1.0 / actions])
        if not np.isnan(reward):
            q[choice] = q[choice] + alpha * (reward - q[choice])
    return forward(*staying(np.array([stay_engaged, stay_random])), np.array(chances))


def by_sequences(states, trials, log_joint):
    """Everything about hidden states, from the log-probability ``log_joint(sequence)`` of each of all their sequences with the responses.

    Returns the log-likelihood, probabilities of states given all trials ``(trials, states)``, that of the same state on two trials
    ``(trials, trials)``, and the most probable sequence.
    """
    sequences = np.array(list(itertools.product(range(states), repeat=trials)))
    scores = np.array([log_joint(sequence) for sequence in sequences])
    weights = np.exp(scores - scores.max())
    total = np.log(weights.sum()) + scores.max()
    weights /= weights.sum()
    smoothed = np.stack([((sequences == state) * weights[:, None]).sum(0) for state in range(states)], 1)
    same = ((sequences[:, :, None] == sequences[:, None, :]) * weights[:, None, None]).sum(0)
    return total, smoothed, same, sequences[scores.argmax()]
