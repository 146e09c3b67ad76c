"""Starting points, looked at before sampling: is the posterior finite there, and does every parameter matter?

A sampler that starts where the log-probability is not finite reports "bad initial energy"; one whose gradient is zero in
some direction sticks. Both have a cause in the data or the learner, and here it is looked for (U3, U4, R17).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trialwise.base.errors import ModelError, UsageError
from trialwise.base.message import Argument, Message, Restriction
from trialwise.base.streams import stream
from trialwise.data.trials import Trials
from trialwise.learners.learner import Learner
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.likelihoods.likelihood import Likelihood
from trialwise.population.names import mean_name
from trialwise.population.priors import GroupPrior

POINTS, POINTS_ESTIMATED = 6, 3
"""Dispersed points that are looked at: the prior's centre and draws from it; fewer where likelihoods are estimated."""

FEW = 30
"""Particles of such an estimate."""

STILL = 1e-10
"""A gradient smaller than this at every point is none."""


def check_starts(likelihood: Likelihood, prior: GroupPrior, seed: int = 0) -> tuple[str, ...]:
    """Evaluate the likelihood at dispersed points; where it has no gradient, by estimates at the same random numbers.

    Parameters
    ----------
    likelihood
        With a row of parameters for each participant.
    prior
        Of the group.
    seed
        Of the points.

    Returns
    -------
    tuple of str
        Notes: parameters about which some participants' data say nothing, as far as gradients tell.

    Raises
    ------
    ModelError
        If a log-likelihood or gradient is not finite, with the participant, trial and parameter responsible; or if a
        parameter moves nobody's likelihood, with the reason if one can be seen.
    """
    return _by_gradients(likelihood, prior, seed) if likelihood.has_gradient else _by_values(likelihood, prior, seed)


def _points(likelihood: Likelihood, prior: GroupPrior, seed: int, count: int) -> list[np.ndarray]:
    """The prior's centre and points about it, ``(participants, parameters)`` each."""
    random, shape = stream(seed, "starting points"), (len(likelihood.rows), len(likelihood.learner.names))
    centre = np.tile(prior.mean, (shape[0], 1))
    return [centre, *(prior.mean + prior.total * random.uniform(-1.5, 1.5, shape) for _ in range(count - 1))]


def _by_gradients(likelihood: Likelihood, prior: GroupPrior, seed: int) -> tuple[str, ...]:
    learner, trials = likelihood.learner, likelihood.trials
    moved = np.zeros((len(likelihood.rows), len(learner.names)), bool)
    for u in _points(likelihood, prior, seed, POINTS):
        value, gradient = likelihood.gradient(u)
        wrong = ~(np.isfinite(value) & np.isfinite(gradient).all(1))
        if wrong.any():
            raise ModelError(_not_finite(likelihood, prior, u, int(np.flatnonzero(wrong)[0]), int(wrong.sum())))
        moved |= np.abs(gradient) > STILL
    for k, name in enumerate(learner.names):
        if not moved[:, k].any():
            raise ModelError(_still(likelihood, prior, k, name))
    notes = []
    for k, name in enumerate(learner.names):
        still = [str(label) for label, m in zip(trials.participants, moved[:, k], strict=True) if not m]
        if still:
            shown = ", ".join(still[:8]) + (", ..." if len(still) > 8 else "")
            notes.append(f"the data of {shown} say nothing about {name}: there it follows its prior")
    return tuple(notes)


def _by_values(likelihood: Likelihood, prior: GroupPrior, seed: int) -> tuple[str, ...]:
    learner, trials = likelihood.learner, likelihood.trials
    moved = np.zeros(len(learner.names), bool)
    for u in _points(likelihood, prior, seed, POINTS_ESTIMATED):
        value = likelihood.value(u, particles=FEW).log_likelihood
        if not np.isfinite(value).all():
            n = int(np.flatnonzero(~np.isfinite(value))[0])
            at = ", ".join(f"{p.name} = {float(p.constrain(u[n, k])):.4g}" for k, p in enumerate(learner.parameters))
            raise ModelError(
                f"{learner}: the log-likelihood of participant {trials.participants[n]!r} is {value[n]:g} at a plausible "
                f"starting point ({at})\n    -> look for outcomes that are no usable numbers, and for 1 / 0 or log(0) in the "
                "learner (log_likelihood(..., plain=True) runs it as plain Python)"
            )
        for k in np.flatnonzero(~moved):
            other = u.copy()
            other[:, k] += prior.total[k]
            moved[k] = (np.abs(likelihood.value(other, particles=FEW).log_likelihood - value) > STILL).any()
    for k in np.flatnonzero(~moved):
        name = learner.names[k]
        raise ModelError(
            f"{learner}: the likelihood does not change with {name} at any starting point, so nothing can be learnt about it\n"
            "    -> leave it out with ",
            *_either(name),
            ", or add data in which it matters",
        )
    return ()


