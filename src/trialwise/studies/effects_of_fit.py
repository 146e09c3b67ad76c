"""The differences that a fit has found, as a study takes them: true values cannot come from a fit with formulas, but they can be like it."""

from __future__ import annotations

import numpy as np

from trialwise.base.errors import UsageError
from trialwise.base.message import Argument, Message
from trialwise.environments.environment import Environment, EnvironmentLike
from trialwise.inference.fitted import Fit
from trialwise.population.designs.differences import along, weights_of
from trialwise.studies.designed import SESSION

_TINY = 1e-9


def refuse_formulas(fit: Fit, environment: EnvironmentLike) -> None:
    """Refuse a fit with formulas as the source of true values of participants in this environment.

    Raises
    ------
    UsageError
        With the arguments of a study with the same formulas and differences.
    """
    stored = fit.design
    if stored is None:
        return
    arguments = [Argument("formulas", dict(stored.formulas))]
    levels = {each.name: each.levels for each in stored.covariates if each.place == "row"}
    if SESSION in levels and isinstance(environment, Environment):  # sessions of recorded trials are those of the data
        arguments.append(Argument("sessions", list(levels[SESSION])))
    if any(each.place == "participant" for each in stored.covariates):
        arguments.append(Argument("participants", ...))
    if effects := effects_of_fit(fit):
        arguments.append(Argument("effects", effects))
    raise UsageError(
        "the fit that true values are to come from has formulas: leave it out, so that they are drawn from the prior, and set the differences that it has "
        "found: ", Message.join(", ", arguments),
    )  # fmt: skip


def effects_of_fit(fit: Fit) -> dict[str, dict[str, dict[str, float]]]:
    """The posterior means of differences along each covariate, none of which follows from those before it."""
    effects: dict[str, dict[str, dict[str, float]]] = {}
    if fit.design is None:
        return effects
    coefficients = fit.draws.groups().coefficients
    means = coefficients.reshape(-1, coefficients.shape[-1]).mean(0)
    for name, model in fit.design.models.items():
        known = np.zeros((0, model.total))
        for covariate in model.covariates:
            for difference in along(model, [covariate]).basis:
                vector = weights_of(model, difference)
                more = np.vstack([known, vector])
                if np.linalg.matrix_rank(more, _TINY) == len(more):
                    known = more
                    own = effects.setdefault(name, {}).setdefault(covariate, {})
                    own[difference.label] = float(f"{vector @ means:.2g}")
    return effects
