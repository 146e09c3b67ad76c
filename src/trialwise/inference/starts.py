"""Checks before sampling: is the likelihood finite at dispersed starting points, and does every parameter affect it?

A sampler that starts where the log-probability is not finite reports "bad initial energy"; one whose gradient is zero in
some direction gets stuck. Both have a cause in the data or the learner, which these checks look for.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trialwise.base.errors import ModelError, UsageError
from trialwise.base.message import Argument, Code, Message, Restriction
from trialwise.base.streams import stream
from trialwise.data.trials import MISSED, Trials, row_of
from trialwise.learners.learner import Learner
from trialwise.learners.no_chance import no_chance
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.likelihoods.likelihood import Likelihood
from trialwise.population.population import Marginal, Population

POINTS, POINTS_ESTIMATED = 6, 3
"""Number of dispersed points to check, the prior's centre and points around it; fewer where likelihoods are estimated."""

FEW = 30
"""Particles of each such estimate."""

NO_GRADIENT = 1e-10
"""A parameter whose gradient is smaller than this at every point does not affect the likelihood."""


def check_starts(
    likelihood: Likelihood, population: Population, seed: int = 0, *, takes_priors: bool = True
) -> tuple[str, ...]:
    """Evaluate the likelihood at dispersed points; where it has no gradient, compare estimates at the same random numbers.

    Parameters
    ----------
    likelihood
        The likelihood, with one row of parameters for each participant.
    population
        The population of the participants, whose prior the points are drawn from.
    seed
        Seed of the points.
    takes_priors
        Whether the caller accepts the user's priors, so that a narrower one may be advised.

    Returns
    -------
    tuple of str
        Notes on parameters about which some participants' data are uninformative, judged by gradients.

    Raises
    ------
    ModelError
        If a log-likelihood or gradient is not finite, with the participant, trial and parameter responsible; or if no
        participant's likelihood depends on some parameter, with the reason if one can be found; or if no response enters it.
    """
    if not likelihood.packed.scored.any():
        raise ModelError(_nothing_scored(likelihood))
    if likelihood.has_gradient:
        return _by_gradients(likelihood, population, seed, takes_priors)
    return _by_values(likelihood, population.marginal(len(likelihood.rows), population.as_normal(seed)), seed)


def _nothing_scored(likelihood: Likelihood) -> Message:
    learner, trials = likelihood.learner, likelihood.trials
    forced = int((trials.responded & ~trials.own).sum())
    head = (
        f"{learner}: no response enters the likelihood: of {trials.n_trials} trials, {trials.n_trials - forced} have no {learner.family.noun}, and "
        f"{forced} one that was not the participant's own"
    )
    if forced:
        return Message(
            head, "\n    -> write 1 in the column of these flags where a response was the participant's own; or, if it means something else, ",
            Argument("scored", False),
        )  # fmt: skip
    return Message(
        head, "\n    -> see in trialwise.inspect which codes were taken as missing, and name the column if it is another one: ",
        Argument("choice" if learner.acts else "response", ...),
    )  # fmt: skip


def _points(likelihood: Likelihood, prior: Marginal, seed: int, count: int) -> list[np.ndarray]:
    """The prior's centre and points around it, ``(participants, parameters)`` each."""
    random, shape = stream(seed, "starting points"), (len(likelihood.rows), len(likelihood.learner.names))
    return [prior.mean, *(prior.mean + prior.total * random.uniform(-1.5, 1.5, shape) for _ in range(count - 1))]


def _by_gradients(likelihood: Likelihood, population: Population, seed: int, takes_priors: bool) -> tuple[str, ...]:
    learner, trials = likelihood.learner, likelihood.trials
    prior = population.marginal(len(likelihood.rows), population.as_normal(seed))
    matters = np.zeros((len(likelihood.rows), len(learner.names)), bool)
    for u in _points(likelihood, prior, seed, POINTS):
        value, gradient = likelihood.gradient(u)
        wrong = ~(np.isfinite(value) & np.isfinite(gradient).all(1))
        if wrong.any():
            raise ModelError(_not_finite(likelihood, population, prior, u, np.flatnonzero(wrong), takes_priors))
        matters |= np.abs(gradient) > NO_GRADIENT
    absent = _absent(learner, trials)
    for k, name in enumerate(learner.names):
        if not matters[:, k].any() and name not in absent:
            raise ModelError(_no_effect(likelihood, prior, k, name))
    notes = [*absent.values()]
    for k, name in enumerate(learner.names):
        if name in absent:
            continue
        flat = [str(label) for label, m in zip(trials.participants, matters[:, k], strict=True) if not m]
        if flat:
            shown = ", ".join(flat[:8]) + (", ..." if len(flat) > 8 else "")
            notes.append(f"the data of {shown} are uninformative about {name}: its posterior there follows the prior")
    return tuple(notes)


