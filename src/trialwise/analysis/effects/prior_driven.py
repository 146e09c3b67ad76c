"""How much the data add to the priors of the effects in formulas: differences of levels and slopes, not coefficients of coded columns."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from trialwise.analysis.effects.prior import prior_groups
from trialwise.analysis.effects.set_effects import one_way
from trialwise.base.english import listed
from trialwise.base.message import Argument, Message
from trialwise.base.result import Finding
from trialwise.inference.fitted import Fit
from trialwise.population.designs.differences import along
from trialwise.population.designs.parameter_model import ParameterModel
from trialwise.population.names import spread_name

if TYPE_CHECKING:
    import pandas as pd

DRIVEN = 0.8
"""Standard deviation of an effect after the data, relative to that before, above which the prior is said to drive it: the data have then
removed less than about a third of its variance."""

_LOG_SPREAD = "log spread"
"""First words of the ratio of two spreads."""


def effects_of(fit: Fit) -> pd.DataFrame:
    """The effects in the formulas of a fit, before and after the data.

    Returns
    -------
    DataFrame
        A row an effect: ``parameter``, ``effect`` (``"patient - control"``, ``"age + 1 SD"``, or a product of these for an interaction; ``"log spread,
        group[patient] - group[control]"`` where levels have spreads of their own), on the unconstrained scale its posterior ``mean`` and ``sd``, its ``prior_width``, and their ``ratio``. Empty without formulas, or if
        the priors are not available.
    """
    import pandas as pd

    columns = ["parameter", "effect", "mean", "sd", "prior_width", "ratio"]
    if fit.design is None or fit.learner is None or set(json.loads(fit.attrs["priors"])) - set(fit.population.priors):
        return pd.DataFrame(columns=columns)
    prior, group = prior_groups(fit.population), fit.draws.groups()
    both = [(each.coefficients.reshape(-1, len(prior.coefficients[0, 0])), each.spreads.reshape(-1, len(prior.spreads[0, 0]))) for each in (group, prior)]  # fmt: skip
    rows = []
    for name, model in fit.design.models.items():
        effects = (each for columns in model.terms for each in one_way(model, along(model, columns)))
        pairs = [(label, [b @ vector for b, _ in both]) for label, vector in effects]
        pairs += [(label, [np.log(s[:, q] / s[:, p]) for _, s in both]) for label, q, p in _spreads(model)]
        for label, (after, before) in pairs:
            sd, width = float(np.std(after)), float(np.std(before))
            rows.append((name, label, float(after.mean()), sd, width, sd / width))
    return pd.DataFrame(rows, columns=columns)


def prior_driven(effects: pd.DataFrame) -> list[Finding]:
    """A caution about the effects that the data hardly tell of; ``effects`` as from :func:`effects_of`."""
    few = effects[effects["ratio"] > DRIVEN]
    if not len(few):
        return []
    names = tuple(f"{parameter}: {effect}" for parameter, effect in zip(few["parameter"], few["effect"], strict=True))
    shown = listed([*names[:6], *([f"{len(names) - 6} more"] if len(names) > 6 else [])])
    sentence = (
        f"effects that the prior drives ({shown}): their standard deviations are {few['ratio'].min():.0%} or more of what they were before "
        "the data"
    )
    advice = Message(
        "Do not read the absence of an effect from them; see whether conclusions change with another prior, ",
        Argument("priors", {_prior_of(few["parameter"].iloc[0], few["effect"].iloc[0]): ...}), "; collect more participants",
    )  # fmt: skip
    return [Finding("caution", "prior-driven", sentence, advice, names)]


def _spreads(model: ParameterModel) -> Iterator[tuple[str, int, int]]:
    """Pairs of levels that have spreads of their own: in words, and the places of both spreads, the later level first."""
    own = [(label, model.first_effect + n) for n, (label, cell) in enumerate(zip(model.own.labels(), model.own.cells(), strict=True)) if cell]  # fmt: skip
    for (since, p), (to, q) in itertools.combinations(own, 2):
        yield f"{_LOG_SPREAD}, {to} - {since}", q, p


def _prior_of(parameter: str, effect: str) -> str:
    """The name of the prior of an effect, as :func:`trialwise.fit` takes it."""
    return f"{spread_name(parameter)}_effects" if effect.startswith(f"{_LOG_SPREAD}, ") else f"{parameter}_effects"