def _not_finite(likelihood: Likelihood, prior: GroupPrior, u: np.ndarray, n: int, count: int) -> Message:
    learner, trials, theta = likelihood.learner, likelihood.trials, likelihood.natural(u)
    who = trials.participants[n]
    value, _ = likelihood.gradient(u)
    at = ", ".join(f"{name} = {value:.4g}" for name, value in zip(learner.names, theta[n], strict=True))
    lines: list[str] = [
        f"{learner}: the {'log-likelihood' if not np.isfinite(value[n]) else 'gradient'} of participant {who!r} is "
        f"{value[n]:g} at a plausible starting point ({at})" + (f"; so are {count - 1} others'" if count > 1 else "")
    ]
    record = likelihood.predictions(theta)
    rows = np.arange(trials.offsets[n], trials.offsets[n + 1])
    asked = trials.responded[rows]
    bad = rows[asked & ~np.isfinite(record[rows, 0])]
    if len(bad):
        row = f", row {trials.row[bad[0]]} of the file" if trials.row is not None else ""
        earlier = rows[rows < bad[0]]
        odd = [t for t in earlier for v in trials.outcome.values() if np.isinf(v[t]) or abs(v[t]) > 1e100]
        lines.append(f"first at trial {bad[0] - trials.offsets[n] + 1}{row}: probability {np.exp(record[bad[0], 0]):g}")
        if odd:
            lines.append(
                f"the outcome of trial {odd[0] - trials.offsets[n] + 1} is no usable number: correct it or leave it empty"
            )
    guilty = _guilty(likelihood, prior, u, n)
    if guilty:
        lines.append(
            Message(
                f"it is finite with {guilty} at the middle of its prior: give it a narrower one, "
                f"e.g. priors={{{mean_name(guilty)!r}: pm.Normal.dist({prior.mean[learner.names.index(guilty)]:.3g}, 0.5)}}, "
                "a smaller range, or ", Restriction("fix", guilty),
            )
        )  # fmt: skip
    elif not len(bad):
        lines.append("look for 1 / 0, log(0) or a power of a negative number in the learner")
    else:
        lines.append(
            "no single parameter is to blame: look at what the learner computes on that trial "
            "(log_likelihood(..., plain=True) runs it as plain Python)"
        )
    return Message.join("\n    -> ", lines)


def _guilty(likelihood: Likelihood, prior: GroupPrior, u: np.ndarray, n: int) -> str | None:
    """The one parameter without which participant ``n`` would be finite."""
    found = []
    for k, name in enumerate(likelihood.learner.names):
        tamed = u.copy()
        tamed[n, k] = prior.mean[k]
        value, gradient = likelihood.gradient(tamed)
        if np.isfinite(value[n]) and np.isfinite(gradient[n]).all():
            found.append(name)
    return found[0] if len(found) == 1 else None


def _still(likelihood: Likelihood, prior: GroupPrior, k: int, name: str) -> Message:
    learner = likelihood.learner
    head = f"{learner}: the likelihood does not change with {name} at any starting point, so nothing can be learnt about it"
    return Message(head, "\n    -> ", _reason(likelihood, prior, k, name))


def _either(name: str) -> tuple[Restriction, str, Restriction]:
    """How to leave a parameter out."""
    return Restriction("fix", name), " or ", Restriction("tie", name)


def _reason(likelihood: Likelihood, prior: GroupPrior, k: int, name: str) -> Message:
    base = np.tile(prior.mean, (len(likelihood.rows), 1))
    steps = []
    for far in np.linspace(-4.0, 4.0, 33):
        u = base.copy()
        u[:, k] += far * prior.total[k]
        steps.append(likelihood.value(u).log_likelihood)
    jumps = np.ptp(np.stack(steps), axis=0).max() > STILL
    if jumps:
        return Message(
            f"{name} moves it only in jumps: a hard choice such as argmax, int() or a comparison stands between {name} and "
            "the choices, and its gradient is zero almost everywhere. Write a graded one: weights "
            "softmax(sharpness * values), or hide(...) for a choice that is made but not observed; or ",
            Restriction("fix", name),
        )
    for reason, changed in _other_data(likelihood.trials):
        if _moves(likelihood.learner, changed, prior, k):
            return Message(reason, f": leave {name} out with ", *_either(name), ", or add data that hold it")
    return Message(
        f"nothing that choose or respond reads depends on {name}: use it, make it a constant(...), or ",
        Restriction("fix", name),
    )


def _other_data(trials: Trials):
    """Data in which something happens that did not, with the words for its absence."""
    for name, values in trials.outcome.items():
        what = "outcome" if len(trials.outcome) == 1 else name
        seen = values[np.isfinite(values)]
        if not len(seen):
            yield f"no {what} was recorded", _with(trials, name, np.where(np.isnan(values), 1.0, values))
            continue
        if (seen >= 0).all():
            yield f"no negative {what} in these data", _with(trials, name, -values - 0.5)
        if (seen <= 0).all():
            yield f"no positive {what} in these data", _with(trials, name, -values + 0.5)
        if np.ptp(seen) == 0:
            varied = values + np.where(np.arange(len(values)) % 2, 0.5, -0.5)
            yield f"every {what} is {seen[0]:g}", _with(trials, name, varied)
    if trials.choice is not None and trials.sizes.get("action", 1) == 1:
        yield Message("there is only one action: declare the others, ", Argument("actions", [...])), trials
    if trials.reset is not None and not trials.reset.any():
        flags = np.zeros(trials.n_trials, bool)
        flags[(trials.offsets[:-1] + trials.lengths // 2)] = True
        yield "no reset in these data", replace(trials, reset=flags)


def _with(trials: Trials, name: str, values: np.ndarray) -> Trials:
    return replace(trials, outcome={**trials.outcome, name: values})


def _moves(learner: Learner, trials: Trials, prior: GroupPrior, k: int) -> bool:
    try:
        likelihood = likelihood_of(learner, trials)
    except UsageError:
        return False
    u = np.tile(prior.mean, (len(likelihood.rows), 1))
    return bool((np.abs(likelihood.gradient(u)[1][:, k]) > STILL).any())