def _by_values(likelihood: Likelihood, prior: Marginal, seed: int) -> tuple[str, ...]:
    learner, trials = likelihood.learner, likelihood.trials
    matters = np.zeros(len(learner.names), bool)
    for u in _points(likelihood, prior, seed, POINTS_ESTIMATED):
        value = likelihood.value(u, particles=FEW).log_likelihood
        if not np.isfinite(value).all():
            n = int(np.flatnonzero(~np.isfinite(value))[0])
            at = ", ".join(f"{p.name} = {float(p.constrain(u[n, k])):.4g}" for k, p in enumerate(learner.parameters))
            raise ModelError(
                f"{learner}: the log-likelihood of participant {trials.participants[n]!r} is {value[n]:g} at a plausible "
                f"starting point ({at})\n    -> look for outcomes that are not usable numbers, and for 1 / 0 or log(0) in the "
                "learner (in Python, log_likelihood(..., plain=True) runs it line by line)"
            )
        for k in np.flatnonzero(~matters):
            other = u.copy()
            other[:, k] += prior.total[:, k]
            matters[k] = (np.abs(likelihood.value(other, particles=FEW).log_likelihood - value) > NO_GRADIENT).any()
    absent = _absent(learner, trials)
    for k in np.flatnonzero(~matters):
        name = learner.names[k]
        if name in absent:
            continue
        raise ModelError(
            f"{learner}: the likelihood does not change with {name} at any starting point, so {name} cannot be estimated\n"
            "    -> leave it out with ",
            *_fix_or_tie(name),
            ", or use data in which it matters",
        )
    return tuple(absent.values())


def _absent(learner: Learner, trials: Trials) -> dict[str, str]:
    """Parameters of levels that no trial has, each with a note."""
    return {
        varied.names(field)[
            n
        ]: f"no trial has {varied.column} {varied.levels[n]}: {varied.names(field)[n]} follows its prior"
        for field, varied in learner.varied.items()
        for n in varied.absent(trials)
    }


def _not_finite(
    likelihood: Likelihood,
    population: Population,
    prior: Marginal,
    u: np.ndarray,
    wrong: np.ndarray,
    takes_priors: bool,
) -> Message:
    n, count = int(wrong[0]), len(wrong)
    learner, trials, theta = likelihood.learner, likelihood.trials, likelihood.natural(u)
    participant = trials.participants[n]
    value, _ = likelihood.gradient(u)
    at = ", ".join(f"{name} = {value:.4g}" for name, value in zip(learner.names, theta[n], strict=True))
    lines: list[str] = [
        f"{learner}: the {'log-likelihood' if not np.isfinite(value[n]) else 'gradient'} of participant {participant!r} is "
        f"{value[n]:g} at a plausible starting point ({at})"
        + (f"; so are those of {count - 1} others" if count > 1 else "")
    ]
    record = likelihood.predictions(theta)
    rows = np.arange(trials.offsets[n], trials.offsets[n + 1])
    bad = rows[trials.own[rows] & ~np.isfinite(record[rows, 0])]
    if len(bad):
        row = row_of(trials.row, trials.file, int(bad[0]))
        earlier = rows[rows < bad[0]]
        infinite = [t for t in earlier for v in trials.outcome.values() if np.isinf(v[t]) or abs(v[t]) > 1e100]
        lines.append(f"first at trial {bad[0] - trials.offsets[n] + 1}{row}: probability {np.exp(record[bad[0], 0]):g}")
        if infinite:
            lines.append(
                f"the outcome of trial {infinite[0] - trials.offsets[n] + 1} is not a usable number: correct it or leave it empty"
            )
    culprit = _culprit(likelihood, prior, u, n)
    if culprit:
        narrower = population.narrower_prior(culprit)
        example: list[str | Argument] = [", e.g. ", Argument("priors", Code(f"{{{narrower}}}")), ","]
        instead = ["a narrower prior", *example, " "] if narrower and takes_priors else []
        lines.append(
            Message(
                f"it is finite with {culprit} at the centre of its prior: give it ",
                *instead,
                "a smaller range, or ",
                _fix(culprit),
            )
        )
    elif len(bad) and np.isneginf(record[bad[0], 0]) and not infinite:
        lines.append(no_chance(learner, trials, int(bad[0])))
    elif not len(bad):
        lines.append("look for 1 / 0, log(0) or a power of a negative number in the learner")
    else:
        lines.append(
            "no single parameter causes this: check what the learner computes on that trial "
            "(in Python, log_likelihood(..., plain=True) runs it line by line)"
        )
    return Message.join("\n    -> ", lines)


