"""Plain loops of published learners, from their equations: log-likelihoods of one participant.

``rows`` are named tuples; a choice of None was missed, an outcome that is NaN was not shown.
"""

import math

import numpy as np


def log_softmax(logits, choice):
    logits = np.asarray(logits, float)
    return logits[choice] - np.log(np.exp(logits - logits.max()).sum()) - logits.max()


def shown(row):
    return row.choice is not None and not math.isnan(row.outcome)


def two_rates(rows, alpha_gain, alpha_loss, beta):
    values, total = np.zeros(2), 0.0
    for row in rows:
        if row.choice is not None:
            total += log_softmax(beta * values, row.choice)
        if shown(row):
            error = row.outcome - values[row.choice]
            values[row.choice] += alpha_gain * max(error, 0) + alpha_loss * min(error, 0)
    return total


def volatile_rate(rows, kappa, eta, beta):
    values, associability, total = np.zeros(2), np.ones(2), 0.0
    for row in rows:
        if row.choice is not None:
            total += log_softmax(beta * values, row.choice)
        if shown(row):
            error = row.outcome - values[row.choice]
            values[row.choice] += kappa * associability[row.choice] * error
            associability[row.choice] += eta * (abs(error) - associability[row.choice])
    return total


def confirmation(rows, beta, chosen_gain, chosen_loss, other_gain, other_loss):
    values, total = np.zeros(2), 0.0
    rates = {
        (True, True): chosen_gain,
        (True, False): chosen_loss,
        (False, True): other_gain,
        (False, False): other_loss,
    }
    for row in rows:
        if row.choice is not None:
            total += log_softmax(beta * values, row.choice)
        if shown(row):
            paid = [row.forgone, row.forgone]
            paid[row.choice] = row.outcome
            errors = np.array(paid) - values
            values += [rates[arm == row.choice, errors[arm] > 0] * errors[arm] for arm in range(2)]
    return total


def fictitious(rows, eta, bias, beta):
    values, total = np.zeros(2), 0.0
    for row in rows:
        if row.choice is not None:
            sign = 1 if row.choice == 0 else -1
            total -= math.log1p(math.exp(-sign * beta * (values[0] - values[1] - bias)))
        if shown(row):
            paid = np.where(np.arange(2) == row.choice, row.outcome, -row.outcome)
            values = (1 - eta) * values + eta * paid
    return total


def reversal_belief(rows, hazard, reliability, beta):
    belief, total = np.array([0.5, 0.5]), 0.0  # which arm is the good one
    stays = np.array([[1 - hazard, hazard], [hazard, 1 - hazard]])
    for row in rows:
        if row.choice is not None:
            total += log_softmax(beta * belief, row.choice)
        if shown(row):
            agrees = (np.arange(2) == row.choice) == (row.outcome == 1)
            belief = belief * np.where(agrees, reliability, 1 - reliability)
            belief = stays @ (belief / belief.sum())
    return total


def outcome_representation(rows, gain, loss, decay, frequency, perseverance):
    expected, often, last, total = np.zeros(4), np.zeros(4), np.zeros(4), 0.0
    for row in rows:
        if row.choice is not None:
            total += log_softmax(expected + frequency * often + perseverance * last, row.choice)
        if shown(row):
            own, other = (gain, loss) if row.outcome >= 0 else (loss, gain)
            sign, chosen = np.sign(row.outcome), np.arange(4) == row.choice
            expected = np.where(chosen, expected + own * (row.outcome - expected), expected)
            often = np.where(chosen, often + own * (sign - often), often + other * (-sign / 3 - often))
            last = np.where(chosen, 1.0, last) / 3**decay
    return total


