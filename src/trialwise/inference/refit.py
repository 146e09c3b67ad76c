"""A fit to all participants of another one but one, for comparisons that leave participants out."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from trialwise.base.english import listed
from trialwise.base.message import Argument, Message
from trialwise.inference.fit import sampled
from trialwise.inference.fitted import Fit
from trialwise.inference.sampler import TUNE, Request
from trialwise.inference.samplers import SAMPLERS
from trialwise.likelihoods.kinds import likelihood_of
from trialwise.population.design import Design
from trialwise.population.designs.stored import StoredDesign


def without(fit: Fit, participant: int) -> Fit:
    """Fit all participants but one.

    The whole participant is left out, with all sessions. Everything else is as in the fit: the sampler, as many draws and chains, the same seed, priors
    (also those that depend on the outcomes of all participants), levels, means and standard deviations of covariates.

    Parameters
    ----------
    fit
        The fit, with its learner and priors.
    participant
        Number of the participant.

    Raises
    ------
    UsageError
        If the learner is not available.
    """
    start, learner, stored = time.perf_counter(), fit.learner_for("compare"), fit.design
    owner = np.arange(fit.trials.n_participants) if stored is None else stored.design.owner
    others = [label for label, n in zip(fit.trials.participants, owner, strict=True) if n != participant]
    stored = None if stored is None else stored.without(participant)
    population = replace(fit.population, design=None if stored is None else stored.design)
    request = Request(
        likelihood_of(learner, fit.trials.select(others), filters=1),
        population,
        fit.draws.length,
        int(fit.attrs.get("tune", TUNE)),
        fit.draws.chains,
        int(fit.attrs["seed"]),
        progress=False,
    )
    call = f"{fit.attrs['call']} without participant {fit.data.participants[participant]}"
    sampler = str(fit.attrs.get("sampler"))
    return sampled(request, stored, sampler if sampler in SAMPLERS else None, call, (), start)


def refusal(fit: Fit, participants: Iterable[int] = ()) -> Message | None:
    """Why a fit cannot be repeated without each of these participants; None if it can.

    Parameters
    ----------
    fit
        The fit.
    participants
        Their numbers.
    """
    if fit.priors is None:
        return Message("needs the fit's own priors: give them when loading it (", Argument("priors", {"...": ...}), ")")
    if fit.design is None:
        return None
    for participant in participants:
        if reason := _needed(fit.design, participant):
            return Message(f"is not possible: {reason}")
    return None


def _needed(stored: StoredDesign, participant: int) -> str:
    """What only this participant tells of the formulas; empty if the others tell of everything."""
    label = stored.participants[participant]
    alone = []
    for covariate in stored.covariates:
        owner = range(len(stored.participants)) if covariate.place == "participant" else stored.design.owner
        for level in covariate.levels:
            having = {int(n) for n, value in zip(owner, covariate.values, strict=True) if value == level}
            if having == {participant}:
                alone.append(f"{covariate.name} {level}")
    if alone:
        return (
            f"participant {label} is the only one with {listed(alone)}, of which nothing would be left to predict from"
        )
    left = stored.without(participant).design
    if _rank(left) < _rank(stored.design) or (_effects(left) < _effects(stored.design)).any():
        names = listed(name for name in stored.formulas)
        return f"without participant {label} the effects in the formulas of {names} could not be told apart"
    return ""


def _rank(design: Design) -> int:
    return int(np.linalg.matrix_rank(design.fixed.reshape(-1, len(design.coefficients))))


def _effects(design: Design) -> np.ndarray:
    """Whether some participant has each effect, ``(Q,)``."""
    return np.asarray((design.random != 0).any((0, 1)))