def _culprit(likelihood: Likelihood, prior: Marginal, u: np.ndarray, n: int) -> str | None:
    """The one parameter that, set to its prior's centre, makes participant ``n`` finite; None if it is not exactly one."""
    candidates = []
    for k, name in enumerate(likelihood.learner.names):
        centred = u.copy()
        centred[n, k] = prior.mean[n, k]
        value, gradient = likelihood.gradient(centred)
        if np.isfinite(value[n]) and np.isfinite(gradient[n]).all():
            candidates.append(name)
    return candidates[0] if len(candidates) == 1 else None


def _no_effect(likelihood: Likelihood, prior: Marginal, k: int, name: str) -> Message:
    learner = likelihood.learner
    head = f"{learner}: the likelihood does not change with {name} at any starting point, so {name} cannot be estimated"
    return Message(head, "\n    -> ", _reason(likelihood, prior, k, name))


def _fix_or_tie(name: str) -> tuple[Restriction, str, Restriction]:
    """The two ways to leave a parameter out of the fit."""
    return _fix(name), " or ", Restriction("tie", name.partition("[")[0])


def _fix(name: str) -> Restriction:
    """How to fix a parameter; all levels of one that varies."""
    return Restriction("fix", name.partition("[")[0])


def _reason(likelihood: Likelihood, prior: Marginal, k: int, name: str) -> Message:
    steps = []
    for far in np.linspace(-4.0, 4.0, 33):
        u = prior.mean.copy()
        u[:, k] += far * prior.total[:, k]
        steps.append(likelihood.value(u).log_likelihood)
    jumps = np.ptp(np.stack(steps), axis=0).max() > NO_GRADIENT
    if jumps:
        return Message(
            f"it changes with {name} only in jumps: a hard choice such as argmax, int() or a comparison lies between {name} and "
            "the choices, so that the gradient is zero almost everywhere. Use a graded one: weights "
            "softmax(sharpness * values), or hide(...) for a choice that is made but not observed; or ",
            _fix(name),
        )
    for reason, changed in _other_data(likelihood.learner, likelihood.trials):
        if _moves(likelihood.learner, changed, prior, k):
            return Message(reason, f": leave {name} out with ", *_fix_or_tie(name), ", or use data that contain it")
    return Message(
        f"{name} affects nothing that choose or respond reads: use it, make it a constant(...), or ",
        _fix(name),
    )


def _other_data(learner: Learner, trials: Trials):
    """Variants of the data that contain something missing from them, each with a sentence that names what is missing."""
    for name, family in learner.responses.items():
        if name in trials.response and np.isnan(trials.response[name]).all():
            filled = family.unanswered(np.ones(trials.n_trials, bool))[:, 0]
            yield f"no {name} was recorded", replace(trials, response={**trials.response, name: filled})
    if "watch" in learner.methods and trials.choice is not None and (trials.responded | trials.without_outcome).all():
        missed = np.where(np.arange(trials.n_trials) % 2, trials.choice, MISSED)
        yield "no outcome was shown without a choice, so that watch is never called", replace(trials, choice=missed)
    for name, values in trials.outcome.items():
        label = "outcome" if len(trials.outcome) == 1 else name
        finite = values[np.isfinite(values)]
        if not len(finite):
            yield f"no {label} was recorded", _with(trials, name, np.where(np.isnan(values), 1.0, values))
            continue
        if np.ptp(finite) == 0:
            varied = values + np.where(np.arange(len(values)) % 2, 0.5, -0.5)
            yield f"every {label} is {finite[0]:g}", _with(trials, name, varied)
        if (finite >= 0).all():
            yield f"no negative {label} in these data", _with(trials, name, -values - 0.5)
        if (finite <= 0).all():
            yield f"no positive {label} in these data", _with(trials, name, -values + 0.5)
    if trials.choice is not None and trials.sizes.get("action", 1) == 1:
        yield Message("the data have only one action: declare the others, ", Argument("actions", [...])), trials
    if trials.reset is not None and not trials.reset.any():
        flags = np.zeros(trials.n_trials, bool)
        flags[(trials.offsets[:-1] + trials.lengths // 2)] = True
        yield "no reset in these data", replace(trials, reset=flags)


def _with(trials: Trials, name: str, values: np.ndarray) -> Trials:
    return replace(trials, outcome={**trials.outcome, name: values})


def _moves(learner: Learner, trials: Trials, prior: Marginal, k: int) -> bool:
    try:
        likelihood = likelihood_of(learner, trials)
    except UsageError:
        return False
    return bool((np.abs(likelihood.gradient(prior.mean)[1][:, k]) > NO_GRADIENT).any())