def hierarchical_filter(rows, kappa, omega2, omega3, zeta):
    """Mathys et al. 2011: inputs teach whether or not there was a response."""
    mean, variance, total = [0.0, 0.0], [1.0, 1.0], 0.0  # of the second and the third level
    for row in rows:
        if row.choice is not None:
            total -= math.log1p(math.exp(-zeta * mean[0] if row.choice == 1 else zeta * mean[0]))
        if math.isnan(row.outcome):
            continue
        expected = 1 / (1 + math.exp(-mean[0]))
        step = math.exp(kappa * mean[1] + omega2)
        predicted = variance[0] + step, variance[1] + math.exp(omega3)
        precision = 1 / predicted[0] + expected * (1 - expected)
        change = (row.outcome - expected) / precision
        share = step / predicted[0]
        surprise = (1 / precision + change**2) / predicted[0] - 1
        second = 1 / predicted[1] + 0.5 * (kappa * share) ** 2 + 0.5 * kappa**2 * share * (2 * share - 1) * surprise
        mean = [mean[0] + change, mean[1] + 0.5 * kappa * share * surprise / second]
        variance = [1 / precision, 1 / second]
    return total


def ultimatum_delta(rows, envy, rate, tau):
    norm, total = 10.0, 0.0
    for row in rows:
        if row.choice is not None:
            utility = row.offer - envy * max(norm - row.offer, 0)
            total -= math.log1p(math.exp(-tau * utility if row.choice == 1 else tau * utility))
        norm = (1 - rate) * norm + rate * row.offer
    return total


def ultimatum_bayes(rows, envy, guilt, beta):
    """Xiang et al. 2013: the norm is the mean of what it was at first, weighted as four offers, and of all offers up to this one."""
    total = 0.0
    for t, row in enumerate(rows):
        norm = (4 * 10.0 + sum(each.offer for each in rows[: t + 1])) / (4 + t + 1)
        utility = row.offer - envy * max(norm - row.offer, 0) - guilt * max(row.offer - norm, 0)
        if row.choice is not None:
            total -= math.log1p(math.exp(-beta * utility if row.choice == 1 else beta * utility))
    return total


def balloon(rows, phi, eta, gamma, tau):
    """van Ravenzwaaij et al. 2011, balloon by balloon."""
    total, before = 0.0, []  # pumps and pumps without a burst
    for start in (t for t, row in enumerate(rows) if row.pump == 1):
        own = [rows[start]]
        while start + len(own) < len(rows) and rows[start + len(own)].pump > 1:
            own.append(rows[start + len(own)])
        pumps, good = (sum(each) for each in zip(*before, strict=True)) if before else (0, 0)
        goes_well = (phi + eta * good) / (1 + eta * pumps)
        planned = -gamma / math.log(goes_well)
        for row in own:
            logit = tau * (planned - row.pump)
            total -= math.log1p(math.exp(-logit if row.choice == 1 else logit))
        pumped = [row for row in own if row.choice == 1]
        before.append((len(pumped), len(pumped) - sum(row.outcome for row in pumped)))
    return total


def gain_loss(rows, alpha_gain, alpha_loss, gain, loss, decay, lapse, fades=False):
    """Seymour et al. 2012; the values of other options fall at the same rates, or all at one of their own."""
    rewards, losses, total = np.zeros(4), np.zeros(4), 0.0
    for row in rows:
        if row.choice is None:
            continue
        total += math.log((1 - lapse) * math.exp(log_softmax(rewards + losses, row.choice)) + lapse / 4)
        chosen = np.arange(4) == row.choice
        fall = (decay, decay) if fades else (alpha_gain, alpha_loss)
        rewards = np.where(chosen, rewards + alpha_gain * (gain * row.gain - rewards), (1 - fall[0]) * rewards)
        losses = np.where(chosen, losses + alpha_loss * (-loss * row.loss - losses), (1 - fall[1]) * losses)
    return total


def kalman(rows, beta, decay, centre, first, spread, walk, noise):
    """Daw et al. 2006: all means drift after every row."""
    mean, variance, total = np.full(4, first), np.full(4, spread**2), 0.0
    for row in rows:
        if row.choice is not None:
            total += log_softmax(beta * mean, row.choice)
        if shown(row):
            precision = 1 / variance[row.choice] + 1 / noise**2
            mean[row.choice] = (mean[row.choice] / variance[row.choice] + row.outcome / noise**2) / precision
            variance[row.choice] = 1 / precision
        mean, variance = decay * mean + (1 - decay) * centre, decay**2 * variance + walk**2
    return total
